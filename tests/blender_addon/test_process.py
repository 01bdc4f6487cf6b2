"""The driver as a process of the extension: reports, failures, and stopping."""

import importlib.util
import json
import os
import select
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAKE = Path(__file__).with_name("fake_driver.py")


def _load():
    path = ROOT / "blender_addon" / "ui" / "driver_process.py"
    spec = importlib.util.spec_from_file_location("extension_process", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


process = _load()


@pytest.fixture
def job(monkeypatch):
    """Makes a job of the fake driver of a kind."""

    def make(kind: str, **options):
        monkeypatch.setenv("HOLODRIVER_FAKE", kind)
        return process.Job("Test", [process.Step("Faking", (sys.executable, str(FAKE)))], **options)

    return make


def run(job, until=lambda job: False) -> None:
    pause = threading.Event()
    while job.poll() and not until(job):
        pause.wait(0.01)


def test_progress_and_messages_are_taken_in(job):
    good = job("good")
    run(good)
    assert good.state is process.State.DONE
    assert (good.report.stage, good.report.done, good.report.total) == ("rendering images", 3, 3)
    assert good.report.factor == 1
    assert good.report.messages == ["wrote /nowhere/a.png"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("error", "scene.blend: is no scene (choose another)"),
        ("garbage", "stopped with exit status 3; its last lines:\n"),
        ("crash", "SIGSEGV; its last lines:\nabout to fall"),
    ],
)
def test_a_driver_that_fails_becomes_a_readable_report(job, kind, said):
    bad = job(kind)
    run(bad)
    assert bad.state is process.State.FAILED
    assert said in bad.report.error
    assert len(bad.report.error) < 5000


def test_a_driver_that_hangs_is_ended_and_reported(job):
    hung = job("hang", patience_s=0.5)
    run(hung)
    assert hung.state is process.State.FAILED
    assert "has not reported for 0 s; its last lines:\nstill here" in hung.report.error
    assert hung._process.poll() is not None


def test_a_driver_that_is_not_there_is_reported():
    missing = process.Job("Test", [process.Step("Faking", ("/nowhere/holodriver",))])
    run(missing)
    assert missing.state is process.State.FAILED
    assert "does not start" in missing.report.error


def test_a_failed_step_ends_the_job(job):
    bad = job("error")
    bad.steps.append(process.Step("Never", (sys.executable, "-c", "raise SystemExit")))
    run(bad)
    assert bad.report.step == "Faking"


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for the end of grandchildren, which needs Linux")
@pytest.mark.parametrize("way", ["cancel", "kill"])
def test_stopping_ends_the_driver_and_all_below_it(job, tmp_path, way):
    (tmp_path / "scratch").mkdir()
    (tmp_path / ".a.stack.old").mkdir()
    family = job("family", scratch=tmp_path / "scratch", leftovers=[(tmp_path, ".a.*")])
    run(family, until=lambda job: job.report.messages)
    (tmp_path / ".a.stack.new").mkdir()
    below = [os.pidfd_open(int(pid)) for pid in family.report.messages[0].split()]
    getattr(family, way)()
    run(family)
    assert family.state is process.State.CANCELLED
    assert family._process.poll() is not None
    for handle in below:
        ended, _, _ = select.select([handle], [], [], 30)  # readable once the process has ended
        os.close(handle)
        assert ended
    assert sorted(path.name for path in tmp_path.iterdir()) == [".a.stack.old"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for the end of processes, which needs Linux")
def test_a_driver_does_not_outlive_a_blender_that_crashes(blender, tmp_path):
    """Another Python stands for Blender: it starts a render as a job, and is killed."""
    command = [sys.executable, "-m", "holodriver", "--progress", "json", "render", "stack", "demo", "--blender"]
    command += [str(blender.path), "--size", "64", "--spp", "4", "--no-denoise", "-o", str(tmp_path / "a.stack")]
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1])\n"
        "import driver_process as process\nfrom holodriver.system.children import descendants\n"
        "job = process.Job('', [process.Step('', tuple(sys.argv[2:]))])\n"
        "while job.poll() and job.report.done < 2: time.sleep(0.02)\n"
        "print(job._process.pid, *descendants(job._process.pid), flush=True); time.sleep(600)"
    )
    arguments = [sys.executable, "-c", code, str(ROOT / "blender_addon" / "ui"), *command]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as stand_in:
        assert stand_in.stdout is not None
        handles = [os.pidfd_open(int(pid)) for pid in stand_in.stdout.readline().split()]
        assert len(handles) >= 2  # the driver and its Blender
        stand_in.kill()
    for handle in handles:
        ended, _, _ = select.select([handle], [], [], 60)
        os.close(handle)
        assert ended
    assert list(tmp_path.iterdir()) == []


def test_time_left_follows_the_pace(job):
    now = [0.0]
    timed = job("good", clock=lambda: now[0])
    timed._take({"event": "progress", "stage": "s", "done": 2, "total": 10})
    assert timed.seconds_left is None
    now[0] = 6.0
    timed._take({"event": "progress", "stage": "s", "done": 5, "total": 10})
    assert timed.seconds_left == pytest.approx(10.0)  # 2 s each, 5 to go


def test_blenders_environment_is_kept_from_the_driver(job, monkeypatch):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    good = job("arguments")
    run(good)
    assert good.state is process.State.DONE
    assert json.loads(good.report.output[-1]) == []
