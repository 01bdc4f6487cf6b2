"""Diffraction-engineered holograms by optimisation: the field whose planes blur as the rendered ones do.

Because propagation is linear, the loss along any line is a quartic polynomial whose coefficients cost one propagation
of the direction. So each step of limited-memory BFGS takes the *exact* minimum along its line, for the transforms of
one gradient (two a plane), without step sizes to tune. It starts from the second derivative that wave optics gives in
closed form (`holodriver.synthesis.preconditioner`), which is worth more than any number of remembered steps.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from holodriver.errors import InputError, MemoryAllowedError, SynthesisError, check, first_line, numbers
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField, slit_projection
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.check_input import check_fits
from holodriver.synthesis.loss import ColourLoss, LossWeights
from holodriver.synthesis.preconditioner import Preconditioner
from holodriver.system.devices import torch_device
from holodriver.system.machine import available_memory

Reason = Literal["converged", "cap", "cancelled"]

ITERATIONS = 500  # the paper's cap
TOLERANCE = 1e-3  # relative change of the loss over PATIENCE steps that counts as converged; PSNR ends within 0.05 dB
PATIENCE = 5
REFRESH = 50  # steps after which the fields are computed anew
PAIRS = 2  # kept by limited-memory BFGS; 4 or 16 need as many steps
SHARE_OF_MEMORY = 0.8  # of what is free, used unless a budget is given


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
    memory: float | None = None,
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
        memory: bytes of the device that may be used beyond the stack itself; with less than all planes need, they are
            worked out more often. Most of what is free unless given.
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
    check_fits(stack, profile)
    device = torch_device(device)
    if within_slit and padding:
        raise InputError("a field cannot be kept within the slit and within the panel", remedy="leave out the padding")
    check("argument 'padding'", padding, numbers(0, whole=True, kind="pixels"))
    check("argument 'iterations'", iterations, numbers(1, whole=True))
    weights = LossWeights.for_planes(stack.planes, beta, gamma)
    colours = len(profile.wavelengths)
    initial = np.sqrt(stack.all_in_focus).astype(np.complex64) if start is None else start.values
    fields, histories, reasons = [], [], []
    for colour in range(colours):
        budget = _free_memory(device) if memory is None else memory
        with _memory_may_run_out(), memory_allowed(memory):
            loss = ColourLoss(stack, colour, profile, weights, padding=padding, device=device, memory=budget)
        project = _projection(loss, profile, within_slit=within_slit, padding=padding)
        beginning = torch.nn.functional.pad(torch.from_numpy(initial[colour]).to(device), (padding,) * 4)

        def report(step: int, value: float, colour: int = colour) -> None:
            progress("Optimising the hologram", colour * iterations + step, colours * iterations, f"loss {value:.5f}")

        field, history, reason = minimise(
            loss,
            beginning,
            iterations=iterations,
            tolerance=tolerance,
            project=project,
            report=report,
            cancelled=cancelled,
        )
        report(iterations, history[-1])
        fields.append(field[loss.inside].cpu().numpy())
        histories.append(tuple(history))
        reasons.append(reason)
    return Synthesis(WaveField(np.stack(fields), profile), tuple(histories), tuple(reasons))


def minimise(
    loss: ColourLoss,
    field: Tensor,
    *,
    iterations: int,
    tolerance: float = TOLERANCE,
    project: Callable[[Tensor], Tensor] = lambda field: field,
    precondition: Callable[[Tensor, Tensor], Tensor] | None = None,
    report: Callable[[int, float], None] = lambda step, value: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Tensor, list[float], Reason]:
    """Preconditioned limited-memory BFGS with an exact line search, on the field of one colour.

    Args:
        loss: the loss of that colour.
        field: complex (H, W) at the hologram plane, padding included, to begin with; not changed.
        iterations: cap on the steps.
        tolerance: see `synthesise`.
        project: keeps a field within the linear space in which it is sought (an orthogonal projection).
        precondition: makes a step of (gradient, field); `Preconditioner(loss)` unless given.
        report: called with the number and the loss of each step.
        cancelled: asked before each step.

    Returns:
        the best field, the loss before the first and after each step, and why it stopped.

    Raises:
        SynthesisError: the loss became not a number, or there is not enough memory.

    Source: Nocedal and Wright, Numerical Optimization, 2nd ed., Algorithm 7.4.
    """
    with _memory_may_run_out():
        step = precondition or Preconditioner(loss)
        return _minimise(loss, project(field).clone(), iterations, tolerance, project, step, report, cancelled)


def _minimise(
    loss: ColourLoss,
    field: Tensor,
    iterations: int,
    tolerance: float,
    project: Callable[[Tensor], Tensor],
    precondition: Callable[[Tensor, Tensor], Tensor],
    report: Callable[[int, float], None],
    cancelled: Callable[[], bool],
) -> tuple[Tensor, list[float], Reason]:
    pairs = _Pairs(PAIRS)

    def pulled(found: tuple[float, Tensor]) -> tuple[float, Tensor]:
        return found[0], project(torch.fft.ifft2(found[1], norm="ortho"))

    def stepped(pull: Tensor) -> Tensor:
        return project(precondition(pull, field))

    value, gradient = pulled(loss.at(torch.fft.fft2(field, norm="ortho")))
    history = [value]
    for step in range(iterations):
        if not math.isfinite(value):
            raise SynthesisError(f"the loss became {value} at step {step}", remedy="check the stack's values")
        if cancelled():
            return field, history, "cancelled"
        direction = pairs.direction(gradient, stepped)
        length, _ = loss.along(torch.fft.fft2(direction, norm="ortho")).minimum()
        if length == 0:
            return field, history, "converged"
        direction *= length
        field += direction
        before = gradient
        if step % REFRESH == REFRESH - 1:  # sheds the rounding that adding up left
            value, gradient = pulled(loss.at(torch.fft.fft2(field, norm="ortho")))
        else:
            value, gradient = pulled(loss.move(length))
        pairs.add(direction, gradient - before)
        history.append(value)
        report(step + 1, value)
        if len(history) > PATIENCE and history[-1 - PATIENCE] - value < tolerance * value:
            return field, history, "converged"
    return field, history, "cap"


def _free_memory(device: torch.device) -> float | None:
    """Bytes that may be used without being asked for; None if nobody knows."""
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available_memory()
    return None if free is None else SHARE_OF_MEMORY * free


@contextmanager
def memory_allowed(memory: float | None) -> Iterator[None]:
    """Have too little memory be the user's fault where it is the user who gave the bytes."""
    try:
        yield
    except SynthesisError as error:
        if memory is None:
            raise
        raise MemoryAllowedError(error.what, where=error.where, remedy="allow more with --memory") from error


