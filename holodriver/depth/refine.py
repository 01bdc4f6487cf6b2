"""Depth edges put where the picture has them, at the picture's own size.

Every method works at a bounded size and the rest of the way up is gone in steps of two, with the edges sharpened at
each step by the picture of that size; the steps are local, so that strips of a large picture give the same
as the whole. Which method is best was measured: `scripts/bench/depth.py photos`.
"""

from collections.abc import Callable
from typing import get_args

import cv2
import numpy as np

from holodriver.depth.choices import Refiner
from holodriver.depth.kernels import mean_field, weighted_median
from holodriver.depth.size import Floats, Picture, resized, shrunk
from holodriver.errors import InputError, check, numbers

METHODS: tuple[str, ...] = get_args(Refiner)
DEFAULT: Refiner = "edges"

WORK_SIDE = 1280
"""Longest side at which a filter runs, pixels; `crf` runs at a quarter of the pixels."""

STRIP = 512
"""Rows that are refined at once, pixels."""

STEP = 0.05
"""Least step, of the depth range, that counts as an edge."""

LIKE = 0.15
"""Difference of colour at which a neighbour counts e^−½, of the picture's own spread: a pale picture has pale edges."""

RAISED_LIKE = 4.0
"""How many times larger that difference is where depth is only brought up in size: its edges are nearly right there."""

MOST_LIKE, LEAST_LIKE = 25.5, 3.0
"""Bounds of that, levels of 255: the usual tenth of the range, and what noise alone makes."""


