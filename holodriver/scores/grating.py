"""The paper's grating argument, measured: how much of an amplitude panel's unwanted phase falls into the slit.

A real panel that modulates amplitude a also modulates phase, p₁·a + p₂·a² (Eq. 5 of the DEH paper). That puts
harmonics of the grating, and of what it carries, into the spectrum, and the pixels fold them back. Which of them lands
in the slit depends on the carrier: at ⅓ of the sampling frequency the conjugate's second harmonic falls on the signal.
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
    """Signal to noise (dB) in the slit for each carrier (rows) and slit half-width (columns).

    Not a number where the slit would reach the zeroth order or the conjugate.
    """

    carriers: tuple[float, ...]
    slits: tuple[float, ...]
    decibels: NDArray[np.float64]


def textured_field(profile: DisplayProfile, seed: int = 7) -> WaveField:
    """A test field: amplitude with detail at all scales, and a smooth phase of 2 rad standard deviation.

    The phase matters: the second harmonic of a field without phase is much like the field itself and would pass for
    signal. A DEH has less of it (about 0.4 rad), but much at its edges, and gives much the same figures.
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
    """Signal to noise (dB) that the panel's unwanted phase leaves in the slit of `profile`.

    The field behind the slit with the unwanted phase is compared with the one without, after the one complex factor
    per colour that fits best: a constant loss or phase is no noise.

    Args:
        profile: one display; carrier and slit are what is studied.
        phase: (p₁, p₂), rad.
        field: what is encoded; its profile must be `profile`.
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
    """Signal to noise in the slit for every carrier and slit half-width (fractions of the sampling frequency).

    Args:
        profile: the display; its carrier and slit are replaced.
        carriers, slits: fractions of the effective sampling frequency.
        phase: (p₁, p₂), rad.
        field: what is encoded; `textured_field` unless given.
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
