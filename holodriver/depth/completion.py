"""Measured depth made whole: holes filled with the monocular estimate aligned to it, edges cleaned by the picture.

As for the real-world pictures of the paper (Fig. 7), whose depth cameras leave holes that a monocular estimate fills:
depth that is wrong at an object's edge shows as interference there.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.depth.fusion import fit
from holodriver.depth.refine import likeness, median, refine
from holodriver.depth.size import Floats, Picture, resized, shrunk
from holodriver.errors import InputError
from holodriver.scene.rgbd import MeasuredDepth

ASPECT_TOLERANCE = 0.03
"""By how much the aspect of measured depth may differ from its picture's."""

FLYING = 0.15
"""Step of inverse depth, of its range, inside which a pixel that is neither near nor far is a mixture of both."""

LEAST_MEASURED = 0.005
"""Share of pixels below which a measurement says too little to align anything to."""

EDGE_REACH = 4
"""Pixels round a step of the measured depth within which the picture decides on which side a pixel is."""


def completed(measured: MeasuredDepth, estimated: Floats, picture: Picture) -> Floats:
    """Inverse depth (h, w) without holes, in the units and at the size of what was measured.

    Args:
        measured: with holes.
        estimated: monocular inverse depth of the same view, of any size, up to scale and shift.
        picture: (H, W, 3) sRGB.

    Raises:
        InputError: the shapes differ in aspect, or hardly anything was measured.
    """
    shape = measured.inverse.shape[0], measured.inverse.shape[1]
    _check_aspect(shape, (picture.shape[0], picture.shape[1]))
    seen = shrunk(picture, shape)
    known = _trusted(measured.inverse)
    if known.mean() < LEAST_MEASURED:
        raise InputError(f"only {known.mean():.1%} of the measured depth can be used, which aligns nothing")
    low, high = np.percentile(estimated, (2, 98))
    spread = float(high - low) or 1.0
    estimate = refine((estimated - np.float32(low)) / np.float32(spread), seen)
    values = np.where(known, measured.inverse, 0).astype(np.float32)
    estimate = fit(estimate, np.where(known, values, np.nan).astype(np.float32))(estimate)
    off = spread_out(np.where(known, values - estimate, 0).astype(np.float32), known)
    whole = np.where(known, values, estimate + off).astype(np.float32)
    return _cleaned(whole, seen)


def spread_out(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """`values` where they are known, and a smooth continuation of them elsewhere (push and pull over a pyramid).

    Gortler and others, "The lumigraph", SIGGRAPH 1996, section 3.4.
    """
    weight = known.astype(np.float32)
    if min(values.shape) <= 2 or known.all():
        total = float(weight.sum())
        mean = float((values * weight).sum() / total) if total else 0.0
        return np.where(known, values, np.float32(mean))
    half = (values.shape[0] + 1) // 2, (values.shape[1] + 1) // 2
    coarse_weight = resized(weight, half)
    coarse = resized(values * weight, half) / np.maximum(coarse_weight, 1e-6)
    below = spread_out(coarse.astype(np.float32), coarse_weight > 1e-3)
    filled = cv2.GaussianBlur(resized(below, (values.shape[0], values.shape[1])), (0, 0), 1.0)
    return np.where(known, values, filled).astype(np.float32)


def _check_aspect(shape: tuple[int, int], other: tuple[int, int]) -> None:
    ratio = shape[1] / shape[0] / (other[1] / other[0])
    if abs(ratio - 1) > ASPECT_TOLERANCE:
        raise InputError(
            f"measured depth is {shape[1]} × {shape[0]} pixels, which has not the aspect of the picture, "
            f"{other[1]} × {other[0]}"
        )


def _trusted(inverse: Floats) -> NDArray[np.bool_]:
    """Where something was measured that is not a mixture of two surfaces."""
    known = np.isfinite(inverse)
    low, high = np.percentile(inverse[known], (2, 98))
    span = max(float(high - low), 1e-12)
    square = np.ones((5, 5), np.uint8)
    top = cv2.dilate(np.where(known, inverse, -np.inf).astype(np.float32), square)
    bottom = cv2.erode(np.where(known, inverse, np.inf).astype(np.float32), square)
    with np.errstate(invalid="ignore", over="ignore"):
        between = np.minimum(top - inverse, inverse - bottom) > 0.25 * (top - bottom)
        flying = (top - bottom > FLYING * span) & between
    return known & ~flying


def _cleaned(inverse: Floats, picture: Picture) -> Floats:
    low, high = np.percentile(inverse, (2, 98))
    span = max(float(high - low), 1e-12)
    return median(inverse, picture, EDGE_REACH, likeness(picture), step=FLYING * span)
