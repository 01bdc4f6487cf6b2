"""Quilts from colour and depth, against scenes whose views have a closed form, and against rendered true views."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from holodriver.blender.quilt import QuiltJob, render_quilt
from holodriver.blender.stack import render_stack
from holodriver.errors import InputError
from holodriver.files.quilt import read_quilt
from holodriver.files.stack import read_all_in_focus
from holodriver.lookingglass.grid import smoothed
from holodriver.lookingglass.parallax import Geometry, ViewSettings, stack_geometry
from holodriver.lookingglass.quilt import make_quilt
from holodriver.optics.colour import srgb_encode
from holodriver.optics.lookingglass import LookingGlass, looking_glass
from holodriver.scene.render_job import RenderJob
from holodriver.scene.rgbd import RgbdImage
from holodriver.scores.psnr_ssim import psnr

W, H = 120, 80
DISPLAY = LookingGlass("test", "test", "", None, 5, 1, (5 * W, H), W / H, 40.0)
DEEP = ViewSettings(depthiness=0.5 / 0.25)  # front and back are half a picture apart
RELIEF = 0.5


def shift(view: int, t: np.ndarray | float) -> np.ndarray | float:
    """Pixels to the right that a view has things of depth t, by the tangent of its angle."""
    return W * RELIEF * math.tan(math.radians(-20 + 10 * view)) * (t - 0.5)


def texture(x: np.ndarray, y: np.ndarray, phase: float) -> np.ndarray:
    """A smooth pattern, known at any place; linear light (3, …)."""
    wave = [np.sin(0.31 * x + 0.11 * y + phase), np.sin(0.17 * x - 0.23 * y + 2 * phase), np.cos(0.2 * y + phase)]
    return np.stack([0.5 + 0.35 * part for part in wave]).astype(np.float32)


def tiles(canvas) -> list[np.ndarray]:
    """Views (3, H, W), red first, 0 … 1, as encoded."""
    return [canvas.pixels[canvas.display.place(view)][..., ::-1].transpose(2, 0, 1) / 255 for view in range(5)]


def grid() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:H, :W]
    return x + 0.5, y + 0.5


BOX = (slice(20, 60), slice(40, 80))


def boxed(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x > BOX[1].start) & (x < BOX[1].stop) & (y > BOX[0].start) & (y < BOX[0].stop)


def test_views_of_a_card_before_a_wall_are_as_geometry_says():
    """Everywhere but where the wall was hidden; and there at least by its colours."""
    x, y = grid()
    color = np.where(boxed(x, y), texture(x, y, 1.0), texture(x, y, 0.0))
    depth = np.where(boxed(x, y), 0.0, 1.0)
    views = tiles(make_quilt(RgbdImage(color, depth), DISPLAY, DEEP))
    for view, made in enumerate(views):
        front, back = shift(view, 0.0), shift(view, 1.0)
        card = boxed(x - front, y)
        true = srgb_encode(np.where(card, texture(x - front, y, 1.0), texture(x - back, y, 0.0)))
        was_hidden = boxed(x - back, y) & ~card
        outside = (x - back < 0.5) | (x - back > W - 0.5)
        edge = cv2.morphologyEx(card.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3))) > 0
        seen = ~(was_hidden | outside | cv2.dilate(edge.astype(np.uint8), np.ones((3, 3))).astype(bool))
        # 40 dB: interpolation between pixels of this pattern, and 8 bits
        assert psnr(made[:, seen], true[:, seen]) > 40, view
        if was_hidden.any():
            assert psnr(made[:, was_hidden], true[:, was_hidden]) > 9  # same wall, other place of it


def test_the_first_view_is_the_leftmost_eye():
    """Seen from the left, near things stand to the right of what is behind them."""
    x, y = grid()
    color = np.where(boxed(x, y), 1.0, 0.0) * np.ones((3, 1, 1))
    views = tiles(make_quilt(RgbdImage(color, np.where(boxed(x, y), 0.0, 1.0)), DISPLAY, DEEP))
    middles = [float((view[0] * x).sum() / view[0].sum()) for view in views]
    expected = [60 + float(shift(view, 0.0)) for view in range(5)]
    assert middles == pytest.approx(expected, abs=0.1)  # px
    assert middles[0] > middles[-1]


def test_silhouettes_are_smooth_and_keep_their_place_between_pixels():
    """The light of a card of fractional shift is kept: no pixel too much, no ghost left behind."""
    x, y = grid()
    color = np.where(boxed(x, y), 1.0, 0.0) * np.ones((3, 1, 1))
    canvas = make_quilt(RgbdImage(color, np.where(boxed(x, y), 0.0, 1.0)), DISPLAY, DEEP)
    for view in range(5):
        light = (canvas.pixels[DISPLAY.place(view)][..., 0] / 255.0) ** 2.2
        assert light.sum() == pytest.approx(40 * 40, rel=0.01)
        left = 40 + float(shift(view, 0.0))
        away = (x < left - 2) | (x > left + 42) | (y < 19) | (y > 61)
        assert light[away].max() < 0.01


def test_a_slanted_wall_stays_whole():
    """It is stretched and squeezed, as perspective has it, and never torn."""
    x, y = grid()
    canvas = make_quilt(RgbdImage(texture(x, y, 0.0), np.broadcast_to(x / W, (H, W))), DISPLAY, DEEP)
    for view, made in enumerate(tiles(canvas)):
        gain = float(shift(view, 1.0) - shift(view, 0.0))
        source = (x + gain / 2) / (1 + gain / W)  # x' = x + gain · (x/W − ½)
        inside = (source > 1) & (source < W - 1)
        true = srgb_encode(texture(source, y, 0.0))
        assert psnr(made[:, inside], true[:, inside]) > 38, view


def test_eight_bits_of_depth_tear_no_slanted_wall():
    x, y = grid()
    fine = np.broadcast_to(x / W, (H, W)).astype(np.float32)
    settings = ViewSettings(depthiness=4.0)  # a level is 2 working pixels
    exact, coarse = (
        tiles(make_quilt(RgbdImage(texture(x, y, 0.0), depth), DISPLAY, settings))
        for depth in (fine, np.rint(fine * 255) / 255)
    )
    for a, b in zip(exact, coarse, strict=True):
        assert psnr(a, b) > 33  # half a level is a working pixel
    stairs = np.rint(fine * 20) / 255  # wide ones
    assert np.abs(smoothed(stairs.astype(np.float32)) - stairs).max() <= 0.5 / 255 + 1e-6


def test_without_depth_all_views_are_the_picture():
    x, y = grid()
    picture = texture(x, y, 0.0)
    depth = np.where(boxed(x, y), 0.0, 1.0)
    for made in tiles(make_quilt(RgbdImage(picture, depth), DISPLAY, replace(DEEP, depthiness=0.0))):
        assert np.abs(made - srgb_encode(picture)).max() < 3 / 255  # interpolation, at the curves of the pattern


@pytest.mark.parametrize(("focus", "still"), [(-1.0, 0.0), (1.0, 1.0)])
def test_what_is_in_focus_stands_still(focus, still):
    x, y = grid()
    picture, depth = texture(x, y, 0.0), np.full((H, W), still)
    depth[0, 0] = 1 - still  # both ends of the range are there
    for made in tiles(make_quilt(RgbdImage(picture, depth), DISPLAY, replace(DEEP, focus=focus))):
        assert np.abs(made - srgb_encode(picture))[:, 4:-4, 4:-4].max() < 3 / 255


def test_pictures_of_another_aspect_are_cropped_or_padded_and_zoomed_about_the_middle():
    wide = RgbdImage(np.ones((3, 40, 240), np.float32), np.full((40, 240), 0.5))
    flat = replace(DEEP, depthiness=0.0)
    cropped = make_quilt(wide, DISPLAY, flat).pixels
    assert cropped.min() == 255
    padded = make_quilt(wide, DISPLAY, flat, fit="pad").pixels[DISPLAY.place(2)][..., 0]
    rows = np.flatnonzero(padded.max(1))
    assert (rows[0], rows[-1]) == (30, 49)  # 120 × 20 of 120 × 80
    small = make_quilt(wide, DISPLAY, replace(flat, zoom=0.5), fit="pad").pixels[DISPLAY.place(2)][..., 0]
    assert int((small > 0).sum()) == 60 * 10


def test_a_quilt_is_drawn_into_the_same_canvas_again():
    flat = RgbdImage(np.ones((3, H, W), np.float32), np.full((H, W), 0.5))
    canvas = make_quilt(flat, DISPLAY, DEEP)
    assert make_quilt(replace(flat, color=np.zeros((3, H, W))), DISPLAY, DEEP, canvas=canvas) is canvas
    assert canvas.pixels.max() == 0
    assert canvas.missing == 0


SMALL = LookingGlass("small", "small", "", None, 3, 1, (36, 9), 12 / 9, 60.0)


@given(
    arrays(np.float32, (3, 9, 14), elements=st.floats(0.25, 0.75, width=32)),
    arrays(np.float32, (9, 14), elements=st.floats(0, 1, width=32)),
    st.floats(0, 4),
    st.floats(-1, 1),
    st.floats(0.5, 3),
)
@settings(max_examples=60)
def test_any_depth_gives_whole_views_of_the_pictures_own_colours(color, depth, depthiness, focus, zoom):
    canvas = make_quilt(RgbdImage(color, depth), SMALL, ViewSettings(depthiness, focus, zoom))
    low, high = np.rint(srgb_encode(np.array([0.25, 0.75])) * 255)
    if zoom >= 1:
        assert low - 1 <= canvas.pixels.min()
    assert canvas.pixels.max() <= high + 1


@pytest.mark.parametrize(("name", "value"), [("depthiness", -0.1), ("focus", 1.1), ("zoom", 0.0)])
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(InputError, match=f"{name} is"):
        ViewSettings(**{name: value})


def test_a_focal_plane_at_infinity_is_refused():
    image = RgbdImage(np.ones((3, H, W)), np.full((H, W), 0.5))
    with pytest.raises(InputError, match="focal plane is at infinity"):
        make_quilt(image, DISPLAY, ViewSettings(focus=1.0), geometry=Geometry(1.0, math.inf, "dioptric", 0.5))


def test_orthographic_depth_is_seen_at_its_own_scale():
    """A box 1 deep in a view 4 wide is a quarter of a picture deep, wherever the focal plane stands."""
    geometry = stack_geometry(
        3.0, 4.0, "linear", {"type": "orthographic", "ortho_scale": 4.0, "pixels": 100}, (50, 100)
    )
    assert geometry is not None
    assert [geometry.relief(focus) for focus in (0.0, 1.0)] == [0.25, 0.25]
    assert stack_geometry(None, None, "linear", {}, (50, 100)) is None


def forward_holes(depth: np.ndarray, gain: float) -> np.ndarray:
    """Pixels that no pixel of the picture moves to, give or take one: an independent, plain splat."""
    height, width = depth.shape
    reached = np.zeros((height, width), bool)
    for y in range(height):
        for step in (0.0, 0.5):
            x = np.arange(width) + step + gain * (np.interp(np.arange(width) + step, np.arange(width), depth[y]) - 0.5)
            at = np.rint(x[(x > -0.4) & (x < width - 0.6)]).astype(int)
            reached[y, at] = True
    return cv2.dilate((~reached).astype(np.uint8), np.ones((3, 5))).astype(bool)


def test_warped_views_agree_with_true_ones_where_nothing_is_disoccluded(blender, tmp_path):
    """The demo scene, rendered from where each view stands, and warped from its all-in-focus image and depth."""
    width, height = 90, 160
    display = LookingGlass("t", "t", "", None, 3, 1, (3 * width, height), width / height, 12.0)
    job = RenderJob(scene="demo", width=2 * width, height=2 * height, planes=2, coc_max=1.0, samples=16,
                    mapping="dioptric", depth_samples=1)  # fmt: skip
    image, manifest = read_all_in_focus(render_stack(job, tmp_path / "demo.stack", blender=blender))
    geometry = stack_geometry(manifest.near, manifest.far, manifest.mapping, manifest.camera, manifest.shape)
    assert geometry is not None
    focus = 2 / (1 / geometry.near + 1 / geometry.far)
    true = render_quilt(
        QuiltJob.of(display, scene="demo", samples=32, focus=focus), tmp_path / "a.png", blender=blender
    )
    pixels, layout = read_quilt(true)
    warped = make_quilt(image, display, geometry=geometry).pixels
    depth = cv2.resize(image.depth, (width, height), interpolation=cv2.INTER_NEAREST)
    scores = []
    for view in range(3):
        gain = width * geometry.relief(0.5) * display.offset(view)
        seen = ~forward_holes(depth, gain)
        a, b = (picture[layout.place(view)][seen] / 255 for picture in (warped, pixels))
        scores.append(psnr(a, b))
    print("PSNR where seen:", " ".join(f"{score:.1f}" for score in scores))
    # 28 dB: highlights move with the eye, the renders' noise, the rims of thin things; it is 30.5 where written
    assert min(scores) > 28
    assert scores[1] > 31


def test_the_go_has_its_quilt():
    image = RgbdImage(np.full((3, 64, 36), 0.5), np.linspace(0, 1, 64 * 36).reshape(64, 36))
    canvas = make_quilt(image, looking_glass("go"))
    assert canvas.pixels.shape == (4092, 4092, 3)
    assert np.unique(canvas.pixels).tolist() == [188]  # of half the light
