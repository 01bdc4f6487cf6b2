"""Muon: an optimiser with momentum whose steps are orthogonal matrices, so that all directions of a layer move equally.

A narrow network of many layers is badly conditioned: the gradients of a kernel lie along few directions, and Adam
follows them. `torch.optim.Muon` takes only matrices, one after the other; here kernels (out, in, h, w) are taken
as matrices (out, in·h·w), all kernels of one shape at once, and Adam trains the biases.

Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024 (the iteration and its
coefficients); J. Liu et al., "Muon is scalable for LLM training", 2025 (the length of a step, as Adam's).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Coefficients of the odd polynomial that pulls singular values towards 1."""

ROUNDS = 6
"""Number of applications of the polynomial, after which singular values are between 0.7 and 1.2."""

LENGTH = 0.2
"""Approximate root mean square of a step of Adam at learning rate 1."""

MOMENTUM = 0.95
BETAS, EPSILON = (0.9, 0.99), 1e-8
"""Decay rates and ε of Adam, which trains the biases."""


class Muon(torch.optim.Optimizer):
    """Optimiser for convolutions; a learning rate that suits Adam suits it, too.

    Args:
        parameters: kernels and biases of the network.
        lr: learning rate.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step along the present gradients."""
        for group in self.param_groups:
            kernels: dict[torch.Size, list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    if parameter.ndim > 1:
                        kernels[parameter.shape].append(parameter)
                    else:
                        self._adam(parameter, group["lr"])
            for same in kernels.values():
                self._orthogonal(same, group["lr"])

    def _orthogonal(self, kernels: list[Tensor], rate: float) -> None:
        ahead = []
        for kernel in kernels:
            state = self.state[kernel]
            mean = state.setdefault("exp_avg", torch.zeros_like(kernel))
            assert kernel.grad is not None
            mean.lerp_(kernel.grad, 1 - MOMENTUM)
            ahead.append(kernel.grad.lerp(mean, MOMENTUM).flatten(1))
        steps = orthogonal(torch.stack(ahead).float())
        length = rate * LENGTH * max(steps.shape[1:]) ** 0.5
        for kernel, step in zip(kernels, steps, strict=True):
            kernel.sub_(step.view_as(kernel), alpha=length)

    def _adam(self, parameter: Tensor, rate: float) -> None:
        state: dict[str, Any] = self.state[parameter]
        if not state:
            state |= {"exp_avg": torch.zeros_like(parameter), "exp_avg_sq": torch.zeros_like(parameter)}
            state["step"] = torch.zeros(())
        state["step"] += 1
        mean, square, gradient = state["exp_avg"], state["exp_avg_sq"], parameter.grad
        assert gradient is not None
        mean.lerp_(gradient, 1 - BETAS[0])
        square.lerp_(gradient * gradient, 1 - BETAS[1])
        count = float(state["step"])
        deviation = (square / (1 - BETAS[1] ** count)).sqrt() + EPSILON
        parameter.sub_(mean / deviation, alpha=rate / (1 - BETAS[0] ** count))


def orthogonal(matrices: Tensor) -> Tensor:
    """Approximate orthogonal matrices U·Vᵀ nearest to matrices U·S·Vᵀ; (N, A, B) to (N, A, B), float32."""
    first, second, third = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(ROUNDS):
        square = x @ x.mT
        x = first * x + (second * square + third * square @ square) @ x
    return x.mT if tall else x
