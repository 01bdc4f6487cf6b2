"""What bench_depth.py measures with: a frozen simulated estimator, and the field's scores.

The simulated estimator knows the exact inverse depth of each picture and spoils it as a network does, differently at
each size: features at half the network's resolution, blur, a slow bias that grows with size (a network trained at 384
loses the layout of what it sees larger), noise, and an affine map that nobody knows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.depth.size import network_size

Floats = NDArray[np.float32]

MULTIPLE = 32
GRID = 2  # pixels of the network a feature
BLUR = 1.5  # standard deviation, features
BIAS_AT_384 = 0.035  # standard deviation, of the depth range
NOISE = 0.015  # standard deviation, of the depth range
NATIVE = 384


class SimulatedEstimator:
    """Stands for a network whose pictures are known; the same picture at the same size gives the same answer."""

    name = "simulated"

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self._known: dict[bytes, tuple[int, Floats]] = {}

    def learn(self, picture: NDArray[np.uint8], inverse: Floats) -> None:
        """Remember the exact inverse depth of a picture and of its mirror image."""
        number = len(self._known)
        self._known[_digest(picture)] = number, inverse
        self._known[_digest(picture[:, ::-1])] = number + 1, np.ascontiguousarray(inverse[:, ::-1])

    def predict(self, pictures: Sequence[NDArray[np.uint8]], long_side: int) -> list[Floats]:
        """Spoilt inverse depth (h, w) of each picture."""
        return [self._spoilt(*self._known[_digest(picture)], long_side) for picture in pictures]

    def _spoilt(self, number: int, inverse: Floats, long_side: int) -> Floats:
        rng = np.random.default_rng([self.seed, number, long_side])
        height, width = network_size((inverse.shape[0], inverse.shape[1]), long_side, MULTIPLE)
        grid = (width // GRID, height // GRID)
        low, high = np.percentile(inverse, (2, 98))
        values = cv2.GaussianBlur(cv2.resize(inverse, grid, interpolation=cv2.INTER_AREA), (0, 0), BLUR)
        slow = cv2.resize(rng.standard_normal((4, 6)).astype(np.float32), grid, interpolation=cv2.INTER_CUBIC)
        values = values + (high - low) * BIAS_AT_384 * long_side / NATIVE * slow
        grain = cv2.GaussianBlur(rng.standard_normal(grid[::-1]).astype(np.float32), (0, 0), 1.0)
        values = values + (high - low) * NOISE / 0.28 * grain  # the blur leaves 0.28 of the deviation
        scale, shift = np.exp(rng.normal(0, 0.1)), rng.normal(0, 0.1)
        return cv2.resize((scale * values + shift).astype(np.float32), (width, height))


def _digest(picture: NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=16).digest()


@dataclass(frozen=True)
class Scores:
    """How good an inverse depth is, after the affine map that fits the truth best in the mean."""

    abs_rel: float
    delta_1: float
    boundary_f1: float
    edge_abs_rel: float


def aligned(inverse: Floats, truth: Floats) -> Floats:
    """`inverse` mapped to `truth` by ordinary least squares in inverse depth, as the field's benchmarks do."""
    x, y = inverse.astype(np.float64), truth.astype(np.float64)
    scale = ((x - x.mean()) * (y - y.mean())).mean() / max(x.var(), 1e-20)
    return np.maximum(scale * (x - x.mean()) + y.mean(), 0.02 * y.max()).astype(np.float32)


def score(inverse: Floats, truth: Floats) -> Scores:
    """Scores of an inverse depth (H, W), up to scale and shift, against the exact one."""
    depth, exact = np.float32(1) / aligned(inverse, truth), np.float32(1) / truth
    relative = np.abs(depth - exact) / exact
    band = edge_band(exact)
    return Scores(
        float(relative.mean()),
        float((np.maximum(depth / exact, exact / depth) < 1.25).mean()),
        boundary_f1(depth, exact),
        float(relative[band].mean()),
    )


def edge_band(depth: Floats, ratio: float = 1.1, width: int = 9) -> NDArray[np.bool_]:
    """Pixels near a step of the depth by more than `ratio`."""
    step = np.zeros(depth.shape, np.uint8)
    for axis in (0, 1):
        steps = np.abs(np.diff(np.log(depth), axis=axis)) > np.log(ratio)
        step[: steps.shape[0], : steps.shape[1]] |= steps.astype(np.uint8)
    return cv2.dilate(step, np.ones((width, width), np.uint8)) > 0


def boundary_f1(depth: Floats, exact: Floats) -> float:
    """Scale-invariant boundary F1 (Bochkovskii et al., "Depth Pro", 2024, section 3.2)."""
    thresholds = np.linspace(1.05, 1.25, 10)
    weights = thresholds / thresholds.sum()
    total = 0.0
    for threshold, weight in zip(thresholds, weights, strict=True):
        recall = precision = 0.0
        for found, true in zip(_boundaries(depth, threshold), _boundaries(exact, threshold), strict=True):
            both = (found & true).sum()
            recall += both / max(true.sum(), 1) / 4
            precision += both / max(found.sum(), 1) / 4
        if recall + precision > 0:
            total += weight * 2 * recall * precision / (recall + precision)
    return float(total)


def _boundaries(depth: Floats, threshold: float) -> list[NDArray[np.bool_]]:
    across, down = depth[:, 1:] / depth[:, :-1], depth[1:] / depth[:-1]
    return [across > threshold, 1 / across > threshold, down > threshold, 1 / down > threshold]
