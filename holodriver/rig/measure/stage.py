"""Where calibration looks: one frame on the panel, one laser on, for as long as somebody measures."""

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
"""Light for one reading, s; a meter that takes longer hangs, and nobody knows what is going on."""


class Stage(ABC):
    """A panel and its lasers, still.

    Args:
        profile: the display.
        panel: the panel's name.
        serial: its serial number, or empty.
    """

    def __init__(self, profile: DisplayProfile, panel: str, serial: str = ""):
        self.profile, self.panel, self.serial = profile, panel, serial

    @abstractmethod
    def look(
        self, colour: int | None, frame: Frame, read: Callable[[], Found], *, longest_s: float = LONGEST_S
    ) -> Found:
        """What `read` finds while `frame` (h, w) stands on the panel and this colour's laser alone lights it.

        Args:
            colour: index on the colour axis; None for no light.
            read: called once the light has settled.
            longest_s: light for this long, s, however long `read` takes.

        Raises:
            RigError: the light did not last as long as the reading.
        """


def pattern_frame(profile: DisplayProfile, pattern: Pattern, grey: int) -> Frame:
    """The frame that measures one grey level: all of the panel, or every other half period of the carrier."""
    return parts_frame(profile, pattern, np.full((1, 1), grey))


def parts_frame(profile: DisplayProfile, pattern: Pattern, greys: NDArray[np.integer]) -> Frame:
    """The same with a grey level of its own in each of (rows, columns) parts of the panel."""
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
