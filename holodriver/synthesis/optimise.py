"""Diffraction-engineered holograms by optimisation: the field whose planes blur as the rendered ones do.

Because propagation is linear, the loss along any line is a quartic polynomial whose coefficients cost one propagation
of the direction. So each step of limited-memory BFGS takes the *exact* minimum along its line, for the transforms of
one gradient (two a plane), without step sizes to tune.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holodriver.errors import InputError, SynthesisError
from holodriver.optics.aperture import baseband_frequencies, slit_passband
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.checks import check_device, check_fits
from holodriver.synthesis.loss import ColourLoss, LossWeights

Reason = Literal["converged", "cap", "cancelled"]

ITERATIONS = 500  # the paper's cap
TOLERANCE = 1e-5  # relative change of the loss over PATIENCE steps that counts as converged
PATIENCE = 5
REFRESH = 50  # steps after which the fields are computed anew
BYTES_A_PIXEL = 24  # of each plane: two fields, weight and target
MEMORY = 8  # pairs kept by limited-memory BFGS


@dataclass(frozen=True)
class Synthesis:
    """A synthesised hologram and how it came about."""

    field: WaveField
    history: tuple[tuple[float, ...], ...]
    """Loss of Eq. 2 before the first and after each step, for each colour."""
    reasons: tuple[Reason, ...]
    """Why each colour stopped."""

    @property
    def loss(self) -> float:
        """Final loss of Eq. 2, mean over colours."""
        return float(np.mean([colour[-1] for colour in self.history]))


def synthesise(
    stack: FocalStack,
    profile: DisplayProfile,
    *,
    beta: float | None = None,
    gamma: float | None = None,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
    start: WaveField | None = None,
    within_slit: bool = False,
    padding: int = 0,
    device: torch.device | str = "cpu",
    progress: Progress = silent,
    cancelled: Callable[[], bool] = lambda: False,
) -> Synthesis:
    """Optimise a wave field until its planes look like those of `stack` (Eq. 2 of the DEH paper).

    Args:
        stack: exposed focal stack of H × W pixels, one colour for each wavelength of `profile`.
        profile: display; its size must be that of the stack.
        beta, gamma: weights of Eq. 2; N − 1 and 2·(N − 1) for N planes unless given.
        iterations: cap on the steps of each colour.
        tolerance: relative change of the loss over five steps below which a colour has converged.
        start: field to begin with; zero phase and √all-in-focus amplitude unless given.
        within_slit: keep the field inside the passband of the display's slit, along and across the carrier axis.
        padding: dark pixels on every side, where light may go that leaves the picture instead of wrapping round; the
            field itself stays on the panel's pixels.
        device: torch device.
        progress: called after each step.
        cancelled: asked before each step; when it says yes, the best field so far is returned.

    Returns:
        the field (never an alias of a working array), the losses and why each colour stopped.

    Raises:
        InputError: the stack does not fit the profile, `iterations` is below 1, there is no such device, or both
            `within_slit` and `padding` are given (a field cannot be bounded in space and in frequency).
        SynthesisError: the loss became not a number, or there is not enough memory.
    """
    colours = len(profile.wavelengths)
    check_fits(stack, profile)
    device = check_device(device)
    if within_slit and padding:
        raise InputError("a field cannot be kept within the slit and within the panel", remedy="leave out the padding")
    if padding < 0:
        raise InputError(f"argument 'padding' is {padding}, expected 0 or more pixels")
    if iterations < 1:
        raise InputError(f"argument 'iterations' is {iterations}, expected 1 or more")
    weights = LossWeights.for_planes(stack.planes, beta, gamma)
    initial = np.sqrt(stack.all_in_focus).astype(np.complex64) if start is None else start.values
    fields, histories, reasons = [], [], []
    for colour in range(colours):
        loss = _colour_loss(stack, colour, profile, weights, padding, device)
        project = _projection(loss, profile, within_slit=within_slit, padding=padding)
        beginning = torch.nn.functional.pad(torch.from_numpy(initial[colour]).to(device), (padding,) * 4)

        def report(step: int, value: float, colour: int = colour) -> None:
            progress("Optimising the hologram", colour * iterations + step, colours * iterations, f"loss {value:.5f}")

        spectrum, history, reason = minimise(
            loss,
            torch.fft.fft2(beginning, norm="ortho"),
            iterations=iterations,
            tolerance=tolerance,
            project=project,
            report=report,
            cancelled=cancelled,
        )
        report(iterations, history[-1])
        fields.append(torch.fft.ifft2(spectrum, norm="ortho")[loss.inside].cpu().numpy())
        histories.append(tuple(history))
        reasons.append(reason)
    return Synthesis(WaveField(np.stack(fields), profile), tuple(histories), tuple(reasons))


def minimise(
    loss: ColourLoss,
    spectrum: Tensor,
    *,
    iterations: int,
    tolerance: float = TOLERANCE,
    project: Callable[[Tensor], Tensor] = lambda spectrum: spectrum,
    report: Callable[[int, float], None] = lambda step, value: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Tensor, list[float], Reason]:
    """Limited-memory BFGS with an exact line search, on the spectrum of one colour.

    Args:
        loss: the loss of that colour.
        spectrum: complex (H, W) to begin with; not changed.
        iterations: cap on the steps.
        tolerance: see `synthesise`.
        project: keeps a spectrum within the linear space in which the field is sought (an orthogonal projection).
        report: called with the number and the loss of each step.
        cancelled: asked before each step.

    Returns:
        the best spectrum, the loss before the first and after each step, and why it stopped.

    Raises:
        SynthesisError: the loss became not a number.

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed., Algorithm 7.4.
    """
    spectrum = project(spectrum).clone()
    planes = loss.planes(spectrum)
    moved = torch.empty_like(planes)
    value, gradient = loss.gradient(planes)
    gradient = project(gradient)
    history, pairs = [value], _Pairs(MEMORY)
    for step in range(iterations):
        if not math.isfinite(value):
            raise SynthesisError(f"the loss became {value} at step {step}", remedy="check the stack's values")
        if cancelled():
            return spectrum, history, "cancelled"
        direction = pairs.direction(gradient)
        length, _ = loss.along(planes, direction, moved).minimum()
        if length == 0:
            return spectrum, history, "converged"
        spectrum.add_(direction, alpha=length)
        if step % REFRESH == REFRESH - 1:
            planes, length_left = loss.planes(spectrum), 0.0  # sheds the rounding that adding up left
        else:
            length_left = length
        before = gradient
        value, gradient = loss.gradient(planes, moved, length_left)
        gradient = project(gradient)
        pairs.add(direction * length, gradient - before)
        history.append(value)
        report(step + 1, value)
        if len(history) > PATIENCE and history[-1 - PATIENCE] - value < tolerance * value:
            return spectrum, history, "converged"
    return spectrum, history, "cap"


def _colour_loss(
    stack: FocalStack,
    colour: int,
    profile: DisplayProfile,
    weights: LossWeights,
    padding: int,
    device: torch.device,
) -> ColourLoss:
    try:
        return ColourLoss(stack, colour, profile, weights, padding=padding, device=device)
    except (MemoryError, RuntimeError) as error:  # torch says "not enough memory" by a RuntimeError
        pixels = (stack.shape[0] + 2 * padding) * (stack.shape[1] + 2 * padding)
        raise SynthesisError(
            f"not enough memory for {stack.planes} planes of {pixels:,} pixels (about "
            f"{stack.planes * pixels * BYTES_A_PIXEL / 2**30:.1f} GiB are needed)",
            remedy="use fewer planes, a smaller picture or less padding",
        ) from error


def _projection(
    loss: ColourLoss, profile: DisplayProfile, *, within_slit: bool, padding: int
) -> Callable[[Tensor], Tensor]:
    """Onto the fields that pass the slit, or onto those that are dark outside the panel."""
    if within_slit:
        passband = torch.from_numpy(slit_passband(profile, *baseband_frequencies(profile, loss.shape)))

        def within(spectrum: Tensor) -> Tensor:
            return spectrum * passband.to(spectrum.device)

        return within
    if padding:

        def on_panel(spectrum: Tensor) -> Tensor:
            field = torch.fft.ifft2(spectrum, norm="ortho")
            kept = torch.zeros_like(field)
            kept[loss.inside] = field[loss.inside]
            return torch.fft.fft2(kept, norm="ortho")

        return on_panel
    return lambda spectrum: spectrum


class _Pairs:
    """The last steps and the changes of gradient they brought, and the quasi-Newton direction from them."""

    def __init__(self, memory: int):
        self.memory = memory
        self.pairs: list[tuple[Tensor, Tensor, float]] = []

    def add(self, step: Tensor, change: Tensor) -> None:
        curvature = _dot(step, change)
        if curvature > 0:  # else the pair would spoil the positive definite model
            self.pairs = [*self.pairs[-self.memory + 1 :], (step, change, 1 / curvature)]

    def direction(self, gradient: Tensor) -> Tensor:
        direction = -gradient
        if not self.pairs:
            return direction
        weights = []
        for step, change, inverse in reversed(self.pairs):
            weight = inverse * _dot(step, direction)
            direction = direction - weight * change
            weights.append(weight)
        _, change, inverse = self.pairs[-1]
        direction = direction * (1 / (inverse * _dot(change, change)))
        for (step, change, inverse), weight in zip(self.pairs, reversed(weights), strict=True):
            direction = direction + (weight - inverse * _dot(change, direction)) * step
        return direction


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.vdot(a.flatten(), b.flatten()).real)
