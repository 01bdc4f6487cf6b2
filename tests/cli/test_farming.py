"""Batches from the command line: plans, several processes, and refused options."""

from pathlib import Path

import pytest
from layered import layered_stack

from holodriver.cli.app import main
from holodriver.files.stack import write_stack
from holodriver.system.machine import threads_to_use


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    folder = tmp_path / "stacks"
    for seed in (1, 2):
        write_stack(layered_stack(32, planes=5, coc_max=4.0, seed=seed, rays=12), folder / f"{seed}.stack")
    return folder


def test_a_plan_says_what_is_done_and_what_it_needs_and_does_nothing(stacks: Path, tmp_path: Path, capsys) -> None:
    command = ["synth", str(stacks), "-o", str(tmp_path / "out"), "--method", "flat"]
    assert main([*command, "--dry-run", "--jobs", "2"]) == 0
    said = capsys.readouterr().out
    assert "0 of 2 done, 2 to do by 2 processes" in said
    assert "memory" in said
    assert "disk" in said
    assert not (tmp_path / "out").exists()
    (stacks / "1.stack" / "plane_03.exr").write_bytes(b"no")
    assert main(command) == 1
    assert main([*command, "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "1 of 2 done, 1 to do by this process" in said
    assert "failed: " in said


def test_plans_of_frames_and_quilts_need_no_blender(stacks: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.setenv("HOLODRIVER_BLENDER", "/nowhere")
    assert main(["render", "stack", "demo", "--frames", "1-30", "-o", str(tmp_path / "film.stacks"), "--dry-run"]) == 0
    quilts = ["--display", "go", "-o", str(tmp_path / "q")]
    assert main(["render", "quilt", "demo", "--frames", "1-3", *quilts, "--dry-run"]) == 0
    sources = [str(path) for path in sorted(stacks.iterdir())]
    assert main(["looking-glass", "quilt", *sources, "-o", str(tmp_path / "quilts"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    for name in ("film_0030.stack", "q_0003_qs11x6a0.5625.png", "2_qs11x6a0.5625.png"):
        assert name in said
    assert [path.name for path in tmp_path.iterdir()] == ["stacks"]


def test_what_is_refused_is_one_line(stacks: Path, tmp_path: Path, capsys) -> None:
    one, out = str(stacks / "1.stack"), str(tmp_path / "a.holo")
    for arguments, said in (
        (["synth", one, "-o", out, "--jobs", "2"], "--jobs"),
        (["synth", one, "-o", out, "--dry-run"], "--dry-run"),
        (["synth", str(stacks), "-o", out[:-5], "--cluster", "pbs"], "slurm"),
        (["synth", str(stacks), "-o", out[:-5], "--cluster", "slurm", "--cluster-option", "a"], "NAME=VALUE"),
        (["synth", str(stacks), "-o", out[:-5], "--scheduler", "tcp://a:1", "--jobs", "2"], "--jobs"),
        (["render", "stack", "demo", "-o", out, "--scheduler", "tcp://a:1"], "--scheduler"),
        (["synth", one, "-o", out, "--retries", "0"], "--retries"),
        (["synth", one, "-o", out, "--cluster-option", "queue=gpu"], "--cluster-option"),
        (["looking-glass", "quilt", one, "-o", out, "--retries", "2"], "--retries"),
        (["rgbd", f"{one}/stack.json", "--retries", "2"], "--retries"),
        (["encode", "a.holo", "--jobs", "2"], "--jobs: is for render, synth, rgbd"),
        (["info", one, "--dry-run"], "--dry-run"),
        (["train", "pool", out, "--jobs", "2"], "--jobs"),
        (["looking-glass", "devices", "--jobs", "2"], "--jobs"),
        (["synth", str(stacks), "-o", f"{one}/stack.json/new", "--dry-run"], "not a folder"),
        (["looking-glass", "quilt", one, one, "-o", f"{tmp_path}/a.png"], "is not a folder"),
        (["render", "stack", "demo", "--frames", "1-2", "-o", f"{tmp_path}/job.json", "--dry-run"], "--dry-run"),
    ):
        assert main(arguments) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert len(error) == 1
        assert said in error[0]
    assert [path.name for path in tmp_path.iterdir()] == ["stacks"]


def test_training_says_what_its_pool_takes_and_refuses_what_does_not_fit(tmp_path: Path, capsys) -> None:
    command = ["train", "network", str(tmp_path / "a.safetensors"), "--pool", str(tmp_path / "pool")]
    assert main([*command, "--dry-run"]) == 0
    assert "0 of 4000 stacks of 128² × 21 made; the rest takes 10.74 GiB of disk" in capsys.readouterr().out
    assert main(["train", "pool", str(tmp_path / "pool"), "--records", str(10**9)]) == 2
    assert "of disk are needed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_one_piece_of_work_has_its_threads(stacks: Path, tmp_path: Path, monkeypatch) -> None:
    before, seen = threads_to_use(), []
    monkeypatch.setattr("holodriver.tasks.hologram.compute", lambda *_, **named: seen.append(threads_to_use()))
    assert main(["synth", str(stacks / "1.stack"), "-o", str(tmp_path / "a.holo"), "--threads", "3"]) == 0
    assert (seen, threads_to_use()) == ([3], before)


def test_a_folder_for_quilts_may_have_a_dot_in_its_name(stacks: Path, tmp_path: Path, capsys) -> None:
    sources = [str(path) for path in sorted(stacks.iterdir())]
    (tmp_path / "quilts.v2").mkdir()
    for name in ("quilts.v2", "new.v2"):
        assert main(["looking-glass", "quilt", *sources, "-o", str(tmp_path / name), "--dry-run"]) == 0
    assert "0 of 2 done" in capsys.readouterr().out
