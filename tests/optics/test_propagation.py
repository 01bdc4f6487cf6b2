"""Propagation against torchoptics, closed forms and conservation laws."""

import math

import numpy as np
import pytest
import torch

from holodriver.errors import InputError
from holodriver.optics.propagation import propagate, transfer_function

PITCH, GREEN = 7.2e-6, 515e-9
GUARD = 16  # samples left out at the border, where the two libraries' fields are cut off


def random_field(size: int = 128, seed: int = 3) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, size, generator=generator, dtype=torch.complex128)


def decibels(result: torch.Tensor, reference: torch.Tensor) -> float:
    return 20 * math.log10(float(reference.abs().max() / (result - reference).abs().max()))


@pytest.mark.parametrize(("distance", "least"), [(1e-4, 90), (1e-3, 90), (2e-3, 90), (1e-2, 80), (-1e-3, 90)])
@pytest.mark.parametrize("wavelength", [638e-9, 515e-9, 460e-9])
def test_agrees_with_torchoptics(distance: float, least: float, wavelength: float) -> None:
    torchoptics = pytest.importorskip("torchoptics")
    field = random_field()
    oracle = torchoptics.Field(field, wavelength=wavelength, spacing=PITCH)
    theirs = oracle.propagate_to_z(distance, propagation_method="ASM", asm_pad=(64, 64)).data
    ours = propagate(field, PITCH, wavelength, distance, padding=64)
    inside = (slice(GUARD, -GUARD), slice(GUARD, -GUARD))
    assert decibels(ours[inside], theirs[inside]) >= least


@pytest.mark.parametrize("distance", [1e-4, 2e-3, 1e-2])
def test_keeps_energy(distance: float) -> None:
    field = random_field()
    after = propagate(field, PITCH, GREEN, distance)
    assert float(after.abs().square().sum() / field.abs().square().sum()) == pytest.approx(1, abs=1e-6)


def test_backwards_undoes_forwards() -> None:
    field = random_field()
    there = propagate(field, PITCH, GREEN, 2e-3)
    assert decibels(propagate(there, PITCH, GREEN, -2e-3), field) > 200


def test_evanescent_waves_are_dropped_not_amplified() -> None:
    # At 0.2 µm pitch most frequencies cannot propagate; looking back must not blow them up.
    field = random_field(32)
    back = propagate(field, 0.2e-6, GREEN, -1e-4)
    assert float(back.abs().square().sum()) < float(field.abs().square().sum())


@pytest.mark.parametrize("distance", [1e-3, -1e-3, 1e-2])
def test_gaussian_beam_widens_as_the_closed_form_says(distance: float) -> None:
    size, waist = 256, 60e-6
    axis = (torch.arange(size, dtype=torch.float64) - size / 2) * PITCH
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    beam = torch.exp(-(x**2 + y**2) / waist**2).to(torch.complex128)
    intensity = propagate(beam, PITCH, GREEN, distance).abs().square()
    width = 2 * math.sqrt(float((intensity * x**2).sum() / intensity.sum()))
    rayleigh = math.pi * waist**2 / GREEN
    assert width == pytest.approx(waist * math.sqrt(1 + (distance / rayleigh) ** 2), rel=1e-4)


def test_plane_wave_gains_the_phase_of_its_direction() -> None:
    size, cycles = 64, 5
    x = torch.arange(size, dtype=torch.float64)
    wave = torch.exp(2j * math.pi * cycles * x / size).expand(size, size)
    after = propagate(wave, PITCH, GREEN, 1e-3)
    axial = math.sqrt(1 / GREEN**2 - (cycles / (size * PITCH)) ** 2)
    expected = wave * np.exp(2j * math.pi * axial * 1e-3)
    assert decibels(after, expected) > 150


def test_band_limit_is_the_one_of_matsushima_and_shimobaba() -> None:
    size, distance = 64, 0.02
    kernel = transfer_function((size, size), PITCH, GREEN, distance, band_limit=True)
    limit = 1 / (GREEN * math.sqrt((2 * distance / (size * PITCH)) ** 2 + 1))
    passes = torch.fft.fftfreq(size, d=PITCH, dtype=torch.float64).abs() <= limit
    assert 0 < int(passes.sum()) < size
    assert torch.equal(kernel.abs() > 0, passes[:, None] & passes[None, :])


def test_single_precision_keeps_the_phase_at_two_millimetres() -> None:
    field = random_field()
    single = propagate(field.to(torch.complex64), PITCH, GREEN, 2e-3)
    assert decibels(single.to(torch.complex128), propagate(field, PITCH, GREEN, 2e-3)) > 100


def test_refuses_what_is_not_a_field() -> None:
    with pytest.raises(InputError, match="'field'"):
        propagate(torch.ones(4, 4), PITCH, GREEN, 1e-3)
    with pytest.raises(InputError, match="'wavelength'"):
        propagate(random_field(4), PITCH, 0.0, 1e-3)
    with pytest.raises(InputError, match="'padding'"):
        propagate(random_field(4), PITCH, GREEN, 1e-3, padding=-1)
