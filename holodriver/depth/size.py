"""Sizes at which a network sees pictures, and resizing of pictures and depths."""

import cv2
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

Picture = NDArray[np.uint8]
"""Pixels (H, W, 3), sRGB, red first."""

SLIMMEST = 4.0
"""Ratio of the sides beyond which the short side is not shortened further: a panorama would be only a few patches
high."""

LONGEST = 16.0
"""Ratio of the sides, as a multiple of `SLIMMEST`, beyond which a picture is squeezed, so that its size stays
bounded."""


def network_size(shape: tuple[int, int], long_side: int, multiple: int) -> tuple[int, int]:
    """Size (h, w) at which a network sees a picture, in the picture's own aspect.

    Args:
        shape: (H, W) of the picture, pixels.
        long_side: wanted length of the longer side, pixels.
        multiple: number of which both sides must be multiples, pixels.
    """
    height, width = shape
    ratio = max(height, width) / min(height, width)
    short = long_side / min(ratio, SLIMMEST)
    long = short * min(ratio, SLIMMEST * LONGEST)
    sides = (short, long) if height <= width else (long, short)
    return _rounded(sides[0], multiple), _rounded(sides[1], multiple)


def _rounded(side: float, multiple: int) -> int:
    return max(1, round(side / multiple)) * multiple


def resized(values: Floats, shape: tuple[int, ...]) -> Floats:
    """Resize `values` to (h, w): averaged if they shrink, interpolated if they grow."""
    if values.shape == shape:
        return values
    smaller = shape[0] < values.shape[0] or shape[1] < values.shape[1]
    way = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (shape[1], shape[0]), interpolation=way), np.float32)


def shrunk(picture: Picture, shape: tuple[int, ...]) -> Picture:
    """Resize a picture to (h, w), which is usually smaller."""
    if picture.shape[:2] == shape[:2]:
        return np.ascontiguousarray(picture)
    smaller = shape[0] < picture.shape[0]
    way = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, (shape[1], shape[0]), interpolation=way), np.uint8)
