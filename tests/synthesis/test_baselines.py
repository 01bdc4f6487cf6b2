"""The baselines are fair: exact where exactness is possible."""

from dataclasses import replace

import numpy as np
import pytest
from layered import layered_stack, texture

from holodriver.errors import InputError
from holodriver.metrics import psnr
from holodriver.optics.display import REFERENCE
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.baselines import flat_phase, ncgh

PROFILE = REFERENCE.resized(64, 64)


def single_plane(t: float) -> FocalStack:
    stack = layered_stack(64, rays=4)
    picture = texture(np.random.default_rng(2), 64)
    return replace(stack, all_in_focus=picture, all_in_focus_depth=np.full((64, 64), t, np.float32))


@pytest.mark.parametrize("t", [0.0, 0.35, 1.0])
def test_ncgh_of_one_plane_is_exact_in_focus(t: float) -> None:
    stack = single_plane(t)
    assert psnr(ncgh(stack, PROFILE).intensity(t), stack.all_in_focus) >= 40


def test_ncgh_blocks_what_is_behind_a_silhouette() -> None:
    """A dark card before a bright wall: where the card is in focus, it is dark."""
    stack = single_plane(1.0)
    y, x = np.indices((64, 64))
    card = (np.abs(x - 32) < 14) & (np.abs(y - 32) < 14)
    picture = np.where(card, 0, stack.all_in_focus).astype(np.float32)
    depth = np.where(card, 0, 1).astype(np.float32)
    near = ncgh(replace(stack, all_in_focus=picture, all_in_focus_depth=depth), PROFILE).intensity(0.0)
    core = (np.abs(x - 32) < 13) & (np.abs(y - 32) < 13)
    assert near[:, core].max() < 1e-6


def test_ncgh_has_layers_enough_and_one_in_each_plane() -> None:
    seen = []
    ncgh(single_plane(0.5), PROFILE, progress=lambda stage, done, total, note="": seen.append(total))
    assert set(seen) == {3}  # one filled layer a colour
    ramp = np.tile(np.linspace(0, 1, 64 * 64).reshape(64, 64), (1, 1)).astype(np.float32)
    seen.clear()
    ncgh(
        replace(single_plane(0), all_in_focus_depth=ramp),
        PROFILE,
        progress=lambda s, d, total, n="": seen.append(total),
    )
    assert seen[-1] / 3 >= 128


def test_on_axis_phase_between_layers_does_not_scramble_a_slope() -> None:
    """A slope of even brightness is even in nCGH; with k·Δz left in, the layers would interfere at random."""
    ramp = np.tile(np.linspace(0, 1, 64, dtype=np.float32), (64, 1))
    even = np.full((3, 64, 64), 0.5, np.float32)
    field = ncgh(replace(single_plane(0), all_in_focus=even, all_in_focus_depth=ramp), PROFILE)
    inside = field.intensity(0.5)[:, 8:-8, 8:-8]
    assert inside.std() / inside.mean() < 0.1


def test_flat_phase_is_the_picture_at_the_hologram_plane() -> None:
    stack = single_plane(0.2)
    middle = 1 + PROFILE.depth_offset / PROFILE.depth_span
    assert PROFILE.z(middle) == pytest.approx(0)
    np.testing.assert_allclose(flat_phase(stack, PROFILE).intensity(middle), stack.all_in_focus, atol=1e-5)


def test_too_few_layers_are_refused() -> None:
    with pytest.raises(InputError, match="'layers'"):
        ncgh(single_plane(0), PROFILE, layers=1)
