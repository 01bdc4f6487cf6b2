"""From readings to a table: against scipy, against closed forms, and with useless readings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import PchipInterpolator
from scipy.optimize import isotonic_regression

from holodriver.errors import InputError
from holodriver.panel.response import DARK, Readings, drift, fit_response

GREYS = np.arange(256)


def readings(greys: np.ndarray, values: np.ndarray, dark: float = 0.0) -> Readings:
    """Levels alone, after two dark readings."""
    order = np.concatenate([[DARK, DARK], greys])
    return Readings(order, np.concatenate([[dark, dark], values]), np.zeros(order.size, bool))


def test_isotonic_joins_levels_as_scipy_does():
    rng = np.random.default_rng(4)
    greys = np.arange(0, 256, 15)
    light = (greys / 255) ** 3 + 0.02 + 0.03 * rng.standard_normal(greys.size)
    light[-1] = 1.3  # the peak, so that nothing is cut
    table = fit_response(readings(greys, light, 0.01), method="isotonic").lut.amplitudes
    monotonic = isotonic_regression(light - 0.01).x
    # where scipy pools levels, the run's middle stands for it
    values, starts, counts = np.unique(monotonic, return_index=True, return_counts=True)
    knots = np.array([greys[s : s + n].mean() if n == 1 else (greys[s] + greys[s + n - 1]) / 2
                      for s, n in zip(starts, counts, strict=True)])  # fmt: skip
    if knots[0] > 0:
        knots, values = np.concatenate([[0], knots]), np.concatenate([values[:1], values])
    expected = PchipInterpolator(knots, np.sqrt(np.maximum(values, 0)))(GREYS)
    np.testing.assert_allclose(table, expected / expected[-1], atol=1e-9)


def test_a_cell_that_turns_too_far_is_cut_at_its_first_maximum():
    light = np.sin(1.3 * np.pi / 2 * GREYS / 255) ** 2
    response = fit_response(readings(GREYS, light + 0.2, 0.2))
    peak = 255 / 1.3
    assert abs(response.lut.peak - peak) < 6  # flat there: 6 levels are 0.07 % of the amplitude
    rising = peak >= GREYS
    expected = np.sin(1.3 * np.pi / 2 * GREYS / 255)
    np.testing.assert_allclose(response.lut.amplitudes[rising], expected[rising], atol=2e-3)


def test_the_second_maximum_is_never_used():
    light = np.sin(3.4 * np.pi / 2 * GREYS / 255) ** 2 * np.linspace(0.9, 1.1, 256)  # and it is the brighter one
    assert abs(fit_response(readings(GREYS, light)).lut.peak - 255 / 3.4) < 6


def test_dark_light_is_taken_off():
    light = (GREYS / 255) ** 2
    for dark in (0.0, 0.5, 40.0):
        table = fit_response(readings(GREYS, light + dark, dark)).lut.amplitudes
        np.testing.assert_allclose(table, GREYS / 255, atol=3e-3)


def test_drift_is_followed_by_the_references():
    rng = np.random.default_rng(2)
    count = 600
    greys, references = rng.integers(0, 256, count), np.zeros(count, bool)
    greys[::100], greys[5::8], references[5::8] = DARK, 140, True
    references[greys == DARK] = False
    power = 1 + 0.08 * np.sin(np.arange(count) / 90)
    light = np.where(greys == DARK, 0, (greys / 255) ** 2) * power * (1 + 0.01 * rng.standard_normal(count))
    found = drift(Readings(greys, light, references))
    error = np.sqrt(np.mean((found - power / power.mean()) ** 2))
    assert error < 0.006  # 0.01 in one reading, 0.055 if nothing were followed


def test_readings_without_light_make_no_table():
    rng = np.random.default_rng(0)
    with pytest.raises(InputError, match="does not change"):
        fit_response(readings(GREYS, np.full(256, 3.0), 3.0))
    with pytest.raises(InputError, match="no dark reading"):
        fit_response(Readings(GREYS, rng.random(256), np.zeros(256, bool)))
    with pytest.raises(InputError, match="5 grey levels"):
        fit_response(readings(np.arange(5), np.arange(5.0)))
    with pytest.raises(InputError, match="not a finite number"):
        readings(GREYS, np.full(256, np.nan))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-1, 255), st.floats(-1e6, 1e6, allow_subnormal=False), st.booleans()),
        min_size=9,
        max_size=60,
    ),
    st.sampled_from(["smooth", "isotonic"]),
)
def test_whatever_was_read_there_is_a_table_or_a_word(rows, method):
    greys, values, references = zip(*rows, strict=True)
    try:
        response = fit_response(Readings(np.array(greys), np.array(values), np.array(references)), method=method)
    except InputError:
        return
    # `AmplitudeLut` has proven that it rises to its peak
    assert np.isfinite(response.lut.amplitudes).all()
    assert np.isfinite(response.residual)
