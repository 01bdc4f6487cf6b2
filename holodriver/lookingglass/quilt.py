"""Quilts from colour and depth: the views of a Looking Glass, warped from one picture."""

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.files.quilt import QuiltCanvas
from holodriver.lookingglass.choices import Fit
from holodriver.lookingglass.grid import FINE, working_grid
from holodriver.lookingglass.parallax import Geometry, ViewSettings
from holodriver.lookingglass.warp import NOTHING, find_jumps, go_on_behind, part_rims, render_view
from holodriver.optics.colour import srgb_encode
from holodriver.optics.lookingglass import LookingGlass
from holodriver.progress import Progress, silent
from holodriver.scene.rgbd import RgbdImage

RIM = 1.3
"""Number of pixels of the picture on each side of a silhouette whose colour is taken for a mixture."""

WIDEST_RIM = 12
"""Largest width of a rim, pixels of the working grid; a wider one would exceed its object."""

BLEND = (3, 5)
"""Size, pixels and rows of the working grid, of the blur on surfaces continued behind objects."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layers:
    """A picture prepared for warping: the visible layer, and the layer behind it."""

    color: Floats
    """Linear light (h, W, 3)."""
    depth: Floats
    """Normalised depth (h, W); `NOTHING` where only a soft rim exists."""
    jumps: NDArray[np.bool_]
    """Jumps (h, W): true if surfaces end between neighbours x and x + 1."""
    soft: Floats
    """Linear light (h, W, 3) of the rims of objects, which let light from behind through."""
    soft_depth: Floats
    """Normalised depth (h, W) of the rims."""
    soft_alpha: Floats
    """Opacity (h, W) of the rims, 0 … 1."""
    tolerance: float
    """Largest difference of depth within one surface."""
    behind: Floats
    """Linear light (h, W + 2·border, 3) of the layer behind."""
    behind_depth: Floats
    """Normalised depth (h, W + 2·border) of the layer behind; `NOTHING` where it is empty."""
    border: int
    """Number of pixels by which the layer behind is wider on each side."""
    reach: float
    """Distance by which t = 0 and t = 1 separate in the outermost view, pixels."""
    focus: float
    """Normalised depth that does not move from view to view."""


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
    """Draw all views of a picture with depth as the tiles of a quilt.

    Args:
        image: picture with depth.
        display: display that sets the views and their size.
        settings: depthiness, focus and zoom.
        geometry: geometry of the picture's camera, if it is known; depthiness 1 then gives the views that the camera
            would see.
        fit: treatment of a picture with another aspect.
        canvas: canvas of this display that is used again, for video; None: a new one.
        progress: called for each view.

    Returns:
        the quilt, which is `canvas` if one was given.
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
    """Put the picture on the working grid of a display, cut it at its silhouettes, and continue it behind them.

    Raises:
        InputError: near and far would separate by more than ten picture widths.
    """
    grid = working_grid(image, display, settings, geometry, fit)
    color, depth, reach = grid.color, grid.depth, grid.reach
    height, width = depth.shape
    jumps = np.zeros((height, width), np.bool_)
    find_jumps(depth, np.float32(grid.apart), jumps)
    tolerance = np.float32(max(2 / max(reach, 2.0), grid.apart))
    solid, solid_depth = np.empty_like(color), np.empty_like(depth)
    soft, soft_depth, soft_alpha = np.zeros_like(color), np.zeros_like(depth), np.zeros_like(depth)
    rim, rim_rows = (min(math.ceil(RIM * stretch), WIDEST_RIM) for stretch in grid.stretch)
    part_rims(color, depth, jumps, rim, rim_rows, tolerance, solid, solid_depth, soft, soft_depth, soft_alpha)
    border = math.ceil(reach * max(grid.focus, 1 - grid.focus)) + 2
    behind = np.zeros((height, width + 2 * border, 3), np.float32)
    behind_depth = np.full((height, width + 2 * border), NOTHING, np.float32)
    go_on_behind(solid, depth, jumps, np.float32(reach), border, behind, behind_depth)
    behind = _calmed(behind, behind_depth)
    return Layers(
        color=solid,
        depth=solid_depth,
        jumps=jumps,
        soft=soft,
        soft_depth=soft_depth,
        soft_alpha=soft_alpha,
        tolerance=float(tolerance),
        behind=behind,
        behind_depth=behind_depth,
        border=border,
        reach=reach,
        focus=grid.focus,
    )


def _calmed(behind: Floats, depth: Floats) -> Floats:
    """Second layer with neighbouring rows slightly blended, because each was continued on its own."""
    there = (depth >= 0).astype(np.float32)
    total = np.asarray(cv2.blur(behind, BLEND), np.float32)  # `behind` is 0 where it is empty
    share = np.asarray(cv2.blur(there, BLEND), np.float32)
    return np.where(there[..., None] > 0, total / np.maximum(share, 1e-6)[..., None], 0)


def draw_views(layers: Layers, display: LookingGlass, canvas: QuiltCanvas, *, progress: Progress = silent) -> None:
    """Draw all views into their tiles, several in parallel."""
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
        gain: distance by which t = 0 and t = 1 separate in the view, working pixels; positive: far things move right.
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
