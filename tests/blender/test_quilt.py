"""Rendered quilts: positions of points in the views, refused requests, and leftover files."""

import math
from pathlib import Path

import numpy as np
import pytest

from holodriver.blender.quilt import QuiltJob, render_quilt
from holodriver.errors import BlenderError, InputError, OutputExistsError
from holodriver.files.quilt import read_quilt
from holodriver.optics.lookingglass import LookingGlass

SIDE = 96
SMALL = LookingGlass("small", "small", "", None, 3, 2, (3 * SIDE, 2 * SIDE), 1.0, 30.0)
DEPTHS = (2.0, 3.0, 4.0, 8.0)
FOCUS = 3.0
LENS, SENSOR = 50.0, 36.0  # as in tests/blender_addon/scenes.py


def job(scene="demo", **changes):
    return QuiltJob.of(SMALL, scene=str(scene), **({"samples": 1, "denoise": False} | changes))


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def centres(view: np.ndarray) -> list[float]:
    """Column of the centre of the light in each band of rows, pixels from the left edge."""
    light = view.astype(np.float64).sum(2).reshape(len(DEPTHS), -1, view.shape[1]).sum(1)
    return [float((band * (np.arange(len(band)) + 0.5)).sum() / band.sum()) for band in light]


def test_points_move_between_views_as_in_front_of_a_window(blender, blend_file, tmp_path):
    """A point at depth z seen from x through a window at distance d is x·(1 − d/z) to the side in the window.

    The window stands where the camera's depth of field is focused.
    """
    scene = blend_file("ladder", "persp", FOCUS, *DEPTHS)
    path = render_quilt(job(scene, samples=64), tmp_path / "a.png", blender=blender)
    assert path.name == "a_qs3x2a1.png"
    pixels, layout = read_quilt(path)
    errors = []
    for view in range(SMALL.views):
        offset = math.tan(math.radians(-15 + 30 * view / 5))  # in distances of the window
        expected = [SIDE / 2 + SIDE * LENS / SENSOR * offset * (1 - FOCUS / depth) for depth in DEPTHS]
        errors += [a - b for a, b in zip(centres(pixels[layout.place(view)]), expected, strict=True)]
    print(f"worst {max(map(abs, errors)):.3f} px")
    assert max(map(abs, errors)) < 0.15  # px: noise of 64 samples
    assert left(tmp_path) == [path.name]


def test_view_0_is_at_the_bottom_left_and_the_last_at_the_top_right():
    assert SMALL.place(0) == (slice(SIDE, 2 * SIDE), slice(0, SIDE))
    assert SMALL.place(5) == (slice(0, SIDE), slice(2 * SIDE, 3 * SIDE))


def test_a_camera_without_depth_of_field_has_the_middle_of_what_it_sees_in_the_display(blender, blend_file, tmp_path):
    notes = []
    scene = blend_file("edge", "persp", 2.0, 6.0)
    render_quilt(
        job(scene), tmp_path / "a.png", blender=blender, progress=lambda stage, done, total, note="": notes.append(note)
    )
    # in dioptres; what is seen is taken 1 % wider at both ends
    assert float(notes[0].removeprefix("focal plane at ")) == pytest.approx(2 / (1 / 2 + 1 / 6), rel=0.02)


@pytest.mark.parametrize(
    ("build", "said"),
    [(("blind",), "has no camera"), (("edge", "ortho", 4.0, 6.0), "is of type ORTHO"), (("empty", "persp"), "sees no")],
)
def test_unusable_scenes_are_refused(blender, blend_file, tmp_path, build, said):
    with pytest.raises(InputError, match=said):
        render_quilt(job(blend_file(*build)), tmp_path / "a.png", blender=blender)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"samples": 0}, "samples is 0"),
        ({"focus": 0.0}, "focus is 0.0, expected metres above 0"),
        ({"view_cone": 180.0}, "view_cone is 180.0, expected degrees"),
        ({"look": "filmic"}, "look is 'filmic'"),
        ({"scene": "/nowhere/a.blend"}, r"a\.blend: does not exist"),
    ],
)
def test_wrong_jobs_are_refused_by_field(changes, said):
    with pytest.raises(InputError, match=said):
        job(**changes)


def test_output_is_checked_before_blender_starts(tmp_path):
    (tmp_path / "a_qs3x2a1.png").touch()
    with pytest.raises(OutputExistsError, match="--overwrite"):
        render_quilt(job(), tmp_path / "a.png", blender="/nowhere/blender")
    with pytest.raises(InputError, match=r"expected \.png or \.jpg"):
        render_quilt(job(), tmp_path / "a.tif", blender="/nowhere/blender")
    with pytest.raises(BlenderError, match="does not exist"):
        render_quilt(job(), tmp_path / "b.png", blender="/nowhere/blender")
