"""Depth with errors and holes, and darkness along depth edges."""

import numpy as np
import pytest

from holodriver.scene.stack import FocalStack
from holodriver.study.depth_errors import BASELINE, REACH_PX, DepthErrors, edge_light, edges, in_focus, measured, noisy

SIDE, PLANES = 64, 3


def step(low: float = 0.0, high: float = 1.0) -> FocalStack:
    """A near left half and a far right half, all of intensity 0.5, in focus everywhere."""
    depth = np.full((SIDE, SIDE), low, np.float32)
    depth[:, SIDE // 2 :] = high
    images = np.full((PLANES, 3, SIDE, SIDE), 0.5, np.float32)
    positions = np.linspace(0, 1, PLANES, dtype=np.float32)
    return FocalStack(images, np.stack([depth] * PLANES), images[0], depth, positions, "linear", 15.0)


def test_edges_lie_where_depth_jumps():
    found = edges(step().all_in_focus_depth, 8)
    columns = np.flatnonzero(found.any(0))
    assert (columns[0], columns[-1]) == (SIDE // 2 - REACH_PX, SIDE // 2 + REACH_PX - 1)
    assert np.flatnonzero(found.any(1)).tolist() == list(range(8, SIDE - 8))
    assert not edges(step(0.4, 0.45).all_in_focus_depth, 8).any()


def test_a_dark_line_is_counted_and_only_in_focus():
    stack = step()
    images = stack.images.copy()
    images[0, ..., SIDE // 2 - 1] = 0.1  # one of six columns, in the near plane, where that place is in focus
    images[1] = images[0, ..., : SIDE // 2].mean()  # no place is in focus in the middle plane
    light = edge_light(images, stack)
    assert light.dark == pytest.approx(1 / 6)
    assert light.mean == pytest.approx((5 + 0.2) / 6)
    assert light.elsewhere == 0
    assert in_focus(stack.images, stack) == pytest.approx(0.5)


def test_depth_with_errors_is_a_depth_of_the_given_quality():
    true = np.tile(np.linspace(0.2, 0.8, 128, dtype=np.float32), (128, 1))
    rough = noisy(true, DepthErrors(), 3)
    assert (rough.min() >= 0, rough.max() <= 1) == (True, True)
    assert np.allclose(rough * 255, np.rint(rough * 255), atol=1e-4)
    error = rough - true
    assert np.sqrt(0.03**2 + 0.015**2) == pytest.approx(error.std(), rel=0.25)
    assert np.array_equal(rough, noisy(true, DepthErrors(), 3))
    assert not np.array_equal(rough, noisy(true, DepthErrors(), 4))


def test_a_depth_camera_does_not_see_what_a_nearer_edge_hides_from_its_second_eye():
    width = 100
    depth = np.ones((40, width), np.float32)
    depth[:, 40:60] = 0.0
    light = np.full((3, 40, width), 0.5, np.float32)
    raw = measured(depth, light, 1)
    shadow = round(BASELINE * width)
    assert np.isnan(raw[:, 60 : 60 + shadow - 1]).all()
    elsewhere = np.isnan(raw[:, :38]).mean(), np.isnan(raw[:, 62 + shadow :]).mean()
    assert max(elsewhere) < 0.02
    assert np.isnan(measured(depth, 0 * light, 1)).all()
