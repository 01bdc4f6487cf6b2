"""Focal stacks check themselves and warn of contents that one wave field cannot show."""

from dataclasses import replace

import numpy as np
import pytest
from layered import layered_stack

from holodriver.errors import InputError

STACK = layered_stack(32, planes=5, coc_max=4.0, rays=12)


def test_energy_is_the_same_in_all_planes_of_a_clean_stack() -> None:
    assert STACK.energies() == pytest.approx(np.ones(5), abs=0.02)


def test_exposure_is_one_factor_and_keeps_highlights() -> None:
    bright = replace(STACK, images=STACK.images * 7, all_in_focus=STACK.all_in_focus * 7)
    exposed = bright.exposed()
    assert np.percentile(exposed.all_in_focus, 99.9) == pytest.approx(1, rel=1e-5)
    assert exposed.images.max() / exposed.all_in_focus.max() == pytest.approx(
        STACK.images.max() / STACK.all_in_focus.max(), rel=1e-5
    )
    with pytest.raises(InputError, match="black"):
        replace(STACK, all_in_focus=STACK.all_in_focus * 0).exposed()


def test_warns_of_clipped_light_and_of_planes_that_differ() -> None:
    assert STACK.warnings() == []
    clipped = replace(STACK, all_in_focus=np.minimum(STACK.all_in_focus, 0.5))
    assert any("clipped" in line for line in clipped.warnings())
    images = STACK.images.copy()
    images[0] *= 1.05
    assert any("energy" in line and "more than 1 %" in line for line in replace(STACK, images=images).warnings())
    assert any("planes" in line for line in replace(STACK, coc_max=9.0).warnings())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("images", STACK.images[0]),
        ("images", -STACK.images),
        ("images", STACK.images * np.nan),
        ("depths", STACK.depths[:, 1:]),
        ("depths", STACK.depths + 1),
        ("all_in_focus", STACK.all_in_focus[:2]),
        ("all_in_focus_depth", STACK.depths),
        ("positions", STACK.positions[::-1]),
        ("mapping", "metric"),
        ("coc_max", 0.0),
    ],
)
def test_a_wrong_field_is_named(field: str, value: object) -> None:
    # of pictures that are one dimension short, it is the shape of the images that is wrong
    named = f"'{field}'"
    with pytest.raises(InputError, match=named):
        replace(STACK, **{field: value})
