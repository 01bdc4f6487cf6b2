"""Eq. 2 against its plain form, and its hand-derived gradient against autograd."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from layered import layered_stack

from holodriver.optics.display import REFERENCE
from holodriver.optics.propagation import transfer_function
from holodriver.synthesis import loss as loss_module
from holodriver.synthesis.arithmetic import Arithmetic
from holodriver.synthesis.holding import least_bytes
from holodriver.synthesis.loss import ColourLoss, LossWeights, Quartic

STACK = layered_stack(32, planes=5, coc_max=6.0, rays=20)
PROFILE = REFERENCE.resized(32, 32)
WEIGHTS = LossWeights.for_planes(STACK.planes)


def plain_equation_2(spectrum: torch.Tensor, colour: int, padding: int) -> torch.Tensor:
    """Eq. 2 as the paper writes it, term by term, for autograd."""
    total = torch.zeros((), dtype=torch.float64)
    shape = (32 + 2 * padding, 32 + 2 * padding)
    inside = (slice(padding, padding + 32), slice(padding, padding + 32))
    sharp = torch.from_numpy(STACK.all_in_focus[colour]).double()
    for n, t in enumerate(STACK.positions.astype(float)):
        kernel = transfer_function(shape, PROFILE.pixel_pitch, PROFILE.wavelengths[colour], PROFILE.z(t))
        intensity = torch.fft.ifft2(kernel * spectrum, norm="ortho").abs()[inside] ** 2
        image = torch.from_numpy(STACK.images[n, colour]).double()
        depth = torch.from_numpy(STACK.depths[n]).double()
        attention = torch.exp(-((WEIGHTS.gamma * (depth - t)) ** 2))
        total = total + ((intensity - image) ** 2).mean()
        total = total + WEIGHTS.beta * (((intensity - sharp) * attention) ** 2).mean()
    return total


def random_spectrum(padding: int) -> torch.Tensor:
    side = 32 + 2 * padding
    return 0.3 * torch.randn(side, side, dtype=torch.complex128, generator=torch.Generator().manual_seed(4))


def make_loss(colour: int = 1, padding: int = 0, hold: float = 3) -> ColourLoss:
    """A loss whose planes hold as much as `hold` says; 1.4: targets, and two of five planes their fields."""
    pixels = (32 + 2 * padding) ** 2
    least = least_bytes(pixels, complex_bytes=16, threads=torch.get_num_threads())
    memory = least + hold * STACK.planes * pixels * 16
    return ColourLoss(STACK, colour, PROFILE, WEIGHTS, padding=padding, dtype=torch.complex128, memory=memory)


@pytest.fixture(params=["kernels", "torch"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The arithmetic of the CPU, and that of accelerators, here on the CPU."""
    if request.param == "torch":
        monkeypatch.setattr(loss_module, "arithmetic_for", lambda device: Arithmetic())
    return request.param


HOLDS = pytest.mark.parametrize("hold", [0, 0.6, 1, 1.4, 2, 2.2, 3])


@pytest.mark.usefixtures("way")
@HOLDS
@pytest.mark.parametrize(("colour", "padding"), [(0, 0), (2, 6)])
def test_value_and_gradient_are_those_of_autograd(hold: float, colour: int, padding: int) -> None:
    spectrum = random_spectrum(padding).requires_grad_()
    expected = plain_equation_2(spectrum, colour, padding)
    expected.backward()
    value, gradient = make_loss(colour, padding, hold).at(spectrum.detach())
    assert value == pytest.approx(expected.item(), rel=1e-12)
    difference = (gradient - spectrum.grad).abs().max() / spectrum.grad.abs().max()
    assert float(difference) < 1e-10


@pytest.mark.usefixtures("way")
@HOLDS
def test_the_loss_along_a_line_is_exactly_its_quartic(hold: float) -> None:
    loss, other = make_loss(hold=hold), make_loss()
    spectrum, direction = random_spectrum(0), random_spectrum(0).flip(0)
    loss.at(spectrum)
    line = loss.along(direction)
    for step in (-0.7, 0.0, 0.3, 1.9):
        expected, _ = other.at(spectrum + step * direction)
        assert np.polyval(line.coefficients[::-1], step) == pytest.approx(expected, rel=1e-10)
    step, value = line.minimum()
    around = np.polyval(line.coefficients[::-1], np.linspace(step - 1, step + 1, 201))
    assert value <= around.min() + 1e-12
    stepped, gradient = loss.move(step)
    assert stepped == pytest.approx(value, rel=1e-10)
    torch.testing.assert_close(gradient, other.at(spectrum + step * direction)[1])
    # at the lowest point of the line the gradient is square to it
    assert abs(float(torch.vdot(gradient.flatten(), direction.flatten()).real)) < 1e-9


def test_planes_that_are_not_evenly_spaced_are_no_special_case() -> None:
    positions = np.array([0, 0.1, 0.45, 0.5, 1], np.float32)
    loss = ColourLoss(replace(STACK, positions=positions), 1, PROFILE, WEIGHTS, dtype=torch.complex128)
    spectrum = random_spectrum(0)
    for n, t in enumerate(positions.tolist()):
        kernel = transfer_function((32, 32), PROFILE.pixel_pitch, PROFILE.wavelengths[1], PROFILE.z(t))
        torch.testing.assert_close(loss.planes(spectrum)[n], torch.fft.ifft2(kernel * spectrum, norm="ortho"))


def test_minimum_of_a_line_with_two_valleys_is_the_deeper() -> None:
    step, value = Quartic((0.0, 0.1, -1.0, 0.0, 1.0)).minimum()
    assert step < 0
    assert value == pytest.approx(np.polyval([1, 0, -1, 0.1, 0], step))


def test_weights_follow_the_number_of_planes() -> None:
    assert LossWeights.for_planes(21) == LossWeights(20, 40)
    assert LossWeights.for_planes(11, gamma=7) == LossWeights(10, 7)
