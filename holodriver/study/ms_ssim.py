"""MS-SSIM, and holograms that are optimised for it, which the paper tries in place of the mean squared error.

MS-SSIM is the product of contrast and structure at five scales, and of luminance at the last scale, each raised to a
power. Pictures that are too small for five scales have fewer, and their powers are scaled to the same sum.

Source: Z. Wang, E. P. Simoncelli and A. C. Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003.
"""

import time

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import transfer_function
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.study.store import Timed
from holodriver.synthesis.loss import LossWeights

POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponent of each scale, the finest first."""
RADIUS, SIGMA = 5, 1.5
K1, K2 = 0.01, 0.03
LEAST = 1e-4
"""Smallest value of contrast times structure at a scale, so that its power has a gradient."""

ADAM_MSE, MS_SSIM = "MSE (Adam)", "MS-SSIM (Adam)"
RATE = 0.02
"""Learning rate of Adam for the real and imaginary parts of the field."""


def scales_for(shape: tuple[int, ...]) -> int:
    """Number of scales for a picture (H, W); the picture of the coarsest scale must hold the 11 × 11 window.

    Raises:
        InputError: the picture is too small for one scale.
    """
    side, scales = min(shape), 0
    while scales < len(POWERS) and side >= 2 * RADIUS + 1:
        side, scales = side // 2, scales + 1
    if not scales:
        raise InputError(f"MS-SSIM needs pictures of at least {2 * RADIUS + 1} pixels a side, got {min(shape)}")
    return scales


def ms_ssim(images: Tensor, targets: Tensor) -> Tensor:
    """MS-SSIM (B,) of pictures (B, H, W) for data range 1; windows that cross the border are left out."""
    scales = scales_for(tuple(images.shape[-2:]))
    powers = torch.tensor(POWERS[:scales], dtype=images.dtype)
    powers = powers * (sum(POWERS) / powers.sum())
    a, b = images[:, None], targets[:, None]
    result = torch.ones(len(images), dtype=images.dtype)
    for scale, power in enumerate(powers):
        luminance, structure = _likeness(a, b)
        if scale == scales - 1:
            structure = structure * luminance
        result = result * structure.mean((1, 2, 3)).clamp_min(LEAST) ** power
        a, b = functional.avg_pool2d(a, 2), functional.avg_pool2d(b, 2)
    return result


def mean_ms_ssim(images: NDArray[np.floating], targets: NDArray[np.floating]) -> float:
    """Mean MS-SSIM over planes and colours of pictures (N, C, H, W)."""
    a, b = (torch.from_numpy(np.ascontiguousarray(v, np.float32)).flatten(0, 1) for v in (images, targets))
    with torch.no_grad():
        return float(ms_ssim(a, b).mean())


def _likeness(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Luminance term, and contrast times structure, each (B, 1, h, w)."""
    window = torch.exp(-((torch.arange(2 * RADIUS + 1) - RADIUS) ** 2) / (2 * SIGMA**2)).to(a.dtype)
    window = window / window.sum()

    def blurred(values: Tensor) -> Tensor:
        return functional.conv2d(functional.conv2d(values, window.view(1, 1, -1, 1)), window.view(1, 1, 1, -1))

    mean_a, mean_b, squares_a, squares_b, products = blurred(torch.cat((a, b, a * a, b * b, a * b))).chunk(5)
    c1, c2 = K1**2, K2**2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    variances = squares_a - mean_a**2 + squares_b - mean_b**2
    return luminance, (2 * (products - mean_a * mean_b) + c2) / (variances + c2)


def optimise_by_adam(
    stack: FocalStack,
    profile: DisplayProfile,
    weights: LossWeights,
    *,
    kind: str,
    steps: int,
    progress: Progress = silent,
) -> Timed:
    """A wave field optimised by Adam and autograd, from flat phase, for Eq. 2 with squares or with MS-SSIM.

    Args:
        kind: `ADAM_MSE` for squares, or `MS_SSIM`.
        steps: number of steps for each colour.
    """
    start = time.perf_counter()
    values = []
    for colour in range(len(profile.wavelengths)):
        objective = _Objective(stack, profile, weights, colour, structural=kind == MS_SSIM)
        field = torch.view_as_real(torch.from_numpy(np.sqrt(stack.all_in_focus[colour]).astype(np.complex64))).clone()
        field.requires_grad_(True)
        optimiser = torch.optim.Adam([field], lr=RATE)
        for step in range(steps):
            optimiser.zero_grad(set_to_none=True)
            loss = objective(torch.view_as_complex(field))
            loss.backward()
            optimiser.step()
            progress(f"Adam, {kind}", colour * steps + step + 1, len(profile.wavelengths) * steps, f"loss {loss:.4g}")
        values.append(torch.view_as_complex(field.detach()).numpy())
    return Timed(WaveField(np.stack(values), profile), time.perf_counter() - start, {"steps": steps, "rate": RATE})


class _Objective:
    """Loss of Eq. 2 for one colour, with squares or with MS-SSIM."""

    def __init__(
        self, stack: FocalStack, profile: DisplayProfile, weights: LossWeights, colour: int, *, structural: bool
    ):
        self.structural, self.beta = structural, weights.beta
        self.images = torch.from_numpy(np.ascontiguousarray(stack.images[:, colour]))
        self.sharp = torch.from_numpy(stack.all_in_focus[colour])
        away = torch.from_numpy(stack.depths) - torch.from_numpy(stack.positions)[:, None, None]
        self.attention = torch.exp(-((weights.gamma * away) ** 2))
        pitch, wavelength = profile.pixel_pitch, profile.wavelengths[colour]
        kernels = [transfer_function(profile.shape, pitch, wavelength, profile.z(t)) for t in stack.positions.tolist()]
        self.kernels = torch.stack(kernels).to(torch.complex64)

    def __call__(self, field: Tensor) -> Tensor:
        planes = torch.fft.ifft2(torch.fft.fft2(field) * self.kernels).abs().square()
        focused, sharp = planes * self.attention, self.sharp * self.attention
        if self.structural:
            return (1 - ms_ssim(planes, self.images)).sum() + self.beta * (1 - ms_ssim(focused, sharp)).sum()
        square = (planes - self.images).square().mean((1, 2)) + self.beta * (focused - sharp).square().mean((1, 2))
        return square.sum()
