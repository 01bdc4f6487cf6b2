"""The network: size, initial output, fused batch normalisation, and receptive field."""

from dataclasses import replace

import pytest
import torch

from holodriver.dehnet.architecture import DEHNet, DEHNetShape, NetworkOptics, network_input
from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE


def test_the_papers_size() -> None:
    network = DEHNet()
    convolutions = [part for part in network.modules() if isinstance(part, torch.nn.Conv2d)]
    assert len(convolutions) == 34
    assert {part.out_channels for part in convolutions[:-1]} == {12}
    assert convolutions[-1].in_channels == 12 + 2
    weights = sum(part.weight.numel() for part in convolutions)
    assert network.shape.multiplications == weights == 41_940
    assert sum(part.numel() for part in network.parameters()) == 42_338


@pytest.mark.parametrize("fold", [1, 2, 4])
def test_multiplications_are_counted(fold: int) -> None:
    shape = DEHNetShape(8, 6, fold=fold)
    counted = 0

    def count(layer: torch.nn.Module, _: object, result: torch.Tensor) -> None:
        nonlocal counted
        assert isinstance(layer, torch.nn.Conv2d)
        counted += layer.weight.numel() * result.shape[-1] * result.shape[-2]

    network = DEHNet(shape)
    for part in network.modules():
        if isinstance(part, torch.nn.Conv2d):
            part.register_forward_hook(count)
    network(torch.rand(1, 2, 16, 16))
    assert counted == shape.multiplications * 16 * 16


def test_untrained_it_is_close_to_flat_phase() -> None:
    torch.manual_seed(0)
    given = network_input(torch.rand(1, 32, 32), torch.rand(1, 32, 32))
    field = DEHNet()(given)
    assert (field[:, 0] - given[:, 0]).abs().max() < 0.5
    assert field[:, 1].abs().max() < 0.5


def test_fused_it_is_the_same_function() -> None:
    torch.manual_seed(1)
    network = DEHNet(DEHNetShape(5, 8), norm=True)
    for _ in range(5):
        network(torch.rand(4, 2, 16, 16))  # so that the running statistics are something
    network.eval()
    given = torch.rand(2, 2, 20, 12)
    torch.testing.assert_close(network.fused()(given), network(given), rtol=1e-4, atol=1e-5)


def test_it_sees_no_further_than_its_halo() -> None:
    torch.manual_seed(2)
    shape = DEHNetShape(6, 8)
    network = DEHNet(shape)
    given = torch.rand(1, 2, 48, 48)
    changed = given.clone()
    changed[..., 20:, :] = torch.rand(1, 2, 28, 48)
    difference = (network(changed) - network(given)).abs().amax((0, 1, 3))
    assert (difference[: 20 - shape.halo] == 0).all()
    assert difference[20 - shape.halo] > 0


def test_sizes_that_cannot_be() -> None:
    for wrong in ({"channels": 0}, {"convolutions": 5}, {"convolutions": 2}, {"fold": 3}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            DEHNetShape(**wrong)  # type: ignore[arg-type]


def test_another_display_is_refused() -> None:
    optics = NetworkOptics.of(REFERENCE, 1)
    optics.check_fits(replace(REFERENCE, width=99), 1)
    with pytest.raises(InputError, match=r"wavelength 4\.6e-07"):
        optics.check_fits(REFERENCE, 2)
    with pytest.raises(InputError, match="depth_span"):
        optics.check_fits(replace(REFERENCE, depth_span=1e-3), 1)
