"""The reference profile against the paper's figures, and the errors of a wrong profile."""

from dataclasses import fields, replace

import pytest

from holodriver.errors import InputError
from holodriver.optics.display import (
    REFERENCE,
    DisplayProfile,
    eye_blur_diameter,
    maximum_propagation_distance,
)


def test_equation_3_gives_the_papers_two_millimetres() -> None:
    assert maximum_propagation_distance(7.2e-6, 3840, 55, 0.35) == pytest.approx(2.015e-3, abs=1e-6)


def test_equation_4_gives_the_papers_blur() -> None:
    assert eye_blur_diameter(1.5e-3, 3840, 55, 0.35) == pytest.approx(15.8, abs=0.05)


def test_reach_of_blur_is_halved_along_the_carrier() -> None:
    along, across = REFERENCE.reach("y"), REFERENCE.reach("x")
    assert along == pytest.approx((12.3, 9.9, 8.9), abs=0.05)
    assert across == pytest.approx((24.6, 19.9, 17.7), abs=0.06)
    assert any("along y" in line for line in REFERENCE.warnings())


def test_near_plane_is_nearer_the_viewer_and_far_plane_at_infinity() -> None:
    assert REFERENCE.z(0) - REFERENCE.z(1) == pytest.approx(REFERENCE.depth_span)
    assert REFERENCE.dioptres(1) == 0
    # Eq. 3 rounded to 2 mm: the near plane is seen where the paper puts it, within a per cent.
    assert 1 / REFERENCE.dioptres(0) == pytest.approx(REFERENCE.nearest_image, rel=0.01)


def test_native_panel_is_that_of_the_paper() -> None:
    assert REFERENCE.native_shape == (2160, 3840)
    assert REFERENCE.pixel_pitch / REFERENCE.binning == pytest.approx(3.6e-6)


def test_survives_its_plain_form() -> None:
    assert DisplayProfile.from_dict(REFERENCE.as_dict()) == REFERENCE


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("pixel_pitch", 0),
        ("pixel_pitch", float("nan")),
        ("width", 1.5),
        ("wavelengths", (638.0,)),
        ("carrier_axis", "z"),
        ("carrier_sign", 0),
        ("carrier_fraction", 0.5),
        ("slit_along", 0.0),
        ("planes", 1),
        ("fill_factor", 1.1),
        ("fill_factor", "wide"),
        ("slit_across", None),
        ("slit_along", 0.3),
        ("carrier_fraction", 0.2),
        ("field_of_view", 180),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    named = "slit_along" if (field, value) == ("carrier_fraction", 0.2) else field
    with pytest.raises(InputError, match=f"'{named}'"):
        replace(REFERENCE, **{field: value})


@pytest.mark.parametrize("name", [f.name for f in fields(DisplayProfile)])
def test_a_missing_field_is_named(name: str) -> None:
    values = REFERENCE.as_dict()
    del values[name]
    with pytest.raises(InputError, match=f"rig.toml: .*'{name}'"):
        DisplayProfile.from_dict(values, where="rig.toml")


def test_depth_and_dioptres_are_each_others_inverse() -> None:
    for t in (0.0, 0.3, 1.0):
        assert REFERENCE.depth_at(REFERENCE.dioptres(t)) == pytest.approx(t)
    with pytest.raises(InputError, match="3"):
        REFERENCE.depth_at(3)


@pytest.mark.parametrize("height", [62, 63, 64, 65, 66, 67])
def test_carrier_has_whole_periods_and_the_slit_stops_order_zero(height: int) -> None:
    profile = REFERENCE.resized(64, height)
    periods = profile.carrier_frequency * height
    assert periods == pytest.approx(round(periods))
    assert abs(profile.carrier_frequency - 0.25) <= 0.5 / height + 1e-12
    assert profile.slit_half_width <= min(profile.carrier_frequency, 0.5 - profile.carrier_frequency)
