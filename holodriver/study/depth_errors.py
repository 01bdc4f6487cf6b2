"""Simulated errors of depth from networks and depth cameras, and the darkness of holograms along depth edges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from holodriver.scene.stack import FocalStack

Floats = NDArray[np.float32]

JUMP = 0.1
"""Smallest step of normalised depth between neighbouring pixels that counts as an edge."""

REACH_PX = 3
"""Largest distance of a pixel from a depth edge to count as on the edge, pixels."""

DARK = 0.5
"""Share of the all-in-focus intensity below which a pixel counts as dark."""

LEAST = 0.02
"""Smallest all-in-focus intensity of pixels that are judged."""


@dataclass(frozen=True)
class DepthErrors:
    """Errors of a depth map, in pixels and in normalised depth."""

    smear: float = 1.5
    """Standard deviation of the blur of edges, pixels; as with networks, it makes depths that no surface has."""
    astray: float = 2.0
    """Standard deviation of the displacement of edges, pixels."""
    bias: float = 0.03
    """Standard deviation of errors that change slowly, over tens of pixels, normalised depth."""
    grain: float = 0.015
    """Standard deviation of the noise of single pixels, normalised depth."""
    levels: int = 255
    """Number of steps to which the depth range is rounded."""


def noisy(depth: Floats, errors: DepthErrors, seed: int) -> Floats:
    """A true map (H, W) of normalised depth with added errors."""
    rng = np.random.default_rng(seed)

    def slow(over: float) -> Floats:
        field = gaussian_filter(rng.standard_normal(depth.shape).astype(np.float32), over, mode="wrap")
        return field / field.std()

    rows, columns = np.indices(depth.shape, np.float32)
    moved = cv2.remap(
        depth,
        columns + errors.astray * slow(8),
        rows + errors.astray * slow(8),
        cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_REFLECT,
    )
    smeared = gaussian_filter(moved, errors.smear)
    grain = errors.grain * rng.standard_normal(depth.shape).astype(np.float32)
    value = np.clip(smeared + errors.bias * slow(30) + grain, 0, 1)
    return (np.rint(value * errors.levels) / errors.levels).astype(np.float32)


MONOCULAR = DepthErrors(smear=2.5, astray=2.5, bias=0.05, grain=0.0, levels=65535)
"""Errors of a monocular network: no holes, but blurred edges and slow errors."""

BASELINE = 0.06
"""Shift of the nearest plane between the two views of a depth camera, as a share of the picture's width."""

DARKNESS = 0.015
"""Smallest intensity of a surface that a depth camera can measure."""


def measured(depth: Floats, light: Floats, seed: int) -> Floats:
    """A depth map (H, W) with the errors of a depth camera; not a number in holes.

    Holes are surfaces that the camera's second lens (or its lamp) cannot see, dark surfaces, and random specks. At
    edges, pixels have depths between front and rear, because each pixel mixes the light that falls on it.

    Args:
        depth: true normalised depth (H, W), linear in inverse distance.
        light: all-in-focus intensity (C, H, W).
        seed: seed of specks and noise.
    """
    rng = np.random.default_rng(seed)
    width = depth.shape[1]
    shifted = np.arange(width) + BASELINE * width * (1 - depth)
    hidden = np.maximum.accumulate(shifted, 1) > shifted + 0.5
    grain = gaussian_filter(rng.standard_normal(depth.shape), 1.5)
    specks = grain > 2.6 * grain.std()
    found = gaussian_filter(depth, 0.7) + 0.004 * rng.standard_normal(depth.shape)
    return np.where(hidden | specks | (light.mean(0) < DARKNESS), np.nan, found.clip(0, 1)).astype(np.float32)


def edges(depth: Floats, border: int) -> NDArray[np.bool_]:
    """Pixels (H, W) within `REACH_PX` of a jump of depth, without a border of `border` pixels."""
    near = maximum_filter(depth, 3) - minimum_filter(depth, 3) > JUMP
    found = maximum_filter(near, 2 * REACH_PX - 1)
    found[:border] = found[-border:] = found[:, :border] = found[:, -border:] = False
    return found


def in_focus(images: NDArray[np.floating], stack: FocalStack) -> Floats:
    """Picture (C, H, W) that takes each pixel from the plane at its true depth, of pictures (N, C, H, W)."""
    plane = np.abs(stack.positions[:, None, None] - stack.all_in_focus_depth).argmin(0)
    return np.take_along_axis(images, plane[None, None], 0)[0].astype(np.float32)


@dataclass(frozen=True)
class EdgeLight:
    """Brightness of a hologram along depth edges, with each pixel in focus."""

    mean: float
    """Mean intensity along edges, relative to that of the all-in-focus image."""
    dark: float
    """Share of the pixels along edges with less than half of the all-in-focus intensity."""
    elsewhere: float
    """Share of the pixels away from edges with less than half of the all-in-focus intensity."""


def edge_light(images: NDArray[np.floating], stack: FocalStack) -> EdgeLight:
    """Compare the pictures (N, C, H, W) of all planes with an exposed stack; intensity is the mean of the colours.

    For a scene without edges, `mean` is 1 and `dark` 0.
    """
    border = int(np.ceil(stack.coc_max / 2))
    band = edges(stack.all_in_focus_depth, border)
    light, true = in_focus(images, stack).mean(0), stack.all_in_focus.mean(0)
    told = true > LEAST
    inside = np.zeros_like(band)
    inside[border:-border, border:-border] = True
    along, away = band & told, inside & ~band & told
    dark = light < DARK * true
    mean = float(light[along].sum() / true[along].sum()) if along.any() else 1.0
    return EdgeLight(mean, _share(dark[along]), _share(dark[away]))


def _share(which: NDArray[np.bool_]) -> float:
    """Share of true values; 0 if there are no values."""
    return float(which.mean()) if which.size else 0.0


def darkest(images: NDArray[np.floating], stack: FocalStack, side: int) -> tuple[int, int]:
    """Top and left of the square of `side` pixels with the most dark pixels along edges."""
    band = edges(stack.all_in_focus_depth, max(int(np.ceil(stack.coc_max / 2)), side // 2))
    light, true = in_focus(images, stack).mean(0), stack.all_in_focus.mean(0)
    dark = (band & (true > LEAST) & (light < DARK * true)).astype(np.float32)
    count = cv2.boxFilter(dark, -1, (side, side), normalize=False)
    half = side // 2
    rows, columns = count.shape
    inside = count[half : rows - half, half : columns - half]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(y), int(x)
