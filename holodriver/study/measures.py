"""Measurements of pictures for studies, in addition to PSNR and SSIM."""

import math

import numpy as np
from numpy.typing import NDArray

from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import psnr, scored_part
from holodriver.study.depth_errors import in_focus

Floats = NDArray[np.floating]


def half_light_diameter(picture: Floats, background: float, centre: tuple[float, float]) -> float:
    """Diameter (px) of the circle round `centre` (y, x) that holds half of the light of a spot (H, W).

    For a uniform disc of diameter D the result is D/√2. In contrast, second moments
    (`holodriver.scores.psnr_ssim.blur_diameters`) give much weight to the faint outer parts of diffraction, which no
    eye sees as blur.

    Args:
        picture: intensity (H, W).
        background: mean intensity outside the spot.
        centre: position (y, x), pixels; the centres of pixels are whole numbers.
    """
    light = np.asarray(picture, np.float64) - background
    total = light.sum()
    if total <= 0:
        return 0.0
    y, x = np.indices(light.shape)
    order = np.argsort(np.hypot(y - centre[0], x - centre[1]).ravel(), kind="stable")
    held = np.concatenate([[0.0], np.cumsum(light.ravel()[order]) / total])
    above = int(np.argmax(held >= 0.5))
    area = above - (held[above] - 0.5) / (held[above] - held[above - 1])  # in pixels; distances would be coarser
    return 2 * math.sqrt(area / math.pi)


def equivalent_blur(picture: Floats, stack: FocalStack, border: int) -> float:
    """Diameter (px) of the blur circle that best fits a picture (C, H, W) of a scene at t = 0.

    The picture is compared with each plane of `stack`, whose blur is coc_max · t; the result between planes comes from
    a parabola through the mean squared errors of the best plane and its neighbours.
    """
    inside = (..., slice(border, -border), slice(border, -border))
    errors = np.array([np.mean((picture[inside] - image[inside]) ** 2, dtype=np.float64) for image in stack.images])
    best = int(errors.argmin())
    t = float(stack.positions[best])
    if 0 < best < len(errors) - 1:
        before, here, after = errors[best - 1 : best + 2]
        curvature = before - 2 * here + after
        step = float(stack.positions[best + 1] - stack.positions[best])
        t += step * 0.5 * (before - after) / curvature if curvature > 0 else 0.0
    return stack.coc_max * t


def in_focus_psnr(images: Floats, stack: FocalStack) -> float:
    """PSNR (dB) in focus: each pixel, from the plane at its true depth, against the all-in-focus image."""
    inside = scored_part(stack.coc_max)
    return psnr(in_focus(images, stack)[inside], stack.all_in_focus[inside])


def speckle_contrast(picture: Floats, target: Floats, least: float = 0.05) -> float:
    """Speckle contrast: standard deviation divided by mean of picture / target, for targets brighter than `least`.

    The contrast is 0 without speckle and 1 for fully developed speckle (Goodman, Speckle Phenomena in Optics, chapter
    3).
    """
    bright = target > least
    ratio = picture[bright] / target[bright]
    return float(ratio.std() / ratio.mean())
