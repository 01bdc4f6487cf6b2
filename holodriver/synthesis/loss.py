"""Eq. 2 of the DEH paper and its gradient, derived by hand.

With a = |u|², the intensity in plane n, the two terms of Eq. 2 are squares in the same a,

    (a − I)² + β·w²·(a − A)²  =  W·(a − T)² + rest,    W = 1 + β·w²,    T = (I + β·w²·A) / W,

so that each plane needs one weight W and one target T; `rest` does not depend on the field. The variable is the
*spectrum* Û of the field (unitary transform): u_n = F⁻¹{H_n·Û}, and the gradient of the loss with respect to the
conjugate of Û is Σ_n conj(H_n)·F{2·W·(a − T)·u_n}, which costs two transforms a plane and no autograd graph. How the
planes are worked on, and what of them is held in memory, is the business of `holodriver.synthesis.planes`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from holodriver.optics.display import DisplayProfile
from holodriver.optics.propagation import transfer_function
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.arithmetic import Arithmetic, arithmetic_for
from holodriver.synthesis.check_input import check_fits
from holodriver.synthesis.holding import what_to_hold
from holodriver.synthesis.planes import Planes


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
        memory: bytes that may be used beyond the stack, for the planes and for the optimiser; see
            `holodriver.synthesis.holding`. Without it every plane holds all that saves time.

    `plane_weights` (N,) and `brightness` (H, W) are those of `holodriver.synthesis.planes.Planes`.

    Raises:
        InputError: the stack does not have the profile's size or colours.
        SynthesisError: `memory` is too small.
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
        memory: float | None = None,
    ):
        check_fits(stack, profile)
        device = torch.device(device)
        height, width = stack.shape
        self.inside = (slice(padding, padding + height), slice(padding, padding + width))
        self.shape = (height + 2 * padding, width + 2 * padding)
        self.wavelength, self.pitch = profile.wavelengths[colour], profile.pixel_pitch
        self.distances = [profile.z(t) for t in stack.positions.tolist()]
        threads = torch.get_num_threads() if device.type == "cpu" else 1
        holds = what_to_hold(
            stack.planes,
            self.shape[0] * self.shape[1],
            budget=memory,
            complex_bytes=dtype.itemsize,
            threads=threads,
        )

        def kernel(distance: float) -> Tensor:
            return transfer_function(self.shape, self.pitch, self.wavelength, distance).to(device, dtype)

        first, strides = plane_strides(stack, profile)
        factors = {stride: kernel(stride) for stride in set(strides)}
        arithmetic = arithmetic_for(device)
        targets = _StackTargets(stack, colour, weights, self.inside, device, arithmetic)
        self._planes = Planes(kernel(first), [factors[s] for s in strides], targets, holds, arithmetic, threads)
        self.plane_weights, self.brightness = self._planes.plane_weights, self._planes.brightness
        self.rest = self._planes.rest

    def transfer_functions(self) -> Iterator[Tensor]:
        """The transfer function (H, W) to each plane, one after the other; each is overwritten by the next."""
        return self._planes.transfer_functions()

    def planes(self, spectrum: Tensor) -> Tensor:
        """Fields (N, H, W) in all planes, padding included, of a spectrum (H, W)."""
        return self._planes.fields(spectrum)

    def at(self, spectrum: Tensor) -> tuple[float, Tensor]:
        """Value and gradient 2·∂L/∂Û*, complex (H, W), the direction of steepest ascent, at a spectrum (H, W)."""
        value, gradient = self._planes.at(spectrum)
        return value + self.rest, gradient

    def along(self, direction: Tensor) -> Quartic:
        """The loss from where `at` or `move` came last along a spectrum (H, W); exact, since propagation is linear."""
        constant, *others = self._planes.line(direction)
        return Quartic((constant + self.rest, *others))

    def move(self, length: float) -> tuple[float, Tensor]:
        """As `at`, after a step of `length` in the direction of the last `along`."""
        value, gradient = self._planes.move(length)
        return value + self.rest, gradient


class _StackTargets:
    """W and T of the planes of one colour of a focal stack."""

    def __init__(
        self,
        stack: FocalStack,
        colour: int,
        weights: LossWeights,
        inside: tuple[slice, slice],
        device: torch.device,
        arithmetic: Arithmetic,
    ):
        self._stack, self._colour, self._inside, self._do = stack, colour, inside, arithmetic
        self._beta_gamma = (weights.beta, weights.gamma)
        self._sharp = torch.from_numpy(stack.all_in_focus[colour]).to(device)
        self._scale = 1 / (stack.shape[0] * stack.shape[1])

    def fill(self, plane: int, weight: Tensor, target: Tensor, brightness: Tensor) -> Tensor:
        """See `holodriver.synthesis.planes.Targets`."""
        image, depth = self._stack.images[plane, self._colour], self._stack.depths[plane]
        light = (torch.from_numpy(image).to(self._sharp), torch.from_numpy(depth).to(self._sharp), self._sharp)
        numbers = (float(self._stack.positions[plane]), *self._beta_gamma, self._scale)
        written = (weight[self._inside], target[self._inside], brightness[self._inside])
        return self._do.target(light, numbers, *written)


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
