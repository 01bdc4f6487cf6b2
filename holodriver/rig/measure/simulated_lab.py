"""A simulated lab: a panel with a liquid crystal cell, drifting lasers, and a noisy meter or camera behind the slit.

The simulated lab keeps no time and starts no process, so thousands of readings take seconds. A simulated rig with time
and processes is `holodriver.rig.simulated.simulated_rig.Simulation`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.optics.aperture import carrier
from holodriver.optics.bench import SimulatedBench
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Pattern, Registration
from holodriver.rig.measure.cameras import Camera
from holodriver.rig.measure.meters import Meter
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.measure.stage import LONGEST_S, Frame, Stage

Found = TypeVar("Found")

NAME = "simulated panel"

LARGER = 1.25
"""Size of the simulated camera's picture, as a multiple of the panel's size in effective pixels."""


@dataclass(frozen=True)
class LabSettings:
    """Settings of the simulated lab."""

    cell: LiquidCrystal = field(default_factory=LiquidCrystal)
    """Liquid crystal cell of the panel."""
    noise: float = 0.01
    """Standard deviation of a reading, as a share of the reading."""
    floor: float = 0.0005
    """Standard deviation of a reading in the dark, as a share of the brightest reading."""
    background: float = 0.01
    """Light without lasers, as a share of the brightest reading."""
    drift: float = 0.05
    """Amplitude of the drift of the lasers' power, as a share of the power."""
    drift_readings: int = 800
    """Period of the drift, readings."""
    unevenness: float = 0.0
    """Difference of the retardance Γ between the right and the left side of the cell, as a share of Γ."""
    efficiency: tuple[float, ...] = (1.0, 0.8, 0.6)
    """Relative light of each colour at equal laser powers."""
    registrations: tuple[Registration, ...] = ()
    """Offset and scale of each colour's image; empty for perfect registration."""
    seed: int = 0
    """Seed of the random numbers."""


class SimulatedLab(Stage):
    """The stage of the simulated lab, with its own meter and camera.

    Args:
        profile: profile of the display.
        settings: settings of panel, lasers and noise.
    """

    def __init__(self, profile: DisplayProfile, settings: LabSettings | None = None):
        super().__init__(profile, NAME)
        self.settings = LabSettings() if settings is None else settings
        self._rng = np.random.default_rng(self.settings.seed)
        self._phase = self._rng.random()
        self._readings = 0
        self._colour: int | None = None
        self._frame: Frame = np.zeros(profile.native_shape, np.uint8)

    def look(
        self, colour: int | None, frame: Frame, read: Callable[[], Found], *, longest_s: float = LONGEST_S
    ) -> Found:
        self._colour, self._frame = colour, frame
        try:
            return read()
        finally:
            self._colour = None

    def meter(self, pattern: Pattern) -> "LabMeter":
        """Make a meter in the diffraction order to which the pattern sends its light."""
        return LabMeter(self, pattern)

    def camera(self) -> "LabCamera":
        """Make a camera behind slit and eyepiece."""
        return LabCamera(self)

    def light(self, order: int, parts: tuple[int, int]) -> NDArray[np.float64]:
        """Light in a diffraction order (0 or 1) from each of `parts` (rows, columns) of the panel, with noise."""
        s, p = self.settings, self.profile
        power = self._power()
        values = np.zeros(parts)
        if self._colour is not None:
            effective = self._frame[:: p.binning, :: p.binning]
            wave = carrier(p).conj() if order else np.ones(p.shape)
            for row, (greys, waves) in enumerate(_blocks(effective, wave, parts[0], 0)):
                for column, (grey, tilt) in enumerate(_blocks(greys, waves, parts[1], 1)):
                    amplitude = np.sqrt(self._intensities(column, parts[1]))[grey]
                    values[row, column] = np.abs((amplitude * tilt).mean()) ** 2
            values *= power * s.efficiency[self._colour]
        values = values + s.background
        noise = self._rng.standard_normal((2, *parts))
        return values * (1 + s.noise * noise[0]) + s.floor * noise[1]

    def picture(self, t: float) -> NDArray[np.float64]:
        """Light (H, W) that the camera sees when focused on normalised depth `t`, with noise."""
        s, p = self.settings, self.profile
        power = self._power()
        if self._colour is None:
            view = np.zeros(p.shape)
        else:
            responses = np.stack([np.sqrt(s.cell.intensities(wavelength)) for wavelength in p.wavelengths])
            view = SimulatedBench(p, responses).view(self._frame, self._colour, t)
            view = moved(view, self._registration(self._colour)) * power * s.efficiency[self._colour]
        noise = self._rng.standard_normal((2, *p.shape))
        return np.asarray(view * (1 + s.noise * noise[0]) + s.floor * noise[1])

    def _registration(self, colour: int) -> Registration:
        return self.settings.registrations[colour] if self.settings.registrations else Registration()

    def _power(self) -> float:
        """Laser power at this reading, relative to the power without drift."""
        s = self.settings
        turn = 2 * np.pi * (self._readings / s.drift_readings + self._phase)
        self._readings += 1
        return 1 + s.drift * (0.7 * np.sin(turn) + 0.3 * np.sin(2.7 * turn + 1))

    def _intensities(self, column: int, columns: int) -> NDArray[np.float64]:
        assert self._colour is not None
        at = (column + 0.5) / columns - 0.5
        cell = self.settings.cell
        retardance = cell.retardance * (1 + self.settings.unevenness * at)
        return LiquidCrystal(
            retardance, cell.threshold, cell.width, cell.dispersion, cell.contrast, cell.ripple
        ).intensities(self.profile.wavelengths[self._colour])


