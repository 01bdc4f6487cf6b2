"""Look-up of grey levels, compiled by Numba; it releases the interpreter lock, so that threads run in parallel."""

import math

import numpy as np
from numba import njit

from holodriver.panel.lut import GRAIN

BUCKETS = 1024
"""Number of equal parts of the amplitude range 0 … 1; for each, the lowest possible grey level is prepared."""


@njit(nogil=True, cache=True)
def grey_levels(signal, gain, borders, first, binning, levels):  # type: ignore[no-untyped-def]
    """Grey levels of the amplitude ½ + ½·gain·signal, each repeated over `binning` × `binning` panel pixels.

    Args:
        signal: float32 or float64 (H, W).
        gain: factor on the signal.
        borders: float64 (n,), rising: amplitudes half-way between those of neighbouring grey levels.
        first: int64 (BUCKETS + 1,): number of borders at or below the lower end of each bucket.
        binning: panel pixels along a side of an effective pixel.
        levels: uint8 (H·binning, W·binning), which receives the result.
    """
    height, width = signal.shape
    half = 0.5 * gain
    count = len(borders)
    for y in range(height):
        row = levels[y * binning]
        for x in range(width):
            amplitude = math.floor((0.5 + half * np.float64(signal[y, x])) / GRAIN + 0.5) * GRAIN
            bucket = math.floor(min(max(amplitude, 0.0), 1.0) * BUCKETS)
            grey = first[bucket]
            while grey < count and borders[grey] <= amplitude:
                grey += 1
            for column in range(x * binning, (x + 1) * binning):
                row[column] = grey
        for repeated in range(1, binning):
            levels[y * binning + repeated] = row
