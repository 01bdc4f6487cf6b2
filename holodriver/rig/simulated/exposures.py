"""The light of a play on a simulated rig: what the panel says it held and what the laser box lit, joined by time."""

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

    What stood on the panel is the display process's own record and what was lit is the laser box's; they are joined
    by time alone. A frame lit by the wrong laser shows here as just that.
    """

    frame_index: int
    """Number of the hologram, from 0, as the display process reports it; −1: a black frame before there is light."""
    plane: int
    """Index of the frame on the hologram's colour axis."""
    flip_index: int
    """Flips before this one."""
    colour: Colour | None
    """The laser that the box had on; None if none was."""
    pixels: np.ndarray = field(repr=False)
    """What the panel held, (h, w) uint8, read-only."""
    lit_for_s: float
    """How long that laser was on while these pixels stood, s."""
    power_w: float
    """Power of that laser, W."""


def join_exposures(shown: Sequence[ShownFrame], held: Held, pulses: Sequence[Pulse]) -> list[Exposure]:
    """Which pixels were lit by what: for each flip, the light that fell between it and the next.

    Args:
        shown: flips as the display process named them.
        held: pixels on the panel and since when, a flip each.
        pulses: light of the box, in order and not overlapping.

    Returns:
        For each flip, one exposure a laser and pulse that was on while it stood, or one without a colour.
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
