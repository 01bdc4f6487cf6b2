"""RGB-D images cut into layers: no loss, no cracks, and hidden parts that continue with their own colours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from layered import texture

from holodriver.errors import InputError
from holodriver.scene.cut import layers_of
from holodriver.scene.layered import focal_stack
from holodriver.scene.rgbd import RgbdImage

COC = 12.0


def card_in_front(size: int = 64) -> tuple[RgbdImage, np.ndarray]:
    """A red card at t = 0.1 in front of blue stripes at t = 0.9."""
    y, x = np.mgrid[:size, :size]
    card = (np.abs(x - size / 2) < 8) & (np.abs(y - size / 2) < 16)
    stripes = 0.3 + 0.2 * (y // 4 % 2)
    color = np.stack([np.where(card, 0.8, 0), 0 * x, np.where(card, 0, stripes)]).astype(np.float32)
    return RgbdImage(color, np.where(card, 0.1, 0.9)), card


def test_the_picture_itself_is_what_is_seen_in_focus() -> None:
    rng = np.random.default_rng(2)
    image = RgbdImage(texture(rng, 48), np.clip(texture(rng, 48, 1)[0], 0, 1))
    stack = focal_stack(layers_of(image, COC), [0.0, 1.0], COC, rays=4)
    np.testing.assert_allclose(stack.all_in_focus, image.color, atol=1e-6)
    np.testing.assert_allclose(stack.all_in_focus_depth, image.depth, atol=1e-6)


def test_says_that_hidden_surfaces_are_invented() -> None:
    scene = layers_of(card_in_front()[0], COC)
    assert scene.provenance["hidden surfaces"] == "invented"
    assert focal_stack(scene, [0.0, 1.0], COC, rays=4).provenance["hidden surfaces"] == "invented"


def test_behind_a_blurred_card_the_background_goes_on() -> None:
    """Focused on the background, the card's light is spread, and stripes show through its edge: never black, never red
    where the card is not."""
    image, card = card_in_front()
    stack = focal_stack(layers_of(image, COC), [0.1, 0.9], COC)
    red, _, blue = stack.images[1]
    share = red / 0.8  # of the aperture that the card takes
    # what else is seen is background: between its darkest and its brightest stripe, give or take a tenth of their
    # difference, by which the parabola within a pixel overshoots at a step
    assert (blue >= 0.3 * (1 - share) - 0.02).all()
    assert (blue <= 0.5 * (1 - share) + 0.02).all()
    assert share[card].min() < 0.4  # near a corner
    behind = layers_of(image, COC).layers[-1].color
    assert (behind[0] == 0).all()
    rows = slice(26, 39)  # nearer to the card's sides than to its top and bottom
    np.testing.assert_array_equal(behind[2][rows], np.broadcast_to(image.color[2][rows, :1], (13, 64)))


@pytest.mark.parametrize("slope", [(1.0, 0.0), (0.0, -1.0), (0.7, 0.7)])
@pytest.mark.parametrize("length", [4, 40])
def test_slanted_surfaces_do_not_crack_open(slope: tuple[float, float], length: int) -> None:
    """A white slanted surface stays white in front of a black wall, 4 px beyond the blur away from its edges."""
    size = 64
    y, x = np.mgrid[:size, :size]
    along = (slope[0] * (y - 32) + slope[1] * (x - 32)) / length
    surface = (np.abs(y - 32) < 24) & (np.abs(x - 32) < 24)
    color = np.where(surface, 1, 0).astype(np.float32)
    image = RgbdImage(np.stack([color] * 3), np.where(surface, np.clip(0.4 + 0.8 * along, 0, 0.8), 1.0))
    stack = focal_stack(layers_of(image, COC), np.linspace(0, 1, 5), COC, rays=48)
    inside = (np.abs(y - 32) < 24 - COC / 2 - 2) & (np.abs(x - 32) < 24 - COC / 2 - 2)
    assert stack.images[..., inside].min() > 1 - 1e-5


@settings(max_examples=15)
@given(arrays.arrays(np.float32, (12, 14), elements=st.floats(0, 1, width=32)), st.integers(1, 12))
def test_no_depth_makes_holes_or_moves_light(depth: np.ndarray, count: int) -> None:
    image = RgbdImage(np.ones((3, 12, 14)), depth)
    stack = focal_stack(layers_of(image, 5.0, count), [0.0, 0.6, 1.0], 5.0, rays=8)
    np.testing.assert_allclose(stack.images, 1, atol=1e-5)
    np.testing.assert_allclose(stack.all_in_focus_depth, depth, atol=1e-6)
    assert (stack.depths >= depth.min()).all()


def test_light_is_the_same_in_all_planes_of_a_picture() -> None:
    stack = focal_stack(layers_of(card_in_front()[0], COC), np.linspace(0, 1, 7), COC, rays=48)
    assert np.ptp(stack.energies()) < 0.005


def test_layers_are_close_enough_that_blur_has_no_steps() -> None:
    ramp = RgbdImage(np.ones((3, 64, 64)), np.broadcast_to(np.linspace(0, 1, 64), (64, 64)))
    depths = [layer.t for layer in layers_of(ramp, 15.0).layers]
    assert np.diff(depths).max() * 15.0 <= 0.75  # pixels of diameter
    assert len(layers_of(ramp, 15.0, count=5).layers) == 5


def test_a_flat_picture_is_one_layer_and_warns() -> None:
    image = RgbdImage(np.full((3, 16, 16), 0.5), np.full((16, 16), 0.25))
    assert [layer.t for layer in layers_of(image, COC).layers] == [0.25]
    assert any("one plane" in line for line in image.warnings())
    assert card_in_front()[0].warnings() == []


def test_a_wrong_field_or_argument_is_named() -> None:
    good = np.full((3, 4, 4), 0.5), np.zeros((4, 4))
    for color, depth, mapping, named in (
        (good[0][0], good[1], "linear", "color"),
        (-good[0], good[1], "linear", "color"),
        (good[0] * np.nan, good[1], "linear", "color"),
        (good[0], good[1][:3], "linear", "depth"),
        (good[0], good[1] + 2, "linear", "depth"),
        (*good, "metric", "mapping"),
    ):
        with pytest.raises(InputError, match=f"'{named}'"):
            RgbdImage(color, depth, mapping)
    for arguments in ((0.0,), (5.0, 0)):
        with pytest.raises(InputError, match=r"coc_max|count"):
            layers_of(RgbdImage(*good), *arguments)