class LabMeter(Meter):
    """A meter of the simulated lab, which tells parts of the panel apart as a camera does."""

    name = "simulated meter"
    parts = True

    def __init__(self, lab: SimulatedLab, pattern: Pattern, parts: tuple[int, int] = (1, 1)):
        self._lab, self._order, self._parts = lab, 1 if pattern == "grating" else 0, parts

    def divided(self, parts: tuple[int, int]) -> "LabMeter":
        """Set the number of parts (rows, columns) that the meter tells apart, and return the meter."""
        self._parts = parts
        return self

    def _read_hw(self) -> NDArray[np.float64]:
        return self._lab.light(self._order, self._parts)


class LabCamera(Camera):
    """A camera of the simulated lab, with an exposure at which nothing saturates."""

    name = "simulated camera"

    def __init__(self, lab: SimulatedLab, exposure: float = 1.0):
        self._lab, self.exposure, self._t = lab, exposure, 0.5

    def focus(self, t: float) -> None:
        self._t = t

    def _grab_hw(self) -> NDArray[np.float64]:
        height, width = self._lab.profile.shape
        size = round(width * LARGER), round(height * LARGER)
        view = self._lab.picture(self._t) * self.exposure
        seen = cv2.warpPerspective(view, camera_pose(width, height), size, flags=cv2.INTER_LANCZOS4)
        return np.clip(seen, 0, 1)


def camera_pose(width: int, height: int) -> NDArray[np.float64]:
    """Homography (3, 3) from pixels of the picture to pixels of a camera that stands slightly askew."""
    turn = np.deg2rad(0.8)
    centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    scale = 1.1 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    lens = np.eye(3)
    lens[:2, :2], lens[2, 0] = scale, 0.02 / width
    out = np.array([[1, 0, LARGER * width / 2 + 2.3], [0, 1, LARGER * height / 2 - 1.6], [0, 0, 1]])
    pose: NDArray[np.float64] = out @ lens @ centre
    return pose


def moved(picture: NDArray[np.floating], registration: Registration) -> NDArray[np.float64]:
    """Magnify a picture (H, W) about its middle and move it by a registration; pixels outside are lost."""
    height, width = picture.shape
    centre_y, centre_x = (height - 1) / 2, (width - 1) / 2
    s, (dy, dx) = registration.scale, registration.offset
    matrix = np.array([[s, 0, centre_x * (1 - s) + dx], [0, s, centre_y * (1 - s) + dy]])
    # INTER_LANCZOS4 works in steps of 1/32 px, which limits the accuracy of a measured registration
    return np.asarray(
        cv2.warpAffine(np.asarray(picture, np.float64), matrix, (width, height), flags=cv2.INTER_LANCZOS4)
    )


def _blocks(first: NDArray, second: NDArray, count: int, axis: int) -> list[tuple[NDArray, NDArray]]:
    return list(zip(np.array_split(first, count, axis), np.array_split(second, count, axis), strict=True))
