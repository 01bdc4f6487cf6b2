"""The demo scene as a focal stack has the properties that synthesis relies on."""

import json

import numpy as np

from holodriver.files.stack import read_stack


def test_all_planes_carry_the_same_energy(demo_stack_folder):
    energies = read_stack(demo_stack_folder).energies()
    # with 4 samples of 9216 pixels the noise of a mean was measured as 0.43 %; 21 of them spread over four times that
    assert abs(energies.mean() - 1) < 0.01
    assert energies.max() - energies.min() < 0.03


def test_depth_range_is_filled(demo_stack_folder):
    depth = read_stack(demo_stack_folder).all_in_focus_depth
    share, _ = np.histogram(depth, bins=10, range=(0, 1))
    assert (share > 0.01 * depth.size).all()  # something at every tenth of the range
    assert share[-1] < 0.6 * depth.size
    assert depth.min() < 0.05


def test_focus_moves_through_the_scene(demo_stack_folder):
    """Detail at a depth is strongest in the plane that is focused there."""
    stack = read_stack(demo_stack_folder)
    grey = stack.images.mean(axis=1)
    detail = np.abs(np.diff(grey, axis=2))[:, :-1] + np.abs(np.diff(grey, axis=1))[:, :, :-1]
    depth = stack.all_in_focus_depth[:-1, :-1]
    front, back = depth < 0.2, depth > 0.9
    front_curve = detail[:, front].mean(axis=1)
    back_curve = detail[:, back].mean(axis=1)
    assert stack.positions[front_curve.argmax()] < 0.3
    assert stack.positions[back_curve.argmax()] > 0.8


def test_highlights_are_not_far_above_white(demo_stack_folder):
    """Light far above white would set the gain of the whole hologram."""
    image = read_stack(demo_stack_folder).exposed().all_in_focus
    assert image.max() < 8
    assert np.median(image) > 0.03


def test_near_silhouettes_grow_towards_the_rear_focus(demo_stack_folder):
    stack = read_stack(demo_stack_folder)
    share = (stack.depths < 0.1).mean(axis=(1, 2))
    assert (np.diff(share[2:]) > -0.003).all()  # one in 9216 pixels is 0.0001; ten lens samples leave some noise
    assert share[-1] > 1.2 * (stack.all_in_focus_depth < 0.1).mean()


def test_folder_says_how_it_was_made(demo_stack_folder):
    manifest = json.loads((demo_stack_folder / "stack.json").read_text(encoding="utf-8"))
    assert manifest["renderer"]["name"] == "Cycles"
    assert manifest["renderer"]["samples"] == 4
    assert manifest["provenance"]["scene"] == "demo"
    assert manifest["camera"]["type"] == "orthographic"
    assert sorted(file.name for file in demo_stack_folder.iterdir()) == [
        "all_in_focus.exr",
        *(f"plane_{plane:02d}.exr" for plane in range(21)),
        "stack.json",
    ]
