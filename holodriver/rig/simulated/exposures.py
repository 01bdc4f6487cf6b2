"""The light of a play on a simulated rig: the panel's record and the laser controller's record, joined by time."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np

from holodriver.rig.laser_colour import Colour
from holodriver.rig.panel.panel import Held
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.simulated.box_logic import Pulse


@dataclass(frozen=True)
class Exposure:
    """Pixels on the panel while a laser was on, or a frame that stayed dark.

    The pixels come from the display process's own record, the light from the laser controller's record; the two are
    joined by time only, so a frame lit by the wrong laser is found as such.
    """

    frame_index: int
    """Index of the hologram, from 0, as the display process reports it; −1 for a black frame before the light."""
    plane: int
    """Index of the frame on the hologram's colour axis."""
    flip_index: int
    """Number of flips before this one."""
    colour: Colour | None
    """Colour of the laser that was on; None if no laser was on."""
    pixels: np.ndarray = field(repr=False)
    """Pixels on the panel, (h, w) uint8, read-only."""
    lit_for_s: float
    """Time for which the laser was on while these pixels were shown, s."""
    power_w: float
    """Power of the laser, W."""


def join_exposures(shown: Sequence[ShownFrame], held: Held, pulses: Sequence[Pulse]) -> list[Exposure]:
    """Assign the light between each flip and the next flip to the pixels shown meanwhile.

    Args:
        shown: reports of the flips by the display process.
        held: the panel's record of pixels and times of flips.
        pulses: light of the laser controller, in order and not overlapping.

    Returns:
        For each flip, one exposure for each pulse and laser that was on, or one exposure without a colour.
    """
    exposures = []
    starts = [pulse.start_s for pulse in pulses]
    for index, since in enumerate(held.since_s):
        until = held.since_s[index + 1] if index + 1 < len(held.since_s) else inf
        frame, pixels = shown[index], held.contents[held.content[index]]
        found: list[tuple[Colour | None, float, float]] = []
        first = max(0, bisect_right(starts, since) - 1)  # the pulse before may reach into this flip
        for pulse in pulses[first:]:
            if pulse.start_s >= until:
                break
            lit_for = min(pulse.end_s, until) - max(pulse.start_s, since)
            if lit_for > 0:
                for laser, watts in zip(pulse.colours, pulse.powers_w, strict=True):
                    found.append((laser, lit_for, watts))
        for colour, lit_for, power in found or [(None, 0.0, 0.0)]:
            exposures.append(Exposure(frame.hologram, frame.plane, index, colour, pixels, lit_for, power))
    return exposures
