"""scripts/render_dataset.py: what is there is left out, so that a stopped run goes on."""

import subprocess
import sys
from pathlib import Path

from holodriver.files.stack import read_stack

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "render_dataset.py"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), str(folder), "--size", "24", "--planes", "3", "--spp", "1", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_scenes_are_rendered_once(blender, tmp_path):
    first = run(tmp_path, "--scenes", "1", "--first", "7", "--blender", str(blender.path))
    assert first.returncode == 0, first.stderr
    made = tmp_path / "train_00007.stack"
    stack = read_stack(made)
    assert (stack.shape, stack.planes, stack.provenance["seed"], stack.provenance["split"]) == ((24, 24), 3, 7, "train")
    again = run(tmp_path, "--scenes", "1", "--first", "7", "--blender", str(blender.path))
    assert (again.returncode, again.stdout) == (0, "")
