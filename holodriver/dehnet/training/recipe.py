"""How a network is trained: numbers that together are a recipe."""

import math
from dataclasses import dataclass
from typing import Literal

from holodriver.errors import check_fields, numbers

Name = Literal["paper", "quick"]
"""Recipes that come with holodriver."""


@dataclass(frozen=True)
class Recipe:
    """Numbers of a training. An epoch is as many samples as the pool has records.

    Raises:
        InputError: a number that cannot be.
    """

    learning_rate: float
    """Of the optimiser."""
    batch: int
    """Samples that go through the network at a time."""
    accumulate: int
    """Batches whose gradients make one step; the effective batch is their product."""
    schedule: Literal["constant", "cosine"]
    """Whether the learning rate stays, or falls to `floor` of itself over `steps`."""
    steps: int
    """At most, in each stage."""
    norm: bool
    """Whether a first stage trains with batch normalisation, which is then fused into the weights."""
    reset_epochs: int
    """Epochs after which the optimiser forgets, in the last stage; 0: never."""
    clip: float
    """Largest length of a gradient; 0: any."""
    average: float
    """Of the weights over the steps, per step; 0: the weights as they are."""
    patience: int
    """Validations in a row without improvement that end a stage; 0: all steps are taken."""
    floor: float = 0.01
    optimiser: Literal["adam", "muon"] = "adam"
    """Adam, or `holodriver.dehnet.training.muon`, which gets further in as many steps."""
    every_plane: int = 1
    """Of the planes of a sample each n-th counts, from one drawn at random on."""
    rounded_steps: int = 0
    """Steps of a last stage, in which the network computes as rounded as its int8 file will."""
    rounded_rate: float = 3e-4
    """Learning rate of Adam in that stage; falls as the cosine does."""

    def __post_init__(self) -> None:
        count, steps, positive = numbers(1, whole=True), numbers(0, whole=True), numbers(above=0)
        check_fields(
            self,
            "recipe",
            learning_rate=positive,
            batch=count,
            accumulate=count,
            steps=count,
            clip=numbers(0),
            average=numbers(0, below=1),
            patience=steps,
            reset_epochs=steps,
            every_plane=count,
            rounded_steps=steps,
            rounded_rate=positive,
        )

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        if self.schedule == "constant":
            return self.learning_rate
        done = min(step / self.steps, 1.0)
        return self.learning_rate * (self.floor + (1 - self.floor) * (1 + math.cos(math.pi * done)) / 2)


PAPER = Recipe(
    learning_rate=5e-4,
    batch=16,
    accumulate=4,
    schedule="constant",
    steps=100_000,
    norm=True,
    reset_epochs=50,
    clip=0.0,
    average=0.0,
    patience=5,
)
"""Adam 5e-4, 16 × 4, batch normalisation, then fused, then trained again with an optimiser that forgets (Methods)."""

QUICK = Recipe(
    learning_rate=2e-3,
    batch=2,
    accumulate=1,
    schedule="cosine",
    steps=15_000,
    norm=False,
    reset_epochs=0,
    clip=1.0,
    average=0.998,
    patience=0,
    optimiser="muon",
    rounded_steps=400,
)
"""For a processor and an hour: small batches, Muon at a high rate that falls, no batch normalisation; then rounded."""

RECIPES: dict[Name, Recipe] = {"paper": PAPER, "quick": QUICK}
