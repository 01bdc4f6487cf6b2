"""Depth from focus against the true depth of a focal stack."""

import numpy as np
import pytest
from layered import layered_stack

from holodriver.errors import InputError
from holodriver.scene.focus_depth import depth_of_planes


def test_surfaces_stand_where_their_pictures_are_sharpest() -> None:
    stack = layered_stack(96)
    depth = depth_of_planes(stack.images)
    inside = np.s_[12:-12, 12:-12]  # beyond, light wraps round the border
    error = np.abs(depth - stack.all_in_focus_depth)[inside]
    assert np.median(error) < 0.05
    assert (error < 0.15).mean() > 0.75  # edges, where blurred and sharp mix, are the rest


def test_two_planes_are_too_few() -> None:
    with pytest.raises(InputError, match="at least 3"):
        depth_of_planes(layered_stack(48, planes=2).images)
