"""Completion of measured depth: the aligned monocular estimate fills holes, and the picture cleans edges.

The paper does the same for its real-world pictures (Fig. 7), because depth cameras leave holes, and
wrong depth at an object's edge shows as interference.
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
"""Largest relative difference between the aspects of measured depth and of its picture."""

FLYING = 0.15
"""Step of inverse depth, as a share of its range, within which a pixel between near and far is taken for a mixture."""

LEAST_MEASURED = 0.005
"""Smallest share of measured pixels to which an estimate can be aligned."""

EDGE_REACH = 4
"""Distance from a step of the measured depth, pixels, within which the picture decides on which side a pixel is."""


def completed(measured: MeasuredDepth, estimated: Floats, picture: Picture) -> Floats:
    """Fill the holes of measured depth; returns inverse depth (h, w) in the units and at the size of the measurement.

    Args:
        measured: measured depth with holes.
        estimated: monocular inverse depth of the same view, of any size, up to scale and shift.
        picture: picture of the view, (H, W, 3) sRGB.

    Raises:
        InputError: the shapes differ in aspect, or too few pixels were measured.
    """
    shape = measured.inverse.shape[0], measured.inverse.shape[1]
    _check_aspect(shape, (picture.shape[0], picture.shape[1]))
    seen = shrunk(picture, shape)
    known = _trusted(measured.inverse)
    if known.mean() < LEAST_MEASURED:
        raise InputError(f"only {known.mean():.1%} of the measured depth can be used, too little for an alignment")
    low, high = np.percentile(estimated, (2, 98))
    spread = float(high - low) or 1.0
    estimate = refine((estimated - np.float32(low)) / np.float32(spread), seen)
    values = np.where(known, measured.inverse, 0).astype(np.float32)
    estimate = fit(estimate, np.where(known, values, np.nan).astype(np.float32))(estimate)
    off = spread_out(np.where(known, values - estimate, 0).astype(np.float32), known)
    whole = np.where(known, values, estimate + off).astype(np.float32)
    return _cleaned(whole, seen)


def spread_out(values: Floats, known: NDArray[np.bool_]) -> Floats:
    """Continue known `values` smoothly where they are unknown (push and pull over a pyramid).

    Source: Gortler and others, "The lumigraph", SIGGRAPH 1996, section 3.4.
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
            f"measured depth is {shape[1]} × {shape[0]} pixels, but the picture has another aspect, "
            f"{other[1]} × {other[0]}"
        )


def _trusted(inverse: Floats) -> NDArray[np.bool_]:
    """Mask of the pixels that were measured and are not a mixture of two surfaces."""
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
