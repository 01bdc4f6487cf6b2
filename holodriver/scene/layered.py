"""Focal stacks of layered scenes: hard-edged layers, seen from many points of a round aperture and averaged.

Seen from the point p of the aperture (|p| ≤ 1), with the focus at normalised depth f, a layer at depth t is moved by
coc_max/2 · (t − f) · p pixels, so that averaging blurs it to a disc of diameter coc_max · |t − f|. The relative
positions of layers do not depend on f. Each point's view is therefore composited once, with `SUBPIXELS`² samples a
pixel and hard alpha (the front-most sample is seen, nothing is blended), and every focal plane is this view moved as a
whole. The total light is therefore the same in all planes, except for light that crosses the picture's border.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from holodriver.errors import InputError, check, numbers
from holodriver.optics.focus import Mapping
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack

SUBPIXELS = 4
"""Samples along one side of a pixel; layers move by whole samples, which is wrong by at most 1/8 pixel."""

DEPTH_RAYS = 10
"""Number of depth samples, one ray each, in each focal plane; the front-most counts (DEH paper, Methods)."""

FEWEST_RAYS = 32
"""Smallest default number of rays."""

MEMORY = 512 * 1024**2
"""Memory that the samples of one strip of the picture may take, bytes."""

STAGE = "Making the focal stack"

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """A hard-edged part of a picture of C colours and H × W pixels, at about one depth.

    Raises:
        InputError: a field has a wrong shape, type or range; the message names it.
    """

    color: Floats
    """Linear-light intensity ≥ 0, (C, H, W); only the pixels in the mask are used."""
    mask: NDArray[np.bool_]
    """Pixels that the layer covers, (H, W)."""
    depth: Floats
    """Normalised depth, (H, W) or one number; the layer moves as a whole, by its mean depth over the mask."""
    samples: NDArray[np.bool_] | None = None
    """Samples that the layer covers, (S·H, S·W) with S = `SUBPIXELS`, so that its edges run through pixels; None: all
    samples of the mask's pixels. The mask covers every pixel that has a sample."""

    def __post_init__(self) -> None:
        for name, kind in (("color", np.float32), ("mask", np.bool_), ("depth", np.float32)):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=kind))
        if self.color.ndim != 3 or not self.color.size:
            raise InputError(f"layer field 'color' has shape {self.color.shape}, expected (C, H, W)")
        if self.mask.shape != self.shape:
            raise InputError(f"layer field 'mask' has shape {self.mask.shape}, expected {self.shape}")
        if not self.mask.any():
            raise InputError("layer field 'mask' is empty, expected at least one pixel")
        if self.depth.size == 1:
            object.__setattr__(self, "depth", np.full(self.shape, self.depth.item(), np.float32))
        if self.depth.shape != self.shape:
            raise InputError(f"layer field 'depth' has shape {self.depth.shape}, expected {self.shape} or one number")
        self._check_samples()
        light, depths = self.color[:, self.mask], self.depth[self.mask]
        if not (np.isfinite(light).all() and light.min() >= 0):
            raise InputError("layer field 'color' holds values that are negative or not finite")
        if not (depths.min() >= 0 and depths.max() <= 1):
            raise InputError(f"layer field 'depth' spans {depths.min():.4g} to {depths.max():.4g}, expected 0 to 1")

    def _check_samples(self) -> None:
        if self.samples is None:
            return
        samples = np.ascontiguousarray(self.samples, dtype=np.bool_)
        object.__setattr__(self, "samples", samples)
        height, width = self.shape
        if samples.shape != (SUBPIXELS * height, SUBPIXELS * width):
            expected = f"({SUBPIXELS * height}, {SUBPIXELS * width}), {SUBPIXELS} samples a side of a pixel"
            raise InputError(f"layer field 'samples' has shape {samples.shape}, expected {expected}")
        if (samples.reshape(height, SUBPIXELS, width, SUBPIXELS).any((1, 3)) & ~self.mask).any():
            raise InputError("layer field 'samples' covers pixels that the field 'mask' does not")

    @property
    def shape(self) -> tuple[int, int]:
        """Size (H, W), pixels."""
        return self.color.shape[1], self.color.shape[2]

    @cached_property
    def t(self) -> float:
        """Mean normalised depth of the layer, by which it moves."""
        return float(self.depth[self.mask].mean(dtype=np.float64))


