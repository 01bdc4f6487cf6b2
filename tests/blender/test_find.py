"""Finding a Blender: the order of the places that are tried, and the error if none works."""

import os
import stat
import sys
from pathlib import Path

import pytest

from holodriver.blender import find as module
from holodriver.blender.find import ask, blender_environment, find_blender
from holodriver.errors import BlenderError

pytestmark = pytest.mark.skipif(os.name == "nt", reason="stand-ins are shell scripts")


@pytest.fixture(autouse=True)
def nothing_installed(monkeypatch, tmp_path):
    """A machine without any Blender."""
    monkeypatch.delenv(module.ENVIRONMENT_VARIABLE, raising=False)
    monkeypatch.setattr(module, "settings_file", lambda: tmp_path / "settings" / "holodriver.toml")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "project" / ".venv"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


def stand_in(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def executable(path: Path, version: str = "5.0.1") -> Path:
    """Answers as a Blender executable does."""
    return stand_in(path, f'echo "Color management: something"; echo "Blender {version} (hash abc)"')


def python(path: Path, version: str = "[5, 0, 1]") -> Path:
    """Answers as a Python with bpy does."""
    return stand_in(path, f'if [ "$1" = --version ]; then echo Python 3.11.7; else echo "bpy:{version}"; fi')


def test_a_machine_without_blender_is_told_all_ways(tmp_path):
    with pytest.raises(BlenderError) as caught:
        find_blender()
    told = str(caught.value)
    for way in ("--blender", "HOLODRIVER_BLENDER", "holodriver.toml", ".venv-blender", "PATH"):
        assert way in told


def test_order_of_the_places(tmp_path, monkeypatch):
    executable(tmp_path / "bin" / "blender", "4.2.1")
    assert find_blender().source == "PATH"
    python(tmp_path / "project" / ".venv-blender" / "bin" / "python", "[4, 3, 0]")
    assert find_blender().version == "4.3.0"
    settings = tmp_path / "settings" / "holodriver.toml"
    settings.parent.mkdir()
    settings.write_text(f'blender = "{executable(tmp_path / "set", "4.4.0")}"\n', encoding="utf-8")
    assert find_blender().version == "4.4.0"
    monkeypatch.setenv("HOLODRIVER_BLENDER", str(executable(tmp_path / "named", "4.5.15 LTS")))
    assert (find_blender().version, find_blender().source) == ("4.5.15", "HOLODRIVER_BLENDER")
    given = find_blender(executable(tmp_path / "given", "5.2.2"))
    assert (given.version, given.source, given.kind) == ("5.2.2", "--blender", "executable")


def test_a_python_with_bpy_is_told_from_an_executable(tmp_path):
    found = find_blender(python(tmp_path / "anything"))
    assert (found.kind, found.version) == ("python", "5.0.1")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("exit 3", "exit status 3"),
        ("echo hello", "neither Blender nor Python"),
        ("echo Blender 3.4.1", "is Blender 3.4.1, expected 4.2 or later"),
        (
            'if [ "$1" = --version ]; then echo Python 3.12.1; else echo "ModuleNotFoundError: bpy" >&2; exit 1; fi',
            "without a working bpy: ModuleNotFoundError: bpy",
        ),
    ],
)
def test_a_choice_that_does_not_work_is_an_error(tmp_path, monkeypatch, body, said):
    """Though another Blender stands ready on the PATH."""
    executable(tmp_path / "bin" / "blender")
    broken = stand_in(tmp_path / "broken", body)
    with pytest.raises(BlenderError, match=f"--blender {broken}: .*{said}"):
        find_blender(broken)
    monkeypatch.setenv("HOLODRIVER_BLENDER", str(broken))
    with pytest.raises(BlenderError, match=f"HOLODRIVER_BLENDER {broken}: .*{said}"):
        find_blender()


def test_a_choice_that_is_not_there_is_an_error(tmp_path):
    executable(tmp_path / "bin" / "blender")
    with pytest.raises(BlenderError, match="does not exist"):
        find_blender(tmp_path / "nothing")
    with pytest.raises(BlenderError, match="is a folder"):
        find_blender(tmp_path)
    not_executable = tmp_path / "text"
    not_executable.write_text("hello", encoding="utf-8")
    with pytest.raises(BlenderError, match="does not run"):
        find_blender(not_executable)


def test_a_name_is_looked_up_on_the_path(tmp_path):
    made = executable(tmp_path / "bin" / "blender-5.0")
    assert find_blender("blender-5.0").path == made


def test_what_was_found_but_is_broken_is_passed_over(tmp_path):
    stand_in(tmp_path / "project" / ".venv-blender" / "bin" / "python", "exit 1")
    with pytest.raises(BlenderError, match=r"no Blender was found; .venv-blender .*exit status 1"):
        find_blender()
    executable(tmp_path / "bin" / "blender")
    assert find_blender().source == "PATH"


@pytest.mark.parametrize(("text", "said"), [("blender = 5", "field 'blender' is 5"), ("blender = ", "is not TOML")])
def test_wrong_settings_are_refused_by_path(tmp_path, text, said):
    settings = tmp_path / "settings" / "holodriver.toml"
    settings.parent.mkdir()
    settings.write_text(text, encoding="utf-8")
    with pytest.raises(BlenderError, match=said) as caught:
        find_blender()
    assert str(settings) in str(caught.value)


def test_the_drivers_python_does_not_leak(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/venv")
    assert not {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} & set(blender_environment())


def test_the_real_one_answers(blender):
    assert ask(blender.path, "test").version == blender.version
