"""render_dataset.py: what is there is left out, so that a stopped run goes on; the manifest says what there is."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from holodriver.files.stack import read_stack

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "render_dataset.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(folder), "--size", "24", "--planes", "3", "--spp", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_scenes_are_rendered_once(blender, tmp_path):
    options = ("--scenes", "2", "--first", "7", "--depth-samples", "1", "--blender", str(blender.path), "--jobs", "2")
    first = run(tmp_path, *options)
    assert first.returncode == 0, first.stderr
    made = tmp_path / "train_00007.stack"
    stack = read_stack(made)
    assert (stack.shape, stack.planes, stack.provenance["seed"], stack.provenance["split"]) == ((24, 24), 3, 7, "train")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.stack/stack.json")}
    again = run(tmp_path, *options)
    assert (again.returncode, len(again.stdout.splitlines())) == (0, 1)  # the depths of all, and no scene
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.stack/stack.json")} == before
    scenes = json.loads((tmp_path / "dataset.json").read_text())["scenes"]
    assert {name: (scene["seed"], scene["split"]) for name, scene in scenes.items()} == {
        "train_00007.stack": (7, "train"),
        "train_00008.stack": (8, "train"),
    }
    t = stack.all_in_focus_depth
    share = ((t >= 0.3) & (t < 0.4)).sum() / (t < 0.999).sum()
    assert scenes[made.name]["depth_histogram"][3] == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--route", "refocus"), "--mapping dioptric"),
        (("--jobs", "0"), "--jobs: is 0"),
        (("--scenes", "0"), "no scenes are asked for"),
        (("--depth-samples", "0"), "depth_samples"),
    ],
)
def test_what_cannot_be_rendered_is_refused(tmp_path, arguments, told):
    done = run(tmp_path / "none", "--scenes", "1", *arguments)
    assert (done.returncode, told in done.stderr, (tmp_path / "none").exists()) == (2, True, False)
