"""The baselines are fair: exact where an exact result is possible."""

from dataclasses import replace

import numpy as np
import pytest
from layered import layered_stack, texture

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import psnr
from holodriver.synthesis.baselines import dcgh, flat_phase, ncgh, superposed

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
    seen, stack_planes = [], single_plane(0).planes
    ncgh(single_plane(0.5), PROFILE, progress=lambda stage, done, total, note="": seen.append(total))
    assert set(seen) == {3}  # one filled layer a colour
    ramp = np.tile(np.linspace(0, 1, 64 * 64).reshape(64, 64), (1, 1)).astype(np.float32)
    seen.clear()
    ncgh(
        replace(single_plane(0), all_in_focus_depth=ramp),
        PROFILE,
        progress=lambda s, d, total, n="": seen.append(total),
    )
    layers = seen[-1] // 3
    assert layers >= 128
    assert (layers - 1) % (stack_planes - 1) == 0


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


@pytest.mark.parametrize("method", [dcgh, superposed])
def test_the_others_too_are_exact_in_focus_on_one_plane(method) -> None:
    stack = single_plane(0.35)
    assert psnr(method(stack, PROFILE).intensity(0.35), stack.all_in_focus) >= 40


def test_dcgh_spreads_light_where_ncgh_does_not() -> None:
    """A bright square far out of focus: the diffusive hologram fills its blur circle, the other keeps its edges."""
    stack = single_plane(0.0)
    y, x = np.indices((64, 64))
    square = np.tile(((np.abs(x - 32) < 4) & (np.abs(y - 32) < 4)).astype(np.float32), (3, 1, 1))
    stack = replace(stack, all_in_focus=square)
    outside = np.hypot(x - 32, y - 32) > 8
    spread = [method(stack, PROFILE).intensity(1.0)[:, outside].sum() / square.sum() for method in (dcgh, ncgh)]
    assert spread[0] > 0.3
    assert spread[1] < 0.1


def test_dcgh_is_deterministic_for_a_seed() -> None:
    stack = single_plane(0.5)
    first, again, other = (dcgh(stack, PROFILE, seed=seed).values for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_superposed_points_shine_through_what_is_in_front() -> None:
    """What sets it apart: a dark card does not stop the wall behind it."""
    stack = single_plane(1.0)
    y, x = np.indices((64, 64))
    card = (np.abs(x - 32) < 3) & (np.abs(y - 32) < 14)
    picture = np.where(card, 0, stack.all_in_focus).astype(np.float32)
    stack = replace(stack, all_in_focus=picture, all_in_focus_depth=np.where(card, 0, 1).astype(np.float32))
    core = (np.abs(x - 32) < 2) & (np.abs(y - 32) < 13)
    light = [method(stack, PROFILE).intensity(0.0)[:, core].max() for method in (superposed, ncgh)]
    assert light[0] > 1e-3 > light[1]
