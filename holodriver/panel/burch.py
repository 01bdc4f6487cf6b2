"""Burch encoding: a complex field as the real, positive amplitude of an off-axis hologram, and the way back.

The panel shows ½ + ½·Re{g·U·c} with the carrier c = exp(±2πi·f₀·n): the field stands in the spectrum at the carrier,
its conjugate opposite, the constant at zero (Burch, Proc. IEEE 55(4), 1967). A slit round the carrier keeps the field.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.aperture import (
    baseband_frequencies,
    carrier,
    carrier_envelope,
    passband_envelope,
    slit_passband,
)
from holodriver.optics.display import DisplayProfile
from holodriver.panel.frames import PanelFrames, bin_out, check_encoding, simulated_bench
from holodriver.panel.lut import GRAIN, AmplitudeLut
from holodriver.panel.regions import regional_grey

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField

CLIPPED = 1e-4  # share of the panel's pixels that the automatic gain lets clip
ORDER = 0.25  # amplitude of g·U in the wanted order: half of the range, shared by the field and its conjugate


def automatic_gains(fields: "Iterable[WaveField]") -> tuple[float, ...]:
    """One gain a colour for all `fields`, so that all but 0.01 % of the values of each fit the panel's range.

    A colour that is dark in all fields gets the least gain of the others.

    Raises:
        InputError: no fields, or nothing but darkness in them.
    """
    return gains_for_levels([signal_levels(_signal(field)) for field in fields])


def signal_levels(signal: NDArray[np.floating]) -> NDArray[np.float64]:
    """Height (C,) below which all but 0.01 % of the values of each colour of a signal (C, H, W) lie."""
    return np.asarray(np.quantile(np.abs(signal), 1 - CLIPPED, axis=(1, 2)), np.float64)


def gains_for_levels(levels: Sequence[NDArray[np.float64]]) -> tuple[float, ...]:
    """One gain a colour for all fields, whose signals have these levels; see `automatic_gains`.

    Raises:
        InputError: no fields, or nothing but darkness in them.
    """
    highest = np.max(levels, axis=0) if len(levels) else np.zeros(1)
    if highest.max() <= 0:
        raise InputError("there is no light in the wave fields, so that no encoding gain can be chosen")
    return tuple(1 / float(level if level > 0 else highest.max()) for level in highest)


def laser_powers(gains: Sequence[float], highest: float) -> tuple[float, ...]:
    """Power (W) of each colour's laser that undoes the ratio between the encoding gains; the largest is `highest`."""
    least = min(gains)
    return tuple(highest * (least / gain) ** 2 for gain in gains)


def encode(
    field: "WaveField",
    gains: Sequence[float],
    luts: Sequence[AmplitudeLut],
    regions: Sequence[NDArray[np.float64] | None] | None = None,
) -> PanelFrames:
    """The frames that make the panel send `field` through the slit.

    The field is limited to the slit's passband, since what is outside would fall into the conjugate's; the
    transmission of the pixels' shape over the passband is compensated, so that the slit receives the field as it is.

    Args:
        field: the hologram.
        gains: factor on the field for each colour; the same for all frames of a sequence.
        luts: amplitude look-up table of each colour.
        regions: for each colour, tables (rows, columns, 256) of parts of the panel, or None. The frames keep `luts`:
            reading them back is then as wrong as the parts differ.

    Raises:
        InputError: not one gain above 0 and one table for each colour.
    """
    gains, luts = tuple(gains), tuple(luts)
    check_encoding(field.profile, gains, luts)
    amplitude = panel_amplitude(field, gains)
    parts = [None] * len(luts) if regions is None else regions
    greys = np.stack(
        [
            lut.grey(colour) if part is None else regional_grey(colour, part)
            for lut, colour, part in zip(luts, amplitude, parts, strict=True)
        ]
    )
    return PanelFrames(bin_out(greys, field.profile.binning), field.profile, gains, luts)


def panel_amplitude(field: "WaveField", gains: Sequence[float]) -> NDArray[np.float64]:
    """Amplitude ½ + ½·Re{g·U·c} (C, H, W) that a perfect panel would show; what lies outside 0 … 1 clips.

    Rounded to `GRAIN`, so that rounding errors choose no grey level.
    """
    amplitude = 0.5 + 0.5 * np.array(gains)[:, None, None] * _signal(field)
    return np.asarray(np.floor(amplitude / GRAIN + 0.5) * GRAIN)


def clipped_share(field: "WaveField", gains: Sequence[float]) -> tuple[float, ...]:
    """Share of the pixels of each colour that the gain drives out of the panel's range."""
    return clipped_signal_share(_signal(field), gains)


def clipped_signal_share(signal: NDArray[np.floating], gains: Sequence[float]) -> tuple[float, ...]:
    """The same of a signal (C, H, W)."""
    return tuple(float((np.abs(g * s) > 1 + 1e-9).mean()) for g, s in zip(gains, signal, strict=True))


def read_back(frames: PanelFrames) -> "WaveField":
    """The field that a perfect slit and lens recover, with the recorded gain undone (never a fit)."""
    from holodriver.optics.field import WaveField  # with torch, which laser powers do not need

    profile = frames.profile
    b = profile.binning
    passband = _passband(profile) * passband_envelope(profile)
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


def _signal(field: "WaveField") -> NDArray[np.float64]:
    """Re{U·c} of the slit-limited, envelope-compensated field, (C, H, W)."""
    profile = field.profile
    spectrum = np.fft.fft2(field.values.astype(np.complex128)) * _passband(profile) / passband_envelope(profile)
    return (np.fft.ifft2(spectrum) * carrier(profile)).real


def _passband(profile: DisplayProfile) -> NDArray[np.bool_]:
    return slit_passband(profile, *baseband_frequencies(profile))
