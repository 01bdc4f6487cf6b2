"""Eq. 2 of the DEH paper and its gradient, derived by hand.

With a = |u|², the intensity in plane n, the two terms of Eq. 2 are squares in the same a,

    (a − I)² + β·w²·(a − A)²  =  W·(a − T)² + rest,    W = 1 + β·w²,    T = (I + β·w²·A) / W,

so that each plane needs one weight W and one target T; `rest` does not depend on the field. The variable is the
*spectrum* of the field (unitary transform): u_n = F⁻¹{H_n·Û}, and the gradient of the loss with respect to the
conjugate of Û is Σ_n conj(H_n)·F{2·W·(a − T)·u_n}, which costs two transforms a plane and no autograd graph.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.optics.propagation import transfer_function
from holodriver.scene.stack import FocalStack


@dataclass(frozen=True)
class LossWeights:
    """Weights of the all-in-focus term of Eq. 2."""

    beta: float
    """Weight β of the all-in-focus term."""
    gamma: float
    """Depth attention γ: the term fades as exp(−(γ·Δt)²) with the distance Δt in normalised depth."""

    @classmethod
    def for_planes(cls, planes: int, beta: float | None = None, gamma: float | None = None) -> "LossWeights":
        """β = N − 1 and γ = 2·(N − 1), the paper's 20 and 40 at N = 21, unless given."""
        return cls(float(planes - 1) if beta is None else beta, 2.0 * (planes - 1) if gamma is None else gamma)


@dataclass(frozen=True)
class Quartic:
    """A loss along a line, L(s) = c₀ + c₁·s + c₂·s² + c₃·s³ + c₄·s⁴."""

    coefficients: tuple[float, float, float, float, float]

    def minimum(self) -> tuple[float, float]:
        """(s, L(s)) at the lowest point of the line."""
        c = np.array(self.coefficients)
        roots = np.roots((c[1:] * np.arange(1, 5))[::-1])
        steps = np.append(roots.real[np.abs(roots.imag) <= 1e-6 * (1 + np.abs(roots.real))], 0.0)
        values = np.polyval(c[::-1], steps)
        best = int(values.argmin())
        return float(steps[best]), float(values[best])


class ColourLoss:
    """Eq. 2 for one colour of one focal stack, as a function of the spectrum of the wave field.

    The value is that of Eq. 2 with ⟨·⟩ the mean over pixels; colours add up to the whole as their mean.

    Args:
        stack: targets; its images are used as they are (expose before).
        colour: index of the colour in the stack and in the profile.
        profile: display on whose pixels the stack is shown.
        weights: β and γ.
        padding: dark pixels added on every side of the stack, so that light may leave the picture.
        dtype: complex dtype of the spectrum, complex64 or complex128.
    """

    def __init__(
        self,
        stack: FocalStack,
        colour: int,
        profile: DisplayProfile,
        weights: LossWeights,
        *,
        padding: int = 0,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.complex64,
    ):
        if stack.shape != profile.shape:
            raise InputError(f"focal stack has {stack.shape} pixels, the display profile {profile.shape}")
        real = torch.float64 if dtype == torch.complex128 else torch.float32
        height, width = stack.shape
        self.padding = padding
        self.inside = (..., slice(padding, padding + height), slice(padding, padding + width))
        self.shape = (height + 2 * padding, width + 2 * padding)
        self.transfer = torch.stack(
            [
                transfer_function(self.shape, profile.pixel_pitch, profile.wavelengths[colour], profile.z(float(t))).to(
                    device, dtype
                )
                for t in stack.positions
            ]
        )
        # The target is worked out in float64, so that the rest, a difference of large sums, keeps its digits.
        all_in_focus = torch.from_numpy(stack.all_in_focus[colour]).to(device, torch.float64)
        weight, target, rest = [], [], 0.0
        for n, t in enumerate(stack.positions):
            depth = torch.from_numpy(stack.depths[n]).to(device, torch.float64)
            attention = weights.beta * torch.exp(-2 * (weights.gamma * (depth - float(t))) ** 2)
            image = torch.from_numpy(stack.images[n, colour]).to(device, torch.float64)
            total = 1 + attention
            aim = (image + attention * all_in_focus) / total
            rest += float((attention / total * (image - all_in_focus) ** 2).mean())
            weight.append((total / (height * width)).to(real))
            target.append(aim.to(real))
        self.weight = torch.stack(weight)
        self.target = torch.stack(target)
        self.rest = rest

    def planes(self, spectrum: Tensor) -> Tensor:
        """Fields (N, H, W) in all planes, padding included, of a spectrum (H, W)."""
        return torch.fft.ifft2(self.transfer * spectrum, norm="ortho")

    def value(self, planes: Tensor) -> float:
        """Eq. 2 for the fields `planes` of one colour."""
        return float((self.weight * self._excess(planes) ** 2).sum(dtype=torch.float64)) + self.rest

    def gradient(self, planes: Tensor) -> tuple[float, Tensor]:
        """(value, gradient): 2·∂L/∂Û* as complex (H, W), the direction of steepest ascent of a real loss."""
        excess = self._excess(planes)
        weighted = self.weight * excess
        value = float((weighted * excess).sum(dtype=torch.float64)) + self.rest
        pulled = planes[self.inside] * (4 * weighted)
        if self.padding:
            pulled = torch.nn.functional.pad(pulled, (self.padding,) * 4)
        gradient = (torch.fft.fft2(pulled, norm="ortho") * self.transfer.conj()).sum(0)
        return value, gradient

    def along(self, planes: Tensor, direction: Tensor) -> Quartic:
        """The loss for `planes` + s·`direction` (fields in all planes), exact, since propagation is linear."""
        excess = self._excess(planes)
        u, v = planes[self.inside], direction[self.inside]
        linear = 2 * (u.real * v.real + u.imag * v.imag)
        square = v.real.square() + v.imag.square()

        def total(first: Tensor, second: Tensor) -> float:
            return float((first * second).sum(dtype=torch.float64))

        weighted_excess, weighted_square = self.weight * excess, self.weight * square
        return Quartic(
            (
                total(weighted_excess, excess) + self.rest,
                2 * total(weighted_excess, linear),
                total(self.weight * linear, linear) + 2 * total(weighted_excess, square),
                2 * total(weighted_square, linear),
                total(weighted_square, square),
            )
        )

    def _excess(self, planes: Tensor) -> Tensor:
        u = planes[self.inside]
        return u.real.square() + u.imag.square() - self.target
