"""Depth as a network or a sensor would give it of a rendered scene, and how dark a hologram is along depth edges."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from holodriver.scene.stack import FocalStack

Floats = NDArray[np.float32]

JUMP = 0.1
"""Step of normalised depth between neighbours that counts as an edge."""

REACH_PX = 3
"""How far from an edge its pixels lie."""

DARK = 0.5
"""Share of the all-in-focus intensity below which a pixel is a part of a dark line."""

LEAST = 0.02
"""All-in-focus intensity below which a pixel is too dark in itself to tell."""


@dataclass(frozen=True)
class DepthErrors:
    """What is wrong with a depth map, in pixels and in normalised depth."""

    smear: float = 1.5
    """σ (px) with which edges are washed out, as networks do: depths that are nowhere in the scene."""
    astray: float = 2.0
    """σ (px) by which edges lie beside those of the picture."""
    bias: float = 0.03
    """σ of slow errors, over tens of pixels."""
    grain: float = 0.015
    """σ of the noise from pixel to pixel."""
    levels: int = 255
    """Steps of the file that it comes in."""


def noisy(depth: Floats, errors: DepthErrors, seed: int) -> Floats:
    """A true depth map (H, W), normalised, with errors."""
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
"""What a monocular network adds: everything is there, smeared, and the layout bends."""

BASELINE = 0.06
"""By how much the nearest plane lies shifted in the second view of a depth camera, of the picture's width."""

DARKNESS = 0.015
"""Intensity below which a surface gives a depth camera too little light back."""


def measured(depth: Floats, light: Floats, seed: int) -> Floats:
    """A true depth map (H, W) as a depth camera has it: not a number where it sees nothing.

    Holes are what its second eye (or its lamp) at the side does not see, what is too dark, and specks; at edges
    pixels fly between front and rear, as all of them mix the light that falls on one pixel.

    Args:
        depth: normalised depth, linear in inverse distance.
        light: all-in-focus intensity (C, H, W).
        seed: of specks and noise.
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
    """Pixels (H, W) within `REACH_PX` of a jump of depth, a border left out."""
    near = maximum_filter(depth, 3) - minimum_filter(depth, 3) > JUMP
    found = maximum_filter(near, 2 * REACH_PX - 1)
    found[:border] = found[-border:] = found[:, :border] = found[:, -border:] = False
    return found


def in_focus(images: NDArray[np.floating], stack: FocalStack) -> Floats:
    """Of the pictures (N, C, H, W) of all planes, at each pixel that of the plane at its true depth: (C, H, W)."""
    plane = np.abs(stack.positions[:, None, None] - stack.all_in_focus_depth).argmin(0)
    return np.take_along_axis(images, plane[None, None], 0)[0].astype(np.float32)


@dataclass(frozen=True)
class EdgeLight:
    """How bright a hologram is along depth edges, each place in focus."""

    mean: float
    """Mean intensity as a share of that of the all-in-focus image."""
    dark: float
    """Share of the pixels with less than half of the all-in-focus intensity."""
    elsewhere: float
    """The same share away from edges."""


def edge_light(images: NDArray[np.floating], stack: FocalStack) -> EdgeLight:
    """Judge the pictures (N, C, H, W) of all planes against an exposed stack; intensity is the mean of the colours.

    Where a scene has no edges, its light there is taken to be right.
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
    """Of those that are true; 0 of none at all."""
    return float(which.mean()) if which.size else 0.0


def darkest(images: NDArray[np.floating], stack: FocalStack, side: int) -> tuple[int, int]:
    """Top and left of the square with the most dark pixels along edges."""
    band = edges(stack.all_in_focus_depth, max(int(np.ceil(stack.coc_max / 2)), side // 2))
    light, true = in_focus(images, stack).mean(0), stack.all_in_focus.mean(0)
    dark = (band & (true > LEAST) & (light < DARK * true)).astype(np.float32)
    count = cv2.boxFilter(dark, -1, (side, side), normalize=False)
    half = side // 2
    rows, columns = count.shape
    inside = count[half : rows - half, half : columns - half]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(y), int(x)