@dataclass(frozen=True)
class LayeredScene:
    """A scene of layers at different depths.

    Raises:
        InputError: there is no layer, the layers have several sizes, or they are not in order of depth.
    """

    layers: tuple[Layer, ...]
    """Layers in order of depth, the nearest first; of two layers with equal depth, the earlier one is in front."""
    mapping: Mapping = "dioptric"
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise InputError("layered scene field 'layers' is empty, expected at least one")
        shapes = {layer.color.shape for layer in self.layers}
        if len(shapes) > 1:
            raise InputError(f"layered scene field 'layers' has layers of shapes {sorted(shapes)}, expected one")
        depths = [layer.t for layer in self.layers]
        if depths != sorted(depths):
            raise InputError("layered scene field 'layers' is not in order of depth, expected the nearest first")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Size of each layer (C, H, W)."""
        colours, height, width = self.layers[0].color.shape
        return colours, height, width


def aperture_rays(count: int) -> NDArray[np.float64]:
    """Points (y, x) spread evenly over the unit disc, (count, 2); each represents the same area.

    Source: H. Vogel, "A better way to construct the sunflower head", Mathematical Biosciences 44 (1979).
    """
    k = np.arange(count) + 0.5
    angle, radius = k * math.pi * (3 - math.sqrt(5)), np.sqrt(k / count)
    return np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)


def default_rays(coc_max: float) -> int:
    """Default number of rays: one for each pixel of the largest blur circle, so that it has no gaps."""
    return max(FEWEST_RAYS, math.ceil(math.pi / 4 * coc_max**2))


def focal_stack(
    scene: LayeredScene,
    positions: ArrayLike,
    coc_max: float,
    *,
    rays: int | None = None,
    device: torch.device | str = "cpu",
    memory: int = MEMORY,
    progress: Progress = silent,
) -> FocalStack:
    """The focal stack of `scene` for a camera with a round aperture, with the depth maps of each focal plane.

    Beyond its border the picture continues with the pixels at the border. Pixels without a layer are dark and far.

    Args:
        scene: layers of C colours and H × W pixels.
        positions: normalised depths (N,) of the focal planes, ascending.
        coc_max: blur circle diameter between t = 0 and t = 1, pixels.
        rays: number of points of the aperture; None: see `default_rays`.
        device: torch device.
        memory: bytes that the samples of one strip of the picture may take.
        progress: called after each ray.

    Raises:
        InputError: an argument is out of range.
    """
    planes = np.asarray(positions, dtype=np.float32)
    check("argument 'coc_max'", coc_max, numbers(above=0, kind="pixels"))
    rays = default_rays(coc_max) if rays is None else rays
    check("argument 'rays'", rays, numbers(1, whole=True))
    if planes.ndim != 1 or not planes.size or not (planes.min() >= 0 and planes.max() <= 1):
        raise InputError("argument 'positions' is not a list of normalised depths, 0 to 1")
    color, aperture = aperture_rays(rays), aperture_rays(DEPTH_RAYS)
    straight = np.zeros((1, 2))  # layers do not move for the ray through the middle of the aperture
    strips = list(_strips(scene, coc_max, memory))
    total = len(strips) * (rays + DEPTH_RAYS)
    done = count(1)

    def report() -> None:
        progress(STAGE, next(done), total)

    parts = []
    for rows in strips:
        samples = _Samples(scene, rows, coc_max, device)
        parts.append(
            (
                samples.images(color, planes, report),
                samples.depths(aperture, planes, report),
                samples.images(straight, planes[:1])[0],
                samples.depths(straight, planes[:1])[0],
            )
        )
    images, depths, sharp, sharp_depth = (np.concatenate(part, axis=-2) for part in zip(*parts, strict=True))
    provenance = {"made by": "layers averaged over an aperture", "rays": rays, "layers": len(scene.layers)}
    return FocalStack(
        images, depths, sharp, sharp_depth, planes, scene.mapping, coc_max, provenance=scene.provenance | provenance
    )


def _strips(scene: LayeredScene, coc_max: float, memory: int) -> Iterator[slice]:
    """Strips of rows whose samples fit into `memory` bytes."""
    colours, height, width = scene.shape
    reach = 4 * _reach(coc_max)  # rows and columns beyond the strip that may move into it
    bytes_a_sample = 4 * (len(scene.layers) + 6 * colours)
    rows = memory // (SUBPIXELS**2 * (width + reach) * bytes_a_sample) - reach
    rows = min(height, max(rows, reach, 1))
    for first in range(0, height, rows):
        yield slice(first, min(first + rows, height))


def _reach(coc_max: float) -> int:
    """Largest movement of a layer relative to the middle of the depth range, pixels, rounded up."""
    return math.ceil(coc_max / 4) + 1


@dataclass(frozen=True)
class _Box:
    """A layer's samples within its bounding box."""

    index: Tensor
    """Number of each sample in the table of samples; 0 for samples that the layer does not cover."""
    corner: tuple[int, int]
    t: float


