"""Depth of pictures: predictions at several sizes, mirrored, and by several networks are fused and refined."""

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
"""Default lengths of the longer side at which the networks see a picture, pixels."""

LEAST_SIZE, MOST_SIZE = 32, 8192

RANGE = (2.0, 98.0)
"""Percentiles of inverse depth that become black and white: values beyond them are often wrong."""


@dataclass(frozen=True)
class DepthSettings:
    """Settings of the depth estimation.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    sizes: tuple[int, ...] = SIZES
    """Lengths of the longer side at which the networks see the picture, pixels; the first gives the layout."""
    tta: bool = False
    """Whether the mirrored picture is estimated, too (test-time augmentation)."""
    refiner: Refiner = DEFAULT
    strength: float = 1.0
    """Share of the refined depth in the result."""
    invert: bool = False
    """Whether near and far are exchanged, for networks with reversed output."""

    def __post_init__(self) -> None:
        if not self.sizes:
            raise InputError("sizes are empty, expected one or more")
        for size in self.sizes:
            check("size", size, numbers(LEAST_SIZE, MOST_SIZE, whole=True, kind="pixels"))
        check("refiner", self.refiner, one_of(*METHODS))
        check("refine strength", self.strength, numbers(0, 1))
        object.__setattr__(self, "sizes", tuple(sorted(set(self.sizes))))

    def as_dict(self) -> dict[str, Any]:
        """Fields as plain values."""
        return {**asdict(self), "sizes": list(self.sizes)}


def estimate(pictures: Sequence[Picture], estimators: Sequence[Estimator], settings: DepthSettings) -> list[Floats]:
    """Estimate inverse depth (h, w), larger is nearer, of pictures of one size, at the finest of the networks' sizes.

    Args:
        pictures: (H, W, 3) sRGB.
        estimators: one or more estimators; their fused estimates are aligned and averaged.
        settings: settings of the estimation.

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
    """Inverse depths that become 0 and 1; percentiles, so that a few extreme pixels do not matter."""
    low, high = np.percentile(inverse, RANGE)
    return float(low), float(high)


def is_flat(low: float, high: float) -> bool:
    """Whether a range of inverse depth is so small that it holds no depth."""
    return high - low <= 1e-6 * max(abs(low), abs(high), 1e-6)


def to_range(low: float, high: float, *, invert: bool = False) -> Affine:
    """Map of inverse depth to 0 (far) … 1 (near); a flat depth becomes ½."""
    if is_flat(low, high):
        return Affine(0.0, 0.5)
    sign = -1.0 if invert else 1.0
    scale = sign / (high - low)
    return Affine(scale, 0.5 - scale * (low + high) / 2)


def finished(inverse: Floats, picture: Picture, settings: DepthSettings, unit: Affine) -> Floats:
    """Refined nearness (H, W), 0 far … 1 near, at the size of the picture.

    Args:
        inverse: inverse depth (h, w) from `estimate`.
        picture: (H, W, 3).
        settings: settings of the refinement.
        unit: map to 0 … 1, see `to_range`.
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
    """Mean of two predictions; mirroring keeps the distribution, so mean and deviation align them."""
    back = mirrored[:, ::-1]
    scale = plain.std() / max(float(back.std()), 1e-12)
    return ((plain + plain.mean() + scale * (back - back.mean())) / 2).astype(np.float32)


def _largest(shape: tuple[int, int], size: int) -> tuple[int, int]:
    """Largest size (h, w) of a picture that any network sees."""
    scale = min(1.0, 2 * size / max(shape), max(1.0, max(shape) / (4 * min(shape))) * 2 * size / max(shape))
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))
