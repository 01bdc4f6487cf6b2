"""Closed forms: geometry of the display, and measurements in pictures."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import convolve1d

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.focus import positions
from holodriver.scene.layered import focal_stack
from holodriver.scores.psnr_ssim import ssim
from holodriver.study.geometry import (
    PAPER_NARROW_FIELD,
    dispersion,
    eye_blur,
    least_distance,
    span,
    structure_for,
    widest_field,
)
from holodriver.study.measures import equivalent_blur, half_light_diameter, speckle_contrast
from holodriver.study.ms_ssim import POWERS, mean_ms_ssim, ms_ssim, scales_for
from holodriver.study.scenes import CUBES, cube_corners, cube_scene, wall_scene
from holodriver.study.sweeps.optics import SOURCES, closed_for, closed_forms


def test_the_papers_figures_of_distance_follow_from_geometry() -> None:
    found = closed_forms(REFERENCE)
    assert [round(found[f"dispersion {name}"]) for name in ("red", "green", "blue")] == [25, 20, 18]
    assert 1e3 * found["least distance"] == pytest.approx(1.7, abs=0.05)
    assert 1e3 * found["span"] == pytest.approx(2.0, abs=0.05)
    assert found["widest field of coarse structures"] == pytest.approx(10, abs=0.5)
    for w in REFERENCE.wavelengths:
        assert dispersion(w, 7.2e-6, least_distance(15, w, 7.2e-6)) == pytest.approx(15)


@pytest.mark.parametrize("structure", [2.0, 7.0, 15.0])
def test_in_the_widest_field_a_structure_spreads_as_far_as_an_eye_blurs(structure: float) -> None:
    """By Eqs. 3 and 4 themselves, at two distances: the field hangs on neither distance nor pitch."""
    for wavelength in REFERENCE.wavelengths:
        field = widest_field(wavelength, REFERENCE.design_resolution, REFERENCE.pupil, structure)
        spread = dispersion(wavelength, REFERENCE.pixel_pitch, span(REFERENCE, field), structure)
        assert spread == pytest.approx(eye_blur(REFERENCE, field))
        assert structure_for(field, wavelength, REFERENCE.design_resolution, REFERENCE.pupil) == pytest.approx(
            structure
        )
    assert structure_for(PAPER_NARROW_FIELD, 515e-9, 3840, 1.5e-3) == pytest.approx(15.07, abs=0.01)


@pytest.mark.parametrize("diameter", [6.0, 15.0, 24.0])
def test_half_of_a_discs_light_lies_within_its_diameter_over_root_two(diameter: float) -> None:
    y, x = np.mgrid[:65, :65] - 32.0
    disc = (np.hypot(y, x) <= diameter / 2).astype(float) + 0.2
    assert half_light_diameter(disc, 0.2, (32, 32)) == pytest.approx(diameter / math.sqrt(2), abs=0.4)


def test_half_light_is_not_moved_by_speckle_round_the_spot() -> None:
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:65, :65] - 32.0
    disc = (np.hypot(y, x) <= 8).astype(float)
    noisy = disc + rng.exponential(0.05, disc.shape)
    assert half_light_diameter(noisy, 0.05, (32, 32)) == pytest.approx(16 / math.sqrt(2), abs=1.0)


def test_half_light_of_nothing_is_nothing() -> None:
    assert half_light_diameter(np.full((9, 9), 0.1), 0.1, (4, 4)) == 0


def test_a_walls_blur_is_recognised_between_planes() -> None:
    """A picture with 9.3 px of blur, against planes of 0, 1.5, 3 … px."""
    wall = wall_scene(96)
    planes = focal_stack(wall, positions(11), 15.0)
    other = focal_stack(wall, [9.3 / 15, 1.0], 15.0).images[0]
    assert equivalent_blur(other, planes, 15) == pytest.approx(9.3, abs=0.25)
    assert equivalent_blur(planes.images[0], planes, 15) == 0


def test_contrast_of_speckle() -> None:
    rng = np.random.default_rng(0)
    target = np.full((200, 200), 0.4)
    assert speckle_contrast(target, target) == 0
    assert speckle_contrast(target * rng.exponential(size=target.shape), target) == pytest.approx(1, abs=0.02)
    four = rng.exponential(size=(4, *target.shape)).mean(0)  # four patterns that do not interfere
    assert speckle_contrast(target * four, target) == pytest.approx(0.5, abs=0.02)


def test_cubes_stand_where_they_should() -> None:
    front = cube_scene(96).layers[0].mask
    assert front.sum() == sum(side**2 for side in CUBES)
    for top, left, side in cube_corners(96):
        assert front[top : top + side, left : left + side].all()


def test_one_scale_of_ms_ssim_is_ssim() -> None:
    """21 pixels have room for one scale, whose power is the sum of all, 1."""
    rng = np.random.default_rng(2)
    a = rng.random((1, 21, 21))
    b = a + 0.2 * rng.normal(size=a.shape)
    assert scales_for((21, 21)) == 1
    assert sum(POWERS) == pytest.approx(1, abs=2e-4)
    assert mean_ms_ssim(a[None], b[None]) == pytest.approx(ssim(a, b) ** sum(POWERS), abs=1e-4)


def test_ms_ssim_against_its_definition() -> None:
    """Scale by scale with scipy's windows, in double precision."""
    rng = np.random.default_rng(3)
    a = np.clip(np.cumsum(rng.normal(size=(96, 96)), 1) / 20 + 0.5, 0, 1)
    b = np.clip(a + 0.05 * rng.normal(size=a.shape), 0, 1)
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def mean(values: np.ndarray) -> np.ndarray:
        return convolve1d(convolve1d(values, window, 0), window, 1)[5:-5, 5:-5]

    powers = np.array(POWERS[:4]) * sum(POWERS) / sum(POWERS[:4])
    expected, one, other = 1.0, a, b
    for scale, power in enumerate(powers):
        m, n = mean(one), mean(other)
        structure = (2 * (mean(one * other) - m * n) + 9e-4) / (mean(one**2) - m**2 + mean(other**2) - n**2 + 9e-4)
        if scale == 3:
            structure = structure * (2 * m * n + 1e-4) / (m**2 + n**2 + 1e-4)
        expected *= structure.mean() ** power
        one, other = (v.reshape(v.shape[0] // 2, 2, v.shape[1] // 2, 2).mean((1, 3)) for v in (one, other))
    found = ms_ssim(torch.from_numpy(a[None]), torch.from_numpy(b[None]))
    assert float(found) == pytest.approx(expected, abs=1e-9)


def test_ms_ssim_refuses_what_is_smaller_than_its_window() -> None:
    with pytest.raises(InputError, match="11 pixels"):
        scales_for((10, 40))


def test_the_slit_closes_before_the_zeroth_order_of_a_tilted_point() -> None:
    """It stands at the carrier, off the slit's middle; a tilt moves it by angle · pitch / wavelength towards it."""
    for radius in SOURCES:
        display = closed_for(REFERENCE, radius)
        moved = radius * display.pixel_pitch / min(display.wavelengths)
        assert display.slit_along + moved <= display.carrier_fraction + 1e-9
    assert closed_for(REFERENCE, 0) == REFERENCE