@contextmanager
def _memory_may_run_out() -> Iterator[None]:
    """Say in one line that memory ran out; torch does so on the CPU by an error that could mean anything."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        said = first_line(error)
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "allocate memory" not in said:
            raise
        remedy = "allow less with --memory, or use a smaller picture or less padding"
        raise SynthesisError(f"the memory ran out ({said})", remedy=remedy) from error


def _projection(
    loss: ColourLoss, profile: DisplayProfile, *, within_slit: bool, padding: int
) -> Callable[[Tensor], Tensor]:
    """Onto the fields that pass the slit, or onto those that are dark outside the panel."""
    if within_slit:
        return slit_projection(profile, loss.shape)
    if padding:

        def on_panel(field: Tensor) -> Tensor:
            kept = torch.zeros_like(field)
            kept[loss.inside] = field[loss.inside]
            return kept

        return on_panel
    return lambda field: field


class _Pairs:
    """The last steps and the changes of gradient they brought, and the quasi-Newton direction from them."""

    def __init__(self, memory: int):
        self.memory = memory
        self.pairs: list[tuple[Tensor, Tensor, float]] = []

    def add(self, step: Tensor, change: Tensor) -> None:
        curvature = _dot(step, change)
        if curvature > 0:  # else the pair would spoil the positive definite model
            self.pairs = [*self.pairs[-self.memory + 1 :], (step, change, 1 / curvature)]

    def direction(self, gradient: Tensor, precondition: Callable[[Tensor], Tensor]) -> Tensor:
        direction, weights = -gradient, []
        for step, change, inverse in reversed(self.pairs):
            weight = inverse * _dot(step, direction)
            direction.sub_(change, alpha=weight)
            weights.append(weight)
        direction = precondition(direction)
        for (step, change, inverse), weight in zip(self.pairs, reversed(weights), strict=True):
            direction.add_(step, alpha=weight - inverse * _dot(change, direction))
        return direction


def _dot(a: Tensor, b: Tensor) -> float:
    return float(torch.vdot(a.flatten(), b.flatten()).real)
