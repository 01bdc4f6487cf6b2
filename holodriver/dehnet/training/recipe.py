"""Recipes: the settings with which a network is trained."""

import math
from dataclasses import dataclass
from typing import Literal

from holodriver.errors import check_fields, numbers

Name = Literal["paper", "quick"]
"""Recipes that come with holodriver."""


@dataclass(frozen=True)
class Recipe:
    """Settings of a training. An epoch has as many samples as the pool has records.

    Raises:
        InputError: a setting is out of range.
    """

    learning_rate: float
    """Learning rate of the optimiser."""
    batch: int
    """Number of samples that go through the network at a time."""
    accumulate: int
    """Number of batches whose gradients make one step; `batch` times `accumulate` is the effective batch."""
    schedule: Literal["constant", "cosine"]
    """Whether the learning rate is constant, or falls to `floor` of its start over `steps`."""
    steps: int
    """Largest number of steps in each stage."""
    norm: bool
    """Whether a first stage trains with batch normalisation, which is then fused into the weights."""
    reset_epochs: int
    """Epochs after which the optimiser is reset in the last stage; 0: never."""
    clip: float
    """Largest norm of the gradient, to which longer ones are scaled; 0: no limit."""
    average: float
    """Decay per step of the running average of the weights; 0: no average."""
    patience: int
    """Number of validations in a row without improvement that ends a stage; 0: all steps are taken."""
    floor: float = 0.01
    """Final learning rate of the cosine schedule, as a share of the first."""
    optimiser: Literal["adam", "muon"] = "adam"
    """Adam, or `holodriver.dehnet.training.muon`, which reaches a lower loss in as many steps."""
    every_plane: int = 1
    """Stride of the planes of a sample that are computed, starting from a random plane."""
    rounded_steps: int = 0
    """Number of steps of a last stage, which simulates the rounding of the int8 file."""
    rounded_rate: float = 3e-4
    """Learning rate of Adam at the start of that last stage; follows the cosine schedule."""

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
        """Learning rate at a step of the stage."""
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
"""Recipe of the paper: Adam 5e-4, 16 × 4, batch normalisation, then fused and trained again with resets (Methods)."""

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
"""Recipe for a CPU and an hour: small batches, Muon with a falling rate, no batch normalisation, a last stage with
rounding."""

RECIPES: dict[Name, Recipe] = {"paper": PAPER, "quick": QUICK}
