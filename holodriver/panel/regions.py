"""Look-up tables that differ over the panel, interpolated between the middles of its parts."""

import numpy as np
from numpy.typing import NDArray

from holodriver.panel.lut import LEVELS


def regional_grey(amplitude: NDArray[np.floating], regions: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Grey level (H, W) for each pixel of a wanted amplitude, from tables (rows, columns, 256) of the panel's parts.

    The grey levels by the tables of the nearest four parts are interpolated bilinearly; outside the middles of the
    outermost parts, the outermost tables hold. Amplitudes are clipped to 0 … 1; every part reaches 1.
    """
    rows, columns, _ = regions.shape
    height, width = amplitude.shape
    down, across = _weights(height, rows), _weights(width, columns)
    wanted = np.clip(amplitude, 0, 1)
    grey = np.zeros(amplitude.shape)
    for row in range(rows):
        for column in range(columns):
            ys, xs = np.flatnonzero(down[row]), np.flatnonzero(across[column])
            part = (slice(ys[0], ys[-1] + 1), slice(xs[0], xs[-1] + 1))
            table = regions[row, column]
            rising = np.maximum.accumulate(table[: int(table.argmax()) + 1])
            # the first grey level of equal amplitudes: a plateau has no inverse
            levels, first = np.unique(rising, return_index=True)
            needed = np.interp(wanted[part], levels, first.astype(float))
            grey[part] += needed * np.outer(down[row][part[0]], across[column][part[1]])
    return np.clip(np.rint(grey), 0, LEVELS - 1).astype(np.uint8)


def _weights(pixels: int, parts: int) -> NDArray[np.float64]:
    """Weight of each part in each pixel, (parts, pixels); the weights of a pixel sum to 1."""
    at = np.clip((np.arange(pixels) + 0.5) / pixels * parts - 0.5, 0, parts - 1)
    return np.maximum(1 - np.abs(at - np.arange(parts)[:, None]), 0)
