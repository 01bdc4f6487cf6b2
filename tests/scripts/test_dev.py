"""scripts/dev.py, the first program that a stranger runs. Nothing is installed here: pip and venv are fakes."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "dev.py"


@pytest.fixture
def dev() -> ModuleType:
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("dev_script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def driver(dev: ModuleType, tmp_path: Path):
    """The driver's environment of an empty repository."""
    (tmp_path / "scripts").mkdir()
    for name in ("pyproject.toml", "scripts/constraints.txt", "scripts/constraints-blender.txt"):
        (tmp_path / name).write_text("pins\n")
    return dev.environments(tmp_path)["driver"]


@pytest.fixture
def steps(dev: ModuleType, driver, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps taken; none of them runs, an environment is only an empty interpreter."""
    taken: list[str] = []

    def take(label: str, command: list[str], log: Path) -> None:
        taken.append(label.split(":")[1].split(",")[0].strip())
        if "venv" in command:
            driver.python.parent.mkdir(parents=True)
            driver.python.touch()

    monkeypatch.setattr(dev, "step", take)
    return taken


EVERYTHING = ["making the environment", "installing packages", "testing it"]


def test_second_run_does_nothing(dev, driver, steps):
    dev.set_up(driver)
    assert steps == EVERYTHING
    dev.set_up(driver)
    assert steps == EVERYTHING


def test_changed_pins_install_again_without_starting_over(dev, driver, steps):
    dev.set_up(driver)
    driver.sources[1].write_text("other pins\n")
    steps.clear()
    dev.set_up(driver)
    assert steps == ["installing packages", "testing it"]


def test_another_python_starts_over(dev, driver, steps):
    dev.set_up(driver)
    stamp = driver.folder / dev.STAMP
    stamp.write_text(json.dumps({**json.loads(stamp.read_text()), "python": "3.11.0"}))
    steps.clear()
    dev.set_up(driver)
    assert steps == EVERYTHING


@pytest.mark.parametrize("killed_at", EVERYTHING)
def test_interrupted_set_up_is_redone(dev, driver, steps, monkeypatch, killed_at):
    whole = dev.step

    def killed(label: str, command: list[str], log: Path) -> None:
        if killed_at in label:
            raise KeyboardInterrupt
        whole(label, command, log)

    with monkeypatch.context() as patch:
        patch.setattr(dev, "step", killed)
        with pytest.raises(KeyboardInterrupt):
            dev.set_up(driver)
    assert not driver.is_ready()
    steps.clear()
    dev.set_up(driver)
    assert steps == EVERYTHING
    assert driver.is_ready()


def test_foreign_environment_is_left_alone(dev, driver, steps):
    own = driver.folder / "lib" / "mine.py"
    own.parent.mkdir(parents=True)
    own.write_text("precious")
    with pytest.raises(dev.Failure, match="not made by this script") as refused:
        dev.set_up(driver)
    assert refused.value.exit_code == 2
    assert own.read_text() == "precious"


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("WARNING: Retrying (Retry(total=0)) after connection broken\nERROR: No matching distribution", "network"),
        ("ERROR: No matching distribution found for bpy==5.0.1", "network, proxy"),
        ("because ensurepip is not\navailable.  On Debian/Ubuntu systems", "apt install python3.11-venv"),
        ("ImportError: libXrender.so.1: cannot open shared object file", "libxrender1"),
        ("HINT: ... this system does not have Windows Long Path support enabled", "long paths"),
        ("something never seen", "Check the network and the disk"),
    ],
)
def test_failed_install_says_what_to_do(dev, driver, tmp_path, capfd, output, remedy):
    pip = [sys.executable, "-c", f"import sys; print('Collecting torch'); print({output!r}); sys.exit(7)"]
    with pytest.raises(dev.Failure) as failed:
        dev.step(".venv: installing packages", pip, tmp_path / "log")
    said = str(failed.value)
    assert "failed" in capfd.readouterr().err
    assert failed.value.exit_code == 1
    assert "installing packages failed" in said
    assert output.splitlines()[-1] in said
    assert remedy in said
    assert (tmp_path / "log").read_text() == f"Collecting torch\n{output}\n"


def test_a_long_step_says_that_it_lives(dev, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(dev, "HEARTBEAT_S", 0.0)
    dev.step("installing", [sys.executable, "-c", "print('Downloading torch')"], tmp_path / "log")
    assert "installing: Downloading torch" in capfd.readouterr().err


def run_script(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The script as a user runs it, in this Python."""
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        check=False,
    )


def test_another_python_is_told_the_command(dev, monkeypatch, capsys):
    monkeypatch.setattr(dev.sys, "version_info", (3, 13, 0))
    assert dev.main(["demo", "--quick"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "3.13" in error
    assert "-3.11" in error if os.name == "nt" else "python3.11 scripts/dev.py demo --quick" in error


def test_tests_need_more_packages_than_blender(dev, capsys):
    assert dev.main(["packages"]) == dev.main(["packages", "--tests"]) == 0
    plain, tests = (set(line.split()) for line in capsys.readouterr().out.splitlines())
    assert plain < tests
    assert "xvfb" in tests - plain


@pytest.mark.parametrize("arguments", [["dmeo"], ["check", "--fix"], ["setup", "now"], ["packages", "--test"]])
def test_wrong_call_is_one_line(arguments):
    done = run_script(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


def test_ctrl_c_is_one_line(dev, monkeypatch, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(dev, "run", interrupted)
    assert dev.main(["setup"]) == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_names_no_host_and_no_index():
    for path in SCRIPT.parent.iterdir():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            assert "://" not in text
            assert "index-url" not in text
