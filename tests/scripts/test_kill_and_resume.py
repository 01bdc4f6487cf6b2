"""One kill and one resume of each batch, when its first unit is done."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from holodriver.cli.app import main

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "drills" / "kill_and_resume.py"
SPEC = importlib.util.spec_from_file_location("kill_and_resume", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
drills = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = drills
SPEC.loader.exec_module(drills)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals are Unix'")


def go(command: list[str]) -> None:
    """Run a command of the program in this process, which has its libraries loaded; any other as it is."""
    if command[:3] == list(drills.PROGRAM[:3]):
        assert main(command[3:]) == 0
    else:
        drills.run_whole(command)


@pytest.mark.parametrize(("job", "jobs", "power"), [
    (job, 1 if job.name in drills.RENDERED else 2, number % 2 == 0) for number, job in enumerate(drills.DRILLS)
], ids=[job.name for job in drills.DRILLS])  # fmt: skip
def test_killed_after_its_first_unit_it_goes_on(
    job, jobs: int, power: bool, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if job.name in drills.RENDERED:
        request.getfixturevalue("blender")
    inputs = job.inputs(tmp_path)
    folder = tmp_path / "disturbed" / drills.MADE
    command = job.arguments(inputs, folder, jobs)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    for _ in process.stdout:  # each line that it says is a moment to look
        if (manifest := next(folder.glob("*.jsonl"), None)) and '"done"' in manifest.read_text():
            break
    drills.kill(process, power=power)
    assert '"done"' in next(folder.glob("*.jsonl")).read_text()
    go(job.arguments(inputs, folder, 1))  # at once, while processes that were left behind are still ending
    whole = tmp_path / "undisturbed" / drills.MADE
    go(job.arguments(inputs, whole, 1))
    assert list(drills.differences(folder, drills.contents(whole), rendered=job.name in drills.RENDERED)) == []
