"""Data sets of random scenes: existing scenes are skipped, so that a stopped run can continue; the manifest."""

import json

import pytest

from holodriver.cli.app import main
from holodriver.files.stack import read_stack


def test_scenes_are_rendered_once(blender, tmp_path, capsys):
    command = [
        "render",
        "dataset",
        "-o",
        str(tmp_path),
        "--scenes",
        "2",
        "--first",
        "7",
        "--size",
        "24",
        "--planes",
        "3",
    ]
    command += ["--spp", "1", "--depth-samples", "1", "--blender", str(blender.path), "--jobs", "2"]
    assert main(command) == 0
    assert "wrote 2 of 2" in capsys.readouterr().out
    made = tmp_path / "train_00007.stack"
    stack = read_stack(made)
    assert (stack.shape, stack.planes, stack.provenance["seed"], stack.provenance["split"]) == ((24, 24), 3, 7, "train")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.stack/stack.json")}
    assert main(command) == 0
    said = capsys.readouterr().out
    assert "left out 2" in said
    assert "2 scenes; shares of the depths" in said
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.stack/stack.json")} == before
    scenes = json.loads((tmp_path / "dataset.json").read_text())["scenes"]
    assert {name: (scene["seed"], scene["split"]) for name, scene in scenes.items()} == {
        "train_00007.stack": (7, "train"),
        "train_00008.stack": (8, "train"),
    }
    t = stack.all_in_focus_depth
    share = ((t >= 0.3) & (t < 0.4)).sum() / (t < 0.999).sum()
    assert scenes[made.name]["depth_histogram"][3] == pytest.approx(share, abs=1e-3)
