"""The stage of a measurement: a panel that shows one frame, lit by one laser, for the time of one reading."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Pattern
from holodriver.panel.frames import bin_out

Found = TypeVar("Found")
Frame = NDArray[np.uint8]

LONGEST_S = 30.0
"""Longest light for one reading, s; a meter that takes longer counts as hanging."""


class Stage(ABC):
    """A panel and its lasers, which show one frame at a time.

    Args:
        profile: profile of the display.
        panel: name of the panel.
        serial: serial number of the panel, or empty.
    """

    def __init__(self, profile: DisplayProfile, panel: str, serial: str = ""):
        self.profile, self.panel, self.serial = profile, panel, serial

    @abstractmethod
    def look(
        self, colour: int | None, frame: Frame, read: Callable[[], Found], *, longest_s: float = LONGEST_S
    ) -> Found:
        """Show a frame, light it by one laser, and return the result of `read`.

        Args:
            colour: index of the laser's colour on the colour axis; None for no light.
            frame: grey levels (h, w).
            read: function that measures, called once the light has settled.
            longest_s: longest time of light, s, even if `read` takes longer.

        Raises:
            RigError: the light did not last as long as the reading.
        """


def pattern_frame(profile: DisplayProfile, pattern: Pattern, grey: int) -> Frame:
    """Frame that measures one grey level, on the whole panel or on every second half period of the carrier."""
    return parts_frame(profile, pattern, np.full((1, 1), grey))


def parts_frame(profile: DisplayProfile, pattern: Pattern, greys: NDArray[np.integer]) -> Frame:
    """Frame that measures a separate grey level in each part of the panel; `greys` is (rows, columns)."""
    rows, columns = greys.shape
    down = np.repeat(np.arange(rows), [len(part) for part in np.array_split(np.arange(profile.height), rows)])
    across = np.repeat(np.arange(columns), [len(part) for part in np.array_split(np.arange(profile.width), columns)])
    frame = np.asarray(greys, np.uint8)[np.ix_(down, across)]
    if pattern == "grating":
        samples = profile.height if profile.carrier_axis == "y" else profile.width
        phase = np.arange(samples) * profile.carrier_frequency % 1
        black = phase >= 0.5 - 1e-9
        frame[black if profile.carrier_axis == "y" else (slice(None), black)] = 0
    return bin_out(frame, profile.binning)
