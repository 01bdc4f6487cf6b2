"""The orders that arm lasers: a person's order with colours and powers, and the order of the sequence's steps."""

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from holodriver.errors import InputError, check, numbers
from holodriver.rig.laser_colour import Colour

_numbers = itertools.count(1)


def _fresh_number() -> tuple[int, int]:
    return os.getpid(), next(_numbers)


@dataclass(frozen=True)
class ArmOrder:
    """A person's order to arm. One order allows one arming; after the lasers went dark, a new order is needed.

    Args:
        powers_w: power of each colour that will be lit, W.
        limits_w: highest power of each colour from the rig file, W.

    Raises:
        InputError: there is no colour, a power is not above 0, or a colour has no limit or a power over its limit.
    """

    powers_w: Mapping[Colour, float]
    limits_w: Mapping[Colour, float]
    number: tuple[int, int] = field(default_factory=_fresh_number, compare=False)
    """Process number and count that tell orders apart; set automatically."""

    def __post_init__(self) -> None:
        if not self.powers_w:
            raise InputError("the order to arm lists no colour", remedy="say which colours, with how many watts")
        for colour, watts in self.powers_w.items():
            name = Colour(colour).label
            check("the power in the order to arm", watts, numbers(above=0, kind="watts"), where=name)
            if (limit := self.limits_w.get(colour)) is None:
                raise InputError("this colour has no power limit, so it is not armed", where=name)
            check("the power limit", limit, numbers(0, kind="watts"), where=name)
            if watts > limit:
                raise InputError(f"{watts:g} W is over the limit of {limit:g} W", where=name)

    def lines(self) -> list[str]:
        """List what will be lit, one line for each colour, for the person who arms."""
        return [
            f"{Colour(colour).label}: {watts * 1e3:g} mW (limit {self.limits_w[colour] * 1e3:g} mW)"
            for colour, watts in sorted(self.powers_w.items())
        ]


@dataclass(frozen=True)
class StepOrder:
    """The lasers that are on after each edge or trigger, in turn.

    Args:
        steps: colours of each step: one colour, or several that are on together ("packed": `[tuple(Colour)]`).
        blanking_s: dark time after an edge while the liquid crystal settles, s.
        on_time_s: time of light after the dark time, s; the next edge always ends the light.
        source: "EXT", the panel's sync edges (frame-exact by count), or "BUS", commands of the host (not frame-exact).
    """

    steps: Sequence[Colour | tuple[Colour, ...]]
    blanking_s: float
    on_time_s: float
    source: Literal["BUS", "EXT"] = "EXT"
    gated: bool = False
    """Whether the light of each edge waits until its frame is confirmed, on controllers with `SEQ:GATE`."""
    edge_period_s: float = 0.0
    """Time between endless edges that the controller checks (`SEQ:PER`), s; 0 for no check."""
    dark: bool = False
    """Whether to begin at 0 W, so that edges and frames can be compared before there is light."""

    def colours_after(self, edges: int) -> tuple[Colour, ...]:
        """Colours of the step after this number of edges; empty before the first edge."""
        if edges <= 0:
            return ()
        step = self.steps[(edges - 1) % len(self.steps)]
        return (step,) if isinstance(step, Colour) else tuple(sorted(step))
