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
"""Pixels of the picture on both sides of a silhouette whose colour is not trusted."""

WIDEST_RIM = 12
"""Working pixels beyond which a rim would be wider than what it belongs to."""

BLEND = (3, 5)
"""Working pixels and rows over which what goes on behind objects is blended."""

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
    """The second layer with its rows, which were continued each for itself, a little blended."""
    there = (depth >= 0).astype(np.float32)
    total = np.asarray(cv2.blur(behind, BLEND), np.float32)  # it is 0 where nothing is
    share = np.asarray(cv2.blur(there, BLEND), np.float32)
    return np.where(there[..., None] > 0, total / np.maximum(share, 1e-6)[..., None], 0)


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
