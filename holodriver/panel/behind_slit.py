"""Read-back of Burch-encoded panel frames: the field behind the slit, laser powers and camera exposures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holodriver.optics.aperture import carrier, carrier_envelope, passband_envelope, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.panel.frames import PanelFrames, simulated_bench

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField

ORDER = 0.25
"""Amplitude of g·U in the order that the slit keeps: half of the panel's range, shared with the conjugate."""


def laser_powers(gains: Sequence[float], highest: float) -> tuple[float, ...]:
    """Power (W) of each colour's laser that undoes the ratio between the encoding gains; the largest is `highest`."""
    least = min(gains)
    return tuple(highest * (least / gain) ** 2 for gain in gains)


def read_back(frames: PanelFrames) -> "WaveField":
    """The field that a perfect slit and lens recover, divided by the recorded gain; nothing is fitted."""
    from holodriver.optics.field import WaveField  # imports torch, which `laser_powers` does not need

    profile = frames.profile
    b = profile.binning
    passband = slit_passband(profile) * passband_envelope(profile)
    fields = []
    for grey, gain, lut in zip(frames.pixels[:, ::b, ::b], frames.gains, frames.luts, strict=True):
        spectrum = np.fft.fft2(lut.amplitude(grey) * carrier(profile).conj())
        fields.append(np.fft.ifft2(spectrum * passband) / (ORDER * gain))
    return WaveField(np.stack(fields).astype(np.complex64), profile)


def camera_exposure(profile: DisplayProfile, gains: Sequence[float]) -> tuple[float, ...]:
    """Factor for each colour on intensities behind the slit that undoes the recorded gain and the loss of light
    (amplitude ¼ in the order that the slit keeps, times the pixels' transmission at the carrier)."""
    amplitude = ORDER * carrier_envelope(profile)
    return tuple(1 / (amplitude * gain) ** 2 for gain in gains)


def camera_field(frames: PanelFrames) -> "WaveField":
    """The field behind the slit of the simulated bench, scaled by `camera_exposure`.

    The field's intensity in a focal plane is the bench's picture of that plane, for a point source and an open pupil.
    """
    from holodriver.optics.field import WaveField
    from holodriver.system.threads import side_by_side

    bench = simulated_bench(frames)
    exposure = camera_exposure(frames.profile, frames.gains)
    spectra = side_by_side(lambda colour: bench.behind_slit(frames.pixels[colour], colour), range(len(exposure)))
    fields = [np.fft.ifft2(spectrum) * factor**0.5 for spectrum, factor in zip(spectra, exposure, strict=True)]
    return WaveField(np.stack(fields).astype(np.complex64), frames.profile)
