"""Focal stacks of layers against closed forms, single rays, and another implementation."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from layered import layered_stack, texture

from holodriver.errors import InputError
from holodriver.scene.layered import Layer, LayeredScene, aperture_rays, focal_stack

COC = 12.0
ONE_SAMPLE = 1 / 4  # pixels; what two roundings to a sample may move a layer, one way or the other


def everywhere(size: int) -> np.ndarray:
    return np.ones((size, size), bool)


def flat(size: int, *light: float) -> np.ndarray:
    return np.broadcast_to(np.array(light, np.float32)[:, None, None], (len(light), size, size))


def cards(size: int = 64, seed: int = 1) -> LayeredScene:
    """The scene of `layered_stack`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    radius = np.hypot(x + 0.1, y + 0.05)
    back = Layer(texture(rng, size), everywhere(size), 1.0)
    middle = Layer(texture(rng, size), (radius < 0.32) & (radius > 0.12), 0.45)
    front = Layer(texture(rng, size), (np.abs(x - 0.22) < 0.07) & (np.abs(y) < 0.4), 0.0)
    return LayeredScene((front, middle, back))


def test_agrees_with_another_implementation() -> None:
    """That one moves layers by whole pixels, so single pixels at edges differ."""
    ours, theirs = focal_stack(cards(), np.linspace(0, 1, 21), 15.0), layered_stack(64, planes=21, coc_max=15.0)
    np.testing.assert_allclose(ours.all_in_focus, theirs.all_in_focus, atol=1e-6)
    np.testing.assert_array_equal(ours.all_in_focus_depth, theirs.all_in_focus_depth)
    inside = (..., slice(10, -10), slice(10, -10))
    assert np.sqrt(np.mean((ours.images - theirs.images)[inside] ** 2)) < 0.005
    assert (ours.depths != theirs.depths)[inside].mean() < 0.03


def test_agrees_with_casting_single_rays() -> None:
    """Every place in the pixel and every point of the aperture on its own: what is hit first?"""
    size, focus = 24, 0.3
    rng = np.random.default_rng(3)
    front, middle, back = (Layer(flat(size, *rng.random(3)), rng.random((size, size)) < share, t)
                           for share, t in ((0.1, 0.0), (0.3, 0.6), (2.0, 1.0)))  # fmt: skip
    seen = focal_stack(LayeredScene((front, middle, back)), [focus, 1.0], COC, rays=600).images[0]
    grid = (np.arange(24) + 0.5) / 12 - 1
    aperture = np.array([(y, x) for y in grid for x in grid if np.hypot(y, x) <= 1])
    places = (np.arange(size * 6) + 0.5) / 6 - 0.5  # pixel centres are whole numbers
    expected = np.zeros((3, size * 6, size * 6))
    for ray in aperture:
        picture = np.zeros_like(expected)
        for layer in (back, middle, front):
            y, x = (np.rint(places - COC / 2 * (layer.t - focus) * p).astype(int).clip(0, size - 1) for p in ray)
            picture = np.where(layer.mask[np.ix_(y, x)], layer.color[:, y[:, None], x], picture)
        expected += picture / len(aperture)
    expected = expected.reshape(3, size, 6, size, 6).mean((2, 4))
    inside = (..., slice(7, -7), slice(7, -7))
    # the two apertures are sampled by 448 and 600 rays, each pixel of a random mask being an edge
    assert np.abs(seen - expected)[inside].max() < 0.02
    assert np.sqrt(np.mean((seen - expected)[inside] ** 2)) < 0.005


