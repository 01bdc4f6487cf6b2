"""Depth from focus: each pixel gets the depth of the focal plane in which its surroundings are sharpest."""

from collections.abc import Iterable

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.field import WaveField
from holodriver.optics.focus import positions
from holodriver.progress import Progress, silent
from holodriver.scene.rgbd import RgbdImage

PLANES = 21
"""Default number of focal planes."""

WINDOW_PX = 2.5
"""Standard deviation of the Gaussian window over which sharpness is summed, pixels."""

SPREAD_PX = (2, 4, 8, 16, 32, 64)
"""Standard deviations, pixels, of the windows from which a pixel without detail takes its depth; smaller ones first."""

Floats = NDArray[np.float32]


def rgbd_of_field(
    field: WaveField, *, planes: int = PLANES, padding: int = 0, progress: Progress = silent
) -> RgbdImage:
    """Picture of a wave field that is sharp everywhere, and its depth from focus.

    Pixels without detail get the depth of their surroundings.

    Args:
        field: wave field of three colours.
        planes: number of focal planes to compare.
        padding: zero samples added on every side for propagation.
        progress: called after each plane.

    Raises:
        InputError: the field does not have three colours.
    """
    if field.values.shape[0] != 3:
        raise InputError(f"the wave field has {field.values.shape[0]} colours, expected 3 (red, green, blue)")
    shape = field.profile.shape
    best, color = np.full(shape, -1, np.float32), np.zeros((3, *shape), np.float32)
    sharpness = np.empty((planes, *shape), np.float32)
    stage = "looking at focal planes"
    progress(stage, 0, planes)
    for plane, t in enumerate(positions(planes)):
        picture = field.intensity(float(t), padding=padding)
        sharpness[plane] = _sharpness(picture)
        better = sharpness[plane] > best
        best[better] = sharpness[plane][better]
        color[:, better] = picture[:, better]
        progress(stage, plane + 1, planes)
    return RgbdImage(np.maximum(color, 0), _depth(sharpness), "dioptric", {"depth": "from focus"})


def depth_of_planes(pictures: Iterable[Floats]) -> Floats:
    """Normalised depth (H, W) from pictures (3, H, W), in linear light, of equally spaced focal planes from t = 0 to 1.

    Raises:
        InputError: there are fewer than 3 planes.
    """
    sharpness = [_sharpness(picture) for picture in pictures]
    if len(sharpness) < 3:
        raise InputError(f"{len(sharpness)} focal planes, depth from focus needs at least 3")
    return _depth(np.stack(sharpness))


def _sharpness(picture: Floats) -> Floats:
    """Energy of detail (H, W) in the surroundings of each pixel of a picture (3, H, W)."""
    grey = np.sqrt(np.maximum(picture.mean(0), 0))  # the square root lets detail in dark parts count
    detail = cv2.Laplacian(grey, cv2.CV_32F, ksize=3) ** 2
    return cv2.GaussianBlur(detail, (0, 0), WINDOW_PX)


def _depth(sharpness: Floats) -> Floats:
    """Normalised depth (H, W) of the sharpest plane from sharpness (N, H, W), interpolated by a parabola."""
    planes = len(sharpness)
    at = sharpness.argmax(0)
    inner = at.clip(1, planes - 2)
    rows, columns = np.indices(at.shape)
    left, middle, right = (sharpness[inner + step, rows, columns] for step in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = np.where(np.abs(bend) > 0, 0.5 * (left - right) / np.where(bend == 0, 1, bend), 0).clip(-0.5, 0.5)
    depth = (np.where(at == inner, inner + shift, at) / (planes - 1)).astype(np.float32)
    peak, mean = sharpness.max(0), sharpness.mean(0)
    sure = (peak * (peak / np.maximum(mean, 1e-12) - 1)).astype(np.float32)
    least = np.float32(0.02 * np.quantile(sure, 0.9) + 1e-12)
    weight = np.minimum(sure / least, 1) ** 2
    return _spread(depth, weight.astype(np.float32))


def _spread(depth: Floats, weight: Floats) -> Floats:
    """Fill in depth (H, W) with a small weight (H, W) from larger and larger surroundings."""
    result, still = weight * depth, 1 - weight
    for sigma in SPREAD_PX:
        total = cv2.GaussianBlur(weight, (0, 0), sigma)
        mean = cv2.GaussianBlur(weight * depth, (0, 0), sigma) / np.maximum(total, 1e-6)
        share = still * np.minimum(total * 10, 1)
        result += share * mean
        still = still - share
    overall = float((weight * depth).sum() / max(float(weight.sum()), 1e-6))
    return np.asarray(cv2.medianBlur((result + still * overall).astype(np.float32), 5), np.float32).clip(0, 1)
