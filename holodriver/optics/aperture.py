"""What stands in the way of the light: the shape of the panel's pixels, and the slit in the Fourier plane.

Frequencies are fractions of the effective sampling frequency, "baseband" when the carrier is taken off.
"""

import math

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.display import DisplayProfile

Frequencies = NDArray[np.floating]


def carrier(profile: DisplayProfile) -> NDArray[np.complex128]:
    """The grating exp(2πi·s·f₀·n) along the carrier axis, (H, W); s is the carrier's sign."""
    samples = profile.height if profile.carrier_axis == "y" else profile.width
    wave = np.exp(2j * math.pi * profile.carrier_sign * profile.carrier_frequency * np.arange(samples))
    return np.broadcast_to(wave[:, None] if profile.carrier_axis == "y" else wave[None, :], profile.shape)


def baseband_frequencies(
    profile: DisplayProfile, shape: tuple[int, int] | None = None
) -> tuple[Frequencies, Frequencies]:
    """Baseband frequencies (along, across) the carrier axis in `fft2` order, each (H, W) or `shape`."""
    height, width = shape or profile.shape
    fy, fx = np.meshgrid(np.fft.fftfreq(height), np.fft.fftfreq(width), indexing="ij")
    return (fy, fx) if profile.carrier_axis == "y" else (fx, fy)


def slit_passband(profile: DisplayProfile, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Baseband frequencies that pass the slit, in `fft2` order, (H, W) or `shape`."""
    return passes_slit(profile, *baseband_frequencies(profile, shape))


def passes_slit(profile: DisplayProfile, along: Frequencies, across: Frequencies) -> NDArray[np.bool_]:
    """Where light passes the slit round the carrier; the edges along the carrier axis, one of which may be the
    zeroth order, are stopped."""
    return (np.abs(along) < profile.slit_half_width - 1e-12) & (np.abs(across) <= profile.slit_across)


def native_pixel_envelope(frequency: Frequencies, profile: DisplayProfile) -> Frequencies:
    """Amplitude transmission along one axis of one native pixel, open over `fill_factor` of its pitch."""
    return np.sinc(frequency / profile.binning * profile.fill_factor)


def pixel_envelope(frequency: Frequencies, profile: DisplayProfile) -> Frequencies:
    """Amplitude transmission along one axis of one effective pixel: `binning` native ones with the same value."""
    offsets = (np.arange(profile.binning) - (profile.binning - 1) / 2) / profile.binning
    comb = np.mean([np.cos(2 * np.pi * frequency * offset) for offset in offsets], axis=0)
    return comb * native_pixel_envelope(frequency, profile)


def carrier_envelope(profile: DisplayProfile) -> float:
    """Amplitude transmission of the panel's pixels at the carrier."""
    return float(pixel_envelope(np.array(profile.carrier_frequency), profile))


def passband_envelope(profile: DisplayProfile) -> Frequencies:
    """Amplitude transmission of the panel's pixels at baseband frequencies, (H, W), relative to the carrier's."""
    along, across = baseband_frequencies(profile)
    along = along + profile.carrier_sign * profile.carrier_frequency
    return pixel_envelope(along, profile) * pixel_envelope(across, profile) / carrier_envelope(profile)