class _Samples:
    """The samples of all layers over a strip of the picture, and the views of them along rays.

    Samples are numbered from the rear to the front, so that the highest number at a place is the visible sample.
    Views are moved relative to the middle of the depth range (t = 0.5), so that no movement is larger than `_reach`.
    """

    def __init__(self, scene: LayeredScene, rows: slice, coc_max: float, device: torch.device | str):
        self.reach = _reach(coc_max)
        self.radius = SUBPIXELS * coc_max / 2
        self.shape = (rows.stop - rows.start, scene.shape[2])
        self.device = device
        beyond = 2 * self.reach
        columns = np.arange(-beyond, self.shape[1] + beyond).clip(0, self.shape[1] - 1)
        lines = np.arange(rows.start - beyond, rows.stop + beyond).clip(0, scene.shape[1] - 1)
        at = (lines[:, None], columns[None])
        colors = [torch.zeros(1, scene.shape[0], device=device)]
        depths = [torch.ones(1, device=device)]
        self.boxes: list[_Box] = []
        first = 1
        for layer in reversed(scene.layers):
            mask = layer.mask[at]
            if not mask.any():
                continue
            inside = _bounds(mask)
            mask = mask[inside]
            pixels = torch.from_numpy(mask).to(device)
            color = torch.from_numpy(layer.color[:, *at][:, *inside]).to(device)
            colors.append(_sampled(color, pixels))
            depths.append(torch.from_numpy(layer.depth[at][inside][mask]).to(device).repeat_interleave(SUBPIXELS**2))
            numbers = _numbers(pixels, first)
            if layer.samples is not None:
                fine = layer.samples.reshape(layer.shape[0], SUBPIXELS, layer.shape[1], SUBPIXELS).transpose(0, 2, 1, 3)
                fine = fine[at][inside].transpose(0, 2, 1, 3).reshape(numbers.shape)
                numbers.mul_(torch.from_numpy(fine).to(device))
            self.boxes.append(_Box(numbers, (inside[0].start, inside[1].start), layer.t))
            first += len(depths[-1])
        self.color = torch.cat(colors)
        self.depth = torch.cat(depths)

    def images(self, rays: NDArray[np.float64], positions: Floats, report: Callable[[], None] = lambda: None) -> Floats:
        """Mean picture over `rays` at each focal plane, (N, C, h, w)."""
        total = torch.zeros(len(positions), *self.shape, self.color.shape[1], device=self.device)
        for ray in rays:
            seen = self._seen(ray)
            view = _window_sums(self.color.index_select(0, seen.flatten()).view(*seen.shape, -1))
            for image, focus in zip(total, positions, strict=True):
                image.add_(self._at(view, ray, float(focus)))
            report()
        total.mul_(1 / (len(rays) * SUBPIXELS**2))
        return total.permute(0, 3, 1, 2).contiguous().cpu().numpy()

    def depths(self, rays: NDArray[np.float64], positions: Floats, report: Callable[[], None] = lambda: None) -> Floats:
        """Front-most depth on `rays` through the middle of each pixel at each focal plane, (N, h, w)."""
        nearest = torch.ones(len(positions), *self.shape, device=self.device)
        for ray in rays:
            seen = self._seen(ray)
            view = self.depth.index_select(0, seen.flatten()).view(seen.shape)
            view = view[SUBPIXELS // 2 :, SUBPIXELS // 2 :]
            for depth, focus in zip(nearest, positions, strict=True):
                torch.minimum(depth, self._at(view, ray, float(focus)), out=depth)
            report()
        return nearest.cpu().numpy()

    def _seen(self, ray: NDArray[np.float64]) -> Tensor:
        """Numbers of the samples that `ray` meets first, for the strip and `reach` pixels round it."""
        height, width = (SUBPIXELS * (size + 2 * self.reach) for size in self.shape)
        canvas = torch.zeros(height, width, dtype=torch.int32, device=self.device)
        for box in self.boxes:
            move = self._move(ray, box.t)
            place, part = [], []
            for corner, step, size, limit in zip(box.corner, move, box.index.shape, canvas.shape, strict=True):
                start = SUBPIXELS * (corner - self.reach) + step
                place.append(slice(max(start, 0), min(start + size, limit)))
                part.append(slice(max(-start, 0), max(min(size, limit - start), 0)))
            if all(span.start < span.stop for span in place):
                target = canvas[tuple(place)]
                torch.maximum(target, box.index[tuple(part)], out=target)
        return canvas

    def _at(self, view: Tensor, ray: NDArray[np.float64], focus: float) -> Tensor:
        """The view with the focus at depth `focus`, one value for each pixel of the strip."""
        y, x = (SUBPIXELS * self.reach + step for step in self._move(ray, focus))
        return view[y::SUBPIXELS, x::SUBPIXELS][: self.shape[0], : self.shape[1]]

    def _move(self, ray: NDArray[np.float64], t: float) -> tuple[int, int]:
        y, x = np.rint(self.radius * (t - 0.5) * ray)
        return int(y), int(x)


def _bounds(mask: NDArray[np.bool_]) -> tuple[slice, slice]:
    lines, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return slice(int(lines[0]), int(lines[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _numbers(mask: Tensor, first: int) -> Tensor:
    """Numbers, int32 (h·S, w·S), of the samples of the pixels in `mask` (h, w), counted from `first`; 0 outside."""
    pixel = torch.cumsum(mask.flatten(), 0, dtype=torch.int32).view(mask.shape) - 1
    sample = torch.arange(SUBPIXELS**2, dtype=torch.int32, device=mask.device).view(1, SUBPIXELS, 1, SUBPIXELS)
    number = (pixel * SUBPIXELS**2 + first)[:, None, :, None] + sample
    height, width = mask.shape
    return torch.where(mask[:, None, :, None], number, 0).reshape(height * SUBPIXELS, width * SUBPIXELS)


def _sampled(color: Tensor, mask: Tensor) -> Tensor:
    """Colours (P·S², C) of the samples of the P pixels in `mask` (h, w), whose colours are `color` (C, h, w).

    Along each axis, light within a pixel follows the parabola with the means of the pixel and its two neighbours in the
    layer. The mean over the samples of a pixel is the pixel's value, so that a layer that is not moved keeps its
    values, and moving a layer adds no blur.

    Source: P. Colella and P. R. Woodward, J. Comput. Phys. 54 (1984), and the positivity limiter of X. Zhang and
    C.-W. Shu, J. Comput. Phys. 229 (2010), Eq. 2.8.
    """
    middle = color[:, mask]
    colors = torch.nn.functional.pad(color, (1, 1, 1, 1))
    there = torch.nn.functional.pad(mask, (1, 1, 1, 1))
    height, width = mask.shape
    along = torch.from_numpy(_parabola_weights()).to(color)
    samples = torch.zeros(SUBPIXELS**2, *middle.shape, device=color.device)
    for y in range(3):
        for x in range(3):
            here = (slice(y, y + height), slice(x, x + width))
            neighbour = torch.where(there[here][mask], colors[(slice(None), *here)][:, mask], middle)
            samples.add_(torch.outer(along[:, y], along[:, x]).view(-1, 1, 1) * neighbour)
    lowest = samples.amin(0)
    share = torch.where(lowest < 0, middle / (middle - lowest).clamp_min(torch.finfo(torch.float32).tiny), 1.0)
    samples.sub_(middle).mul_(share).add_(middle).clamp_min_(0)
    return samples.permute(2, 0, 1).reshape(-1, color.shape[0])


def _parabola_weights() -> NDArray[np.float64]:
    """Weights (S, 3) of the previous pixel, the pixel and the next pixel in the mean over each sample of a pixel."""
    middle = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    bend = (middle**2 + 1 / (12 * SUBPIXELS**2) - 1 / 12) / 2
    return np.stack([bend - middle / 2, 1 - 2 * bend, bend + middle / 2], 1)


def _window_sums(values: Tensor) -> Tensor:
    """Sums (h − S + 1, w − S + 1, C) over windows of S × S samples that begin at each sample."""
    for axis in (0, 1):
        size = values.shape[axis] - SUBPIXELS + 1
        total = values.narrow(axis, 0, size).clone()
        for step in range(1, SUBPIXELS):
            total.add_(values.narrow(axis, step, size))
        values = total
    return values
