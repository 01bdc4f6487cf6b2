"""Eq. 2 of the DEH paper and its gradient, derived by hand.

With a = |u|², the intensity in plane n, the two terms of Eq. 2 are squares in the same a,

    (a − I)² + β·w²·(a − A)²  =  W·(a − T)² + rest,    W = 1 + β·w²,    T = (I + β·w²·A) / W,

so that each plane needs one weight W and one target T; `rest` does not depend on the field. The variable is the
*spectrum* Û of the field (unitary transform): u_n = F⁻¹{H_n·Û}, and the gradient of the loss with respect to the
conjugate of Û is Σ_n conj(H_n)·F{2·W·(a − T)·u_n}, which costs two transforms a plane and no autograd graph. The
transfer functions follow one another by a factor, H_{n+1} = H_n·S, so that none of them is stored; the sum of the
gradient is worked out from the last plane to the first, as Horner does for polynomials.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from holodriver.optics.display import DisplayProfile
from holodriver.optics.propagation import transfer_function
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.checks import check_fits
from holodriver.synthesis.planes import DevicePlanes, ThreadedPlanes


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

    coefficients: tuple[float, ...]

    def minimum(self) -> tuple[float, float]:
        """(s, L(s)) at the lowest point of the line."""
        c = np.array(self.coefficients)
        roots = np.roots((c[1:] * np.arange(1, 5))[::-1])
        steps = np.append(roots.real[np.abs(roots.imag) <= 1e-6 * (1 + np.abs(roots.real))], 0.0)
        values = np.polyval(c[::-1], steps)
        best = int(values.argmin())
        return float(steps[best]), float(values[best])


class Planes(Protocol):
    """How the fields in all planes are computed and held; see `holodriver.synthesis.planes`."""

    def spread(self, spectrum: Tensor) -> Tensor: ...
    def line(self, fields: Tensor, direction: Tensor, moved: Tensor) -> Sequence[float]: ...
    def pull(self, fields: Tensor, moved: Tensor, length: float) -> tuple[float, Tensor]: ...


class ColourLoss:
    """Eq. 2 for one colour of one focal stack, as a function of the spectrum of the wave field.

    The value is that of Eq. 2 with ⟨·⟩ the mean over pixels; a hologram's loss is the mean over its colours.

    Args:
        stack: targets; its images are used as they are (expose before).
        colour: index of the colour in the stack and in the profile.
        profile: display on whose pixels the stack is shown.
        weights: β and γ.
        padding: dark pixels added on every side of the stack, so that light may leave the picture.
        device: torch device; on the CPU planes run side by side in threads.
        dtype: complex dtype of the spectrum, complex64 or complex128.

    Raises:
        InputError: the stack does not have the profile's size or colours.
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
        check_fits(stack, profile)
        device = torch.device(device)
        height, width = stack.shape
        self.inside = (slice(padding, padding + height), slice(padding, padding + width))
        self.shape = (height + 2 * padding, width + 2 * padding)
        real = torch.float64 if dtype == torch.complex128 else torch.float32
        self._weight = torch.zeros((stack.planes, *self.shape), dtype=real, device=device)
        self._target = torch.zeros_like(self._weight)
        self.rest = self._fill(stack, colour, weights)

        def kernel(distance: float) -> Tensor:
            wavelength = profile.wavelengths[colour]
            return transfer_function(self.shape, profile.pixel_pitch, wavelength, distance).to(device, dtype)

        first, strides = plane_strides(stack, profile)
        factors = {stride: kernel(stride) for stride in set(strides)}
        make = ThreadedPlanes if device.type == "cpu" else DevicePlanes
        self._planes: Planes = make(kernel(first), [factors[s] for s in strides], self._weight, self._target)

    def planes(self, spectrum: Tensor) -> Tensor:
        """Fields (N, H, W) in all planes, padding included, of a spectrum (H, W)."""
        return self._planes.spread(spectrum)

    def gradient(self, planes: Tensor, moved: Tensor | None = None, length: float = 0.0) -> tuple[float, Tensor]:
        """Value and gradient 2·∂L/∂Û*, complex (H, W), the direction of steepest ascent.

        Args:
            planes: fields in all planes; if `moved` is given, `length`·`moved` is added to them first, in place.
            moved: fields of a direction in all planes.
            length: step along it.
        """
        value, gradient = self._planes.pull(
            planes, planes if moved is None else moved, length if moved is not None else 0.0
        )
        return value + self.rest, gradient

    def along(self, planes: Tensor, direction: Tensor, moved: Tensor) -> Quartic:
        """The loss for `planes` + s·(fields of the spectrum `direction`), exact, since propagation is linear.

        Args:
            planes: fields in all planes.
            direction: spectrum (H, W).
            moved: receives the fields of `direction` in all planes.
        """
        constant, *others = self._planes.line(planes, direction, moved)
        return Quartic((constant + self.rest, *others))

    def _fill(self, stack: FocalStack, colour: int, weights: LossWeights) -> float:
        """Write W / pixels and T of each plane, return the rest; float64, since the rest is a difference of sums."""
        pixels = stack.shape[0] * stack.shape[1]
        sharp, rest = stack.all_in_focus[colour].astype(np.float64), 0.0
        for n, t in enumerate(stack.positions.tolist()):
            attention = weights.beta * np.exp(-2 * (weights.gamma * (stack.depths[n].astype(np.float64) - t)) ** 2)
            image = stack.images[n, colour].astype(np.float64)
            total = 1 + attention
            rest += float((attention / total * (image - sharp) ** 2).mean())
            self._weight[n][self.inside] = torch.from_numpy(total / pixels).to(self._weight)
            self._target[n][self.inside] = torch.from_numpy((image + attention * sharp) / total).to(self._target)
        return rest


def plane_strides(stack: FocalStack, profile: DisplayProfile) -> tuple[float, list[float]]:
    """Distance (m) from the hologram plane to the first focal plane, and from each to the next.

    Strides that differ by no more than rounding (a millionth of the depth span) are made one.
    """
    z = [profile.z(t) for t in stack.positions.tolist()]
    even = (z[-1] - z[0]) / (len(z) - 1)
    strides = [b - a for a, b in itertools.pairwise(z)]
    if max(abs(stride - even) for stride in strides) < 1e-6 * profile.depth_span:
        strides = [even] * len(strides)
    return z[0], strides
