"""Burch encoding of frame after frame: what does not change is worked out once, and the rest in single precision.

It gives what `holodriver.panel.burch.encode` gives; where a value lies on the edge between two grey levels, rounding
may choose the other one.
"""

from collections.abc import Sequence

import numpy as np
import scipy.fft
from numba import njit
from numpy.typing import NDArray

from holodriver.optics.aperture import baseband_frequencies, carrier, passband_envelope, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.panel.frames import PanelFrames, check_encoding
from holodriver.panel.lut import AmplitudeLut

FINE = 2**16
"""Amplitudes in a table of grey levels."""


class FrameEncoder:
    """The way of the frames of one sequence to the panel.

    Args:
        profile: display.
        gains: factor on the field for each colour.
        luts: amplitude look-up table of each colour.
        threads: that one transform may use.

    Raises:
        InputError: not one gain above 0 and one table for each colour.
    """

    def __init__(
        self, profile: DisplayProfile, gains: Sequence[float], luts: Sequence[AmplitudeLut], *, threads: int = 1
    ):
        self.profile, self.gains, self.luts, self.threads = profile, tuple(gains), tuple(luts), threads
        check_encoding(profile, self.gains, self.luts)
        passband = slit_passband(profile, *baseband_frequencies(profile)) / passband_envelope(profile)
        self.passband = passband.astype(np.float32)
        self.carrier = np.ascontiguousarray(carrier(profile).astype(np.complex64))
        amplitudes = np.arange(FINE) / (FINE - 1)
        self.tables = [np.ascontiguousarray(lut.grey(amplitudes)) for lut in self.luts]

    def __call__(self, field: NDArray[np.complex64]) -> PanelFrames:
        """The frames of a wave field (C, H, W)."""
        pixels = np.empty((len(self.gains), *self.profile.native_shape), np.uint8)
        for colour, values in enumerate(field):
            self.encode_colour(values, colour, pixels[colour])
        return PanelFrames(pixels, self.profile, self.gains, self.luts)

    def encode_colour(self, values: NDArray[np.complex64], colour: int, pixels: NDArray[np.uint8]) -> None:
        """The frame of one colour's field (H, W), written into `pixels` at the panel's native size."""
        spectrum = scipy.fft.fft2(values, workers=self.threads)
        spectrum *= self.passband
        limited = scipy.fft.ifft2(spectrum, overwrite_x=True, workers=self.threads)
        _greys(limited, self.carrier, np.float32(self.gains[colour]), self.tables[colour], self.profile.binning, pixels)


@njit(nogil=True, cache=True, fastmath=True)
def _greys(field, wave, gain, table, binning, pixels):  # type: ignore[no-untyped-def]
    """pixels = grey level of ½ + ½·gain·Re{field · wave}, each `binning` times in both directions."""
    height, width = field.shape
    top = len(table) - 1
    for y in range(height):
        for x in range(width):
            u, c = field[y, x], wave[y, x]
            amplitude = 0.5 + 0.5 * gain * (u.real * c.real - u.imag * c.imag)
            grey = table[int(min(max(amplitude, 0.0), 1.0) * top + 0.5)]
            for i in range(binning):
                for j in range(binning):
                    pixels[y * binning + i, x * binning + j] = grey
