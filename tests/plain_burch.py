"""The plain Burch encoder, NumPy in float64 step by step: the reference that the product's encoder is compared with."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.aperture import carrier, passband_envelope, slit_passband
from holodriver.optics.field import WaveField
from holodriver.panel.frames import PanelFrames, bin_out
from holodriver.panel.lut import GRAIN, AmplitudeLut
from holodriver.panel.regions import regional_grey


def plain_encode(
    field: WaveField,
    gains: Sequence[float],
    luts: Sequence[AmplitudeLut],
    regions: Sequence[NDArray[np.float64] | None] | None = None,
) -> PanelFrames:
    """The frames of a wave field; arguments as those of `holodriver.panel.encoder.Encoder`."""
    parts = [None] * len(luts) if regions is None else regions
    greys = np.stack(
        [
            lut.grey(colour) if part is None else regional_grey(colour, part)
            for lut, colour, part in zip(luts, plain_amplitude(field, gains), parts, strict=True)
        ]
    )
    return PanelFrames(bin_out(greys, field.profile.binning), field.profile, tuple(gains), tuple(luts))


def plain_amplitude(field: WaveField, gains: Sequence[float]) -> NDArray[np.float64]:
    """Amplitude ½ + ½·Re{g·U·c} (C, H, W) that a perfect panel would show, rounded to `GRAIN`."""
    amplitude = 0.5 + 0.5 * np.array(gains)[:, None, None] * plain_signal(field)
    return np.asarray(np.floor(amplitude / GRAIN + 0.5) * GRAIN)


def plain_signal(field: WaveField) -> NDArray[np.float64]:
    """Re{U·c} of the slit-limited, envelope-compensated field, (C, H, W)."""
    profile = field.profile
    spectrum = np.fft.fft2(field.values.astype(np.complex128)) * slit_passband(profile) / passband_envelope(profile)
    return (np.fft.ifft2(spectrum) * carrier(profile)).real


def plain_clipped_share(field: WaveField, gains: Sequence[float]) -> tuple[float, ...]:
    """Share of the pixels of each colour that the gain drives out of the panel's range."""
    return tuple(float((np.abs(g * s) > 1 + 1e-9).mean()) for g, s in zip(gains, plain_signal(field), strict=True))
