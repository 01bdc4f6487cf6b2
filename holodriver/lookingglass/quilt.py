"""Quilts from colour and depth: the views of a Looking Glass, warped from one picture."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.quilt import QuiltCanvas
from holodriver.lookingglass.parallax import Geometry, ViewSettings
from holodriver.lookingglass.warp import NOTHING, find_jumps, go_on_behind, part_rims, render_view
from holodriver.optics.colour import srgb_encode
from holodriver.optics.lookingglass import LookingGlass
from holodriver.progress import Progress, silent
from holodriver.scene.rgbd import RgbdImage

Fit = Literal["crop", "pad"]
"""A picture of another aspect than the display's is cropped to it, or shown whole between black bars."""

FINE = 3
"""Samples of a row in each pixel of a view: places between pixels, and smooth silhouettes."""

RIM = 2
"""Working pixels on both sides of a silhouette whose colour is not trusted."""

LEVEL = 1 / 255
"""Step of depth in 8 bits."""

RAMP = (2, 5)
"""Rows and working pixels on each side in which a soft edge of depth is made a step."""

RAMP_LEAST_PX = 3.0
"""Working pixels that the two sides of such an edge part by at least in the outermost view."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layers:
    """A picture made ready for warping: what is seen, and what goes on behind it."""

    color: Floats
    """(h, W, 3), linear light."""
    depth: Floats
    """(h, W), normalised; `NOTHING` where only the soft rim is."""
    jumps: NDArray[np.bool_]
    """(h, W): pairs of neighbours x, x + 1 between which surfaces end."""
    soft: Floats
    """(h, W, 3): rims of objects, which let through what is behind."""
    soft_depth: Floats
    """(h, W)"""
    soft_alpha: Floats
    """(h, W), 0 … 1"""
    tolerance: float
    """Difference of depth that still is one surface."""
    behind: Floats
    """(h, W + 2·border, 3)"""
    behind_depth: Floats
    """(h, W + 2·border); `NOTHING` where there is nothing."""
    border: int
    reach: float
    """Pixels that t = 0 and t = 1 part by in the outermost view."""
    focus: float
    """Normalised depth that stays."""


def make_quilt(
    image: RgbdImage,
    display: LookingGlass,
    settings: ViewSettings = ViewSettings(),  # noqa: B008  (frozen)
    *,
    geometry: Geometry | None = None,
    fit: Fit = "crop",
    canvas: QuiltCanvas | None = None,
    progress: Progress = silent,
) -> QuiltCanvas:
    """All views of a picture with depth, as the tiles of a quilt.

    Args:
        image: picture and depth.
        display: which views, and how large.
        settings: depthiness, focus and zoom.
        geometry: of the picture's camera, if it is known; depthiness 1 then gives the views that the camera would have
            taken from there.
        fit: what becomes of a picture of another aspect.
        canvas: one of this display to draw into again, as for video.
        progress: called for each view.

    Returns:
        the quilt; the same `canvas` if one was given.
    """
    canvas = canvas or QuiltCanvas(display)
    layers = make_layers(image, display, settings, geometry=geometry, fit=fit)
    draw_views(layers, display, canvas, progress=progress)
    return canvas


def make_layers(
    image: RgbdImage,
    display: LookingGlass,
    settings: ViewSettings,
    *,
    geometry: Geometry | None = None,
    fit: Fit = "crop",
) -> Layers:
    """The picture on the working grid of a display, cut at its silhouettes and continued behind them.

    Raises:
        InputError: things would move by more than ten pictures.
    """
    color, depth, reach = fitted(image, display, settings, geometry, fit)
    return _layers(color, depth, reach, settings.focal_depth)


def fitted(
    image: RgbdImage, display: LookingGlass, settings: ViewSettings, geometry: Geometry | None, fit: Fit = "crop"
) -> tuple[Floats, Floats, float]:
    """Colour (h, W, 3) and depth (h, W) on the working grid, `FINE` times as wide as a view, and what moves on it.

    Returns:
        colour, depth, and the pixels that t = 0 and t = 1 part by in the outermost view.

    Raises:
        InputError: things would move by more than ten pictures.
    """
    width, height = display.tile
    fine = width * FINE
    across, down = _shares(image.shape, display, settings, fit)
    reach = abs(display.offset(display.views - 1)) * settings.relief(geometry) * across * fine
    if reach > 10 * fine:
        raise InputError(
            f"the nearest and the farthest thing would part by {reach / fine:.1f} pictures",
            remedy="take a smaller depthiness or view cone",
        )
    color, depth = _fitted(image, (height, fine), across, down, settings.focal_depth)
    return color, depth, reach


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


def _shares(shape: tuple[int, int], display: LookingGlass, settings: ViewSettings, fit: Fit) -> tuple[float, float]:
    """How much of the display's width and height the whole picture would take."""
    source = shape[1] / shape[0]
    if (fit == "crop") == (source > display.aspect):
        across, down = source / display.aspect, 1.0
    else:
        across, down = 1.0, display.aspect / source
    return across * settings.zoom, down * settings.zoom


