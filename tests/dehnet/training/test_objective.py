"""Training minimises the optimiser's loss, with the right gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from holodriver.dehnet.architecture import NetworkOptics
from holodriver.dehnet.training.objective import Objective, Sample
from holodriver.dehnet.training.pool import Pool
from holodriver.dehnet.training.train import sample_of
from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.loss import ColourLoss, LossWeights


@pytest.fixture
def sample(pool: Pool) -> Sample:
    return sample_of(pool.get(2), 1, torch.device("cpu"))


def objective(border: int) -> Objective:
    return Objective(NetworkOptics.of(REFERENCE, 1), LossWeights.for_planes(5), border)


def fields(sample: Sample, count: int = 1) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.stack([sample.all_in_focus.sqrt(), 0 * sample.all_in_focus]) + 0.1 * torch.randn(
        count, 2, *sample.all_in_focus.shape
    )


def test_it_is_the_optimisers_loss(sample: Sample) -> None:
    images = np.repeat(sample.images.numpy()[:, None], 3, 1)
    stack = FocalStack(
        images,
        sample.depths.numpy(),
        images[0],
        sample.all_in_focus_depth.numpy(),
        np.linspace(0, 1, 5, dtype=np.float32),
        "linear",
        3.0,
    )
    stack = replace(stack, all_in_focus=np.repeat(sample.all_in_focus.numpy()[None], 3, 0))
    height, width = stack.shape
    loss = ColourLoss(stack, 1, replace(REFERENCE, width=width, height=height), LossWeights.for_planes(5))
    field = fields(sample)[0]
    expected, _ = loss.at(torch.fft.fft2(torch.complex(field[0], field[1]), norm="ortho"))
    value, _ = objective(0).at(field, sample, 1.0)
    assert value == pytest.approx(expected, rel=1e-5)


def test_gradient_is_that_of_the_value(sample: Sample) -> None:
    eq2 = objective(4)
    at = fields(sample, 2).requires_grad_()
    losses = eq2(at, [sample, sample], [0.5, 2.0])
    (3 * losses[0] + losses[1]).backward()
    assert at.grad is not None
    direction, step = torch.randn_like(at), 1e-3

    def value(fields: torch.Tensor) -> float:
        one, two = eq2(fields, [sample, sample], [0.5, 2.0]).tolist()
        return 3 * one + two

    with torch.no_grad():
        slope = (value(at + step * direction) - value(at - step * direction)) / (2 * step)
    assert float((at.grad * direction).sum()) == pytest.approx(slope, rel=2e-3)


def test_every_second_plane_stands_for_all(sample: Sample) -> None:
    eq2, field = objective(4), fields(sample)[0]
    whole, gradient = eq2.at(field, sample, 0.5)
    parts = [eq2.at(field, sample, 0.5, slice(first, None, 2)) for first in (0, 1)]
    shares = (3 / 5, 2 / 5)
    assert sum(share * value for share, (value, _) in zip(shares, parts, strict=True)) == pytest.approx(whole, rel=1e-5)
    mean = sum(share * slope for share, (_, slope) in zip(shares, parts, strict=True))
    torch.testing.assert_close(mean, gradient, rtol=1e-4, atol=1e-7)
    with pytest.raises(InputError, match="chooses none"):
        eq2.at(field, sample, 0.5, slice(9, None))


def test_targets_on_the_border_do_not_count(sample: Sample) -> None:
    inside = torch.zeros_like(sample.all_in_focus)
    inside[4:-4, 4:-4] = 1
    other = replace(sample, images=sample.images * inside + 7 * (1 - inside), all_in_focus=sample.all_in_focus * inside)
    at = fields(sample)
    (expected,), (found,) = (objective(4)(at, [which], [1.0]).tolist() for which in (sample, other))
    assert found == pytest.approx(expected, rel=1e-6)
