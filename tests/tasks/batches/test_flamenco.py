"""The job for Flamenco: its script runs as in the Manager, and its tasks are commands that work."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import programs
import pytest

from holodriver.cli.app import main
from holodriver.errors import InputError
from holodriver.scene.render_job import RenderJob
from holodriver.tasks.batches.flamenco import arguments_of, export_frames

COMPILE = """
const fs = require("fs"), vm = require("vm");
const job = JSON.parse(fs.readFileSync(process.argv[3])), tasks = [];
job.addTask = (task) => tasks.push(task);
const author = {
    Task: (name, type) => ({ name, type, commands: [], addCommand(command) { this.commands.push(command); } }),
    Command: (name, parameters) => ({ name, parameters }),
};
const context = vm.createContext({ author, job });
vm.runInContext(fs.readFileSync(process.argv[2]) + ";compileJob(job); globalThis.type = JOB_TYPE;", context);
console.log(JSON.stringify({ tasks, settings: context.type.settings }));
"""


@pytest.fixture
def job(tmp_path: Path) -> RenderJob:
    scene = tmp_path / "a film.blend"
    scene.write_bytes(b"")
    return RenderJob(
        scene=str(scene), width=64, height=32, planes=3, coc_max=7.5, samples=2, near=1.0, far=float("inf"),
        mapping="dioptric", frames=(-1, 8, 12), denoise=False,
    )  # fmt: skip


def test_each_frame_is_a_task(job: RenderJob, tmp_path: Path) -> None:
    programs.need_programs("node")
    made = export_frames(job, tmp_path / "film.stacks", tmp_path / "job.json")
    (tmp_path / "compile.js").write_text(COMPILE)
    command = ["node", tmp_path / "compile.js", made, tmp_path / "job.json"]
    compiled = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    submitted = json.loads((tmp_path / "job.json").read_text())
    assert (submitted["type"], made.name) == ("holodriver-focal-stacks", "holodriver-focal-stacks.js")
    assert {setting["key"] for setting in compiled["settings"]} == set(submitted["settings"])
    tasks = compiled["tasks"]
    assert [task["commands"][0]["name"] for task in tasks] == ["exec"] * 3
    stacks = [task["commands"][0]["parameters"]["args"][4] for task in tasks]
    assert [Path(stack).name for stack in stacks] == [f"film_{frame:04d}.stack" for frame in job.frames]
    assert tasks[0]["commands"][0]["parameters"]["args"][:3] == ["render", "stack", job.scene]


def test_the_arguments_say_the_same_as_the_job(job: RenderJob, tmp_path: Path, monkeypatch) -> None:
    said: list[RenderJob] = []

    def render_stack(given: RenderJob, path: Path, **_: object) -> None:
        said.append(given)
        raise InputError("enough")

    monkeypatch.setattr("holodriver.blender.stack.render_stack", render_stack)
    arguments = ["--frames", "8", *arguments_of(job, 1.0, float("inf"))]
    assert main(["render", "stack", job.scene, "-o", str(tmp_path / "film_0008.stack"), *arguments]) == 2
    assert said == [replace(job, frames=(8,))]


def test_a_frame_that_is_there_is_left_out(job: RenderJob, tmp_path: Path, capsys) -> None:
    stack = tmp_path / "film_0008.stack"
    stack.mkdir()
    (stack / "stack.json").write_text("{}")
    assert main(["render", "stack", job.scene, "-o", str(stack), "--frames", "8"]) == 0
    assert "left out" in capsys.readouterr().out


def test_a_job_needs_frames_of_a_file(job: RenderJob, tmp_path: Path, capsys) -> None:
    assert main(["render", "stack", job.scene, "-o", str(tmp_path / "a.json")]) == 2
    assert "no frames are given" in capsys.readouterr().err
    with pytest.raises(InputError, match=r"\.json"):
        export_frames(job, tmp_path, tmp_path / "job.txt")
    with pytest.raises(InputError, match="has no animation"):
        export_frames(replace(job, scene="demo"), tmp_path, tmp_path / "job.json")


def test_the_command_writes_the_job_and_its_type(job: RenderJob, tmp_path: Path) -> None:
    asked = ["--frames", "1-3", "--near", "1", "--far", "2"]
    assert main(["render", "stack", job.scene, "-o", str(tmp_path / "film.json"), *asked]) == 0
    submitted = json.loads((tmp_path / "film.json").read_text())
    assert submitted["settings"]["folder"] == str(tmp_path / "film.stacks")
    assert (tmp_path / f"{submitted['type']}.js").is_file()
