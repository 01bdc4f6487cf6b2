"""Panel frames: the grey images that the panel shows, with all that is needed to read them back."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Registration
from holodriver.panel.lut import AmplitudeLut

if TYPE_CHECKING:
    from holodriver.optics.bench import SimulatedBench


@dataclass(frozen=True)
class _Frames:
    """A grey image for each colour, with what was done to the field before it was encoded."""

    pixels: NDArray[np.uint8]
    """Grey levels, (C, height, width)."""
    profile: DisplayProfile
    gains: tuple[float, ...]
    """Encoding gain of each colour: factor on the field before it was encoded."""
    luts: tuple[AmplitudeLut, ...]
    """Amplitude look-up table of each colour."""
    registrations: tuple[Registration, ...] | None = None
    """Where each colour was expected to fall, to which the field was moved before it was encoded; None if nowhere."""

    def _check(self, name: str, size: tuple[int, int]) -> None:
        colours = len(self.profile.wavelengths)
        expected = (colours, *size)
        if self.pixels.dtype != np.uint8 or self.pixels.shape != expected:
            raise InputError(f"{name} are {self.pixels.dtype} {self.pixels.shape}, expected uint8 {expected}")
        object.__setattr__(self, "gains", tuple(float(gain) for gain in self.gains))
        object.__setattr__(self, "luts", tuple(self.luts))
        check_encoding(self.profile, self.gains, self.luts)
        if self.registrations is not None:
            object.__setattr__(self, "registrations", tuple(self.registrations))
            if len(self.registrations) != colours:
                raise InputError(f"{len(self.registrations)} registrations, expected {colours}, one for each colour")


@dataclass(frozen=True)
class PanelFrames(_Frames):
    """One hologram as the panel shows it: a grey image for each colour, at the panel's native size.

    Raises:
        InputError: a field does not fit the profile; the message names it.
    """

    def __post_init__(self) -> None:
        self._check("panel frames", self.profile.native_shape)

    def small(self) -> "SmallFrames | None":
        """The same at the hologram's size; None if pixels differ within what is one pixel there."""
        b = self.profile.binning
        pixels = self.pixels[:, ::b, ::b]
        if not all(np.array_equal(self.pixels[:, y::b, x::b], pixels) for y in range(b) for x in range(b) if y or x):
            return None
        small = np.ascontiguousarray(pixels)
        return SmallFrames(small, self.profile, self.gains, self.luts, self.registrations)


@dataclass(frozen=True)
class SmallFrames(_Frames):
    """Panel frames at the hologram's size, as encoding makes them: each pixel stands for `binning` × `binning` of the
    panel. They take a quarter of the room and of the time; a panel's window can enlarge them.

    Raises:
        InputError: a field does not fit the profile; the message names it.
    """

    def __post_init__(self) -> None:
        self._check("small frames", self.profile.shape)

    def native(self) -> PanelFrames:
        """The frames as the panel has them."""
        pixels = bin_out(self.pixels, self.profile.binning)
        return PanelFrames(pixels, self.profile, self.gains, self.luts, self.registrations)


def simulated_bench(
    frames: PanelFrames,
    *,
    phase: tuple[float, float] = (0.0, 0.0),
    order: int = 1,
    source_radius: float = 0.0,
    pupil: float | None = None,
) -> "SimulatedBench":
    """The simulated bench with a panel that responds as the frames' look-up tables say; see `SimulatedBench`."""
    from holodriver.optics.bench import SimulatedBench  # with torch, which who only shows frames does not need

    responses = np.stack([lut.amplitudes for lut in frames.luts])
    return SimulatedBench(frames.profile, responses, phase, order, source_radius=source_radius, pupil=pupil)


def check_encoding(profile: DisplayProfile, gains: tuple[float, ...], luts: tuple[AmplitudeLut, ...]) -> None:
    """Refuse gains or tables that do not fit the colours of `profile`.

    Raises:
        InputError: a number other than one for each colour, or a gain that is not above 0.
    """
    colours = len(profile.wavelengths)
    if len(gains) != colours or not all(0 < gain < float("inf") for gain in gains):
        raise InputError(f"encoding gains are {gains}, expected {colours} numbers above 0")
    if len(luts) != colours:
        raise InputError(f"{len(luts)} amplitude look-up tables, expected {colours}, one for each colour")


def bin_out(values: NDArray[np.uint8], binning: int) -> NDArray[np.uint8]:
    """Each effective pixel as `binning` × `binning` native ones, (..., H, W) → (..., h, w)."""
    return values.repeat(binning, axis=-2).repeat(binning, axis=-1)
