"""Noise in the slit that an amplitude panel's unwanted phase causes, for different gratings (as in the DEH paper).

A real panel that modulates the amplitude a also modulates the phase, by p₁·a + p₂·a² (Eq. 5 of the DEH paper). This
creates harmonics of the grating and its signal in the spectrum, and the sampling by pixels aliases them. The carrier
decides which harmonics reach the slit: at ⅓ of the sampling frequency the conjugate's second harmonic overlaps the
signal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import simulated_bench
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent

_PHASE_SCALE = 8.0  # px
_PHASE_DEVIATION = 2.0  # rad, standard deviation


@dataclass(frozen=True)
class GratingNoise:
    """Signal-to-noise ratio in the slit for different carriers and slits."""

    carriers: tuple[float, ...]
    """Frequency of each carrier, fraction of the sampling frequency."""
    slits: tuple[float, ...]
    """Half-width of each slit, fraction of the sampling frequency."""
    decibels: NDArray[np.float64]
    """Signal-to-noise ratio, dB, (carriers, slits); not a number if the slit would reach the zeroth order or the
    conjugate."""


def textured_field(profile: DisplayProfile, seed: int = 7) -> WaveField:
    """A test field: amplitude with detail at all scales, and a smooth phase of 2 rad standard deviation.

    The phase is needed because the second harmonic of a field without phase resembles the field and would count as
    signal. A DEH has less phase (about 0.4 rad), most of it at edges, and gives similar results.
    """
    rng = np.random.default_rng(seed)
    picture = sum(
        scale * gaussian_filter(rng.normal(size=profile.shape), scale, mode="wrap") for scale in (1.0, 2.0, 6.0, 16.0)
    )
    low, high = np.percentile(picture, (0.5, 99.5))
    amplitude = np.clip((picture - low) / (high - low), 0, 1)
    phase = gaussian_filter(rng.normal(size=profile.shape), _PHASE_SCALE, mode="wrap")
    values = amplitude * np.exp(1j * _PHASE_DEVIATION / phase.std() * phase)
    return WaveField(np.tile(values, (len(profile.wavelengths), 1, 1)).astype(np.complex64), profile)


def signal_to_noise(profile: DisplayProfile, phase: tuple[float, float], field: WaveField) -> float:
    """Signal-to-noise ratio (dB) in the slit of `profile` with the panel's unwanted phase.

    The fields behind the slit with and without the unwanted phase are compared. One complex factor for each colour is
    fitted first, because a constant loss or phase is no noise.

    Args:
        profile: the display with the carrier and slit to study.
        phase: coefficients (p₁, p₂) of the unwanted phase, rad.
        field: wave field to encode; its profile must be `profile`.
    """
    luts = [AmplitudeLut.linear()] * len(profile.wavelengths)
    frames = encode(field, automatic_gains([field]), luts)
    clean, noisy = simulated_bench(frames), simulated_bench(frames, phase=phase)
    signal = noise = 0.0
    for colour, frame in enumerate(frames.pixels):
        wanted = clean.behind_slit(frame, colour)
        got = noisy.behind_slit(frame, colour)
        factor = np.vdot(wanted, got) / np.vdot(wanted, wanted).real
        signal += float(np.sum(np.abs(factor * wanted) ** 2))
        noise += float(np.sum(np.abs(got - factor * wanted) ** 2))
    return 10 * math.log10(signal / noise)


def grating_noise(
    profile: DisplayProfile,
    carriers: Sequence[float],
    slits: Sequence[float],
    *,
    phase: tuple[float, float] = (0.5, 0.5),
    field: WaveField | None = None,
    progress: Progress = silent,
) -> GratingNoise:
    """Signal-to-noise ratio in the slit for every carrier and slit.

    Args:
        profile: the display; its carrier and slit are replaced.
        carriers, slits: carrier frequencies and slit half-widths, fractions of the effective sampling frequency.
        phase: coefficients (p₁, p₂) of the unwanted phase, rad.
        field: wave field to encode; None: `textured_field`.
        progress: called after each carrier.
    """
    shown = textured_field(profile) if field is None else field
    decibels = np.zeros((len(carriers), len(slits)))
    for i, carrier in enumerate(carriers):
        for j, slit in enumerate(slits):
            if slit > min(carrier, 0.5 - carrier) + 1e-9:
                decibels[i, j] = math.nan  # the zeroth order or the conjugate would pass
                continue
            tried = replace(profile, carrier_fraction=carrier, slit_along=slit)
            decibels[i, j] = signal_to_noise(tried, phase, WaveField(shown.values, tried))
        progress("Measuring noise in the slit", i + 1, len(carriers))
    return GratingNoise(tuple(carriers), tuple(slits), decibels)
