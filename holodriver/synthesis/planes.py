"""Fields in all focal planes at once: spread from a spectrum, compared with their targets, gathered into a gradient.

Two ways to the same numbers: `ThreadedPlanes` for CPUs, where each thread takes a run of neighbouring planes and works
on one plane at a time (transforms by torch, all else by fused kernels, nothing larger than a plane allocated), and
`DevicePlanes` for accelerators, with torch alone.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from holodriver.synthesis import kernels
from holodriver.threads import side_by_side

_Result = TypeVar("_Result")


class ThreadedPlanes:
    """Planes on the CPU.

    Args:
        first: transfer function (H, W) from the hologram plane to the first plane.
        strides: factors (H, W) from each plane to the next, N − 1 of them; may be one and the same tensor.
        weight: W of each plane, (N, H, W).
        target: T of each plane, (N, H, W).
    """

    def __init__(self, first: Tensor, strides: Sequence[Tensor], weight: Tensor, target: Tensor):
        self._weight, self._target = weight.numpy(), target.numpy()
        planes = len(weight)
        # Fixed runs, so that sums do not depend on which thread was faster.
        runs = np.array_split(np.arange(planes), min(torch.get_num_threads(), planes))
        self._runs = [[int(n) for n in run] for run in runs]
        self._strides = [None, *(stride.numpy() for stride in strides)]
        self._heads = []
        head = first
        for n in range(planes):
            if n > 0:
                head = head * strides[n - 1]
            if any(run[0] == n for run in self._runs):
                self._heads.append(head.numpy())

    def spread(self, spectrum: Tensor) -> Tensor:
        """Fields (N, H, W) of a spectrum (H, W)."""
        fields = torch.empty((len(self._weight), *spectrum.shape), dtype=spectrum.dtype)
        self._each_run(lambda i: self._spread(i, spectrum, fields, lambda n: None))
        return fields

    def line(self, fields: Tensor, direction: Tensor, moved: Tensor) -> Sequence[float]:
        """Coefficients of Σ W·(|fields + s·moved|² − T)² in powers of s; `moved` receives the fields of `direction`."""
        at, by = fields.numpy(), moved.numpy()
        coefficients = np.zeros((len(at), 5))

        def compare(n: int) -> None:
            coefficients[n] = kernels.line(at[n], by[n], self._weight[n], self._target[n])

        self._each_run(lambda i: self._spread(i, direction, moved, compare))
        return coefficients.sum(0).tolist()

    def pull(self, fields: Tensor, moved: Tensor, length: float) -> tuple[float, Tensor]:
        """`fields` += `length`·`moved` in place, then (Σ W·(|fields|² − T)², its gradient in the spectrum)."""
        at, by = fields.numpy(), moved.numpy()
        values = np.zeros(len(at))

        def gather(i: int) -> Tensor:
            pulled = torch.empty_like(fields[0])
            total = torch.zeros_like(pulled)
            for n in reversed(self._runs[i]):
                values[n] = kernels.pull(at[n], by[n], length, self._weight[n], self._target[n], pulled.numpy())
                spectrum = torch.fft.fft2(pulled, norm="ortho").numpy()
                # The factor that leads from this plane to the one added before; none before the last of the run.
                factor = self._strides[n + 1] if n != self._runs[i][-1] else spectrum
                kernels.accumulate(total.numpy(), factor, spectrum)
            kernels.accumulate(total.numpy(), self._heads[i], _zeros(tuple(total.shape), total.dtype))
            return total

        parts = self._each_run(gather)
        return float(values.sum()), torch.stack(parts).sum(0) if len(parts) > 1 else parts[0]

    def _spread(self, run: int, spectrum: Tensor, fields: Tensor, then: Callable[[int], None]) -> None:
        here = torch.empty_like(spectrum)
        kernels.multiply(spectrum.numpy(), self._heads[run], here.numpy())
        for n in self._runs[run]:
            if n != self._runs[run][0]:
                kernels.multiply(here.numpy(), self._strides[n], here.numpy())
            fields[n] = torch.fft.ifft2(here, norm="ortho")
            then(n)

    def _each_run(self, work: Callable[[int], _Result]) -> list[_Result]:
        return side_by_side(work, range(len(self._runs)))


class DevicePlanes:
    """Planes on an accelerator, with torch alone; arguments as those of `ThreadedPlanes`."""

    def __init__(self, first: Tensor, strides: Sequence[Tensor], weight: Tensor, target: Tensor):
        self._first, self._strides = first, list(strides)
        self._weight, self._target = weight, target

    def spread(self, spectrum: Tensor) -> Tensor:
        """As `ThreadedPlanes.spread`."""
        fields = torch.empty((len(self._weight), *spectrum.shape), dtype=spectrum.dtype, device=spectrum.device)
        self._spread(spectrum, fields)
        return fields

    def line(self, fields: Tensor, direction: Tensor, moved: Tensor) -> Sequence[float]:
        """As `ThreadedPlanes.line`."""
        self._spread(direction, moved)
        excess = _squares(fields) - self._target
        mixed = 2 * (fields * moved.conj()).real
        square = _squares(moved)
        weighted, weighted_square = self._weight * excess, self._weight * square
        sums = [
            (weighted * excess).sum(dtype=torch.float64),
            2 * (weighted * mixed).sum(dtype=torch.float64),
            (self._weight * mixed * mixed + 2 * weighted * square).sum(dtype=torch.float64),
            2 * (weighted_square * mixed).sum(dtype=torch.float64),
            (weighted_square * square).sum(dtype=torch.float64),
        ]
        return torch.stack(sums).tolist()

    def pull(self, fields: Tensor, moved: Tensor, length: float) -> tuple[float, Tensor]:
        """As `ThreadedPlanes.pull`."""
        if length:
            fields.add_(moved, alpha=length)
        excess = _squares(fields) - self._target
        weighted = self._weight * excess
        spectra = torch.fft.fft2(fields * (4 * weighted), norm="ortho")
        total = spectra[-1]
        for spectrum, stride in zip(spectra[:-1].flip(0), reversed(self._strides), strict=True):
            total = torch.addcmul(spectrum, total, stride.conj())
        return float((weighted * excess).sum(dtype=torch.float64)), total * self._first.conj()

    def _spread(self, spectrum: Tensor, fields: Tensor) -> None:
        here = spectrum * self._first
        for n in range(len(fields)):
            if n > 0:
                here = here * self._strides[n - 1]
            fields[n] = here
        torch.fft.ifft2(fields, norm="ortho", out=fields)


def _squares(fields: Tensor) -> Tensor:
    return (fields * fields.conj()).real


@cache
def _zeros(shape: tuple[int, ...], dtype: torch.dtype) -> np.ndarray:
    return torch.zeros(shape, dtype=dtype).numpy()
