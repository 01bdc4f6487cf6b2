"""How close a reconstruction is to its target: PSNR and SSIM, plane by plane.

Scored without any fitted scale, data range 1, a border left out; conventions: MSE over the colours of one plane, PSNR
of each plane, then the mean of the decibels over planes.
"""

import math
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from holodriver.errors import InputError
from holodriver.optics.colour import srgb_encode

Image = NDArray[np.floating]

SCORES = ("psnr", "ssim", "psnr_srgb", "ssim_srgb", "lpips")
"""Names of the scores, in the order of tables."""

_SSIM_SIGMA = 1.5  # px, the window of Wang et al., IEEE Trans. Image Process. 13(4), 2004
_SSIM_RADIUS = 5  # px, an 11 × 11 window
_SSIM_K1, _SSIM_K2 = 0.01, 0.03


def psnr(image: Image, target: Image) -> float:
    """Peak signal-to-noise ratio (dB) for data range 1; infinite if equal."""
    _check_same_shape(image, target)
    error = float(np.mean((np.asarray(image, np.float64) - target) ** 2))
    return math.inf if error == 0 else -10 * math.log10(error)


def ssim(image: Image, target: Image) -> float:
    """Structural similarity for data range 1, mean over the colours of (C, H, W) images.

    Gaussian window 11 × 11 with σ = 1.5 px, population covariance, the window's radius left out at the border.

    Raises:
        InputError: shapes differ, or an image is smaller than the window.
    """
    _check_same_shape(image, target)
    if min(image.shape[-2:]) < 2 * _SSIM_RADIUS + 1:
        raise InputError(f"SSIM needs images of at least 11 × 11 pixels, got {image.shape[-2:]}")
    a, b = np.asarray(image, np.float64), np.asarray(target, np.float64)
    mean_a, mean_b = _window(a), _window(b)
    variance_a = _window(a * a) - mean_a**2
    variance_b = _window(b * b) - mean_b**2
    covariance = _window(a * b) - mean_a * mean_b
    c1, c2 = _SSIM_K1**2, _SSIM_K2**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    inside = slice(_SSIM_RADIUS, -_SSIM_RADIUS)
    return float((luminance * structure)[..., inside, inside].mean())


@dataclass(frozen=True)
class StackScores:
    """How close pictures of N focal planes come to their targets: plane by plane, on linear intensity and on
    sRGB-encoded values."""

    psnr: tuple[float, ...]
    """Peak signal-to-noise ratio of each plane, dB."""
    ssim: tuple[float, ...]
    psnr_srgb: tuple[float, ...]
    """Peak signal-to-noise ratio of each plane's sRGB-encoded values, dB."""
    ssim_srgb: tuple[float, ...]
    lpips: tuple[float, ...] | None = None
    """Perceptual distance of each plane, if it was asked for."""
    name: str = ""
    """Method or file that the pictures are from."""
    seen: str | None = None
    """What was looked at: "wave field", "panel frames"."""
    seconds: float | None = None
    """Wall time of the method's computation, if it was measured."""
    note: str | None = None
    """What a reader must know about how the pictures were made."""

    def planes(self) -> dict[str, tuple[float, ...]]:
        """The values of each score, one for each plane; LPIPS only if there is any."""
        found = {name: getattr(self, name) for name in SCORES}
        return {name: values for name, values in found.items() if values is not None}

    def means(self) -> dict[str, float]:
        """Mean over planes of each score (of the decibels, for PSNR)."""
        return {name: float(np.mean(values)) for name, values in self.planes().items()}

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files; what is not finite (planes that are equal to the last bit) becomes None."""
        return {
            "name": self.name,
            "seen": self.seen,
            "seconds": self.seconds,
            "note": self.note,
            "mean": {name: _finite(value) for name, value in self.means().items()},
            "planes": {name: [_finite(value) for value in values] for name, values in self.planes().items()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The scores that `as_dict` wrote."""
        held: dict[str, Any] = {name: values[name] for name in ("name", "seen", "seconds", "note")}
        for name, planes in values["planes"].items():
            held[name] = tuple(math.inf if value is None else value for value in planes)
        return cls(**held)


def score_stack(images: Image, targets: Image, *, coc_max: float) -> StackScores:
    """Score reconstructed planes (N, C, H, W) against rendered ones.

    Args:
        images: linear intensity, not scaled to fit.
        targets: linear intensity.
        coc_max: largest blur diameter, px; half of it is left out at the border.
    """
    _check_same_shape(images, targets)
    border = _border(coc_max)
    if min(images.shape[-2:]) < smallest_size(coc_max):
        raise InputError(
            f"images of {images.shape[-2:]} pixels are too small to score, expected at least {smallest_size(coc_max)} "
            f"with a border of {border} left out on each side"
        )
    inside = scored_part(coc_max)
    rows = []
    for image, target in zip(images, targets, strict=True):
        image, target = image[inside], target[inside]
        encoded, encoded_target = srgb_encode(image), srgb_encode(target)
        rows.append(
            (psnr(image, target), ssim(image, target), psnr(encoded, encoded_target), ssim(encoded, encoded_target))
        )
    columns: Any = zip(*rows, strict=True)
    return StackScores(*columns)


def blur_diameters(image: Image, background: float) -> tuple[float, float]:
    """Diameter (px) along y and x of what stands out in an image (H, W), from second moments.

    A uniform disc of diameter D has the second moment D²/16 along each axis. What is no brighter than `background` does
    not count.
    """
    light = np.maximum(np.asarray(image, np.float64) - background, 0)
    total = light.sum()
    if total == 0:
        return 0.0, 0.0
    found = []
    for axis in (0, 1):
        profile, at = light.sum(1 - axis) / total, np.arange(light.shape[axis])
        found.append(4 * math.sqrt(float((profile * (at - (profile * at).sum()) ** 2).sum())))
    return found[0], found[1]


def smallest_size(coc_max: float) -> int:
    """Least side (pixels) of images that `score_stack` can score: the SSIM window inside the border left out."""
    return 2 * _border(coc_max) + 2 * _SSIM_RADIUS + 1


def scored_part(coc_max: float) -> tuple:
    """Index of the part of images (..., H, W) that is scored: all but the border."""
    border = _border(coc_max)
    return (..., slice(border, -border), slice(border, -border))


def _border(coc_max: float) -> int:
    return math.ceil(coc_max / 2)


def _window(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sigma = (0,) * (values.ndim - 2) + (_SSIM_SIGMA,) * 2
    return gaussian_filter(values, sigma, truncate=(_SSIM_RADIUS + 0.25) / _SSIM_SIGMA)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _check_same_shape(image: Image, target: Image) -> None:
    if image.shape != target.shape:
        raise InputError(f"images to compare have shapes {image.shape} and {target.shape}")
