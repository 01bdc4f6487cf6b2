"""The wave fields in all focal planes: computed from a spectrum, compared with targets, gathered into a gradient.

Planes are grouped in *runs* of neighbours that hold the same kind of data. On the CPU each thread computes a run, one
plane at a time, so that the working memory of a thread is that of one plane. Each transfer function is the one before
times a factor, H_{n+1} = H_n·S, so that only the first one of each run is stored. For planes that hold fields and
moves, the sum of the gradient is computed from the last plane to the first, by Horner's method for polynomials.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from holodriver.synthesis.arithmetic import Arithmetic
from holodriver.synthesis.holding import Hold
from holodriver.system.threads import side_by_side

_Result = TypeVar("_Result")


class Targets(Protocol):
    """Source of the weight W and the target T of each plane."""

    def fill(self, plane: int, weight: Tensor, target: Tensor, brightness: Tensor) -> Tensor:
        """Write W / pixels and T of one plane and add W·T / pixels to `brightness`, all (H, W); padding is not changed.

        Returns:
            float64 (2,): ΣW / pixels, and the part of Eq. 2 for this plane that does not depend on the field.
        """


@dataclass(frozen=True)
class _Run:
    """Neighbouring planes that hold the same kind of data."""

    planes: tuple[int, ...]
    head: Tensor
    """Transfer function (H, W) from the hologram plane to the first plane of the run."""
    hold: Hold


class Planes:
    """The fields of all planes, and the weights and targets with which they are compared.

    `plane_weights` (N,) is the mean W of each plane, `brightness` (H, W) the sum of W·T / pixels over the planes, and
    `rest` the part of Eq. 2 that does not depend on the field.

    Args:
        first: transfer function (H, W) from the hologram plane to the first plane.
        strides: N − 1 factors (H, W) from each plane to the next; all may be the same tensor.
        targets: source of W and T.
        holds: data that each plane keeps between passes.
        arithmetic: arithmetic for the device of `first`.
        threads: number of runs computed in parallel.
    """

    def __init__(
        self,
        first: Tensor,
        strides: Sequence[Tensor],
        targets: Targets,
        holds: Sequence[Hold],
        arithmetic: Arithmetic,
        threads: int,
    ):
        self._first, self._strides, self._targets, self._do = first, strides, targets, arithmetic
        self._threads = threads
        planes = range(len(holds))
        self._real = torch.empty((), dtype=first.dtype).real.dtype

        def held(least: Hold, dtype: torch.dtype) -> dict[int, Tensor]:
            return {n: first.new_zeros(first.shape, dtype=dtype) for n in planes if holds[n] >= least}

        self._weight, self._target = held(Hold.targets, self._real), held(Hold.targets, self._real)
        self._field, self._moved = held(Hold.fields, first.dtype), held(Hold.moves, first.dtype)
        self._runs = list(self._split(holds))
        self._spectrum = self._direction = first.new_zeros(first.shape)
        parts = self._map(self._fill, self._runs)
        sums = torch.cat([part for part, _ in parts]).cpu()
        self.plane_weights = sums[:, 0]
        self.rest = float(sums[:, 1].sum())
        self.brightness = torch.stack([brightness for _, brightness in parts]).sum(0)

    def transfer_functions(self) -> Iterator[Tensor]:
        """The transfer function (H, W) to each plane, one after another in the same tensor."""
        here = self._first.clone()
        yield here
        for stride in self._strides:
            self._do.multiply(here, stride, here)
            yield here

    def at(self, spectrum: Tensor) -> tuple[float, Tensor]:
        """The sum Σ W·(|fields|² − T)² and its gradient (H, W) at a spectrum (H, W), which is remembered."""
        self._spectrum = spectrum.clone()
        return self._pull(None)

    def line(self, direction: Tensor) -> list[float]:
        """Coefficients of Σ W·(|fields + s·moved|² − T)² in powers of s; `moved` are the fields of `direction`."""
        self._direction = direction
        parts = self._map(self._compare, self._runs)
        return torch.stack(parts).sum(0).tolist()

    def move(self, length: float) -> tuple[float, Tensor]:
        """The sum Σ W·(|fields|² − T)² and its gradient (H, W) after a step of `length` in the direction last given to
        `line`."""
        self._spectrum.add_(self._direction, alpha=length)
        return self._pull(length)

    def fields(self, spectrum: Tensor) -> Tensor:
        """Wave fields (N, H, W) in all planes for a spectrum (H, W)."""
        return torch.stack([torch.fft.ifft2(spectrum * h, norm="ortho") for h in self.transfer_functions()])

    def _split(self, holds: Sequence[Hold]) -> Iterator[_Run]:
        """Runs of planes with equal `holds`; the planes of each kind are divided among the threads."""
        groups = [[n for n in range(len(holds)) if holds[n] == hold] for hold in sorted(set(holds), reverse=True)]
        parts = [
            [int(n) for n in part] for group in groups for part in np.array_split(group, min(self._threads, len(group)))
        ]
        firsts = {part[0] for part in parts}
        heads = {n: here.clone() for n, here in enumerate(self.transfer_functions()) if n in firsts}
        for part in parts:
            yield _Run(tuple(part), heads[part[0]], holds[part[0]])

    def _fill(self, run: _Run) -> tuple[Tensor, Tensor]:
        """Sums (planes, 2) and brightness (H, W) of a run; W and T are kept if the run holds them."""
        brightness = torch.zeros(run.head.shape, dtype=self._real, device=run.head.device)
        scratch = torch.zeros((2, *run.head.shape), dtype=self._real, device=run.head.device)
        sums = []
        for n in run.planes:
            held = run.hold >= Hold.targets
            weight, target = (self._weight[n], self._target[n]) if held else scratch
            sums.append(self._targets.fill(n, weight, target, brightness))
        return torch.stack(sums), brightness

    def _compare(self, run: _Run) -> Tensor:
        """Coefficients (5,) of the loss along the direction, for one run."""
        total = torch.zeros(5, dtype=torch.float64, device=run.head.device)
        if run.hold == Hold.moves:
            for n, moved in self._along(run, self._direction):
                torch.fft.ifft2(moved, norm="ortho", out=self._moved[n])
                total += self._do.line(self._field[n], self._moved[n], *self._of(n, run))
            return total
        scratch = torch.empty_like(run.head)
        for n, here in self._along(run):
            self._do.multiply(self._direction, here, scratch)
            moved = torch.fft.ifft2(scratch, norm="ortho")
            if run.hold == Hold.fields:
                field = self._field[n]
            else:
                self._do.multiply(self._spectrum, here, scratch)
                field = torch.fft.ifft2(scratch, norm="ortho")
            total += self._do.line(field, moved, *self._of(n, run))
        return total

    def _pull(self, length: float | None) -> tuple[float, Tensor]:
        """Sum and gradient; held fields move by `length`, or are computed again if `length` is None."""
        parts = self._map(lambda run: self._gather(run, length), self._runs)
        value = torch.stack([value for value, _ in parts]).sum()
        return float(value), torch.stack([total for _, total in parts]).sum(0) if len(parts) > 1 else parts[0][1]

    def _gather(self, run: _Run, length: float | None) -> tuple[Tensor, Tensor]:
        """Sum and gradient of one run."""
        if run.hold == Hold.moves:
            if length is None:
                for n, here in self._along(run, self._spectrum):
                    torch.fft.ifft2(here, norm="ortho", out=self._field[n])
            return self._gather_held(run, length or 0.0)
        total, pulled, scratch = torch.zeros_like(run.head), torch.empty_like(run.head), torch.empty_like(run.head)
        value = torch.zeros((), dtype=torch.float64, device=run.head.device)
        for n, here in self._along(run):
            self._do.multiply(self._spectrum, here, scratch)
            if run.hold >= Hold.fields:
                field = torch.fft.ifft2(scratch, norm="ortho", out=self._field[n])
            else:
                field = torch.fft.ifft2(scratch, norm="ortho")
            value += self._do.pull(field, field, 0.0, *self._of(n, run), pulled)
            self._do.gather(total, here, torch.fft.fft2(pulled, norm="ortho"))
        return value, total

    def _gather_held(self, run: _Run, length: float) -> tuple[Tensor, Tensor]:
        """Sum and gradient of a run that holds fields and moves, computed from the last plane to the first."""
        pulled, spectrum, total = (torch.empty_like(run.head) for _ in range(3))
        value = torch.zeros((), dtype=torch.float64, device=run.head.device)
        last = run.planes[-1]
        for n in reversed(run.planes):
            moved = self._moved[n] if length else self._field[n]
            value += self._do.pull(self._field[n], moved, length, *self._of(n, run), pulled)
            torch.fft.fft2(pulled, norm="ortho", out=total if n == last else spectrum)
            if n != last:
                self._do.accumulate(total, self._strides[n], spectrum)
        self._do.multiply(total, run.head.conj().resolve_conj(), total)
        return value, total

    def _along(self, run: _Run, times: Tensor | None = None) -> Iterator[tuple[int, Tensor]]:
        """Each plane of a run with its transfer function (H, W), times `times` if given, all in the same tensor."""
        here = run.head.clone() if times is None else run.head * times
        for n in run.planes:
            if n != run.planes[0]:
                self._do.multiply(here, self._strides[n - 1], here)
            yield n, here

    def _of(self, plane: int, run: _Run) -> tuple[Tensor, Tensor]:
        """Weight W and target T of a plane."""
        if run.hold >= Hold.targets:
            return self._weight[plane], self._target[plane]
        weight, target = torch.zeros((2, *run.head.shape), dtype=self._real, device=run.head.device)
        self._targets.fill(plane, weight, target, torch.empty_like(weight))
        return weight, target

    def _map(self, work: Callable[..., _Result], items: Sequence[object]) -> list[_Result]:
        """Results of `work` for each item; on the CPU the items are computed in parallel."""
        if self._first.device.type == "cpu":
            return side_by_side(work, items)
        return [work(item) for item in items]