def refine(depth: Floats, picture: Picture, method: Refiner = DEFAULT, strength: float = 1.0) -> Floats:
    """Depth at the size of the picture, its edges on the picture's.

    Args:
        depth: (h, w), of about unit range.
        picture: (H, W, 3) sRGB.
        method: "edges" sharpens steps where they stand and then moves them to edges of colour; "guided", "bilateral",
            "median" (weighted by colour), "smooth" (fast global smoother), "crf" (dense conditional random field) are
            the filters of those names; "none" interpolates.
        strength: share of the refined depth in the result, 0 … 1.

    Returns:
        (H, W).

    Raises:
        InputError: no such method, or a strength out of range.
    """
    if method not in METHODS:
        raise InputError(f"refiner is {method!r}, expected one of {', '.join(METHODS)}")
    check("refine strength", strength, numbers(0, 1))
    shape = picture.shape[0], picture.shape[1]
    plain = resized(depth, shape)
    if method == "none" or strength == 0 or min(shape) < 4 or min(depth.shape) < 4:
        return plain
    if method == "edges":
        worked = snapped(depth, shrunk(picture, depth.shape))
    else:
        size = _work_size(shape, WORK_SIDE // 2 if method == "crf" else WORK_SIDE)
        factor = max(size) / max(depth.shape)
        worked = FILTERS[method](resized(depth, size), shrunk(picture, size), max(1.0, factor))
    refined = raised(worked, picture)
    return refined if strength == 1 else (strength * refined + (1 - strength) * plain).astype(np.float32)


def snapped(depth: Floats, picture: Picture) -> Floats:
    """Steps of the depth made sharp, and moved to the edges of a picture of the same size.

    A network's blur is symmetric, so that a step stands where the ramp is half way up: each pixel of a ramp becomes the
    nearer one of the levels above and below (a toggle mapping: Kramer and Bruckner, Pattern Recognition 7, 1975). A
    light smoothing before, which stops at edges of colour, moves the half-way line to them; a small weighted median
    after it takes the rest.
    """
    return median(toggled(_global_smooth(depth, picture, 3.0, 4.0), 4), picture, 3, likeness(picture))


def toggled(depth: Floats, radius: int) -> Floats:
    """Each pixel at the nearer one of the highest and the lowest level within `radius` pixels, where they differ."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2)
    high, low = cv2.dilate(depth, disc), cv2.erode(depth, disc)
    sharp = np.where(high - depth < depth - low, high, low)
    return np.where(high - low > STEP, sharp, depth).astype(np.float32)


def raised(depth: Floats, picture: Picture) -> Floats:
    """Depth brought up to the size of the picture in steps of at most two, with its edges kept sharp on the way."""
    height, width = picture.shape[:2]
    like = RAISED_LIKE * likeness(picture)
    while depth.shape != (height, width):
        size = min(height, 2 * depth.shape[0]), min(width, 2 * depth.shape[1])
        guide = shrunk(picture, size)
        depth = in_strips(
            lambda part, seen: median(toggled(part, 2), seen, 2, like), resized(depth, size), guide, halo=8
        )
    return depth


def in_strips(work: Callable[[Floats, Picture], Floats], depth: Floats, picture: Picture, *, halo: int) -> Floats:
    """`work`, which looks no farther than `halo` pixels, on one strip after the other."""
    height = depth.shape[0]
    if height <= 2 * STRIP:
        return work(depth, picture)
    result = np.empty_like(depth)
    for top in range(0, height, STRIP):
        above, below = max(0, top - halo), min(height, top + STRIP + halo)
        strip = work(np.ascontiguousarray(depth[above:below]), np.ascontiguousarray(picture[above:below]))
        result[top : top + STRIP] = strip[top - above : top - above + STRIP]
    return result


def median(depth: Floats, picture: Picture, radius: int, like: float, *, step: float = STEP / 2) -> Floats:
    """Median weighted by likeness of colour, near steps of the depth alone.

    Args:
        radius: of the window, pixels.
        like: difference of colour at which a neighbour counts e^−½, levels.
        step: least step.
    """
    square = np.ones((2 * radius + 1,) * 2, np.uint8)
    band = cv2.dilate(depth, square) - cv2.erode(depth, square) > step
    return weighted_median(depth, np.ascontiguousarray(picture), band, radius, like)


def likeness(picture: Picture) -> float:
    """How far apart colours may be that are alike in this picture, levels."""
    step = max(1, int(np.sqrt(picture.shape[0] * picture.shape[1] / 20_000)))
    colors = picture[::step, ::step].reshape(-1, 3).astype(np.float32)
    spread = np.median(np.linalg.norm(colors - colors.mean(0), axis=1))
    return float(np.clip(LIKE * spread, LEAST_LIKE, MOST_LIKE))


def _guided(depth: Floats, picture: Picture, factor: float) -> Floats:
    radius = round(8 * factor)
    return np.asarray(cv2.ximgproc.guidedFilter(picture.astype(np.float32) / 255, depth, radius, 1e-3), np.float32)


def _bilateral(depth: Floats, picture: Picture, factor: float) -> Floats:
    guide, factor = picture.astype(np.float32) / 255, min(factor, 2.0)  # its time grows with the square
    filtered = cv2.ximgproc.jointBilateralFilter(guide, depth, 2 * round(9 * factor) + 1, 0.06, 5 * factor)
    return np.asarray(filtered, np.float32)


def _weighted_median(depth: Floats, picture: Picture, factor: float) -> Floats:
    return median(depth, picture, min(5, round(4 * factor)), likeness(picture))


def _smooth(depth: Floats, picture: Picture, factor: float) -> Floats:
    return _global_smooth(depth, picture, 100.0 * factor**2, 8.0)


def _global_smooth(depth: Floats, picture: Picture, weight: float, sigma: float) -> Floats:
    """Min and others, "Fast global image smoothing", TIP 2014."""
    return np.asarray(cv2.ximgproc.fastGlobalSmootherFilter(picture, depth, weight, sigma), np.float32)


def _crf(depth: Floats, picture: Picture, factor: float) -> Floats:
    low, high = float(depth.min()), float(depth.max())
    if high - low < 1e-6:
        return depth
    levels = np.linspace(low, high, 32, dtype=np.float32)
    unary = ((depth[..., None] - levels) / (0.08 * (high - low))) ** 2 / 2
    seen = picture.astype(np.float32)
    return mean_field(unary.astype(np.float32), seen, levels, 5, 4, 2, 6.0, 18.0, 8.0, 0.25 * (high - low))


FILTERS: dict[str, Callable[[Floats, Picture, float], Floats]] = {
    "guided": _guided,
    "bilateral": _bilateral,
    "median": _weighted_median,
    "smooth": _smooth,
    "crf": _crf,
}
"""Take depth and picture of one size, and how many times larger that is than the network's."""


def _work_size(shape: tuple[int, int], side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