def _fitted(
    image: RgbdImage, shape: tuple[int, int], across: float, down: float, focal_depth: float
) -> tuple[Floats, Floats]:
    """Colour (h, W, 3) and depth (h, W) of the middle of the picture, which takes across × down of the grid."""
    height, width = shape
    h, w = image.shape
    rows, place_y = _window(h, height, down)
    columns, place_x = _window(w, width, across)
    inner = (place_x.stop - place_x.start, place_y.stop - place_y.start)
    part = np.ascontiguousarray(image.color[:, rows, columns].transpose(1, 2, 0))
    shrinks = inner[0] <= part.shape[1] and inner[1] <= part.shape[0]
    color = np.zeros((height, width, 3), np.float32)
    depth = np.full((height, width), np.float32(focal_depth))
    # area: what a smaller picture's pixels see; linear: no overshoot at edges
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    color[place_y, place_x] = _resized(part, inner, method)
    # depth is picked, never mixed: between two surfaces there is nothing
    depth[place_y, place_x] = cv2.resize(image.depth[rows, columns], inner, interpolation=cv2.INTER_NEAREST_EXACT)
    return color, depth.clip(0, 1)


def _resized(part: Floats, size: tuple[int, int], method: int) -> Floats:
    if method == cv2.INTER_LINEAR and size[1] < part.shape[0]:  # finer across, coarser down
        part = _scaled(part, (part.shape[1], size[1]), cv2.INTER_AREA)
    elif method == cv2.INTER_LINEAR and size[0] < part.shape[1]:
        part = _scaled(part, (size[0], part.shape[0]), cv2.INTER_AREA)
    return _scaled(part, size, method)


def _scaled(part: Floats, size: tuple[int, int], method: int) -> Floats:
    return np.asarray(cv2.resize(part, size, interpolation=method), np.float32)


def _window(pixels: int, grid: int, share: float) -> tuple[slice, slice]:
    """Which pixels of the picture are shown, and where on the grid, along one axis, when all take `share` of it."""
    if share >= 1:
        seen = max(1, round(pixels / share))
        start = (pixels - seen) // 2
        return slice(start, start + seen), slice(0, grid)
    taken = max(1, round(grid * share))
    start = (grid - taken) // 2
    return slice(0, pixels), slice(start, start + taken)


def smoothed(depth: Floats) -> Floats:
    """Depth (h, W) of 8 bits without its stairs: where nothing but stairs is, pixels move by half a level at most."""
    low, high = _extremes(depth, RAMP)
    mean = np.asarray(cv2.blur(depth, (2 * RAMP[1] + 1, 2 * RAMP[0] + 1)), np.float32)
    moved = np.clip(mean, depth - np.float32(LEVEL / 2), depth + np.float32(LEVEL / 2))
    return np.where(high - low < np.float32(3.5 * LEVEL), moved, depth)


