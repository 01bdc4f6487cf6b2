"""Pointwise steps of the encoding, compiled by Numba; they release the interpreter lock, so bands run in threads."""

import math

import numpy as np
from numba import njit

from holodriver.panel.lut import GRAIN

BUCKETS = 1024
"""Parts of the amplitudes 0 … 1, each with the first grey level that can be nearest in it."""


@njit(nogil=True, cache=True)
def grey_levels(signal, gain, borders, first, binning, levels):  # type: ignore[no-untyped-def]
    """Grey levels of the amplitude ½ + ½·gain·signal, each repeated over `binning` × `binning` panel pixels.

    Args:
        signal: (H, W) float32 or float64.
        borders: (n,) float64, rising: amplitudes half-way between the levels' own.
        first: (BUCKETS + 1,) int64: how many borders lie at or below the lower end of each bucket.
        levels: (H·binning, W·binning) uint8, the result.
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
