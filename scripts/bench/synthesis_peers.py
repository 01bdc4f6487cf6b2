"""Optimisers with which `synthesis.py` compares ours: plain autograd, Adam, and odak."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.propagation import transfer_function
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.loss import ColourLoss, LossWeights

Fields = NDArray[np.complex64]


def colour_losses(stack: FocalStack, profile: DisplayProfile) -> list[ColourLoss]:
    """Loss of Eq. 2 for each colour."""
    weights = LossWeights.for_planes(stack.planes)
    return [ColourLoss(stack, c, profile, weights) for c in range(len(profile.wavelengths))]


def flat(stack: FocalStack) -> torch.Tensor:
    """Field with which every optimiser begins: √all-in-focus, zero phase, complex64 (C, H, W)."""
    return torch.from_numpy(np.sqrt(stack.all_in_focus)).to(torch.complex64)


class Autograd:
    """Loss of Eq. 2 in plain PyTorch: cached kernels, planes and colours in one batch, autograd."""

    def __init__(self, stack: FocalStack, profile: DisplayProfile, colours: tuple[int, ...] = (0, 1, 2)):
        weights = LossWeights.for_planes(stack.planes)
        kernels = [
            transfer_function(profile.shape, profile.pixel_pitch, profile.wavelengths[c], profile.z(t))
            for t in stack.positions.tolist()
            for c in colours
        ]
        self.kernels = torch.stack([k.to(torch.complex64) for k in kernels])
        self.kernels = self.kernels.reshape(stack.planes, len(colours), *profile.shape)
        self.images = torch.from_numpy(stack.images)[:, colours[0] : colours[-1] + 1]
        self.sharp = torch.from_numpy(stack.all_in_focus)[colours[0] : colours[-1] + 1]
        distance = torch.from_numpy(stack.depths) - torch.from_numpy(stack.positions)[:, None, None]
        self.attention = torch.exp(-((weights.gamma * distance) ** 2))[:, None]
        self.beta = weights.beta

    def gradient(self, field: torch.Tensor) -> tuple[float, torch.Tensor]:
        """Sum of the losses of all colours, and the gradient of the sum, at complex fields (C, H, W)."""
        variable = field.clone().requires_grad_()
        intensity = torch.fft.ifft2(torch.fft.fft2(variable) * self.kernels).abs() ** 2
        blurred = ((intensity - self.images) ** 2).mean(dim=(2, 3)).sum()
        focused = (((intensity - self.sharp) * self.attention) ** 2).mean(dim=(2, 3)).sum()
        loss = blurred + self.beta * focused
        loss.backward()
        assert variable.grad is not None
        return loss.item(), variable.grad


def adam(stack: FocalStack, profile: DisplayProfile, rate: float, steps: int) -> Iterator[tuple[int, Fields]]:
    """Take steps of Adam on real and imaginary parts, with our gradient; yield the step and the fields (C, H, W)."""
    losses, variables = colour_losses(stack, profile), torch.view_as_real(flat(stack)).clone().requires_grad_()
    optimiser = torch.optim.Adam([variables], lr=rate)
    for step in range(steps):
        spectra = torch.fft.fft2(torch.view_as_complex(variables.detach()), norm="ortho")
        gradients = torch.stack([loss.at(spectrum)[1] for loss, spectrum in zip(losses, spectra, strict=True)])
        variables.grad = torch.view_as_real(torch.fft.ifft2(gradients, norm="ortho"))
        optimiser.step()
        yield step + 1, torch.view_as_complex(variables.detach()).numpy()


@dataclass(frozen=True)
class OdakRun:
    """Result of odak's optimiser."""

    field: Fields
    """Complex fields (C, H, W)."""
    seconds: float
    """Time of the run, s."""


def odak(stack: FocalStack, profile: DisplayProfile, iterations: int, *, complex_field: bool) -> OdakRun:
    """Run odak's multi-plane optimiser, one colour after the other, from flat phase and √all-in-focus amplitude.

    odak takes one step of Adam for each plane (learning rate 0.02 falling to 0.005, the defaults), on the phase or, if
    `complex_field`, on amplitude and phase; the targets are the varifocal images. It pads every propagation to twice
    the size.
    """
    from odak.learn.wave import propagator
    from odak.learn.wave.optimizers import multi_color_hologram_optimizer

    size, fields, seconds = profile.height, [], 0.0
    assert profile.height == profile.width, "odak's aperture is taken as a circle round a square"
    for colour, wavelength in enumerate(profile.wavelengths):
        start = time.perf_counter()
        carry = propagator(
            resolution=[size, size],
            wavelengths=[wavelength],
            pixel_pitch=profile.pixel_pitch,
            number_of_frames=1,
            propagation_type="Angular Spectrum",
            propagator_type="forward",
            aperture_size=8 * size,  # covers all frequencies
            distances=[profile.z(t) for t in stack.positions.tolist()],
        )
        found = multi_color_hologram_optimizer(
            wavelengths=[wavelength],
            resolution=[size, size],
            targets=torch.from_numpy(np.ascontiguousarray(stack.images[:, colour : colour + 1])),
            propagator=carry,
            number_of_frames=1,
            number_of_depth_layers=stack.planes,
            double_phase=False,
            method="conventional",
            reduction="mean",
        )
        with torch.no_grad():
            found.offset.zero_()
        found.amplitude = torch.from_numpy(np.sqrt(stack.all_in_focus[colour])).requires_grad_(complex_field)
        variables = [found.phase, *([found.amplitude] if complex_field else [])]
        found.optimizer = torch.optim.Adam(variables, lr=found.learning_rate)
        found.gradient_descent(iterations, weights=[1.0, 0.0, 0.0])
        phase = (found.phase[0] - found.offset[0]).detach()
        fields.append(torch.polar(found.amplitude.detach(), phase).numpy())
        seconds += time.perf_counter() - start
    return OdakRun(np.stack(fields), seconds)


def silence_odak() -> None:
    """Turn off odak's messages and progress bars; if odak is missing, end with instructions to install it."""
    import logging
    import tempfile
    from contextlib import chdir

    try:
        with (
            tempfile.TemporaryDirectory() as folder,
            chdir(folder),
        ):  # importing odak leaves a log file in the working directory
            import odak.learn.wave.optimizers as optimizers
    except ImportError as error:
        packages = "odak==0.2.7 plyfile tqdm plotly narwhals"
        sys.exit(f"odak is not installed ({error}): pip install --no-deps {packages}")
    logging.getLogger().setLevel(logging.ERROR)
    logging.disable(logging.WARNING)

    class Quiet:
        """Replacement for the part of tqdm that odak uses, without output."""

        def __init__(self, items: Any, **options: Any):
            self.items = items

        def __iter__(self) -> Iterator[Any]:
            return iter(self.items)

        def set_description(self, text: str) -> None:
            """Ignore the text."""

    optimizers.tqdm = Quiet


def crop(stack: FocalStack, size: int) -> tuple[FocalStack, DisplayProfile]:
    """Cut out the middle `size` × `size` pixels of a focal stack; return them and a display of that size."""
    height, width = stack.shape
    top, left = (height - size) // 2, (width - size) // 2
    middle = (..., slice(top, top + size), slice(left, left + size))
    names = ("images", "depths", "all_in_focus", "all_in_focus_depth")
    cropped = replace(stack, **{name: getattr(stack, name)[middle] for name in names})
    return cropped, REFERENCE.resized(size, size)
