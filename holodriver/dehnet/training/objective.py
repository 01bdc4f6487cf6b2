"""What training minimises: Eq. 2 of the DEH paper, by the same code as the optimiser's, as a step of torch's autograd.

The border of a crop is left out: light that comes in from outside the crop, or leaves it, cannot be known there.
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
    """One colour of one stack, to be matched by one wave field; planes are evenly spaced from 0 to 1."""

    images: Tensor
    """(N, H, W) intensity."""
    depths: Tensor
    """(N, H, W) normalised depth."""
    all_in_focus: Tensor
    """(H, W) intensity."""
    all_in_focus_depth: Tensor
    """(H, W) normalised depth."""

    @property
    def variance(self) -> float:
        """Of the intensity over all planes."""
        return float(self.images.var())


@dataclass(frozen=True)
class Objective:
    """Eq. 2 for the fields of a batch, each divided by `scale` of its sample.

    Args:
        optics: what the network is trained for.
        weights: β and γ.
        border: pixels on every side that do not count.
    """

    optics: NetworkOptics
    weights: LossWeights
    border: int

    def __call__(self, fields: Tensor, samples: list[Sample], scales: list[float], planes: slice = ALL) -> Tensor:
        """Losses (B,) of fields (B, 2, H, W), real and imaginary part; float32, with gradient.

        Args:
            fields: what the network says.
            samples: what it should show.
            scales: what each sample's loss is divided by.
            planes: those that count, evenly spaced; the sum over them stands for all.
        """
        return cast(Tensor, _Eq2.apply(fields, self, samples, scales, planes))

    def at(self, field: Tensor, sample: Sample, scale: float, planes: slice = ALL) -> tuple[float, Tensor]:
        """Value, and gradient (2, H, W), at a field (2, H, W)."""
        chosen = range(len(sample.images))[planes]
        if not chosen:
            raise InputError(f"of {len(sample.images)} planes {planes} chooses none")
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
    """Losses of a batch; the gradient comes with the value, so that no graph is built."""

    @staticmethod
    def forward(
        ctx: Any, fields: Tensor, objective: Objective, samples: list[Sample], scales: list[float], planes: slice
    ) -> Tensor:
        single = fields.detach().float()

        # one after the other: their planes go side by side
        parts = [objective.at(*item, planes) for item in zip(single, samples, scales, strict=True)]
        ctx.save_for_backward(torch.stack([gradient for _, gradient in parts]).to(fields.dtype))
        return torch.tensor([value for value, _ in parts], device=fields.device)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None, None, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * upstream[0].view(-1, 1, 1, 1).to(gradient.dtype), None, None, None, None


class _SampleTargets:
    """W and T of the planes of a sample, nothing on the border."""

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
        """See `holodriver.synthesis.planes.Targets`."""
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
    """Transfer functions from the hologram plane to the first chosen plane, and from each of them to the next."""
    apart = optics.depth_span / (planes - 1)
    near = optics.depth_offset + optics.depth_span - chosen.start * apart
    distances = (near, -apart * chosen.step)
    first, stride = (
        transfer_function((shape[0], shape[1]), optics.pixel_pitch, optics.wavelength, d).to(device, torch.complex64)
        for d in distances
    )
    return first, stride
