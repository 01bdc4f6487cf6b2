"""The viewer's panel section: a part of each panel frame, pixel by pixel, and the frame's spectrum with the slit."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.panel.frames import PanelFrames, simulated_bench
from holodriver.viewer.images import data_uri

PART = 360
"""Side of the shown part of a panel frame, effective pixels; a smaller picture of the whole would lose the grating."""

SPECTRUM = 480
"""Longer side of the picture of a spectrum, pixels."""

DARKEST, BRIGHTEST = 20.0, 99.95
"""Percentiles of the spectrum's level that are shown black and white."""


def panel_view(frames: PanelFrames) -> dict[str, Any]:
    """Frames and spectra of each colour as data URIs, with the geometry of the slit, as plain values.

    Frequencies are fractions of the effective sampling frequency; the spectrum reaches from −binning/2 to binning/2.
    """
    profile, b = frames.profile, frames.profile.binning
    top, left = (max(0, (side - PART) // 2) for side in profile.shape)
    part = (slice(top, top + PART), slice(left, left + PART))
    bench = simulated_bench(frames)
    colours = []
    for colour, (pixels, wavelength, gain) in enumerate(
        zip(frames.pixels, profile.wavelengths, frames.gains, strict=True)
    ):
        level, low, high = _levels(bench.fourier_plane(pixels, colour))
        colours.append(
            {
                "wavelength_nm": round(wavelength * 1e9),
                "gain": round(gain, 4),
                "frame": data_uri(pixels[::b, ::b][part], "lossless"),
                "spectrum": data_uri(level, 85),
                "range_db": [round(low, 1), round(high, 1)],
            }
        )
    shown = colours and frames.pixels[0][::b, ::b][part].shape
    return {
        "native": list(profile.native_shape),
        "effective": list(profile.shape),
        "part": [left, top, shown[1], shown[0]],
        "binning": b,
        "reach": b / 2,
        "axis": profile.carrier_axis,
        "carrier": profile.carrier_sign * profile.carrier_frequency,
        "slit": [profile.slit_half_width, profile.slit_across],
        "colours": colours,
    }


def _levels(spectrum: NDArray[np.complex128]) -> tuple[NDArray[np.uint8], float, float]:
    """Picture of the spectrum's power on a logarithmic grey scale, and the two ends of the scale, dB."""
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    height, width = power.shape
    scale = min(1.0, SPECTRUM / max(height, width))
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        power = np.asarray(cv2.resize(power, size, interpolation=cv2.INTER_AREA))
    decibels = 10 * np.log10(np.maximum(power, 1e-16))
    low, high = (float(np.percentile(decibels, p)) for p in (DARKEST, BRIGHTEST))
    grey = np.clip((decibels - low) / max(high - low, 1e-9), 0, 1)
    return np.rint(grey * 255).astype(np.uint8), low, high
