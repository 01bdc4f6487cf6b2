"""Loops over pixels that libraries lack, or offer for 8 bits only; compiled by Numba."""

import math

import numpy as np
from numba import njit, prange
from numpy.typing import NDArray


@njit(parallel=True, cache=True)
def weighted_median(
    values: NDArray[np.float32],
    picture: NDArray[np.uint8],
    band: NDArray[np.bool_],
    radius: int,
    sigma: float,
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Median of the neighbours, weighted by similarity of colour, at the pixels of `band`; other pixels stay.

    Source: Zhang, Xu, Jia, "100+ times faster weighted median filter", CVPR 2014, eq. 1; here for floats and small
    windows.

    Args:
        values: (H, W).
        picture: (H, W, 3).
        band: (H, W), true for pixels to filter.
        radius: radius of the square window, pixels.
        sigma: difference of colour, levels, at which a neighbour's weight is e^−½.
    """
    height, width = values.shape
    result = values.copy()
    fade = np.exp(-np.arange(3 * 256 * 256 // 16) * 16.0 / (2 * sigma * sigma))
    most = (2 * radius + 1) ** 2
    for y in prange(height):
        found = np.empty(most, np.float32)
        weights = np.empty(most, np.float32)
        for x in range(width):
            if not band[y, x]:
                continue
            r, g, b = np.int32(picture[y, x, 0]), np.int32(picture[y, x, 1]), np.int32(picture[y, x, 2])
            count = 0
            total = 0.0
            for j in range(max(0, y - radius), min(height, y + radius + 1)):
                for i in range(max(0, x - radius), min(width, x + radius + 1)):
                    dr, dg, db = picture[j, i, 0] - r, picture[j, i, 1] - g, picture[j, i, 2] - b
                    weight = fade[(dr * dr + dg * dg + db * db) >> 4]
                    if weight < 1e-4:
                        continue
                    value = values[j, i]
                    place = count
                    while place > 0 and found[place - 1] > value:  # insertion sort is the fastest for few values
                        found[place] = found[place - 1]
                        weights[place] = weights[place - 1]
                        place -= 1
                    found[place] = value
                    weights[place] = weight
                    count += 1
                    total += weight
            reached = 0.0
            for k in range(count):
                reached += weights[k]
                if reached >= total / 2:
                    result[y, x] = found[k]
                    break
    return result


@njit(parallel=True, cache=True)
def mean_field(
    unary: NDArray[np.float32],
    picture: NDArray[np.float32],
    levels: NDArray[np.float32],
    rounds: int,
    radius: int,
    spacing: int,
    weight: float,
    sigma_color: float,
    sigma_place: float,
    truncation: float,
) -> NDArray[np.float32]:  # pragma: no cover - compiled
    """Expected level of every pixel in a dense conditional random field over a window, by the mean-field method.

    Source: Krähenbühl and Koltun, "Efficient inference in fully connected CRFs with Gaussian edge potentials", NIPS
    2011, with the bilateral kernel cut off at a window (Teichmann and Cipolla, "Convolutional CRFs", BMVC 2019), and
    the compatibility min(|difference|, truncation).

    Args:
        unary: (H, W, K), −log probability of each level.
        picture: (H, W, 3).
        levels: (K,), values of the levels.
        rounds: number of mean-field iterations.
        radius, spacing: the window has (2·radius + 1)² pixels, `spacing` apart.
        weight: weight of the pairwise term.
        sigma_color: standard deviation in colour, levels of the picture.
        sigma_place: standard deviation in position, pixels.
        truncation: difference of levels from which on all differences count alike, in units of `levels`.
    """
    height, width, count = unary.shape
    compatibility = np.empty((count, count), np.float32)
    for a in range(count):
        for b in range(count):
            compatibility[a, b] = min(abs(levels[a] - levels[b]), truncation) / truncation
    belief = np.empty_like(unary)
    for y in prange(height):
        for x in range(width):
            _softmax(unary[y, x], belief[y, x])
    for _ in range(rounds):
        after = np.empty_like(belief)
        for y in prange(height):
            message = np.empty(count, np.float32)
            energy = np.empty(count, np.float32)
            for x in range(width):
                message[:] = 0
                total = 0.0
                for v in range(-radius, radius + 1):
                    for u in range(-radius, radius + 1):
                        j, i = y + v * spacing, x + u * spacing
                        if (u == 0 and v == 0) or j < 0 or i < 0 or j >= height or i >= width:
                            continue
                        far = (u * u + v * v) * spacing * spacing / (2 * sigma_place * sigma_place)
                        apart = 0.0
                        for c in range(3):
                            apart += (picture[j, i, c] - picture[y, x, c]) ** 2
                        near = math.exp(-far - apart / (2 * sigma_color * sigma_color))
                        total += near
                        for k in range(count):
                            message[k] += near * belief[j, i, k]
                for a in range(count):
                    cost = 0.0
                    for b in range(count):
                        cost += compatibility[a, b] * message[b]
                    energy[a] = unary[y, x, a] + weight * cost / (total + 1e-6)
                _softmax(energy, after[y, x])
        belief = after
    result = np.empty((height, width), np.float32)
    for y in prange(height):
        for x in range(width):
            result[y, x] = (belief[y, x] * levels).sum()
    return result


@njit(inline="always")
def _softmax(energy: NDArray[np.float32], out: NDArray[np.float32]) -> None:  # pragma: no cover - compiled
    least = energy.min()
    total = 0.0
    for k in range(energy.size):
        out[k] = math.exp(least - energy[k])
        total += out[k]
    for k in range(energy.size):
        out[k] /= total
