"""Working grid of a quilt: a picture cut to a display's view, with its depth prepared for warping."""

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
"""Number of samples of a row in each pixel of a view, for positions between pixels and smooth silhouettes."""

LEVEL = 1 / 255
"""Step of depth with 8 bits."""

LEVELS_APART = 2.2
"""Largest step between neighbours of one surface, in levels of 8 bits; video has 220 levels, with gaps of two."""

RAMP = (2, 5)
"""Number of rows and columns on each side within which a soft depth edge is turned into a step."""

RAMP_LEAST_PX = 3.0
"""Least distance, pixels, by which the two sides of such an edge separate in the outermost view."""

MOST_PICTURES = 10.0
"""Largest separation of near and far, in widths of the picture; beyond it, neither can be seen."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Grid:
    """A picture on the working grid, which is `FINE` times as wide as a view, and as high."""

    color: Floats
    """Linear light (h, W, 3)."""
    depth: Floats
    """Normalised depth (h, W)."""
    reach: float
    """Distance by which t = 0 and t = 1 separate in the outermost view, pixels of the grid."""
    focus: float
    """Normalised depth that does not move from view to view."""
    apart: float
    """Difference of depth from which on neighbours belong to two surfaces."""
    stretch: tuple[float, float]
    """Pixels of the grid for each pixel of the picture: along a row (at least 1, because smaller pixels are merged) and
    across."""


def working_grid(
    image: RgbdImage, display: LookingGlass, settings: ViewSettings, geometry: Geometry | None, fit: Fit = "crop"
) -> Grid:
    """Cut the part of a picture that a display shows, and put it on the working grid.

    Raises:
        InputError: near and far would separate by more than `MOST_PICTURES`.
    """
    width, height = display.tile[0] * FINE, display.tile[1]
    across, down = _shares(image.shape, display, settings, fit)
    reach = abs(display.offset(display.views - 1)) * settings.relief(geometry) * across * width
    if reach > MOST_PICTURES * width:
        raise InputError(
            f"the nearest and the farthest thing would separate by {reach / width:.1f} widths of the picture",
            remedy="choose a smaller depthiness or view cone",
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
    """Largest movement of a thing from one view to the next, pixels of a view.

    Args:
        shape: (H, W) of the picture, pixels.
    """
    across, _ = _shares(shape, display, settings, fit)
    span = 2 * abs(display.offset(display.views - 1)) * settings.relief(geometry) * across * display.tile[0]
    return span * max(settings.focal_depth, 1 - settings.focal_depth) / (display.views - 1)


def smoothed(depth: Floats) -> Floats:
    """Depth (h, w) of 8 bits without its stairs; pixels on stairs move by half a level at most."""
    low, high = _extremes(depth, RAMP)
    mean = np.asarray(cv2.blur(depth, (2 * RAMP[1] + 1, 2 * RAMP[0] + 1)), np.float32)
    moved = np.clip(mean, depth - np.float32(LEVEL / 2), depth + np.float32(LEVEL / 2))
    return np.where(high - low < np.float32(3.5 * LEVEL), moved, depth)


def sharpened(depth: Floats, reach: float) -> Floats:
    """Depth (h, w) with soft edges turned into steps: a value between two surfaces becomes the nearer of their values.

    Estimated depth and video have ramps at edges, which would be drawn as stretched surfaces. A slanted surface, whose
    range grows with the size of its surroundings, is not changed.

    Args:
        reach: distance by which t = 0 and t = 1 separate in the outermost view, pixels.
    """
    low, high = _extremes(depth, RAMP)
    lowest, highest = _extremes(depth, (2 * RAMP[0], 2 * RAMP[1]))
    step = high - low
    across = np.abs(np.diff(depth, axis=1, append=depth[:, -1:]))
    edge = (step * reach > RAMP_LEAST_PX) & (highest - lowest < 1.5 * step)
    # an edge at which one pixel makes most of the step is sharp already
    edge &= _extremes(across, RAMP)[1] < 0.7 * step
    return np.where(edge, np.where(depth - low < high - depth, low, high), depth)


def _depth(depth: Floats, size: tuple[int, int], reach: float) -> tuple[Floats, float, float]:
    """Resize depth of a part of a picture to `size`; returns it, the difference between two surfaces, and the stretch.

    Depth is corrected at the smaller of both sizes. Across an edge it is picked, never mixed, because between two
    surfaces there is nothing.
    """
    coarse = (min(size[0], depth.shape[1]), min(size[1], depth.shape[0]))
    stretch = size[0] / coarse[0]
    finest = LEVEL if _has_levels(depth) else 0.0
    depth = _scaled(depth, coarse, cv2.INTER_NEAREST_EXACT)
    if finest:
        depth = smoothed(depth)
    depth = sharpened(depth, reach / stretch)
    apart = max(stretch / max(reach, 1.0), LEVELS_APART * finest)  # a pixel of the coarser of the two sizes
    if coarse == size:
        return depth, apart, stretch
    cut = (_beside_jumps(depth, apart) | _beside_jumps(np.ascontiguousarray(depth.T), apart).T).astype(np.float32)
    cut = _extremes(cut, (1, 1))[1]  # interpolation also uses diagonal neighbours
    picked, mixed = (_scaled(depth, size, method) for method in (cv2.INTER_NEAREST_EXACT, cv2.INTER_LINEAR))
    return np.where(_scaled(cut, size, cv2.INTER_NEAREST_EXACT) > 0, picked, mixed), apart, stretch


def _beside_jumps(depth: Floats, apart: float) -> NDArray[np.bool_]:
    """Mask of the pixels on both sides of a jump of depth along a row."""
    jumps = np.zeros(depth.shape, np.bool_)
    find_jumps(depth, np.float32(apart), jumps)
    jumps[:, 1:] |= jumps[:, :-1].copy()
    return jumps


def _has_levels(depth: Floats) -> bool:
    """Whether depth has the levels of 8 bits."""
    levels = depth[::3, ::3] / np.float32(LEVEL)
    return bool(np.abs(levels - np.rint(levels)).max() < 1e-2)


def _extremes(depth: Floats, reach: tuple[int, int]) -> tuple[Floats, Floats]:
    kernel = np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), np.uint8)
    return np.asarray(cv2.erode(depth, kernel), np.float32), np.asarray(cv2.dilate(depth, kernel), np.float32)


def _color(part: Floats, size: tuple[int, int]) -> Floats:
    # the mean area when shrinking, as a pixel sees it; linear when growing, without overshoot at edges
    smaller = (min(size[0], part.shape[1]), min(size[1], part.shape[0]))
    return _scaled(_scaled(part, smaller, cv2.INTER_AREA), size, cv2.INTER_LINEAR)


def _scaled(part: Floats, size: tuple[int, int], method: int) -> Floats:
    if (part.shape[1], part.shape[0]) == size:
        return part
    return np.asarray(cv2.resize(part, size, interpolation=method), np.float32)


def _shares(shape: tuple[int, int], display: LookingGlass, settings: ViewSettings, fit: Fit) -> tuple[float, float]:
    """Width and height of the whole picture as shares of the display's."""
    source = shape[1] / shape[0]
    if (fit == "crop") == (source > display.aspect):
        across, down = source / display.aspect, 1.0
    else:
        across, down = 1.0, display.aspect / source
    return across * settings.zoom, down * settings.zoom


def _window(pixels: int, grid: int, share: float) -> tuple[slice, slice]:
    """Slice of the picture's pixels that is shown, and its slice of the grid, along one axis; the picture takes
    `share`."""
    if share >= 1:
        seen = max(1, round(pixels / share))
        start = (pixels - seen) // 2
        return slice(start, start + seen), slice(0, grid)
    taken = max(1, round(grid * share))
    start = (grid - taken) // 2
    return slice(0, pixels), slice(start, start + taken)
