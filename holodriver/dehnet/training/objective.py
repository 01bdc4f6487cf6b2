"""Loss of the training: Eq. 2 of the DEH paper, with the optimiser's code, as a function for torch's autograd.

The border of a crop is left out, because light from outside the crop is unknown there.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from holodriver.dehnet.architecture import NetworkOptics
from holodriver.errors import InputError
from holodriver.optics.propagation import transfer_function
from holodriver.synthesis.arithmetic import Arithmetic, arithmetic_for
from holodriver.synthesis.holding import Hold
from holodriver.synthesis.loss import LossWeights
from holodriver.synthesis.planes import Planes

ALL = slice(None)


@dataclass(frozen=True)
class Sample:
    """One colour of one focal stack, the target of one wave field; planes are evenly spaced from 0 to 1."""

    images: Tensor
    """Intensity of each plane, (N, H, W)."""
    depths: Tensor
    """Normalised depth of each plane, (N, H, W)."""
    all_in_focus: Tensor
    """Intensity of the all-in-focus image, (H, W)."""
    all_in_focus_depth: Tensor
    """Normalised depth of the all-in-focus image, (H, W)."""

    @property
    def variance(self) -> float:
        """Variance of the intensity over all planes."""
        return float(self.images.var())


@dataclass(frozen=True)
class Objective:
    """Eq. 2 for the fields of a batch, each loss divided by the `scale` of its sample.

    Args:
        optics: optics for which the network is trained.
        weights: weights β and γ of Eq. 2.
        border: number of pixels on every side that are left out.
    """

    optics: NetworkOptics
    weights: LossWeights
    border: int

    def __call__(self, fields: Tensor, samples: list[Sample], scales: list[float], planes: slice = ALL) -> Tensor:
        """Compute the losses (B,), float32 with gradient, of fields (B, 2, H, W), real and imaginary part.

        Args:
            fields: output of the network.
            samples: target of each field.
            scales: divisor of each sample's loss.
            planes: evenly spaced planes to compute; their loss is scaled up to all planes.
        """
        return cast(Tensor, _Eq2.apply(fields, self, samples, scales, planes))

    def at(self, field: Tensor, sample: Sample, scale: float, planes: slice = ALL) -> tuple[float, Tensor]:
        """Loss and gradient (2, H, W) of one field (2, H, W)."""
        chosen = range(len(sample.images))[planes]
        if not chosen:
            raise InputError(f"{planes} chooses none of {len(sample.images)} planes")
        first, onward = _kernels(self.optics, field.shape[1:], len(sample.images), chosen, field.device)
        arithmetic = arithmetic_for(field.device)
        share = len(chosen) / len(sample.images)
        targets = _SampleTargets(sample, self.weights, self.border, scale * share, chosen, arithmetic)
        count = len(chosen)
        threads = torch.get_num_threads() if field.device.type == "cpu" else 1
        work = Planes(first, [onward] * (count - 1), targets, [Hold.targets] * count, arithmetic, threads)
        spectrum = torch.fft.fft2(torch.complex(field[0], field[1]), norm="ortho")
        value, gradient = work.at(spectrum)
        gradient = torch.fft.ifft2(gradient, norm="ortho")
        return value + work.rest, torch.stack((gradient.real, gradient.imag))


class _Eq2(torch.autograd.Function):
    """Losses of a batch; the gradient is computed together with the loss, so that no graph is built."""

    @staticmethod
    def forward(
        ctx: Any, fields: Tensor, objective: Objective, samples: list[Sample], scales: list[float], planes: slice
    ) -> Tensor:
        single = fields.detach().float()

        # one sample after the other, because the planes of a sample run in parallel
        parts = [objective.at(*item, planes) for item in zip(single, samples, scales, strict=True)]
        ctx.save_for_backward(torch.stack([gradient for _, gradient in parts]).to(fields.dtype))
        return torch.tensor([value for value, _ in parts], device=fields.device)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0].view(-1, 1, 1, 1).to(gradient.dtype), None, None, None, None


class _SampleTargets:
    """Weights W and targets T of the planes of a sample; the border is left out."""

    def __init__(
        self,
        sample: Sample,
        weights: LossWeights,
        border: int,
        scale: float,
        chosen: range,
        arithmetic: Arithmetic,
    ):
        height, width = sample.all_in_focus.shape
        self._sample, self._chosen, self._do = sample, chosen, arithmetic
        self._inside = (slice(border, height - border), slice(border, width - border))
        self._positions = np.linspace(0, 1, len(sample.images)).tolist()
        pixels = (height - 2 * border) * (width - 2 * border)
        self._numbers = (weights.beta, weights.gamma, 1 / (scale * pixels))

    def fill(self, plane: int, weight: Tensor, target: Tensor, brightness: Tensor) -> Tensor:
        """Fill in one plane; see `holodriver.synthesis.planes.Targets`."""
        inside, plane = self._inside, self._chosen[plane]
        light = (self._sample.images[plane], self._sample.depths[plane], self._sample.all_in_focus)
        beta, gamma, scale = self._numbers
        return self._do.target(
            (light[0][inside], light[1][inside], light[2][inside]),
            (self._positions[plane], beta, gamma, scale),
            weight[inside],
            target[inside],
            brightness[inside],
        )


@lru_cache(maxsize=64)
def _kernels(
    optics: NetworkOptics, shape: tuple[int, int], planes: int, chosen: range, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Transfer functions from the hologram plane to the first chosen plane, and from each chosen plane to the next."""
    apart = optics.depth_span / (planes - 1)
    near = optics.depth_offset + optics.depth_span - chosen.start * apart
    distances = (near, -apart * chosen.step)
    first, stride = (
        transfer_function((shape[0], shape[1]), optics.pixel_pitch, optics.wavelength, d).to(device, torch.complex64)
        for d in distances
    )
    return first, stride