@pytest.mark.parametrize("focus", [0.25, 0.5, 1.0])
def test_an_isolated_disc_blurs_to_its_convolution_with_a_disc(focus: float) -> None:
    size, radius = 64, 14.0
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    distance = np.hypot(y, x)
    disc = Layer(flat(size, 1.0), distance <= radius, 0.0)
    seen = focal_stack(LayeredScene((disc,)), [focus, 1.0001 * focus] if focus < 1 else [0.5, 1.0], COC, rays=256)
    image = seen.images[0 if focus < 1 else 1, 0]
    blur = COC / 2 * focus
    r = np.maximum(distance, 1e-9)  # area that two circles share, over the area of the aperture's
    with np.errstate(invalid="ignore"):
        a = np.arccos(np.clip((r**2 + blur**2 - radius**2) / (2 * r * blur), -1, 1))
        b = np.arccos(np.clip((r**2 + radius**2 - blur**2) / (2 * r * radius), -1, 1))
        kite = np.sqrt(np.clip((blur + radius) ** 2 - r**2, 0, None) * np.clip(r**2 - (radius - blur) ** 2, 0, None))
    shared = np.where(distance <= radius - blur, np.pi * blur**2, blur**2 * a + radius**2 * b - kite / 2)
    expected = np.where(distance >= radius + blur, 0, shared / (np.pi * blur**2))
    # the disc is made of whole pixels, whose stairs are half a pixel high: up to 1/2 / (2·blur) of the slope's height
    assert np.abs(image - expected).max() < 0.5 / blur
    assert np.abs(image - expected).mean() < 0.01
    assert image.sum() == pytest.approx(disc.mask.sum(), rel=1e-5)  # no light is lost


def test_a_front_card_has_the_edge_of_a_disc_blur_and_shows_what_is_behind() -> None:
    size, edge = 48, 24
    card = Layer(flat(size, 1.0, 0.0), np.arange(size)[None] < np.full((size, 1), edge), 0.0)
    behind = Layer(flat(size, 0.2, 0.8), everywhere(size), 1.0)
    image = focal_stack(LayeredScene((card, behind)), [0.0, 1.0], COC, rays=256).images[1]
    # share of the aperture on the card's side: a segment of the disc, averaged over the pixel's width
    fine = ((np.arange(size)[:, None] + (np.arange(16) + 0.5) / 16) - edge) / (COC / 2)
    u = fine.clip(-1, 1)
    share = (0.5 - (u * np.sqrt(1 - u**2) + np.arcsin(u)) / np.pi).mean(1)
    for colour, (of_card, of_behind) in enumerate(((1.0, 0.2), (0.0, 0.8))):
        expected = share * of_card + (1 - share) * of_behind
        np.testing.assert_allclose(image[colour], np.broadcast_to(expected, (size, size)), atol=0.01)


@pytest.mark.parametrize(("t", "focus"), [(0.0, 1.0), (1.0, 0.0), (0.6, 0.2), (0.5, 0.45)])
def test_blur_diameter_is_linear_in_the_difference_of_depth(t: float, focus: float) -> None:
    """The variance of a disc of diameter d is d²/16 along each axis."""
    size, coc = 64, 15.0
    y, x = np.mgrid[:size, :size] - 31.5
    spot = np.exp(-(x**2 + y**2) / 18).astype(np.float32)[None]
    planes = sorted({focus, t})
    stack = focal_stack(LayeredScene((Layer(spot, everywhere(size), t),)), planes, coc)
    sharp, blurred = (stack.images[planes.index(value), 0] for value in (t, focus))
    variance = [(image * (x**2 + y**2)).sum() / image.sum() / 2 for image in (sharp, blurred)]
    expected = (coc * (t - focus)) ** 2 / 16
    # the two roundings to a sample have a variance of 1/192 px² each
    assert variance[1] - variance[0] == pytest.approx(expected, abs=0.01 * expected + 1 / 96)
    np.testing.assert_allclose(sharp, stack.all_in_focus[0], rtol=1e-5, atol=1e-6)  # in focus nothing is blurred
    assert abs((blurred * x).sum() / blurred.sum()) < 0.05  # and nothing moves


def test_light_is_the_same_in_all_planes() -> None:
    """With contrasts of 100 : 1 between layers, and nothing but an even background at the border."""
    size = 72
    y, x = np.mgrid[:size, :size] - 35.5
    rng = np.random.default_rng(5)
    front = Layer(10 * texture(rng, size), (np.abs(x - 3) < 4) & (np.abs(y) < 15), 0.1)
    middle = Layer(texture(rng, size), np.hypot(x, y) < 16, 0.5)
    scene = LayeredScene((front, middle, Layer(flat(size, 0.1, 0.1, 0.1), everywhere(size), 1.0)))
    energies = focal_stack(scene, np.linspace(0, 1, 9), 15.0, rays=48).energies()
    assert np.ptp(energies) / energies.mean() < 1e-3


