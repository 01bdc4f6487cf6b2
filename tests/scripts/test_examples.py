"""Every example runs as a stranger would run it, and leaves a picture that is not empty."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

FOLDER = Path(__file__).parents[2] / "scripts" / "examples"
PICTURES = {
    "stack_to_hologram": "near_middle_far.png",
    "photo_to_looking_glass": "photo_qs8x6a0.75.png",
    "foreign_field_to_frames": "ring_and_square.png",
    "own_method": "methods.png",
    "calibrate_panel": "calibrated.png",
    "play_on_simulated_rig": "played.png",
    "render_blender": "rendered_and_seen.png",
}
"""The picture that each example ends in."""

LONGEST = 30
"""Lines of an example."""


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """One folder for all, as the default is, so that the scene's focal stack is made once."""
    return tmp_path_factory.mktemp("out")


def picture_of(name: str, out: Path) -> np.ndarray:
    """Run an example as a program, and open the picture that it ends in."""
    command = [sys.executable, str(FOLDER / f"{name}.py"), str(out)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    picture = cv2.imread(str(out / PICTURES[name]))
    assert picture is not None
    return picture


@pytest.mark.parametrize("name", [name for name in PICTURES if name != "render_blender"])
def test_example_ends_in_a_picture(name, out):
    assert picture_of(name, out).std() > 10


def test_blender_example_ends_in_a_picture(blender, out):
    assert picture_of("render_blender", out).std() > 10


def test_examples_are_short_and_all_are_run():
    examples = {path.stem for path in FOLDER.glob("*.py")}
    assert examples == {*PICTURES, "small_scene"}
    for path in FOLDER.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST, path.name
