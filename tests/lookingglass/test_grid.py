"""Depth made fit for warping: soft edges become steps, slanted surfaces stay slanted, thin objects stay whole."""

import cv2
import numpy as np
import pytest

from holodriver.errors import InputError
from holodriver.lookingglass.grid import sharpened, view_step, working_grid
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.warp import find_jumps
from holodriver.optics.lookingglass import LookingGlass, looking_glass
from holodriver.scene.rgbd import RgbdImage

REACH = 100.0  # pixels
DISPLAY = LookingGlass("test", "test", "", None, 5, 1, (5 * 60, 40), 1.5, 40.0)


def jumps(depth: np.ndarray) -> np.ndarray:
    found = np.zeros(depth.shape, np.bool_)
    find_jumps(depth.astype(np.float32), np.float32(1 / REACH), found)
    return found


def test_a_soft_edge_becomes_a_step_in_its_middle():
    step = np.where(np.arange(60) < 30, 0.2, 0.9) * np.ones((20, 1))
    soft = cv2.GaussianBlur(step.astype(np.float32), (0, 0), 1.2)
    made = sharpened(soft, REACH)
    assert np.abs(made - step).max() < 0.08  # a tenth of the step may stay
    assert jumps(made)[10].nonzero()[0].tolist() == [29]


def test_a_step_is_left_as_it_is():
    step = (np.where(np.arange(60) < 30, 0.2, 0.9) * np.ones((20, 1))).astype(np.float32)
    assert (sharpened(step, REACH) == step).all()


@pytest.mark.parametrize("rise", [0.1, 0.4, 0.9])
def test_a_slanted_surface_is_neither_sharpened_nor_cut(rise):
    slant = (0.05 + rise * np.linspace(0, 1, 60) * np.ones((20, 1))).astype(np.float32)
    assert (sharpened(slant, REACH)[:, 10:-10] == slant[:, 10:-10]).all()
    assert not jumps(slant).any()


def test_a_thing_of_one_pixel_is_cut_on_both_sides():
    depth = np.full((5, 30), 0.9)
    depth[:, 12] = 0.1
    assert jumps(depth)[2].nonzero()[0].tolist() == [11, 12]


@pytest.mark.parametrize("size", [(30, 20), (60, 40), (150, 100), (400, 300)])
def test_depth_of_two_surfaces_is_never_mixed_in_any_size_of_picture(size):
    """Smaller and larger than the working grid, 180 × 40."""
    width, height = size
    depth = np.full((height, width), 0.8)
    depth[height // 4 : -height // 4, width // 4 : -width // 4] = 0.2
    grid = working_grid(RgbdImage(np.ones((3, height, width)), depth), DISPLAY, ViewSettings(), None)
    assert grid.depth.shape == (40, 180)
    assert np.unique(grid.depth).tolist() == pytest.approx([0.2, 0.8])


def test_a_slant_of_a_small_picture_gets_no_stairs():
    depth = np.linspace(0.1, 0.9, 30) * np.ones((20, 1))
    grid = working_grid(RgbdImage(np.ones((3, 20, 30)), depth), DISPLAY, ViewSettings(), None)
    steps = np.diff(grid.depth[20, 10:-10])
    assert steps.max() < 1.1 * steps.min()


def test_steps_from_view_to_view_are_those_of_the_outermost_divided_by_the_views():
    """A quarter of a picture deep, half of it on each side: 0.125 · 2 · tan 27° · 372 px in 65 steps."""
    step = view_step((1920, 1080), looking_glass("go"), ViewSettings(), None)
    assert step == pytest.approx(0.125 * 2 * np.tan(np.radians(27)) * 372 / 65, rel=1e-6)


def test_depth_beyond_all_measure_is_refused():
    wide = LookingGlass("wide", "wide", "", None, 5, 1, (300, 40), 1.5, 178.0)
    with pytest.raises(InputError, match=r"would part by .* pictures"):
        working_grid(RgbdImage(np.ones((3, 20, 30)), np.full((20, 30), 0.5)), wide, ViewSettings(4.0), None)
