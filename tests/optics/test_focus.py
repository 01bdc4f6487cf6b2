"""Focal planes and blur circles against the thin-lens equation and round trips."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holodriver.errors import InputError
from holodriver.optics import focus

distances = st.floats(0.01, 1e4)
spans = st.floats(1.05, 1e3)


def test_positions_run_from_near_to_far():
    np.testing.assert_allclose(focus.positions(21), np.arange(21) / 20, rtol=0, atol=1e-15)


@pytest.mark.parametrize("planes", [1, 0, -3, 2.5, True])
def test_fewer_than_two_planes_are_refused(planes):
    with pytest.raises(InputError, match="planes"):
        focus.positions(planes)


def test_dioptric_planes_step_equally_in_dioptres():
    found = focus.metric_depth(focus.positions(5), 0.5, math.inf, "dioptric")
    np.testing.assert_allclose(1 / found[:-1], [2.0, 1.5, 1.0, 0.5])
    assert found[-1] == math.inf


def test_linear_planes_step_equally_in_metres():
    np.testing.assert_allclose(focus.metric_depth(focus.positions(5), 10.0, 14.0, "linear"), [10, 11, 12, 13, 14])


@given(near=distances, span=spans, t=st.floats(0, 1), mapping=st.sampled_from(focus.MAPPINGS))
def test_depth_survives_a_round_trip(near, span, t, mapping):
    z = focus.metric_depth(t, near, near * span, mapping)
    assert near * (1 - 1e-9) <= z <= near * span * (1 + 1e-9)
    # 1e-7: where the range is a twentieth of the distance, the difference loses a few digits
    assert float(focus.normalised_depth(z, near, near * span, mapping)) == pytest.approx(t, abs=1e-7)


@given(near=distances, span=spans, mapping=st.sampled_from(focus.MAPPINGS))
def test_depth_grows_with_distance(near, span, mapping):
    z = np.linspace(near, near * span, 50)
    assert (np.diff(focus.normalised_depth(z, near, near * span, mapping)) > 0).all()


def test_what_is_never_hit_stands_at_infinity():
    t = focus.normalised_depth([1.0, 2.0, 1e10, np.inf], 1.0, np.inf, "dioptric")
    np.testing.assert_allclose(t, [0, 0.5, 1, 1], atol=1e-9)


@given(near=distances, span=spans, a=st.floats(0, 1), b=st.floats(0, 1))
def test_perspective_aperture_gives_linear_blur(near, span, a, b):
    """The thin lens: a point at z, focus at F, blurs to A · m · |F − z| / z, with m = f/(F − f) and the image distance
    put back to that of a focus at infinity, as Cycles does: A · f · |1/F − 1/z| on the sensor."""
    far, coc_max, f, sensor, pixels = near * span, 15.0, 0.05, 0.036, 512
    aperture = focus.perspective_aperture(near, far, coc_max, f, sensor, pixels)
    z, focused = (float(focus.metric_depth(t, near, far, "dioptric")) for t in (a, b))
    blur = aperture * f * abs(1 / focused - 1 / z) / sensor * pixels
    assert blur == pytest.approx(coc_max * abs(a - b), abs=1e-6 * coc_max)


@given(near=distances, span=spans, a=st.floats(0, 1), b=st.floats(0, 1))
def test_orthographic_aperture_gives_linear_blur(near, span, a, b):
    """Similar triangles: rays from an aperture A meet at F; at z they span A · |1 − z/F|."""
    far, coc_max, view, pixels = near * span, 15.0, 4.0, 256
    z, focused = (float(focus.metric_depth(t, near, far, "linear")) for t in (a, b))
    aperture = focus.orthographic_aperture(focused, near, far, coc_max, view, pixels)
    blur = aperture * abs(1 - z / focused) / view * pixels
    assert blur == pytest.approx(coc_max * abs(a - b), abs=1e-6 * coc_max)


def test_aperture_for_a_far_plane_at_infinity():
    # A = C · sensor · near / (pixels · f): 15 px of 36 mm / 1920 at f = 50 mm, 0.35 m is 1.97 mm, an eye's pupil
    aperture = focus.perspective_aperture(0.35, math.inf, 15.0, 50.0, 36.0, 1920)
    assert aperture == pytest.approx(15 * 36 * 0.35 / (1920 * 50))


def test_f_numbers():
    assert focus.perspective_f_number(0.025, 0.05) == pytest.approx(2.0)
    assert focus.orthographic_f_number(0.5) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("near", "far", "mapping", "named"),
    [
        (0.0, 1.0, "linear", "near"),
        (-1.0, 1.0, "dioptric", "near"),
        (math.nan, 1.0, "dioptric", "near"),
        (2.0, 2.0, "linear", "far"),
        (2.0, 1.0, "dioptric", "far"),
        (2.0, math.nan, "dioptric", "far"),
        (1.0, math.inf, "linear", "far"),
        (1.0, 2.0, "radial", "mapping"),
    ],
)
def test_empty_ranges_are_refused_by_name(near, far, mapping, named):
    for call in (
        lambda: focus.check_range(near, far, mapping),
        lambda: focus.normalised_depth(1.5, near, far, mapping),
        lambda: focus.metric_depth(0.5, near, far, mapping),
    ):
        with pytest.raises(InputError, match=f"^{named} is"):
            call()


@pytest.mark.parametrize("name", ["coc_max", "focal_length", "sensor", "pixels"])
def test_aperture_arguments_are_refused_by_name(name):
    values = {"coc_max": 15.0, "focal_length": 50.0, "sensor": 36.0, "pixels": 256} | {name: 0}
    with pytest.raises(InputError, match=name):
        focus.perspective_aperture(1.0, 2.0, **values)