def test_depth_is_the_front_most_that_rays_meet() -> None:
    """Around a card in front, depth is that of the card as far as its blur reaches, and no further.

    Ten rays miss some of it, most of all outwards and at the corners.
    """
    size = 48
    y, x = np.mgrid[:size, :size] - 23.5
    beyond = np.hypot(np.maximum(np.abs(x) - 8, 0), np.maximum(np.abs(y) - 8, 0))
    scene = LayeredScene((Layer(flat(size, 1.0), beyond <= 0, 0.2), Layer(flat(size, 0.5), everywhere(size), 1.0)))
    stack = focal_stack(scene, [0.2, 1.0], COC, rays=16)
    np.testing.assert_array_equal(stack.all_in_focus_depth, np.where(beyond <= 0, np.float32(0.2), 1))
    np.testing.assert_array_equal(stack.depths[0], stack.all_in_focus_depth)
    reach = COC / 2 * 0.8
    assert (stack.depths[1][beyond > reach + ONE_SAMPLE + 0.5] == 1).all()
    assert (stack.depths[1][beyond < reach / 2] == np.float32(0.2)).mean() > 0.95


def test_a_single_bright_pixel_leaves_no_negative_light_beside_it() -> None:
    color = np.zeros((3, 32, 32), np.float32)
    color[:, 16, 16] = 1000
    stack = focal_stack(LayeredScene((Layer(color, everywhere(32), 0.5),)), [0.0, 0.5, 0.6], 8.0)
    assert stack.images.min() >= 0
    assert stack.images.sum((2, 3)) == pytest.approx(np.full((3, 3), 1000), rel=1e-5)


def test_strips_make_no_difference_and_runs_repeat() -> None:
    scene = cards(48)
    whole, again = (focal_stack(scene, [0.0, 0.5, 1.0], 6.0, rays=12) for _ in range(2))
    calls: list[tuple[int, int]] = []
    strips = focal_stack(
        scene, [0.0, 0.5, 1.0], 6.0, rays=12, memory=1, progress=lambda stage, done, total: calls.append((done, total))
    )
    for name in ("images", "depths", "all_in_focus", "all_in_focus_depth"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(again, name))
        np.testing.assert_array_equal(getattr(whole, name), getattr(strips, name))
    assert [done for done, _ in calls] == list(range(1, calls[-1][1] + 1))
    assert calls[-1][1] >= 4 * 22  # it really was cut


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_another_device_makes_the_same_stack() -> None:
    here, there = (focal_stack(cards(), [0.0, 0.5, 1.0], 15.0, device=device) for device in ("cpu", "cuda"))
    np.testing.assert_allclose(here.images, there.images, atol=1e-5)
    np.testing.assert_array_equal(here.depths, there.depths)


def test_rays_are_spread_evenly_over_the_disc() -> None:
    rays = aperture_rays(200)
    assert np.hypot(*rays.T).max() <= 1
    np.testing.assert_allclose(rays.mean(0), 0, atol=0.01)
    np.testing.assert_allclose(np.cov(rays.T, bias=True), np.eye(2) / 4, atol=0.003)


LAYER = Layer(flat(8, 0.5), everywhere(8), 0.5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("color", np.zeros((8, 8))),
        ("color", -flat(8, 1.0)),
        ("color", flat(8, np.nan)),
        ("mask", np.ones((4, 8), bool)),
        ("mask", np.zeros((8, 8), bool)),
        ("depth", np.zeros((4, 8))),
        ("depth", 1.5),
        ("depth", np.nan),
    ],
)
def test_a_wrong_layer_is_named(field: str, value: object) -> None:
    with pytest.raises(InputError, match=f"'{field}'"):
        replace(LAYER, **{field: value})


def test_a_wrong_scene_or_argument_is_named() -> None:
    for layers in ((), (replace(LAYER, depth=0.9), LAYER), (LAYER, Layer(flat(9, 0.5), everywhere(9), 0.5))):
        with pytest.raises(InputError, match="'layers'"):
            LayeredScene(layers)
    scene = LayeredScene((LAYER,))
    for arguments, named in ((([0, 1], 0.0), "coc_max"), (([0, 2], 5.0), "positions"), (([0, 1], np.nan), "coc_max")):
        with pytest.raises(InputError, match=named):
            focal_stack(scene, *arguments)
    with pytest.raises(InputError, match="rays"):
        focal_stack(scene, [0, 1], 5.0, rays=0)
