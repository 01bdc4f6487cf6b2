"""Powers of the lasers in a play: the strongest laser's power, the balance of the others, and the limits."""

from collections.abc import Sequence
from dataclasses import dataclass

from holodriver.errors import InputError
from holodriver.panel.behind_slit import laser_powers
from holodriver.panel.calibration import Calibration
from holodriver.rig.laser_colour import Colour
from holodriver.rig.settings import Rig

EVEN_W = 1e-3
"""Default power of each laser in measurements, W."""


@dataclass
class Power:
    """Powers of the lasers, as the strongest laser's power and the ratios of all lasers to it.

    Args:
        highest_w: power of the strongest laser, W.
        balance: ratio of each colour's power to the strongest, 0 to 1.
        limits_w: highest allowed power of each colour, W.

    Raises:
        InputError: a colour is over its limit; the error names the colour.
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
    """Lasers for the `colours` colours of a hologram; a hologram of one colour takes the rig's first laser."""
    if colours == 1:
        return (Colour[rig.sequence.order[0].upper()],)
    return tuple(Colour)[:colours]


def balanced_power(rig: Rig, gains: Sequence[float], calibration: Calibration | None, highest_w: float) -> Power:
    """Powers that undo the ratio of the encoding gains, times the measured white balance.

    Args:
        rig: settings of the rig, with its limits; colours that the rig does not show stay dark.
        gains: encoding gain of each colour.
        calibration: the rig's calibration with the white balance; None without white balance.
        highest_w: power of the strongest laser, W.

    Raises:
        InputError: a colour is over its limit; the error names the colour.
    """
    balance = laser_powers(gains, 1.0)
    if calibration is not None:
        both = [gain * white for gain, white in zip(balance, calibration.relative_powers, strict=True)]
        balance = tuple(share / max(both) for share in both)
    shares = dict.fromkeys(Colour, 0.0)
    for colour, share in zip(shown_colours(rig, len(balance)), balance, strict=True):
        if colour.label in rig.sequence.order:
            shares[colour] = share
    return Power(highest_w, tuple(shares[colour] for colour in Colour), rig.limits.watts)


def even_power(rig: Rig, colours: int, highest_w: float | None = None) -> Power:
    """Equal powers for all shown colours, as measurements that compare colours need them.

    Args:
        rig: settings of the rig, with its limits.
        colours: number of colours on the colour axis.
        highest_w: power of each shown colour, W; by default the lowest limit, but at most `EVEN_W`.

    Raises:
        InputError: a colour is over its limit; the error names the colour.
    """
    lasers = shown_colours(rig, colours)
    if highest_w is None:
        highest_w = min(EVEN_W, *(rig.limits.watts[laser] for laser in lasers))
    return Power(highest_w, tuple(float(colour in lasers) for colour in Colour), rig.limits.watts)
