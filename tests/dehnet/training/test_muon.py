"""Muon's steps agree with the singular value decomposition, and it beats Adam on an ill-conditioned problem."""

import pytest
import torch

from holodriver.dehnet.training.muon import LENGTH, Muon, orthogonal


@pytest.mark.parametrize("shape", [(12, 108), (108, 12), (7, 7)])
def test_orthogonal_is_the_polar_factor(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    matrices = torch.randn(3, *shape)
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    found = orthogonal(matrices)
    assert ((u.mT @ found @ v.mT).diagonal(dim1=1, dim2=2) - 1).abs().max() < 0.35
    assert torch.linalg.svdvals(found).max() < 1.35


def test_a_step_is_as_long_as_one_of_adam() -> None:
    torch.manual_seed(1)
    kernel = torch.nn.Parameter(torch.zeros(12, 12, 3, 3))
    kernel.grad = torch.randn_like(kernel)
    Muon([kernel], lr=0.1).step()
    assert float(kernel.detach().square().mean().sqrt()) == pytest.approx(0.1 * LENGTH, rel=0.15)


def test_biases_learn_by_adam() -> None:
    torch.manual_seed(2)
    start, gradients = torch.randn(9), torch.randn(5, 9)
    mine, reference = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    optimisers = (Muon([mine], lr=0.01), torch.optim.Adam([reference], lr=0.01, betas=(0.9, 0.99)))
    for gradient in gradients:
        for optimiser, parameter in zip(optimisers, (mine, reference), strict=True):
            parameter.grad = gradient.clone()
            optimiser.step()
    torch.testing.assert_close(mine, reference)


def test_it_goes_down_a_valley_that_adam_does_not() -> None:
    """A product of matrices whose gradients lie along few directions."""

    def end(kind: str) -> float:
        torch.manual_seed(3)
        layers = [torch.nn.Parameter(torch.randn(12, 12) / 5) for _ in range(6)]
        scales, target = torch.logspace(0, -2, 12), torch.randn(12, 12) / 3.5
        optimiser = Muon(layers, lr=0.02) if kind == "muon" else torch.optim.Adam(layers, lr=0.02)
        value = torch.zeros(())
        for step in range(200):
            for group in optimiser.param_groups:
                group["lr"] = 0.02 * (1 - step / 200)
            optimiser.zero_grad()
            product = torch.diag(scales)
            for layer in layers:
                product = product @ layer
            value = (product - torch.diag(scales) @ target).square().sum()
            value.backward()
            optimiser.step()
        return float(value.detach())

    assert end("muon") < 0.7 * end("adam")
