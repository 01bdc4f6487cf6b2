"""The working grid of a quilt: a picture with depth cut to a display's view, depth made fit for warping."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.lookingglass.choices import Fit
from holodriver.lookingglass.parallax import Geometry, ViewSettings
from holodriver.lookingglass.warp import find_jumps
from holodriver.optics.lookingglass import LookingGlass
from holodriver.scene.rgbd import RgbdImage

FINE = 3
"""Samples of a row in each pixel of a view: places between pixels, and smooth silhouettes."""

LEVEL = 1 / 255
"""Step of depth in 8 bits."""

LEVELS_APART = 2.2
"""Levels of 8 bits that may lie between neighbours of one surface; video has 220 levels, which leaves gaps of two."""

RAMP = (2, 5)
"""Rows and columns on each side in which a soft edge of depth is made a step."""

RAMP_LEAST_PX = 3.0
"""Pixels that the two sides of such an edge part by at least in the outermost view."""

MOST_PICTURES = 10.0
"""Pictures that near and far may part by; beyond it nothing is seen of either."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """A picture on the working grid, `FINE` times as wide as a view and as high."""

    color: Floats
    """(h, W, 3), linear light."""
    depth: Floats
    """(h, W), normalised."""
    reach: float
    """Pixels that t = 0 and t = 1 part by in the outermost view."""
    focus: float
    """Normalised depth that stays."""
    apart: float
    """Difference of depth from which on neighbours are two surfaces."""
    stretch: tuple[float, float]
    """Pixels of the grid for each of the picture, along a row (1 or more, since smaller ones are merged) and across."""


def working_grid(
    image: RgbdImage, display: LookingGlass, settings: ViewSettings, geometry: Geometry | None, fit: Fit = "crop"
) -> Grid:
    """The middle of a picture, as much as a display shows of it, on the working grid.

    Raises:
        InputError: things would move by more than `MOST_PICTURES`.
    """
    width, height = display.tile[0] * FINE, display.tile[1]
    across, down = _shares(image.shape, display, settings, fit)
    reach = abs(display.offset(display.views - 1)) * settings.relief(geometry) * across * width
    if reach > MOST_PICTURES * width:
        raise InputError(
            f"the nearest and the farthest thing would part by {reach / width:.1f} pictures",
            remedy="take a smaller depthiness or view cone",
        )
    rows, place_y = _window(image.shape[0], height, down)
    columns, place_x = _window(image.shape[1], width, across)
    inner = (place_x.stop - place_x.start, place_y.stop - place_y.start)
    color = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), np.float32(settings.focal_depth))
    color[place_y, place_x] = _color(np.ascontiguousarray(image.color[:, rows, columns].transpose(1, 2, 0)), inner)
    part = np.ascontiguousarray(image.depth[rows, columns])
    depth[place_y, place_x], apart, stretch = _depth(part, inner, reach)
    stretches = stretch, inner[1] / part.shape[0]
    return Grid(color, depth.clip(0, 1), reach, settings.focal_depth, apart, stretches)


def view_step(
    shape: tuple[int, int], display: LookingGlass, settings: ViewSettings, geometry: Geometry | None, fit: Fit = "crop"
) -> float:
    """Pixels of a view by which things move at most from one view to the next.

    Args:
        shape: (H, W) of the picture.
    """
    across, _ = _shares(shape, display, settings, fit)
    span = 2 * abs(display.offset(display.views - 1)) * settings.relief(geometry) * across * display.tile[0]
    return span * max(settings.focal_depth, 1 - settings.focal_depth) / (display.views - 1)


def smoothed(depth: Floats) -> Floats:
    """Depth (h, w) of 8 bits without its stairs: where nothing but stairs is, pixels move by half a level at most."""
    low, high = _extremes(depth, RAMP)
    mean = np.asarray(cv2.blur(depth, (2 * RAMP[1] + 1, 2 * RAMP[0] + 1)), np.float32)
    moved = np.clip(mean, depth - np.float32(LEVEL / 2), depth + np.float32(LEVEL / 2))
    return np.where(high - low < np.float32(3.5 * LEVEL), moved, depth)


def sharpened(depth: Floats, reach: float) -> Floats:
    """Depth (h, w) whose soft edges are steps: what lies between two surfaces is given to the nearer-valued one.

    Estimated depth and video have ramps there, which would be drawn as stretched skin. A slanted surface, whose range
    grows with its surroundings, is left as it is.

    Args:
        reach: pixels that t = 0 and t = 1 part by in the outermost view.
    """
    low, high = _extremes(depth, RAMP)
    lowest, highest = _extremes(depth, (2 * RAMP[0], 2 * RAMP[1]))
    step = high - low
    across = np.abs(np.diff(depth, axis=1, append=depth[:, -1:]))
    edge = (step * reach > RAMP_LEAST_PX) & (highest - lowest < 1.5 * step)
    # where one pixel makes most of the step, it is one already
    edge &= _extremes(across, RAMP)[1] < 0.7 * step
    return np.where(edge, np.where(depth - low < high - depth, low, high), depth)


def _depth(depth: Floats, size: tuple[int, int], reach: float) -> tuple[Floats, float, float]:
    """Depth of a part of a picture in another (width, height); from where on two surfaces are; and the stretch.

    Depth is mended where it has fewest pixels, and picked, never mixed, across an edge: between two surfaces there is
    nothing.
    """
    coarse = (min(size[0], depth.shape[1]), min(size[1], depth.shape[0]))
    stretch = size[0] / coarse[0]
    finest = LEVEL if _has_levels(depth) else 0.0
    depth = _scaled(depth, coarse, cv2.INTER_NEAREST_EXACT)
    if finest:
        depth = smoothed(depth)
    depth = sharpened(depth, reach / stretch)
    apart = max(stretch / max(reach, 1.0), LEVELS_APART * finest)  # a pixel of the coarser of the two
    if coarse == size:
        return depth, apart, stretch
    cut = (_beside_jumps(depth, apart) | _beside_jumps(np.ascontiguousarray(depth.T), apart).T).astype(np.float32)
    cut = _extremes(cut, (1, 1))[1]  # interpolation looks across corners, too
    picked, mixed = (_scaled(depth, size, method) for method in (cv2.INTER_NEAREST_EXACT, cv2.INTER_LINEAR))
    return np.where(_scaled(cut, size, cv2.INTER_NEAREST_EXACT) > 0, picked, mixed), apart, stretch


def _beside_jumps(depth: Floats, apart: float) -> NDArray[np.bool_]:
    """Pixels on both sides of a jump of depth along a row."""
    jumps = np.zeros(depth.shape, np.bool_)
    find_jumps(depth, np.float32(apart), jumps)
    jumps[:, 1:] |= jumps[:, :-1].copy()
    return jumps


def _has_levels(depth: Floats) -> bool:
    """Whether depth came from 8 bits."""
    levels = depth[::3, ::3] / np.float32(LEVEL)
    return bool(np.abs(levels - np.rint(levels)).max() < 1e-2)


def _extremes(depth: Floats, reach: tuple[int, int]) -> tuple[Floats, Floats]:
    kernel = np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), np.uint8)
    return np.asarray(cv2.erode(depth, kernel), np.float32), np.asarray(cv2.dilate(depth, kernel), np.float32)


def _color(part: Floats, size: tuple[int, int]) -> Floats:
    # area where it shrinks: what a pixel sees; linear where it grows: no overshoot at edges
    smaller = (min(size[0], part.shape[1]), min(size[1], part.shape[0]))
    return _scaled(_scaled(part, smaller, cv2.INTER_AREA), size, cv2.INTER_LINEAR)


def _scaled(part: Floats, size: tuple[int, int], method: int) -> Floats:
    if (part.shape[1], part.shape[0]) == size:
        return part
    return np.asarray(cv2.resize(part, size, interpolation=method), np.float32)


def _shares(shape: tuple[int, int], display: LookingGlass, settings: ViewSettings, fit: Fit) -> tuple[float, float]:
    """How much of the display's width and height the whole picture would take."""
    source = shape[1] / shape[0]
    if (fit == "crop") == (source > display.aspect):
        across, down = source / display.aspect, 1.0
    else:
        across, down = 1.0, display.aspect / source
    return across * settings.zoom, down * settings.zoom


def _window(pixels: int, grid: int, share: float) -> tuple[slice, slice]:
    """Which pixels of the picture are shown, and where on the grid, along one axis, when all take `share` of it."""
    if share >= 1:
        seen = max(1, round(pixels / share))
        start = (pixels - seen) // 2
        return slice(start, start + seen), slice(0, grid)
    taken = max(1, round(grid * share))
    start = (grid - taken) // 2
    return slice(0, pixels), slice(start, start + taken)
