"""Training with rounding: as strong as in the int8 file, transparent to gradients, and removed afterwards."""

import numpy as np
import pytest
import torch
from networks import TINY, seeded

from holodriver.dehnet.runtimes.base import Model
from holodriver.dehnet.runtimes.kinds import kind_named
from holodriver.dehnet.training.export import export
from holodriver.dehnet.training.fake_quantise import rounding
from holodriver.dehnet.training.quantise import Recipe, rounded
from holodriver.errors import InputError


def test_it_rounds_as_strongly_as_the_int8_file_does():
    """Which way a value is rounded depends on the last bit, so that only the size of the difference can agree."""
    network = seeded()
    given = torch.rand(1, 2, 48, 48, generator=torch.Generator().manual_seed(0))
    int8 = rounded(export(seeded()), [given.numpy()], Recipe())
    by_file = kind_named("onnxruntime-int8").runtime(Model(int8, TINY, quantised=True))(given[0].numpy())
    with torch.no_grad():
        plain = network(given)[0].numpy()
        with rounding(network):
            here = network(given)[0].numpy()

    def rms(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.sqrt(np.mean((a - b) ** 2)))

    assert 0.5 < rms(here, plain) / rms(by_file, plain) < 2


def test_it_is_learnt_through_and_leaves_the_state_as_it_was():
    network = seeded()
    names, before = list(network.state_dict()), seeded().state_dict()
    with rounding(network):
        optimiser = torch.optim.SGD(network.parameters(), 0.01)
        network(torch.rand(1, 2, 16, 16)).square().mean().backward()
        optimiser.step()
    after = network.state_dict()
    assert list(after) == names or sorted(after) == sorted(names)
    assert all(not torch.equal(after[name], before[name]) for name in names if name.endswith("weight"))
    assert type(network.first) is torch.nn.Conv2d


def test_batch_normalisation_is_refused():
    with pytest.raises(InputError, match="batch normalisation"), rounding(seeded(norm=True)):
        pass
