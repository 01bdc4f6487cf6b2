"""`holodriver doctor`: every check is one line, and only missing needs of synthesis make it fail."""

import builtins
import json

import pytest

from holodriver.cli import app
from holodriver.dehnet.fastest_runtime import cache_path
from holodriver.files.guard import guard
from holodriver.tasks import doctor
from holodriver.tasks.doctor import Finding, State


def test_json_is_one_document_with_a_remedy_for_each_trouble(capsys):
    assert app.main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ready"] is True
    names = {finding["name"] for finding in report["findings"]}
    assert {"Python", "PyTorch", "ONNX Runtime", "Blender", "Monitors", "Serial ports", "Disk", "Memory"} <= names
    for finding in report["findings"]:
        assert finding["state"] == "ok" or finding["remedy"], finding
        assert "\n" not in finding["detail"] + finding["remedy"]


def test_table_says_whether_holograms_can_be_computed(capsys):
    assert app.main(["doctor"]) == 0
    assert "ready to compute holograms" in capsys.readouterr().out


def test_the_users_own_cache_is_left_alone(tmp_path_factory):
    """The survey remembers how fast runtimes are; tests must not write that where the program's user has it."""
    assert cache_path().is_relative_to(tmp_path_factory.getbasetemp())


def test_it_says_who_reads_files(monkeypatch):
    def found():
        return next(finding for finding in doctor.survey() if finding.name == "Files")

    assert "a process of their own" in found().detail
    monkeypatch.setenv(guard.WITHOUT, "1")
    assert (found().state, found().remedy) == (State.problem, "open only files that you trust")


@pytest.mark.parametrize(("required", "exit_code"), [(True, 1), (False, 0)])
def test_only_what_synthesis_needs_fails(monkeypatch, capsys, required, exit_code):
    broken = Finding("PyTorch", State.problem, "does not load", "install it again", required)
    monkeypatch.setattr(doctor, "survey", lambda: [broken])
    assert app.main(["doctor"]) == exit_code
    assert "install it again" in capsys.readouterr().out


def test_missing_package_is_told_from_a_broken_one(monkeypatch):
    def importing(error: ImportError):
        real = builtins.__import__
        return lambda name, *rest: (_ for _ in ()).throw(error) if name == "onnxruntime" else real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing(ModuleNotFoundError("No module named 'onnxruntime'")))
    (missing,) = (finding for finding in doctor.survey() if finding.name == "ONNX Runtime")
    monkeypatch.setattr(builtins, "__import__", importing(ImportError("libfoo.so.1: cannot open shared object file")))
    (broken,) = (finding for finding in doctor.survey() if finding.name == "ONNX Runtime")
    assert (missing.state, missing.remedy) == (State.missing, 'pip install "holodriver[cpu]"')
    assert broken.state is State.problem
    assert "libfoo.so.1" in broken.detail


def test_a_look_that_crashes_is_a_finding(monkeypatch):
    def crashing():
        raise RuntimeError("driver\nlost")

    monkeypatch.setattr(doctor, "_monitors", crashing)
    (finding,) = (finding for finding in doctor.survey() if finding.name == "Monitors")
    assert finding.state is State.problem
    assert finding.detail == "RuntimeError: driver lost"
    assert not finding.blocks


def test_absent_display_is_said_plainly(monkeypatch):
    monkeypatch.setattr(doctor.platform, "system", lambda: "Linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    (finding,) = (finding for finding in doctor.survey() if finding.name == "Monitors")
    assert finding.state is State.missing
    assert "no display" in finding.detail


def test_a_mac_without_its_gpu_gets_a_remedy_for_each_trouble(monkeypatch):
    import torch

    monkeypatch.setattr(doctor.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(doctor, "available_memory", lambda: None)
    troubles = [finding for finding in doctor.survey() if finding.state is not State.ok]
    assert {"MPS", "Memory"} <= {finding.name for finding in troubles}
    assert all(finding.remedy for finding in troubles), troubles


def test_a_chosen_blender_that_does_not_work_is_named(monkeypatch, tmp_path):
    chosen = str(tmp_path / "nowhere")
    monkeypatch.setenv("HOLODRIVER_BLENDER", chosen)
    (finding,) = (finding for finding in doctor.survey() if finding.name == "Blender")
    assert (finding.state, finding.remedy) == (State.problem, "correct or unset it")
    assert finding.detail == f"HOLODRIVER_BLENDER {chosen}: does not exist"
