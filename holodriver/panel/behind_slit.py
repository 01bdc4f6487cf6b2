"""The way back from Burch-encoded frames: the field behind the slit, and what lasers and cameras make of the gains."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from holodriver.optics.aperture import carrier, carrier_envelope, passband_envelope, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.panel.frames import PanelFrames, simulated_bench

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField

ORDER = 0.25  # amplitude of g·U in the wanted order: half of the range, shared by the field and its conjugate


def laser_powers(gains: Sequence[float], highest: float) -> tuple[float, ...]:
    """Power (W) of each colour's laser that undoes the ratio between the encoding gains; the largest is `highest`."""
    least = min(gains)
    return tuple(highest * (least / gain) ** 2 for gain in gains)


def read_back(frames: PanelFrames) -> "WaveField":
    """The field that a perfect slit and lens recover, with the recorded gain undone (never a fit)."""
    from holodriver.optics.field import WaveField  # with torch, which laser powers do not need

    profile = frames.profile
    b = profile.binning
    passband = slit_passband(profile) * passband_envelope(profile)
    fields = []
    for grey, gain, lut in zip(frames.pixels[:, ::b, ::b], frames.gains, frames.luts, strict=True):
        spectrum = np.fft.fft2(lut.amplitude(grey) * carrier(profile).conj())
        fields.append(np.fft.ifft2(spectrum * passband) / (ORDER * gain))
    return WaveField(np.stack(fields).astype(np.complex64), profile)


def camera_exposure(profile: DisplayProfile, gains: Sequence[float]) -> tuple[float, ...]:
    """Factor for each colour on intensities behind the slit that undoes the recorded gain and the light lost on the
    way (¼ of the amplitude in the wanted order, times the pixels' transmission at the carrier)."""
    amplitude = ORDER * carrier_envelope(profile)
    return tuple(1 / (amplitude * gain) ** 2 for gain in gains)


def camera_field(frames: PanelFrames) -> "WaveField":
    """The field behind the slit of the simulated bench, scaled by `camera_exposure`: its intensity in a focal plane is
    the bench's picture there, for a point source and an open pupil."""
    from holodriver.optics.field import WaveField
    from holodriver.system.threads import side_by_side

    bench = simulated_bench(frames)
    exposure = camera_exposure(frames.profile, frames.gains)
    spectra = side_by_side(lambda colour: bench.behind_slit(frames.pixels[colour], colour), range(len(exposure)))
    fields = [np.fft.ifft2(spectrum) * factor**0.5 for spectrum, factor in zip(spectra, exposure, strict=True)]
    return WaveField(np.stack(fields).astype(np.complex64), frames.profile)
