"""The reference profile against the paper's figures, and what a wrong profile says."""

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
    assert REFERENCE.native_pitch == pytest.approx(3.6e-6)


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
        ("field_of_view", 180),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"'{field}'"):
        replace(REFERENCE, **{field: value})


@pytest.mark.parametrize("name", [f.name for f in fields(DisplayProfile)])
def test_a_missing_field_is_named(name: str) -> None:
    values = REFERENCE.as_dict()
    del values[name]
    with pytest.raises(InputError, match=f"rig.toml: .*'{name}'"):
        DisplayProfile.from_dict(values, where="rig.toml")
