"""What studies measure in pictures, beside PSNR and SSIM."""

import math

import numpy as np
from numpy.typing import NDArray

from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import psnr, scored_part
from holodriver.study.depth_errors import in_focus

Floats = NDArray[np.floating]


def half_light_diameter(picture: Floats, background: float, centre: tuple[float, float]) -> float:
    """Diameter (px) of the circle round `centre` (y, x) that holds half of the light of a spot (H, W).

    A uniform disc of diameter D has D/√2. Second moments (`holodriver.scores.psnr_ssim.blur_diameters`) weigh
    the faint far tails of diffraction, which no eye sees as blur.

    Args:
        picture: intensity.
        background: mean intensity of what is not the spot, speckle or not.
        centre: in pixels, pixel centres being whole numbers.
    """
    light = np.asarray(picture, np.float64) - background
    total = light.sum()
    if total <= 0:
        return 0.0
    y, x = np.indices(light.shape)
    order = np.argsort(np.hypot(y - centre[0], x - centre[1]).ravel(), kind="stable")
    held = np.concatenate([[0.0], np.cumsum(light.ravel()[order]) / total])
    above = int(np.argmax(held >= 0.5))
    area = above - (held[above] - 0.5) / (held[above] - held[above - 1])  # pixels: finer than distances, which step
    return 2 * math.sqrt(area / math.pi)


def equivalent_blur(picture: Floats, stack: FocalStack, border: int) -> float:
    """Diameter (px) of the blur circle that a picture (C, H, W) of something at t = 0 is most like.

    Compared with each plane of `stack`, whose blur is coc_max · t; between planes by a parabola through the three
    smallest mean squares.
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
    """PSNR (dB) of what is in focus: at each pixel the plane of its true depth, against the all-in-focus image."""
    inside = scored_part(stack.coc_max)
    return psnr(in_focus(images, stack)[inside], stack.all_in_focus[inside])


def speckle_contrast(picture: Floats, target: Floats, least: float = 0.05) -> float:
    """Standard deviation over mean of picture / target, where the target is brighter than `least`; 0 without speckle,
    1 for fully developed speckle (Goodman, Speckle Phenomena in Optics, chapter 3)."""
    bright = target > least
    ratio = picture[bright] / target[bright]
    return float(ratio.std() / ratio.mean())
