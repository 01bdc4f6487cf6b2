"""Rendered depth against geometry in closed form."""

import numpy as np
import pytest

from holodriver.blender.stack import render_stack
from holodriver.files.stack import read_stack
from holodriver.scene.render_job import RenderJob

SIZE = 64
LENS, SENSOR, VIEW, SHIFT = 50.0, 36.0, 4.0, (0.1, -0.06)  # as in scenes.py


def render(blender, scene, path, **changes):
    job = {"planes": 3, "coc_max": 12.0, "samples": 1, "denoise": False, "width": SIZE, "height": SIZE} | changes
    return read_stack(render_stack(RenderJob(scene=str(scene), **job), path, blender=blender))


@pytest.mark.parametrize(
    ("kind", "near", "far"),
    [
        ("ortho", 4.0, 8.0),
        ("persp", 4.0, 8.0),
        ("persp", 4.0, float("inf")),
        ("near", 4.0, 8.0),  # at a twentieth of these distances
        ("shift", 4.0, 8.0),  # portrait
    ],
)
def test_pinhole_depth_is_that_of_a_slanted_plane(blender, blend_file, tmp_path, kind, near, far):
    start, rise = 6.0, 0.6
    scale = 0.05 if kind == "near" else 1.0
    start, near, far = start * scale, near * scale, far * scale
    width = SIZE * 3 // 4 if kind == "shift" else SIZE
    scene = blend_file("slope", kind, start, rise)
    stack = render(blender, scene, tmp_path / "a.stack", near=near, far=far, width=width)
    right, above = SHIFT if kind == "shift" else (0.0, 0.0)
    # of the pixel centre, fraction of the view, rows from the top
    up = (SIZE / 2 - 0.5 - np.arange(SIZE)) / SIZE + above
    edge = width / 2 - right * SIZE  # column where the plane ends
    if kind == "ortho":
        metric = start + rise * VIEW * up
        expected = (metric - near) / (far - near)
    else:
        metric = start / (1 - rise * up * SENSOR / LENS)
        expected = (1 / near - 1 / metric) / (1 / near - 1 / far)
    inside = slice(2, int(edge) - 2)
    seen = stack.all_in_focus_depth[:, inside]
    worst = np.abs(seen - expected[:, None]).max()
    print(f"{kind} to {far}: worst depth error {worst:.1e}")
    assert worst < 1e-3
    assert (stack.all_in_focus_depth[:, int(edge) + 2 :] == 1).all()  # no hit stands at the far plane


@pytest.mark.parametrize("kind", ["ortho", "persp"])
def test_depth_of_a_defocused_edge_is_the_front_most_that_the_lens_sees(blender, blend_file, tmp_path, kind):
    near, far, coc_max, samples = 4.0, 6.0, 12.0, 10
    scene = blend_file("edge", kind, near, far)
    stack = render(blender, scene, tmp_path / "a.stack", near=near, far=far, coc_max=coc_max, depth_samples=samples)
    width = (stack.depths < 0.5).sum(axis=2).mean(axis=1)  # pixels of the front, mean over the rows
    pinhole = (stack.all_in_focus_depth < 0.5).sum(axis=1).mean()
    # focused on the front, nothing grows; focused on the wall, a pixel s beyond the edge sees the front with the
    # part of the lens that a chord cuts off, and is front if one of the samples goes through it
    s = np.linspace(-1, 1, 20001)
    part = (np.arccos(s) - s * np.sqrt(1 - s**2)) / np.pi
    growth = np.trapezoid(1 - (1 - part) ** samples, s * coc_max / 2) - coc_max / 2
    assert pinhole == pytest.approx(SIZE / 2, abs=0.51)
    assert width[0] == pytest.approx(pinhole, abs=0.3)
    # 64 rows of one random edge each: the standard error of their mean is about 0.1 px
    assert width[-1] - pinhole == pytest.approx(growth, abs=0.5)
    assert growth > 0.6 * coc_max / 2
    assert set(np.unique(stack.depths.round(3))) <= {0.0, 1.0}  # one ray a sample: no mixed depths


def test_transparent_surfaces_leave_depth_to_what_is_behind(blender, blend_file, tmp_path):
    stack = render(blender, blend_file("cutout", "ortho", 4.0, 6.0), tmp_path / "a.stack", near=4.0, far=6.0)
    assert (stack.all_in_focus_depth > 0.99).all()
    assert (stack.depths > 0.99).all()


def test_depth_range_is_what_the_camera_sees(blender, blend_file, tmp_path):
    for kind, mapping in (("ortho", "linear"), ("persp", "dioptric")):
        stack = render(blender, blend_file("edge", kind, 4.0, 6.0), tmp_path / f"{kind}.stack", depth_samples=1)
        assert stack.mapping == mapping
        # within the margin of 1 % of the range at either end
        assert stack.provenance["near"] == pytest.approx(4.0, abs=0.03)
        assert stack.provenance["far"] == pytest.approx(6.0, abs=0.03)


def test_depth_range_leaves_out_what_the_render_does_not_show(blender, blend_file, tmp_path):
    """Things hidden from the render or the camera stand in front, and one beyond the clip end behind."""
    stack = render(blender, blend_file("unseen", "persp", 4.0, 6.0), tmp_path / "a.stack", depth_samples=1)
    assert stack.provenance["near"] == pytest.approx(4.0, abs=0.03)
    assert stack.provenance["far"] == pytest.approx(6.0, abs=0.03)


def test_finding_the_depth_range_changes_nothing_else(blender, blend_file, tmp_path):
    scene, options = blend_file("edge", "ortho", 4.0, 6.0), {"samples": 8, "planes": 2, "width": 32, "height": 32}
    found = render(blender, scene, tmp_path / "found.stack", **options)
    given = {name: found.provenance[name] for name in ("near", "far")}
    told = render(blender, scene, tmp_path / "told.stack", **options, **given)
    np.testing.assert_array_equal(found.images, told.images)
    np.testing.assert_array_equal(found.depths, told.depths)


def test_an_artists_settings_change_nothing(blender, blend_file, tmp_path):
    """A parented, driven, animated camera and a spoiled render setup give the same stack as the plain scene."""
    options = {"near": 4.0, "far": 6.0, "planes": 2, "samples": 16, "depth_samples": 4, "denoise": True}
    plain = render(blender, blend_file("edge", "ortho", 4.0, 6.0), tmp_path / "plain.stack", **options)
    spoiled = render(blender, blend_file("hostile", "ortho", 4.0, 6.0), tmp_path / "spoiled.stack", **options)
    np.testing.assert_array_equal(spoiled.all_in_focus_depth, plain.all_in_focus_depth)
    np.testing.assert_array_equal(spoiled.depths, plain.depths)
    # the same scene with the same seeds: only rounding of the camera's pose may differ
    np.testing.assert_allclose(spoiled.images, plain.images, atol=0.02)
