"""The pointwise steps of the loss on torch tensors: by compiled kernels on the CPU, by torch alone on accelerators.

Both have the same functions; those of `holodriver.synthesis.kernels` say what each does. Sums come back as float64
tensors on the device, so that nothing waits for it in the middle of a pass.
"""

import itertools

import torch
from torch import Tensor

from holodriver.synthesis import kernels
from holodriver.system.threads import side_by_side


class Arithmetic:
    """What the loss asks for, by torch alone; fields are complex (H, W), weights and targets real (H, W)."""

    def multiply(self, field: Tensor, factor: Tensor, result: Tensor) -> None:
        """result = field · factor."""
        torch.mul(field, factor, out=result)

    def accumulate(self, total: Tensor, factor: Tensor, addend: Tensor) -> None:
        """total = total · conj(factor) + addend."""
        total.mul_(factor.conj()).add_(addend)

    def gather(self, total: Tensor, factor: Tensor, addend: Tensor) -> None:
        """total += conj(factor) · addend."""
        total.addcmul_(factor.conj(), addend)

    def turn(self, field: Tensor, reference: Tensor, scale: Tensor, *, backwards: bool = False) -> Tensor:
        """scale · field · (phase factor of `reference`), or its conjugate if `backwards`."""
        phase = torch.where(reference == 0, 1, torch.sgn(reference))
        return field * (phase.conj() if backwards else phase) * scale

    def mix(self, spectrum: Tensor, straight: Tensor, mirrored: Tensor) -> Tensor:
        """As `CpuArithmetic.mix`."""
        return straight * spectrum + mirrored * torch.roll(spectrum.flip((0, 1)), (1, 1), (0, 1)).conj()

    def target(
        self,
        light: tuple[Tensor, Tensor, Tensor],
        numbers: tuple[float, float, float, float],
        weight: Tensor,
        result: Tensor,
        brightness: Tensor,
    ) -> Tensor:
        """W and T of a plane from (image, depth, all-in-focus) and (position, β, γ, scale); returns ΣW·scale, rest."""
        image, depth, sharp = (values.double() for values in light)
        position, beta, gamma, scale = numbers
        attention = beta * torch.exp(-2 * (gamma * (depth - position)) ** 2)
        total = 1 + attention
        mixed = image + attention * sharp
        weight.copy_(total * scale)
        result.copy_(mixed / total)
        brightness.add_(mixed * scale)
        return torch.stack([total.sum() * scale, (attention / total * (image - sharp) ** 2).sum() * scale])

    def pull(
        self, field: Tensor, moved: Tensor, length: float, weight: Tensor, target: Tensor, result: Tensor
    ) -> Tensor:
        """field += length · moved; result = 4·W·(|field|² − T)·field; returns Σ W·(|field|² − T)²."""
        if length:
            field.add_(moved, alpha=length)
        excess = _squares(field) - target
        weighted = weight * excess
        torch.mul(field, 4 * weighted, out=result)
        return (weighted * excess).sum(dtype=torch.float64)

    def line(self, field: Tensor, moved: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        """Coefficients (5,) of Σ W·(|field + s·moved|² − T)² in powers of s."""
        excess = _squares(field) - target
        mixed = 2 * (field.real * moved.real + field.imag * moved.imag)
        square = _squares(moved)
        weighted, weighted_square = weight * excess, weight * square
        sums = (
            weighted * excess,
            2 * weighted * mixed,
            weight * mixed * mixed + 2 * weighted * square,
            2 * weighted_square * mixed,
            weighted_square * square,
        )
        return torch.stack([values.sum(dtype=torch.float64) for values in sums])


class CpuArithmetic(Arithmetic):
    """By Numba kernels, with tensors in the memory of the CPU."""

    def multiply(self, field: Tensor, factor: Tensor, result: Tensor) -> None:
        kernels.multiply(field.numpy(), factor.numpy(), result.numpy())

    def accumulate(self, total: Tensor, factor: Tensor, addend: Tensor) -> None:
        kernels.accumulate(total.numpy(), factor.numpy(), addend.numpy())

    def gather(self, total: Tensor, factor: Tensor, addend: Tensor) -> None:
        kernels.gather(total.numpy(), factor.numpy(), addend.numpy())

    def turn(self, field: Tensor, reference: Tensor, scale: Tensor, *, backwards: bool = False) -> Tensor:
        result = torch.empty_like(field)
        whole, other, size, written = field.numpy(), reference.numpy(), scale.numpy(), result.numpy()

        def turn_rows(rows: slice) -> None:
            kernels.turn(whole[rows], other[rows], size[rows], backwards, written[rows])

        side_by_side(turn_rows, _parts(len(field)))
        return result

    def mix(self, spectrum: Tensor, straight: Tensor, mirrored: Tensor) -> Tensor:
        result = torch.empty_like(spectrum)
        arrays = (spectrum.numpy(), straight.numpy(), mirrored.numpy(), result.numpy())
        side_by_side(lambda rows: kernels.mix(*arrays, rows.start, rows.stop), _parts(len(spectrum)))
        return result

    def target(
        self,
        light: tuple[Tensor, Tensor, Tensor],
        numbers: tuple[float, float, float, float],
        weight: Tensor,
        result: Tensor,
        brightness: Tensor,
    ) -> Tensor:
        image, depth, sharp = (values.numpy() for values in light)
        sums = kernels.target(image, depth, sharp, *numbers, weight.numpy(), result.numpy(), brightness.numpy())
        return torch.tensor(sums, dtype=torch.float64)

    def pull(
        self, field: Tensor, moved: Tensor, length: float, weight: Tensor, target: Tensor, result: Tensor
    ) -> Tensor:
        arrays = (weight.numpy(), target.numpy(), result.numpy())
        return torch.tensor(kernels.pull(field.numpy(), moved.numpy(), length, *arrays), dtype=torch.float64)

    def line(self, field: Tensor, moved: Tensor, weight: Tensor, target: Tensor) -> Tensor:
        return torch.from_numpy(kernels.line(field.numpy(), moved.numpy(), weight.numpy(), target.numpy()))


def arithmetic_for(device: torch.device) -> Arithmetic:
    """The arithmetic that fits a device."""
    return CpuArithmetic() if device.type == "cpu" else Arithmetic()


def _parts(rows: int) -> list[slice]:
    """Runs of rows, one a thread."""
    borders = [rows * n // torch.get_num_threads() for n in range(torch.get_num_threads() + 1)]
    return [slice(a, b) for a, b in itertools.pairwise(borders)]


def _squares(field: Tensor) -> Tensor:
    return field.real.square() + field.imag.square()
