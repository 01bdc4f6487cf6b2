"""Where calibration looks: one frame on the panel, one laser on, for as long as somebody measures."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Pattern
from holodriver.panel.frames import bin_out
from holodriver.rig.colour import Colour
from holodriver.rig.lasers import LaserDriver
from holodriver.rig.player import PlayingPanel, play

Found = TypeVar("Found")
Frame = NDArray[np.uint8]

SETTLE_S = 0.1
"""A liquid crystal settles in some 10 ms, a laser's power in some more."""


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
    def look(self, colour: int | None, frame: Frame, read: Callable[[], Found]) -> Found:
        """What `read` finds while `frame` (h, w) stands on the panel and this colour's laser alone lights it.

        Args:
            colour: index on the colour axis; None for no light.

        Raises:
            RigError: the light did not last as long as the reading.
        """


class RigStage(Stage):
    """A real panel with its controller, or the simulated processes of one. The light is that of a play: pulsed with
    the frames, watched by the supervisor, and dark when the reading ends.

    Args:
        panel_process: shows frames.
        lasers: connected.
        power_w: of the laser that is on, W.
        settle_s: light before the reading begins, s.
        read_s: light for the reading, s; it must be longer than the meter takes.
    """

    def __init__(
        self,
        profile: DisplayProfile,
        panel: str,
        panel_process: PlayingPanel,
        lasers: LaserDriver,
        *,
        serial: str = "",
        power_w: float = 0.001,
        powers_w: Sequence[float] | None = None,
        settle_s: float = SETTLE_S,
        read_s: float = 0.5,
    ):
        super().__init__(profile, panel, serial)
        self._panel, self._lasers = panel_process, lasers
        self._powers_w = [power_w] * len(profile.wavelengths) if powers_w is None else list(powers_w)
        self._settle_s, self._read_s = settle_s, read_s

    def look(self, colour: int | None, frame: Frame, read: Callable[[], Found]) -> Found:
        power = 0.0 if colour is None else self._powers_w[colour]
        lit = Colour(0 if colour is None else colour)
        settled = max(1, math.ceil(self._settle_s * self._panel.refresh_hz))
        with ThreadPoolExecutor(1) as reader:
            reading = None

            def watch(stage: str, done: int, total: int, note: str = "") -> None:
                nonlocal reading
                if reading is None and done >= settled:
                    reading = reader.submit(read)

            seconds = self._settle_s + self._read_s
            # light at 0 W is dark: a reading without light sees the same panel, at the same rate
            play([frame[None]], self._panel, self._lasers, duration_s=seconds, powers_w=[power], colours=[lit],
                 progress=watch)  # fmt: skip
            if reading is None or not reading.done():
                raise RigError(
                    f"the meter took longer than the {self._read_s:g} s for which there is light",
                    remedy="give it more time, or average less",
                )
            return reading.result()


def pattern_frame(profile: DisplayProfile, pattern: Pattern, grey: int) -> Frame:
    """The frame that measures one grey level: all of the panel, or every other half period of the carrier."""
    greys = np.full(profile.shape, grey, np.uint8)
    if pattern == "grating":
        samples = profile.height if profile.carrier_axis == "y" else profile.width
        phase = np.arange(samples) * profile.carrier_frequency % 1
        black = phase >= 0.5 - 1e-9
        greys[black if profile.carrier_axis == "y" else (slice(None), black)] = 0
    return bin_out(greys, profile.binning)
