"""From pictures to depth: predictions at several sizes, mirrored and by several networks, fused and refined."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holodriver.depth.choices import Refiner
from holodriver.depth.estimators import Estimator
from holodriver.depth.fusion import Affine, fuse, mean_aligned
from holodriver.depth.refine import DEFAULT, METHODS, refine
from holodriver.depth.size import Floats, Picture, resized, shrunk
from holodriver.depth.tiles import needs_tiles, predict_tiled
from holodriver.errors import InputError, check, numbers, one_of

SIZES = (384, 512, 640)
"""Long sides at which the networks see a picture, pixels."""

LEAST_SIZE, MOST_SIZE = 32, 8192

RANGE = (2.0, 98.0)
"""Percentiles of inverse depth that become black and white: what lies beyond is more often wrong than far out."""


@dataclass(frozen=True)
class DepthSettings:
    """How depth is estimated.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    sizes: tuple[int, ...] = SIZES
    """Long sides at which the networks see the picture, pixels; the first gives the layout."""
    tta: bool = False
    """Whether the mirrored picture is looked at as well (test-time augmentation)."""
    refiner: Refiner = DEFAULT
    strength: float = 1.0
    """Share of the refined depth in the result."""
    invert: bool = False
    """Whether near becomes far; for networks whose output is the other way round."""

    def __post_init__(self) -> None:
        if not self.sizes:
            raise InputError("sizes is empty, expected one or more")
        for size in self.sizes:
            check("size", size, numbers(LEAST_SIZE, MOST_SIZE, whole=True, kind="pixels"))
        check("refiner", self.refiner, one_of(*METHODS))
        check("refine strength", self.strength, numbers(0, 1))
        object.__setattr__(self, "sizes", tuple(sorted(set(self.sizes))))

    def as_dict(self) -> dict[str, Any]:
        """Fields as plain values."""
        return {**asdict(self), "sizes": list(self.sizes)}


def estimate(pictures: Sequence[Picture], estimators: Sequence[Estimator], settings: DepthSettings) -> list[Floats]:
    """Inverse depth (h, w), larger is nearer, of pictures of one size, at the finest of the networks' sizes.

    Args:
        pictures: (H, W, 3) sRGB.
        estimators: one or more, whose fused estimates are aligned and averaged.
        settings: how.

    Raises:
        HolodriverError: a network failed.
    """
    found = []
    shape = pictures[0].shape[0], pictures[0].shape[1]
    largest = _largest(shape, max(settings.sizes))
    seen = [shrunk(picture, largest) for picture in pictures]
    for estimator in estimators:
        predictions: list[list[Floats]] = [[] for _ in pictures]
        for size in settings.sizes:
            if needs_tiles(shape, size) and predictions[0]:
                for picture, done in zip(seen, predictions, strict=True):
                    done.append(_tiled(estimator, picture, size, done[-1], mirrored=settings.tta))
            else:
                for done, values in zip(predictions, _whole(estimator, seen, size, settings.tta), strict=True):
                    done.append(values)
        found.append([fuse(done, picture) for done, picture in zip(predictions, seen, strict=True)])
    return [mean_aligned([resized(one, some[0].shape) for one in some]) for some in zip(*found, strict=True)]


def percentile_range(inverse: Floats) -> tuple[float, float]:
    """The inverse depths that become 0 and 1: robust against the few pixels that are far out."""
    low, high = np.percentile(inverse, RANGE)
    return float(low), float(high)


def is_flat(low: float, high: float) -> bool:
    """Whether inverse depth of that range says nothing."""
    return high - low <= 1e-6 * max(abs(low), abs(high), 1e-6)


def to_range(low: float, high: float, *, invert: bool = False) -> Affine:
    """The map of inverse depth to 0 (far) … 1 (near); of a flat one to ½."""
    if is_flat(low, high):
        return Affine(0.0, 0.5)
    sign = -1.0 if invert else 1.0
    scale = sign / (high - low)
    return Affine(scale, 0.5 - scale * (low + high) / 2)


def finished(inverse: Floats, picture: Picture, settings: DepthSettings, unit: Affine) -> Floats:
    """Nearness (H, W), 0 far … 1 near, at the size of the picture.

    Args:
        inverse: (h, w), from `estimate`.
        picture: (H, W, 3).
        settings: how to refine.
        unit: the map to 0 … 1, see `to_range`.
    """
    return np.clip(refine(unit(inverse), picture, settings.refiner, settings.strength), 0, 1)


def _whole(estimator: Estimator, pictures: Sequence[Picture], size: int, tta: bool) -> list[Floats]:
    plain = estimator.predict(pictures, size)
    if not tta:
        return plain
    mirrored = estimator.predict([np.ascontiguousarray(picture[:, ::-1]) for picture in pictures], size)
    return [_with_mirrored(one, other) for one, other in zip(plain, mirrored, strict=True)]


def _tiled(estimator: Estimator, picture: Picture, size: int, coarse: Floats, *, mirrored: bool) -> Floats:
    plain = predict_tiled(estimator, picture, size, coarse)
    if not mirrored:
        return plain
    other_way = np.ascontiguousarray(picture[:, ::-1]), np.ascontiguousarray(coarse[:, ::-1])
    return _with_mirrored(plain, predict_tiled(estimator, other_way[0], size, other_way[1]))


def _with_mirrored(plain: Floats, mirrored: Floats) -> Floats:
    """The mean of two answers; mirroring changes no distribution, so that mean and deviation align them."""
    back = mirrored[:, ::-1]
    scale = plain.std() / max(float(back.std()), 1e-12)
    return ((plain + plain.mean() + scale * (back - back.mean())) / 2).astype(np.float32)


def _largest(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """The size (h, w) beyond which no network looks."""
    scale = min(1.0, 2 * size / max(shape), max(1.0, max(shape) / (4 * min(shape))) * 2 * size / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
