"""Power of the lasers of a play: the strongest, how the others balance it, and the limits that hold for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from holodriver.errors import InputError
from holodriver.panel.behind_slit import laser_powers
from holodriver.panel.calibration import Calibration
from holodriver.rig.laser_colour import Colour
from holodriver.rig.settings import Rig

EVEN_W = 1e-3
"""Power for measurements unless somebody says another, W."""


@dataclass
class Power:
    """Power of the lasers: the strongest, and how the others balance it.

    Args:
        highest_w: power of the strongest, W.
        balance: of each colour, 0 to 1.
        limits_w: most of each colour, W.

    Raises:
        InputError: a colour is over its limit; says which.
    """

    highest_w: float
    balance: tuple[float, ...]
    limits_w: tuple[float, ...]

    def __post_init__(self) -> None:
        for colour, watts, limit in zip(Colour, self.watts, self.limits_w, strict=False):
            if not 0 <= watts <= limit * (1 + 1e-9):
                raise InputError(
                    f"{watts * 1e3:.3g} mW are over the rig's limit for {colour.label}, {limit * 1e3:g} mW"
                )

    @property
    def watts(self) -> tuple[float, ...]:
        """Power of each colour, W."""
        return tuple(self.highest_w * share for share in self.balance)


def shown_colours(rig: Rig, colours: int) -> tuple[Colour, ...]:
    """The laser of each of the `colours` on the colour axis of a hologram; a single one is what the rig shows."""
    if colours == 1:
        return (Colour[rig.sequence.order[0].upper()],)
    return tuple(Colour)[:colours]


def balanced_power(rig: Rig, gains: Sequence[float], calibration: Calibration | None, highest_w: float) -> Power:
    """Power of each laser: what undoes the ratio of the encoding gains, times the white balance that was measured.

    Args:
        rig: its limits hold, and colours that it does not show stay dark.
        gains: encoding gain of each colour.
        calibration: of the rig; None for lasers that were not balanced.
        highest_w: power of the strongest, W.

    Raises:
        InputError: a colour is over its limit; says which.
    """
    balance = laser_powers(gains, 1.0)
    if calibration is not None:  # the lasers' white balance, on top of what the encoding asks for
        both = [gain * white for gain, white in zip(balance, calibration.relative_powers, strict=True)]
        balance = tuple(share / max(both) for share in both)
    shares = dict.fromkeys(Colour, 0.0)
    for colour, share in zip(shown_colours(rig, len(balance)), balance, strict=True):
        if colour.label in rig.sequence.order:
            shares[colour] = share
    return Power(highest_w, tuple(shares[colour] for colour in Colour), rig.limits.watts)


def even_power(rig: Rig, colours: int, highest_w: float | None = None) -> Power:
    """The same power for each of the `colours` that the rig shows, as measurements that compare them need it.

    Args:
        rig: its limits hold.
        colours: on the colour axis.
        highest_w: W; the lowest limit unless given, and never more than 1 mW then.

    Raises:
        InputError: a colour is over its limit; says which.
    """
    lasers = shown_colours(rig, colours)
    if highest_w is None:
        highest_w = min(EVEN_W, *(rig.limits.watts[laser] for laser in lasers))
    return Power(highest_w, tuple(float(colour in lasers) for colour in Colour), rig.limits.watts)
