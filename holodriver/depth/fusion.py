"""Fusion of several predictions for one picture: the coarse one gives the layout, the fine ones give the detail.

Inverse depth of a relative network is known up to an affine map (Ranftl et al., "Towards robust monocular depth
estimation", TPAMI 2022, section 5), and this map differs between sizes, flips and networks: predictions are aligned
before they are averaged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.depth.size import Floats, Picture, resized, shrunk

LAYOUT = 0.05
"""Standard deviation of the Gaussian whose blur keeps only the layout, as a share of the longer side."""

EDGE_PREFERENCE = 4.0
"""Number of e-foldings by which the finest prediction outweighs the coarsest at the strongest edges."""

CONTINUED = 0.5
"""Share of the change from coarser predictions to the finest that is added again at edges. A network blurs by a fixed
number of its own pixels, so that the variance of the blur falls with the square of the size. For 384, 512 and 640
pixels, reaching zero blur would need 0.56 … 1.8 of that change; half of it gains most before noise does."""

ROUNDS = 12
"""Largest number of reweightings in a robust fit, which stops earlier if nothing changes."""

SAMPLES = 40_000
"""Largest number of pixels in a fit: more pixels change the result by less than its uncertainty."""


@dataclass(frozen=True)
class Affine:
    """Affine map y = scale · x + shift."""

    scale: float
    shift: float

    def __call__(self, values: Floats) -> Floats:
        """Apply the map to `values`."""
        return (np.float32(self.scale) * values + np.float32(self.shift)).astype(np.float32)


def fit(source: Floats, target: Floats, weights: Floats | None = None) -> Affine:
    """Fit the affine map from `source` to `target` by least squares that ignore outliers (Tukey's biweight).

    Args:
        source, target: arrays of one shape; only pixels at which both are finite are used.
        weights: weight of each pixel, ≥ 0.

    Returns:
        the map; its scale is never negative, and zero where `source` is flat.
    """
    x, y = source.ravel(), target.ravel()
    w = np.ones_like(x) if weights is None else weights.ravel()
    step = max(1, x.size // SAMPLES)
    good = np.isfinite(x[::step]) & np.isfinite(y[::step]) & (w[::step] > 0)
    return _robust(*(values[::step][good].astype(np.float64) for values in (x, y, w)))


def _robust(x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]) -> Affine:
    if not x.size:
        return Affine(0.0, 0.0)
    scale, shift = _least_squares(x, y, w)
    least = 1e-3 * float(y.std()) + 1e-12  # if nearly all points agree exactly, rounding errors are not outliers
    for _ in range(ROUNDS):
        residual = np.abs(scale * x + shift - y)
        spread = 4.685 * 1.4826 * np.median(residual) + least
        robust = w * np.clip(1 - (residual / spread) ** 2, 0, None) ** 2
        before = scale, shift
        scale, shift = _least_squares(x, y, robust)
        if np.allclose(before, (scale, shift), rtol=1e-5, atol=1e-9):
            break
    return Affine(scale, shift) if scale > 0 else Affine(0.0, float(np.average(y, weights=w)))


def _least_squares(x: NDArray, y: NDArray, w: NDArray) -> tuple[float, float]:
    total = w.sum()
    if total <= 0:
        return 0.0, float(np.median(y))
    mx, my = (w * x).sum() / total, (w * y).sum() / total
    variance = (w * (x - mx) ** 2).sum() / total
    if variance <= 1e-20 + 1e-12 * mx * mx:
        return 0.0, float(my)
    scale = float((w * (x - mx) * (y - my)).sum() / total / variance)
    return scale, float(my - scale * mx)


def mean_aligned(predictions: Sequence[Floats]) -> Floats:
    """Mean of predictions of one shape, each aligned to the first."""
    first = predictions[0]
    return np.mean([first, *(fit(other, first)(other) for other in predictions[1:])], axis=0, dtype=np.float32)


def fuse(predictions: Sequence[Floats], picture: Picture) -> Floats:
    """Fuse predictions at several sizes into one inverse depth, in the units of the first.

    Args:
        predictions: from coarse to fine, each (h, w) with its own size.
        picture: (H, W, 3) sRGB.

    Returns:
        inverse depth (h, w) with the size of the finest prediction.
    """
    coarse, finest = predictions[0], predictions[-1]
    shape = finest.shape
    base = resized(coarse, shape)
    if len(predictions) == 1:
        return base
    aligned = [base, *(_on_layout(resized(finer, shape), base) for finer in predictions[1:])]
    edges = edge_confidence(picture, aligned[-1])
    weights = [
        np.exp(EDGE_PREFERENCE * level / (len(aligned) - 1) * edges, dtype=np.float32) for level in range(len(aligned))
    ]
    mixed = sum(w * values for w, values in zip(weights, aligned, strict=True)) / sum(weights)
    gained = aligned[-1] - np.mean(aligned[:-1], axis=0, dtype=np.float32)
    sharper = CONTINUED * np.minimum(2 * edges, 1) * cv2.GaussianBlur(gained, (0, 0), 1.0)
    return (mixed + sharper).astype(np.float32)


def _on_layout(finer: Floats, base: Floats) -> Floats:
    """Replace the layout of a fine prediction by that of the coarse one."""
    finer = fit(finer, base)(finer)
    return finer + blurred(base - finer, LAYOUT * max(base.shape))


def edge_confidence(picture: Picture, depth: Floats) -> Floats:
    """Confidence, 0 … 1, that a pixel is at a depth edge: both the picture and the depth have an edge there.

    Args:
        picture: (H, W, 3), any size.
        depth: (h, w).
    """
    small = shrunk(picture, depth.shape)
    seen = np.sqrt(sum(_gradient(small[..., colour].astype(np.float32)) ** 2 for colour in range(3)))
    found = _gradient(depth)
    return np.asarray(cv2.GaussianBlur(np.sqrt(_ranked(seen) * _ranked(found)), (0, 0), 1.5), np.float32)


def _gradient(values: Floats) -> Floats:
    return np.hypot(cv2.Sobel(values, cv2.CV_32F, 1, 0), cv2.Sobel(values, cv2.CV_32F, 0, 1))


def _ranked(strength: Floats) -> Floats:
    """Strengths as a share of a strong edge in this picture, at most 1."""
    strong = float(np.percentile(strength, 97))
    return np.minimum(strength / strong, 1) if strong > 0 else np.zeros_like(strength)


def blurred(values: Floats, sigma: float) -> Floats:
    """Gaussian blur; a wide blur is computed at a smaller size, which makes no visible difference."""
    step = max(1, int(sigma / 4))
    height, width = values.shape
    small = resized(values, (max(1, height // step), max(1, width // step)))
    wide = np.asarray(cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REFLECT), np.float32)
    return resized(wide, (height, width))
