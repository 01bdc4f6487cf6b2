"""Colours are shifted before they are shown, so that they coincide."""

import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Registration
from holodriver.panel.registration import registered

PROFILE = REFERENCE.resized(96, 64)


def blob(y: float, x: float, width: float) -> np.ndarray:
    """A Gaussian spot with a phase, in pixels from the middle."""
    ys, xs = np.mgrid[:64, :96] - np.array([31.5, 47.5])[:, None, None]
    return np.exp(-((ys - y) ** 2 + (xs - x) ** 2) / (2 * width**2)) * np.exp(0.3j * ys)


def field(*colours: np.ndarray) -> WaveField:
    return WaveField(np.stack(colours).astype(np.complex64), PROFILE)


def test_whole_pixels_are_a_roll():
    values = np.random.default_rng(1).standard_normal((3, 64, 96)) + 0j
    moved = registered(field(*values), [Registration(), Registration((3, -5)), Registration()])
    np.testing.assert_allclose(moved.values[1], np.roll(values[1], (-3, 5), (0, 1)), atol=1e-5)
    np.testing.assert_array_equal(moved.values[0], values[0].astype(np.complex64))


def test_a_spot_lands_where_the_optics_will_move_it_back_from():
    one = Registration((1.3, -2.2), 1.02)
    moved = registered(field(*(blob(4, -7, 3.0),) * 3), [one] * 3)
    ys, xs = np.mgrid[:64, :96] - np.array([31.5, 47.5])[:, None, None]
    at_y, at_x = one.scale * ys + one.offset[0], one.scale * xs + one.offset[1]
    expected = np.exp(-((at_y - 4) ** 2 + (at_x + 7) ** 2) / (2 * 3.0**2)) * np.exp(0.3j * at_y)
    np.testing.assert_allclose(moved.values[0], expected, atol=1e-4)


def test_one_registration_a_colour():
    with pytest.raises(InputError, match="2 registrations for 3 colours"):
        registered(field(*(blob(0, 0, 3),) * 3), [Registration()] * 2)


@pytest.mark.parametrize(("offset", "scale"), [((0, float("nan")), 1.0), ((0, 0), 1.2), ((0, 0), float("nan"))])
def test_what_no_optics_does_is_refused(offset, scale):
    with pytest.raises(InputError, match="registration field"):
        Registration(offset, scale)
