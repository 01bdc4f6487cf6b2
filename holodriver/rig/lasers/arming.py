"""What a person must say before lasers are armed: which colours, how many watts, in which order."""

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
    """A person's order to arm. It is good for one arming: whatever ended in the dark needs a new order.

    Args:
        powers_w: what will be lit: for each colour its power, W.
        limits_w: the most that each of these colours may have, W, from the rig file.

    Raises:
        InputError: no colour, a power that is no number above 0, a colour without a limit, or a power over it.
    """

    powers_w: Mapping[Colour, float]
    limits_w: Mapping[Colour, float]
    number: tuple[int, int] = field(default_factory=_fresh_number, compare=False)
    """Tells orders apart; nobody sets it."""

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
        """What will be lit, a line a colour, for the person who arms."""
        return [
            f"{Colour(colour).label}: {watts * 1e3:g} mW (limit {self.limits_w[colour] * 1e3:g} mW)"
            for colour, watts in sorted(self.powers_w.items())
        ]


@dataclass(frozen=True)
class StepOrder:
    """What is on after each edge or trigger, in turn.

    Args:
        steps: the colours of each step; one colour, or several that are on together ("packed": `[tuple(Colour)]`).
        blanking_s: dark after an edge while the liquid crystal settles, s.
        on_time_s: light after that, s; the next edge ends it in any case.
        source: "EXT", the panel's sync edges (frame-exact by count), or "BUS", commands of the host (not frame-exact).
    """

    steps: Sequence[Colour | tuple[Colour, ...]]
    blanking_s: float
    on_time_s: float
    source: Literal["BUS", "EXT"] = "EXT"
    gated: bool = False
    """The light of each edge waits until its frame is confirmed, where the controller knows how (`SEQ:GATE`)."""
    edge_period_s: float = 0.0
    """Time between edges that never stop, s, over which the controller watches (`SEQ:PER`); 0 for any."""
    dark: bool = False
    """Begin at 0 W, so that edges and frames can be compared before there is light."""

    def colours_after(self, edges: int) -> tuple[Colour, ...]:
        """The colours of the step that stands after so many edges; none before the first."""
        if edges <= 0:
            return ()
        step = self.steps[(edges - 1) % len(self.steps)]
        return (step,) if isinstance(step, Colour) else tuple(sorted(step))