def _has_levels(depth: Floats) -> bool:
    """Whether depth came from 8 bits."""
    levels = depth[::3, ::3] / np.float32(LEVEL)
    return bool(np.abs(levels - np.rint(levels)).max() < 1e-2)


def sharpened(depth: Floats, reach: float) -> Floats:
    """Depth (h, W) whose soft edges are steps: what lies between two surfaces is given to the nearer-valued one.

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
    between = edge & (depth - low > 0.1 * step) & (high - depth > 0.1 * step)
    return np.where(between, np.where(depth - low < high - depth, low, high), depth)


def _extremes(depth: Floats, reach: tuple[int, int]) -> tuple[Floats, Floats]:
    kernel = np.ones((2 * reach[0] + 1, 2 * reach[1] + 1), np.uint8)
    return np.asarray(cv2.erode(depth, kernel), np.float32), np.asarray(cv2.dilate(depth, kernel), np.float32)


def _layers(color: Floats, depth: Floats, reach: float, focus: float) -> Layers:
    height, width = depth.shape
    finest = LEVEL if _has_levels(depth) else 0.0
    if finest:
        depth = smoothed(depth)
    depth = sharpened(depth, reach)
    jumps = np.zeros((height, width), np.bool_)
    # two surfaces: a working pixel apart in the outermost view, or more than what 8 bits (of video: 220 levels) leave
    apart = max(1.0 / max(reach, 1.0), 2.2 * finest)
    find_jumps(depth, np.float32(apart), jumps)
    tolerance = np.float32(max(2 * apart if not finest else apart, 2.0 / max(reach, 2.0)))
    solid, solid_depth = np.empty_like(color), np.empty_like(depth)
    soft, soft_depth, soft_alpha = np.zeros_like(color), np.zeros_like(depth), np.zeros_like(depth)
    part_rims(color, depth, jumps, RIM, tolerance, solid, solid_depth, soft, soft_depth, soft_alpha)
    border = math.ceil(reach * max(focus, 1 - focus)) + 2
    behind = np.zeros((height, width + 2 * border, 3), np.float32)
    behind_depth = np.full((height, width + 2 * border), NOTHING, np.float32)
    go_on_behind(solid, depth, jumps, np.float32(reach), border, behind, behind_depth)
    return Layers(
        solid,
        solid_depth,
        jumps,
        soft,
        soft_depth,
        soft_alpha,
        float(tolerance),
        behind,
        behind_depth,
        border,
        reach,
        focus,
    )


def draw_views(layers: Layers, display: LookingGlass, canvas: QuiltCanvas, *, progress: Progress = silent) -> None:
    """Draw all views into their tiles, several at a time."""
    outermost = abs(display.offset(display.views - 1))
    stage = "warping views"
    progress(stage, 0, display.views)

    def draw(view: int) -> None:
        gain = layers.reach * display.offset(view) / outermost
        draw_view(layers, gain, canvas.tile(view))

    with ThreadPoolExecutor(os.cpu_count() or 1, "views") as pool:
        for done, _ in enumerate(pool.map(draw, range(display.views)), 1):
            progress(stage, done, display.views)


def draw_view(layers: Layers, gain: float, tile: NDArray[np.uint8]) -> None:
    """Draw one view into `tile` (h, w, 3).

    Args:
        gain: working pixels that t = 0 and t = 1 part by in it; positive: what is farther moves to the right.
    """
    render_view(
        layers.color,
        layers.depth,
        layers.jumps,
        layers.soft,
        layers.soft_depth,
        layers.soft_alpha,
        np.float32(layers.tolerance),
        layers.behind,
        layers.behind_depth,
        layers.border,
        np.float32(gain),
        np.float32(layers.focus),
        FINE,
        _levels(),
        tile,
    )


@cache
def _levels() -> NDArray[np.uint8]:
    """sRGB levels of linear light in steps of 1/65535."""
    return np.rint(srgb_encode(np.arange(65536) / 65535) * 255).astype(np.uint8)
