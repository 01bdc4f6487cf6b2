"""Random layered scenes: determined by the seed, of every kind, with edges inside pixels."""

import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.scene.layered import SUBPIXELS, Layer, LayeredScene, focal_stack
from holodriver.scene.random_layers import random_scene

POSITIONS = np.linspace(0, 1, 3)


def test_a_seed_is_a_scene() -> None:
    one, two = (random_scene(np.random.default_rng(7), 32) for _ in range(2))
    assert len(one.layers) == len(two.layers)
    for a, b in zip(one.layers, two.layers, strict=True):
        np.testing.assert_array_equal(a.color, b.color)
        assert a.t == b.t


def test_scenes_vary_and_keep_their_light() -> None:
    depths, spreads = [], []
    for seed in range(12):
        scene = random_scene(np.random.default_rng(seed), 48)
        stack = focal_stack(scene, POSITIONS, 4.0, rays=32)
        assert stack.all_in_focus.max() <= 1.3
        spreads.append(np.ptp(stack.energies()))
        depths.append(stack.all_in_focus_depth.ravel())
    everywhere = np.concatenate(depths)
    assert everywhere.min() < 0.1
    assert everywhere.max() > 0.9
    assert np.median(spreads) < 0.02  # what crosses the border


def test_an_edge_within_a_pixel_gives_it_a_share() -> None:
    size, s = 16, SUBPIXELS
    samples = np.zeros((size * s, size * s), bool)
    samples[:, : 8 * s + 1] = True  # a quarter of the ninth column
    mask = np.zeros((size, size), bool)
    mask[:, :9] = True
    front = Layer(np.ones((1, size, size), np.float32), mask, np.float32(0), samples)
    behind = Layer(np.zeros((1, size, size), np.float32), np.ones((size, size), bool), np.float32(1))
    stack = focal_stack(LayeredScene((front, behind)), POSITIONS, 4.0)
    np.testing.assert_allclose(stack.all_in_focus[0, :, 7:10], np.tile([1, 1 / s, 0], (size, 1)), atol=1e-6)
    np.testing.assert_allclose(stack.images[0, 0, :, 7:10], np.tile([1, 1 / s, 0], (size, 1)), atol=1e-6)


def test_samples_outside_the_mask_are_refused() -> None:
    color, mask = np.ones((1, 4, 4), np.float32), np.zeros((4, 4), bool)
    mask[:2] = True
    with pytest.raises(InputError, match="samples"):
        Layer(color, mask, np.float32(0), np.ones((4 * SUBPIXELS, 4 * SUBPIXELS), bool))
    with pytest.raises(InputError, match="samples"):
        Layer(color, mask, np.float32(0), np.ones((4, 4), bool))
