"""Eq. 2 of the DEH paper and its gradient, derived by hand.

With the intensity a = |u|² in plane n, both terms of Eq. 2 are squares in a and can be joined,

    (a − I)² + β·w²·(a − A)²  =  W·(a − T)² + rest,    W = 1 + β·w²,    T = (I + β·w²·A) / W,

so that each plane needs one weight W and one target T; `rest` does not depend on the field. The variable is the
*spectrum* Û of the field (unitary transform): u_n = F⁻¹{H_n·Û}. The gradient of the loss with respect to the conjugate
of Û is Σ_n conj(H_n)·F{2·W·(a − T)·u_n}, which takes two transforms for each plane and no autograd graph.
`holodriver.synthesis.planes` computes the planes and holds their data in memory.
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
    """Depth attention γ: the all-in-focus term falls as exp(−(γ·Δt)²) with the distance Δt in normalised depth."""

    @classmethod
    def for_planes(cls, planes: int, beta: float | None = None, gamma: float | None = None) -> "LossWeights":
        """The given weights, or by default β = N − 1 and γ = 2·(N − 1) for N planes (20 and 40 in the DEH paper)."""
        return cls(float(planes - 1) if beta is None else beta, 2.0 * (planes - 1) if gamma is None else gamma)


@dataclass(frozen=True)
class Quartic:
    """A loss along a line, L(s) = c₀ + c₁·s + c₂·s² + c₃·s³ + c₄·s⁴."""

    coefficients: tuple[float, ...]
    """Coefficients c₀ to c₄."""

    def minimum(self) -> tuple[float, float]:
        """The step s with the lowest loss, and this loss: (s, L(s))."""
        c = np.array(self.coefficients)
        roots = np.roots((c[1:] * np.arange(1, 5))[::-1])
        steps = np.append(roots.real[np.abs(roots.imag) <= 1e-6 * (1 + np.abs(roots.real))], 0.0)
        values = np.polyval(c[::-1], steps)
        best = int(values.argmin())
        return float(steps[best]), float(values[best])


class ColourLoss:
    """Eq. 2 for one colour of one focal stack, as a function of the spectrum of the wave field.

    The symbol ⟨·⟩ of Eq. 2 is the mean over pixels; a hologram's loss is the mean over its colours.

    Args:
        stack: exposed focal stack, the targets.
        colour: index of the colour in the stack and in the profile.
        profile: display that shows the stack.
        weights: weights β and γ.
        padding: dark pixels added on every side of the stack, so that light may leave the picture.
        device: torch device; on the CPU, threads compute planes in parallel.
        dtype: complex dtype of the spectrum, complex64 or complex128.
        memory: bytes available beside the stack for the planes and the optimiser; see `holodriver.synthesis.holding`.
            None: every plane holds everything that saves time.

    `holodriver.synthesis.planes.Planes` describes the attributes `plane_weights` (N,) and `brightness` (H, W).

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
        """The transfer function (H, W) to each plane, one after another in the same tensor."""
        return self._planes.transfer_functions()

    def planes(self, spectrum: Tensor) -> Tensor:
        """Wave fields (N, H, W), padding included, in all planes for a spectrum (H, W)."""
        return self._planes.fields(spectrum)

    def at(self, spectrum: Tensor) -> tuple[float, Tensor]:
        """Loss and its gradient 2·∂L/∂Û*, complex (H, W), at a spectrum (H, W)."""
        value, gradient = self._planes.at(spectrum)
        return value + self.rest, gradient

    def along(self, direction: Tensor) -> Quartic:
        """The exact loss along a direction (H, W), from the last spectrum of `at` or `move`."""
        constant, *others = self._planes.line(direction)
        return Quartic((constant + self.rest, *others))

    def move(self, length: float) -> tuple[float, Tensor]:
        """Loss and its gradient, complex (H, W), after a step of `length` in the last direction given to `along`."""
        value, gradient = self._planes.move(length)
        return value + self.rest, gradient


class _StackTargets:
    """Weights W and targets T of the planes for one colour of a focal stack."""

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
        """Write one plane's W and T; see `holodriver.synthesis.planes.Targets`."""
        image, depth = self._stack.images[plane, self._colour], self._stack.depths[plane]
        light = (torch.from_numpy(image).to(self._sharp), torch.from_numpy(depth).to(self._sharp), self._sharp)
        numbers = (float(self._stack.positions[plane]), *self._beta_gamma, self._scale)
        written = (weight[self._inside], target[self._inside], brightness[self._inside])
        return self._do.target(light, numbers, *written)


def plane_strides(stack: FocalStack, profile: DisplayProfile) -> tuple[float, list[float]]:
    """Distance (m) from the hologram plane to the first focal plane, and from each focal plane to the next.

    Distances between planes that differ by less than a millionth of the depth span are made equal.
    """
    z = [profile.z(t) for t in stack.positions.tolist()]
    even = (z[-1] - z[0]) / (len(z) - 1)
    strides = [b - a for a, b in itertools.pairwise(z)]
    if max(abs(stride - even) for stride in strides) < 1e-6 * profile.depth_span:
        strides = [even] * len(strides)
    return z[0], strides
