"""The program as a user meets it: exit codes, one-line errors, and a help that appears at once."""

import errno
import io
import json
import os
import signal
import subprocess
import sys

import pytest

from holodriver.cli import app, console, doctor
from holodriver.errors import BlenderError, InputError


@pytest.fixture
def failing(monkeypatch):
    """Let `holodriver doctor` raise something."""

    def prepare(error: BaseException) -> None:
        def raising(as_json: bool = False) -> None:
            raise error

        monkeypatch.setattr(doctor, "doctor", raising)

    yield prepare
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # `main` took it over


@pytest.mark.parametrize(
    ("error", "exit_code", "line"),
    [
        (InputError("has no planes", where="a.stack", remedy="render it again"), 2, "a.stack: has no planes"),
        (BlenderError("did not start"), 1, "error: did not start"),
        (ValueError("first\nsecond"), 1, "internal error: ValueError: first second; run with --debug to see where"),
        (
            PermissionError(errno.EACCES, "Permission denied", "/full/a.holo"),
            1,
            "error: /full/a.holo: Permission denied",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "error: No space left on device"),
        (OSError("unable to lock file"), 1, "error: unable to lock file"),
        (KeyboardInterrupt(), 130, "stopped; nothing half written"),
    ],
)
def test_errors_are_one_line(failing, capsys, error, exit_code, line):
    failing(error)
    assert app.main(["doctor"]) == exit_code
    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert line in printed.err
    assert not printed.out


def test_ctrl_c_is_told_to_a_reader_of_json(failing, capsys):
    failing(KeyboardInterrupt())
    assert app.main(["doctor", "--progress", "json"]) == 130
    assert json.loads(capsys.readouterr().out) == {
        "event": "error",
        "text": "stopped; nothing half written",
        "remedy": None,
        "exit_code": 130,
    }


@pytest.mark.parametrize(("mode", "told"), [("none", "? 21 × 3"), ("json", r"\u2603 21 \u00d7 3")])
def test_a_console_that_lacks_a_character_is_no_failure(monkeypatch, mode, told):
    monkeypatch.setattr(doctor, "doctor", lambda as_json=False: console.say("☃ 21 × 3"))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="latin-1"))
    assert app.main(["doctor", "--progress", mode]) == 0
    assert told in written.getvalue().decode("latin-1")


def test_debug_shows_where_wherever_it_stands(failing, capsys):
    failing(ValueError("lost"))
    assert app.main(["doctor", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["doctro"], ["--what"], ["doctor", "--what"], ["doctor", "--progress=loud"]])
def test_wrong_calls_exit_2_in_one_line(capsys, arguments):
    assert app.main(arguments) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--help" in error


def test_misspelt_command_is_recognised(capsys):
    app.main(["doctro"])
    assert "doctor" in capsys.readouterr().err


def test_global_options_stand_anywhere_but_after_a_double_dash():
    given = ["synth", "--progress", "json", "a.stack", "--jobs=2", "--debug", "--threads", "3", "--", "--debug"]
    before = ["--progress", "json", "--jobs=2", "--debug", "--threads", "3"]
    assert app.globals_first(given) == [*before, "synth", "a.stack", "--", "--debug"]


HEAVY = ("torch", "numpy", "cv2", "h5py", "onnxruntime", "holodriver.synthesis", "holodriver.tasks")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from holodriver.cli import main; main();"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert all(name in done.stdout for name in app.COMMANDS)


@pytest.mark.parametrize("name", app.COMMANDS)
def test_each_command_explains_itself(capsys, name):
    assert app.main([name, "--help"]) == 0
    assert f"holodriver {name}" in capsys.readouterr().out


def test_module_runs_as_the_program():
    done = subprocess.run([sys.executable, "-m", "holodriver", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("holodriver ")


@pytest.mark.skipif(os.name == "nt", reason="pipes close differently on Windows")
def test_closed_pipe_is_quiet():
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-m", "holodriver", "--version"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode in (1, errno.EPIPE)


@pytest.mark.parametrize(
    "call", [["render", "rgbd", "demo"], ["looking-glass", "quilt", "x.png"], ["looking-glass", "rgbd", "x.png"]]
)
def test_a_folder_is_no_name(call, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert app.main([*call, "-o", "."]) == 2
    assert "expected the beginning of a file name" in capsys.readouterr().err


@pytest.mark.parametrize("group", ["rig", "calibrate", "train", "bench"])
def test_a_group_alone_says_that_a_command_is_missing(group, capsys):
    assert app.main([group]) == 2
    assert f"no command was named (see 'holodriver {group} --help')" in " ".join(capsys.readouterr().err.split())
