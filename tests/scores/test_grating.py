"""The paper's argument on gratings, on the bench."""

from dataclasses import replace

import pytest

from holodriver.optics.display import REFERENCE
from holodriver.scores.grating import grating_noise, signal_to_noise, textured_field

PROFILE = replace(REFERENCE.resized(120, 120), wavelengths=(515e-9,))


def test_a_quarter_beats_a_third_by_eight_decibels() -> None:
    noise = grating_noise(PROFILE, carriers=(1 / 4, 1 / 3), slits=(1 / 8,))
    quarter, third = noise.decibels[:, 0]
    assert quarter >= third + 8


def test_a_panel_without_unwanted_phase_has_no_such_noise() -> None:
    assert signal_to_noise(PROFILE, (1e-6, 1e-6), textured_field(PROFILE)) > 100


def test_noise_grows_with_the_unwanted_phase() -> None:
    field = textured_field(PROFILE)
    levels = [signal_to_noise(PROFILE, (p, p), field) for p in (0.1, 0.3, 0.5)]
    assert levels == sorted(levels, reverse=True)
    # The first unwanted term is proportional to p, its power to p².
    assert levels[0] - levels[1] == pytest.approx(9.54, abs=1.5)
