"""The preconditioner against the second derivative, computed by differences of the hand-derived gradient."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from layered import layered_stack

from holodriver.optics.display import REFERENCE
from holodriver.scene.stack import FocalStack
from holodriver.synthesis import preconditioner
from holodriver.synthesis.arithmetic import Arithmetic
from holodriver.synthesis.loss import ColourLoss, LossWeights
from holodriver.synthesis.preconditioner import DARKEST, LEAST_CONTRAST, Preconditioner

SIZE, PLANES, LEVEL = 64, 21, 0.36
PROFILE = REFERENCE.resized(SIZE, SIZE)


def grey_stack() -> FocalStack:
    """The same grey everywhere, at every depth: its hologram is a plane wave."""
    images = np.full((PLANES, 3, SIZE, SIZE), LEVEL, np.float32)
    depths = np.full((PLANES, SIZE, SIZE), 0.5, np.float32)
    return FocalStack(images, depths, images[0], depths[0], np.linspace(0, 1, PLANES, dtype=np.float32), "linear", 15)


@pytest.mark.parametrize("offset", [None, 0.4e-3])
@pytest.mark.parametrize("phase", [0.0, 2.1])
def test_undoes_the_second_derivative_about_a_plane_wave(offset: float | None, phase: float) -> None:
    """What contrast transfer says of amplitude and phase, and of both together where the planes are off centre."""
    profile = PROFILE if offset is None else replace(PROFILE, depth_offset=offset)
    loss = ColourLoss(grey_stack(), 1, profile, LossWeights.for_planes(PLANES, beta=0), dtype=torch.complex128)
    field = torch.full((SIZE, SIZE), LEVEL**0.5, dtype=torch.complex128) * np.exp(1j * phase)

    def gradient(field: torch.Tensor) -> torch.Tensor:
        return torch.fft.ifft2(loss.at(torch.fft.fft2(field, norm="ortho"))[1], norm="ortho")

    precondition = Preconditioner(loss)
    y, x = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    for periods, change in ((24, 1), (24, 1j), (17, 0.6 - 0.8j)):
        wave = torch.cos(2 * np.pi * (periods * x + 3 * y) / SIZE).to(torch.complex128) * change * np.exp(1j * phase)
        small = 1e-5
        curved = (gradient(field + small * wave) - gradient(field - small * wave)) / (2 * small)
        step = precondition(curved, field) * (1 + DARKEST)  # which darkens the division everywhere
        # what is added to sin² and cos², each about 1/2 here, shortens the step
        assert float((step - wave).abs().max()) < 3 * LEAST_CONTRAST


def test_is_linear_symmetric_and_positive() -> None:
    loss = ColourLoss(layered_stack(32, planes=5, rays=8), 0, REFERENCE.resized(32, 32), LossWeights(4, 8), padding=4)
    precondition = Preconditioner(loss)
    generator = torch.Generator().manual_seed(2)
    a, b, field = torch.randn(3, 40, 40, dtype=torch.complex64, generator=generator)

    def dot(a: torch.Tensor, b: torch.Tensor) -> float:
        return float(torch.vdot(a.flatten(), b.flatten()).real)

    together, apart = precondition(2 * a - b, field), 2 * precondition(a, field) - precondition(b, field)
    torch.testing.assert_close(together, apart, rtol=1e-4, atol=1e-5 * float(apart.abs().max()))
    assert dot(a, precondition(b, field)) == pytest.approx(dot(precondition(a, field), b), rel=1e-3)
    assert dot(a, precondition(a, field)) > 0


def test_a_field_with_dark_places_is_no_special_case() -> None:
    loss = ColourLoss(layered_stack(32, planes=5, rays=8), 0, REFERENCE.resized(32, 32), LossWeights(4, 8))
    step = Preconditioner(loss)(torch.ones(32, 32, dtype=torch.complex64), torch.zeros(32, 32, dtype=torch.complex64))
    assert torch.isfinite(torch.view_as_real(step)).all()


def test_both_arithmetics_take_the_same_step(monkeypatch: pytest.MonkeyPatch) -> None:
    loss = ColourLoss(layered_stack(32, planes=5, rays=8), 0, REFERENCE.resized(32, 32), LossWeights(4, 8), padding=3)
    gradient, field = torch.randn(2, 38, 38, dtype=torch.complex64, generator=torch.Generator().manual_seed(6))
    field[:5] = 0
    expected = Preconditioner(loss)(gradient, field)
    monkeypatch.setattr(preconditioner, "arithmetic_for", lambda device: Arithmetic())
    torch.testing.assert_close(Preconditioner(loss)(gradient, field), expected, rtol=1e-4, atol=1e-3)
