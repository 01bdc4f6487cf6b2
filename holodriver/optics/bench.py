"""The simulated optical bench: from what the panel shows to what a camera or an eye sees.

Laser light falls on the amplitude panel, a lens forms the Fourier plane, where a slit keeps one order of the grating,
and an eyepiece shows the hologram to an eye (or a camera) whose pupil stands in the eyepiece's back focal plane. There
the field is again the hologram's spectrum: an object δ nearer to the eyepiece than its front focal plane reaches the
pupil as a wave that diverges from f²/δ, and accommodation by D dioptres undoes the propagation by D·f². So focusing
the eye is propagating the filtered field, which the bench does with the exact kz.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.errors import InputError, check_fields, numbers, one_of
from holodriver.optics.aperture import baseband_frequencies, native_pixel_envelope, passes_slit, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.optics.propagation import transfer_function

Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class SimulatedBench:
    """A rig on paper: panel, slit, eyepiece and eye of a display.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    profile: DisplayProfile
    responses: NDArray[np.float64]
    """Amplitude of the panel at each grey level, (C, 256)."""
    phase: tuple[float, float] = (0.0, 0.0)
    """Unwanted phase p₁·a + p₂·a² (rad) of the panel where its amplitude is a (Eq. 5 of the DEH paper)."""
    order: int = 1
    """Which side the slit stands: 1 at the carrier, −1 opposite, where the conjugate (depth inside out) passes."""
    source_radius: float = 0.0
    """Angular radius (rad) of the light source that the rotating diffuser makes; 0 is a perfect point."""
    source_points: int = 24
    """Mutually incoherent points by which an extended source is represented."""
    pupil: float | None = None
    """Diameter (m) of the eye's pupil round the carrier; None leaves all that passes the slit."""

    def __post_init__(self) -> None:
        colours = len(self.profile.wavelengths)
        if np.shape(self.responses) != (colours, 256):
            raise InputError(f"bench field 'responses' has shape {np.shape(self.responses)}, expected {(colours, 256)}")
        check_fields(
            self,
            "bench",
            order=one_of(1, -1),
            source_radius=numbers(0, below=0.1, kind="radians"),
            source_points=numbers(1, whole=True),
            pupil=numbers(above=0, optional=True, kind="metres"),
        )

    def panel_field(self, frame: NDArray[np.uint8], colour: int) -> Complex:
        """Field just behind the panel for each native pixel, (h, w), lit by a unit plane wave of one colour.

        Raises:
            InputError: the frame is not uint8 of the panel's native size.
        """
        expected = self.profile.native_shape
        if frame.shape != expected or frame.dtype != np.uint8:
            raise InputError(f"panel frame is {frame.dtype} {frame.shape}, expected uint8 {expected}")
        amplitude = self.responses[colour][frame]
        p1, p2 = self.phase
        return amplitude * np.exp(1j * (p1 * amplitude + p2 * amplitude**2))

    def fourier_plane(self, frame: NDArray[np.uint8], colour: int) -> Complex:
        """Spectrum in the plane of the slit over all orders of the binned panel, (h, w), frequency 0 in the middle.

        One sample is 1 / (W·pitch); the white panel's zeroth order is 1.
        """
        h, w = self.profile.native_shape
        envelope = np.outer(self._native_envelope(h), self._native_envelope(w))
        return np.fft.fftshift(np.fft.fft2(self.panel_field(frame, colour)) * envelope) / (h * w)

    def behind_slit(self, frame: NDArray[np.uint8], colour: int) -> Complex:
        """Baseband spectrum (H, W), in `fft2` order, of the order that the slit lets through.

        Its inverse transform is the field in the plane of the panel's image, on the effective pixels.
        """
        return self._baseband(frame, colour) * slit_passband(self.profile)

    def view(self, frame: NDArray[np.uint8], colour: int, t: float) -> NDArray[np.float64]:
        """Intensity (H, W) of one colour for an eye or camera focused on normalised depth `t`.

        An extended source is a sum over its points: each tilts the light, which moves the spectrum across the slit and
        the picture sideways in proportion to the distance from the panel's image.

        Args:
            frame: uint8 (h, w) at the panel's native size, as the panel received it.
            colour: index of the laser that is on.
            t: 0 the near focal plane … 1 the far one; `DisplayProfile.dioptres` tells where an eye sees it.
        """
        wavelength, pitch = self.profile.wavelengths[colour], self.profile.pixel_pitch
        spectrum = torch.from_numpy(self._baseband(frame, colour))
        along, across = baseband_frequencies(self.profile)
        tilts = self._source() / wavelength
        intensity = torch.zeros(self.profile.shape, dtype=torch.float64)
        for tilt_y, tilt_x in tilts:
            here, there = (tilt_y, tilt_x) if self.profile.carrier_axis == "y" else (tilt_x, tilt_y)
            along_slit, across_slit = along + here * pitch, across + there * pitch
            passes = passes_slit(self.profile, along_slit, across_slit)
            if self.pupil is not None:
                radius = self.pupil / 2 / (wavelength * self.profile.eyepiece_focal_length) * pitch
                passes &= along_slit**2 + across_slit**2 <= radius**2
            kernel = self._transfer(wavelength, self.profile.z(t), (tilt_y, tilt_x))
            intensity += torch.fft.ifft2(spectrum * torch.from_numpy(passes) * kernel).abs().square() / len(tilts)
        return intensity.numpy()

    def picture(self, frames: NDArray[np.uint8], t: float, exposure: Sequence[float]) -> NDArray[np.float32]:
        """What a camera that integrates over all colours sees, (C, H, W), focused on normalised depth `t`.

        Args:
            frames: uint8 (C, h, w), the frame shown while each laser is on.
            t: as in `view`.
            exposure: factor on the intensity of each colour.
        """
        views = [self.view(frame, colour, t) * exposure[colour] for colour, frame in enumerate(frames)]
        return np.stack(views).astype(np.float32)

    def _baseband(self, frame: NDArray[np.uint8], colour: int) -> Complex:
        """Spectrum round the slit's centre, carrier taken off, on the effective frequencies, (H, W)."""
        p, b = self.profile, self.profile.binning
        phases, envelopes = [], []
        for axis, native in zip("yx", p.native_shape, strict=True):
            centre = self.order * p.carrier_sign * p.carrier_frequency if axis == p.carrier_axis else 0.0
            # Native pixels in effective pixels, from the middle of the first effective pixel.
            position = (np.arange(native) - (b - 1) / 2) / b
            phases.append(np.exp(-2j * np.pi * centre * position))
            kept = np.fft.fftfreq(native // b)
            shift = np.exp(2j * np.pi * kept * (b - 1) / 2 / b)
            envelopes.append(native_pixel_envelope(kept + centre, p) * shift)
        spectrum = np.fft.fft2(self.panel_field(frame, colour) * np.outer(*phases)) / b**2
        rows, columns = (_lowest(native, native // b) for native in p.native_shape)
        return spectrum[np.ix_(rows, columns)] * np.outer(*envelopes)

    def _native_envelope(self, native: int) -> NDArray[np.floating]:
        return native_pixel_envelope(np.fft.fftfreq(native) * self.profile.binning, self.profile)

    def _transfer(self, wavelength: float, distance: float, tilt: tuple[float, float]) -> torch.Tensor:
        return transfer_function(self.profile.shape, self.profile.pixel_pitch, wavelength, distance, tilt=tilt)

    def _source(self) -> NDArray[np.float64]:
        """Directions (y, x), rad, of the points of the source, spread evenly over its disc (Vogel's spiral)."""
        if self.source_radius == 0:
            return np.zeros((1, 2))
        k = np.arange(self.source_points) + 0.5
        radius, angle = self.source_radius * np.sqrt(k / self.source_points), k * np.pi * (3 - np.sqrt(5))
        return np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)


def _lowest(samples: int, kept: int) -> NDArray[np.int64]:
    """Indices of the `kept` lowest of `samples` frequencies, both in `fft` order."""
    return (np.fft.fftfreq(kept) * kept).round().astype(np.int64) % samples
