"""Set up holodriver's environments and run something in them, on a machine that has only Python 3.11 and a network.

    python3.11 scripts/dev.py demo [options]     the demo of the README (`holodriver demo`)
    python3.11 scripts/dev.py test [options]     the tests (pytest)
    python3.11 scripts/dev.py check              ruff, mypy, import-linter and vulture
    python3.11 scripts/dev.py setup              the environments only
    python3.11 scripts/dev.py packages           names of the Debian/Ubuntu packages that Blender needs on Linux; with
                                                 --tests also the packages without which some tests are skipped

The first run makes `.venv` (the driver, installed from this folder) and `.venv-blender` (Blender as a Python module);
later runs start at once, unless pyproject.toml, the constraints or Python have changed. To start afresh, delete both.
"""

from __future__ import annotations  # so that an older Python reaches the message about its version

import hashlib
import json
import os
import platform
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (3, 11)  # the one version that Blender 5.0's Python module is built for
STAMP = "holodriver-setup.json"
MARKER = "holodriver-setup-unfinished"
LOG = "holodriver-setup.log"
HEARTBEAT_S = 30.0  # time between lines of a long step without a terminal
TAIL_LINES = 12
DEBIAN_PACKAGES = (  # libraries that bpy needs and that are missing on a bare Debian 12 or Ubuntu 24.04
    "libegl1 libgl1 libice6 libsm6 libx11-6 libxext6 libxfixes3 libxi6 libxkbcommon0 libxrender1"
)
TEST_PACKAGES = (  # programs that only tests start; a test without its program is skipped and says so
    "x11-xserver-utils xserver-xorg-core xserver-xorg-video-dummy xvfb "  # X servers with made-up monitors
    "avr-libc binutils-avr gcc gcc-avr libc6-dev libsimavr-dev make simavr "  # the laser firmware in a simulated chip
    "nodejs"  # the job type of Flamenco
)
# Opens the viewer's page, and has fonts. Ubuntu lacks this package, and apt-get installs none if one is missing.
BROWSER = "chromium fonts-dejavu-core"


class Failure(Exception):
    """A problem that the user can solve; `exit_code` is 2 for a wrong call and 1 for a failed step."""

    def __init__(self, message: str, *, exit_code: int = 1):
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Environment:
    """A virtual environment: its folder, its packages, and the files on which its packages depend."""

    folder: Path
    install: tuple[str, ...]
    """Arguments of `pip install`."""
    sources: tuple[Path, ...]
    try_out: str
    """Python code that must run after the installation: a wheel can be installed and still not load on this machine."""

    @property
    def python(self) -> Path:
        """Path of the environment's Python."""
        return self.script("python")

    def script(self, name: str) -> Path:
        """Path of a program that is installed in the environment."""
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / (f"{name}.exe" if os.name == "nt" else name)

    def wanted(self) -> dict[str, str]:
        """Contents of the stamp file of an up-to-date environment."""
        digest = hashlib.sha256(json.dumps([self.install, self.try_out]).encode())
        for source in self.sources:
            digest.update(source.read_bytes())
        return {"python": sys.version, "folder": str(self.folder), "digest": digest.hexdigest()}

    def stamp(self) -> dict[str, str] | None:
        """Contents of the stamp file, which the last finished set-up wrote; None without a stamp file."""
        try:
            return json.loads((self.folder / STAMP).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def is_ready(self) -> bool:
        """Whether the environment is up to date."""
        return not (self.folder / MARKER).exists() and self.python.exists() and self.stamp() == self.wanted()


def environments(root: Path = ROOT) -> dict[str, Environment]:
    """The two environments of the repository at `root`."""
    pins = root / "scripts" / "constraints.txt"
    blender_pins = root / "scripts" / "constraints-blender.txt"
    return {
        "driver": Environment(
            root / ".venv",
            ("--constraint", str(pins), "--editable", f"{root}[cpu,openvino,rig,depth,lookingglass,train,farm,dev]"),
            (root / "pyproject.toml", pins),
            "import torch, cv2, OpenEXR, h5py, transformers, av, distributed, holodriver",
        ),
        "blender": Environment(
            root / ".venv-blender",
            ("--constraint", str(blender_pins), "bpy"),
            (blender_pins,),
            "import bpy",
        ),
    }


def set_up(environment: Environment) -> None:
    """Bring an environment up to date, if it is not.

    Raises:
        Failure: a step failed; the message contains the end of the step's output and advice.
    """
    if environment.is_ready():
        return
    folder, name = environment.folder, environment.folder.name
    stamp, wanted = environment.stamp(), environment.wanted()
    kept = stamp is not None and all(stamp.get(key) == wanted[key] for key in ("python", "folder"))
    if (folder / MARKER).exists() or not environment.python.exists():
        kept = False
    if folder.exists() and not kept:
        if stamp is None and not (folder / MARKER).exists():
            raise Failure(
                f"{folder} was not made by this script; move it away or delete it, then run again", exit_code=2
            )
        remove(folder)
    folder.mkdir(exist_ok=True)
    (folder / MARKER).touch()  # removed at the end, so that an environment of a killed run is not trusted
    (folder / STAMP).unlink(missing_ok=True)
    (folder / LOG).unlink(missing_ok=True)
    if not kept:
        base = getattr(sys, "_base_executable", None) or sys.executable  # not a virtual environment's Python
        step(f"{name}: making the environment", [base, "-m", "venv", str(folder)], folder / LOG)
    pip = [str(environment.python), "-m", "pip", "--no-input", "--disable-pip-version-check", "install"]
    step(f"{name}: installing packages, which can take minutes", [*pip, *environment.install], folder / LOG)
    step(f"{name}: testing it", [str(environment.python), "-c", environment.try_out], folder / LOG)
    (folder / STAMP).write_text(json.dumps(wanted, indent=1), encoding="utf-8")
    (folder / MARKER).unlink()


def remove(folder: Path) -> None:
    """Delete an environment."""
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise Failure(
            f"{folder} cannot be removed ({error.strerror}); close what uses it, delete it, and run again"
        ) from None


def step(label: str, command: Sequence[str], log: Path) -> None:
    """Run `command` while one line shows its progress; the command's output goes to `log`.

    Raises:
        Failure: the command could not start or failed.
    """
    lines: list[str] = []
    with Status(label) as tick:
        try:
            code = run_logged(command, log, lines, tick)
        except OSError as error:
            lines.append(str(error))
            code = 1
        if code:
            tail = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
            raise Failure(f"{label} failed; the end of its output:\n{tail}\n{advice(lines)}\nAll of it: {log}")


def run_logged(command: Sequence[str], log: Path, lines: list[str], tick: Callable[[str], None]) -> int:
    """Run `command` to its end, append its output to `log` and `lines`, and return the exit code."""
    environ = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "__PYVENV_LAUNCHER__")}
    process = subprocess.Popen(
        list(command),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        env={**environ, "PYTHONUNBUFFERED": "1"},
    )
    output: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    threading.Thread(target=_drain, args=(process, output), daemon=True).start()
    try:
        with log.open("a", encoding="utf-8") as file:
            while True:
                try:
                    line = output.get(timeout=0.25)
                except queue.Empty:
                    tick("")
                    continue
                if line is None:
                    return process.wait()
                lines.append(line.rstrip())
                file.write(line)
                tick(lines[-1])
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def _drain(process: subprocess.Popen[str], output: queue.SimpleQueue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        output.put(line)
    output.put(None)


class Status:
    """One live line with the elapsed time; without a terminal, a line at the start, every 30 s, and at the end."""

    def __init__(self, label: str):
        self.label = label
        self.note = ""
        self.live = sys.stderr.isatty()

    def __enter__(self) -> Callable[[str], None]:
        self.begun = self.said = time.monotonic()
        self._show("" if self.live else " ...")
        return self.tick

    def tick(self, note: str) -> None:
        """Update the line; `note` is the latest line of the step's output, or empty."""
        self.note = note.strip() or self.note
        if self.live or time.monotonic() - self.said >= HEARTBEAT_S:
            self._show(f": {self.note}" if self.note else "")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._show(" - finished" if kind is None else " - failed" if kind is Failure else " - stopped", end="\n")

    def _show(self, more: str, end: str = "") -> None:
        self.said = time.monotonic()
        minutes, seconds = divmod(int(self.said - self.begun), 60)
        text = f"[{minutes}:{seconds:02d}] {self.label}{more}"
        if self.live:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r{text[:width]:<{width}}", end=end, file=sys.stderr, flush=True)
        else:
            print(text[:160], file=sys.stderr, flush=True)


ADVICE = {  # pattern in the end of a failed step's output: advice; the first match counts
    r"ensurepip is not|No module named (venv|ensurepip)": (
        "Debian and Ubuntu have venv in a separate package: `sudo apt install python3.11-venv`."
    ),
    r"No space left|Errno 28|not enough space|WinError 112": (
        "The disk is full: 3 GB are needed, or 8 GB if pip installs torch with CUDA."
    ),
    r"Long Path|WinError 206|file name or extension is too long": (
        "Windows does not allow long paths: enable them (LongPathsEnabled), or move this folder near the drive's root."
    ),
    r"cannot open shared object file": (
        f"A system library is missing. Debian, Ubuntu: `sudo apt install {DEBIAN_PACKAGES}`."
    ),
    r"CERTIFICATE_VERIFY_FAILED|SSLError": (
        "The connection is not trusted: a proxy's certificate can be set with `pip config set global.cert <file>`."
    ),
    r"Connection|Retrying|timed out|Temporary failure in name|ProxyError|getaddrinfo": (
        "The package index was not reached: check the network (and pip's proxy settings), then run again."
    ),
    r"No matching distribution|not a supported wheel": (
        "pip found no such package: the package index was not reached (network, proxy), or it has no package for "
        "this machine (64-bit Linux with glibc, Windows or Apple silicon is needed)."
    ),
    r"Permission denied|Errno 13|WinError 5|Access is denied": (
        "A file could not be written: check who owns this folder, and that no other program uses it."
    ),
    r"DLL load failed": "A Windows library is missing: install the Microsoft Visual C++ Redistributable (x64).",
}


def advice(lines: Sequence[str]) -> str:
    """Advice on a failed step, chosen by the step's output."""
    text = "\n".join(lines)
    for pattern, remedy in ADVICE.items():
        if re.search(pattern, text, re.IGNORECASE):
            return remedy
    free = shutil.disk_usage(ROOT).free / 1e9
    return f"Check the network and the disk ({free:.0f} GB are free; 3 GB are needed), then run again."


def test_packages() -> list[str]:
    """Names of the packages that only the tests need, on this machine."""
    try:
        ubuntu = platform.freedesktop_os_release()["ID"] == "ubuntu"
    except (OSError, KeyError):
        ubuntu = False
    return [TEST_PACKAGES] if ubuntu else [TEST_PACKAGES, BROWSER]


def check_python(arguments: Sequence[str]) -> None:
    """Refuse every Python version except the one for which Blender's module is built.

    Raises:
        Failure: Python has another version; the message contains the command to run.
    """
    version = tuple(sys.version_info[:2])
    if version == PYTHON and platform.python_implementation() == "CPython":
        return
    launcher = "py -3.11" if os.name == "nt" else "python3.11"
    found = shutil.which("python3.11") is not None
    install = (
        ""
        if found
        else ", after installing Python 3.11 (python.org, your package manager, or `uv python install 3.11`)"
    )
    this = f"{platform.python_implementation()} {version[0]}.{version[1]}"
    raise Failure(
        f"Blender's Python module exists only for CPython 3.11 and this is {this}: "
        f"run `{launcher} {Path('scripts', 'dev.py')} {' '.join(arguments)}`{install}",
        exit_code=2,
    )


def become(command: Sequence[str]) -> NoReturn:
    """Run `command` in place of this process, so that signals, the terminal and the exit code are its own."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(command[0], list(command))
    process = subprocess.Popen(list(command))
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:  # Ctrl-C reaches the child too, which ends by itself
            continue


def check(driver: Environment) -> int:
    """Run every static check, even after a failure; return 1 if any failed."""
    failed = []
    for name, command in (
        ("ruff check", [driver.script("ruff"), "check", "."]),
        ("ruff format", [driver.script("ruff"), "format", "--check", "."]),
        ("mypy", [driver.script("mypy")]),
        ("import-linter", [driver.script("lint-imports")]),
        ("dead code", [driver.script("vulture")]),
    ):
        print(f"== {name}", flush=True)
        if subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode:
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all checks passed", flush=True)
    return 1 if failed else 0


def run(arguments: Sequence[str]) -> int:
    """Run the command of the command line and return the exit code.

    Raises:
        Failure: the command line or the Python version is wrong, or a step failed.
    """
    command, rest = (arguments[0], list(arguments[1:])) if arguments else ("", [])
    if command in ("", "-h", "--help", "help"):
        print((__doc__ or "").strip())
        return 0 if command else 2
    if command == "packages":
        if rest not in ([], ["--tests"]):
            raise Failure("'packages' takes no arguments except --tests", exit_code=2)
        print(" ".join([DEBIAN_PACKAGES, *(test_packages() if rest else ())]))
        return 0
    if command not in ("demo", "test", "check", "setup"):
        raise Failure(f"unknown command '{command}', expected demo, test, check, setup or packages", exit_code=2)
    if rest and command in ("check", "setup"):
        raise Failure(f"'{command}' takes no arguments", exit_code=2)
    check_python(arguments)
    both = environments()
    set_up(both["driver"])
    if command == "check":
        return check(both["driver"])
    set_up(both["blender"])
    python = str(both["driver"].python)
    if command == "test":
        os.chdir(ROOT)
        become([python, "-m", "pytest", *rest])
    if command == "demo":
        become([python, "-m", "holodriver", "demo", *rest])
    print(f"ready: {both['driver'].script('holodriver')} --help")
    return 0


def _stop(*_: object) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


def main(arguments: Sequence[str]) -> int:
    """Run the command line, and turn errors into a message and an exit code."""
    signal.signal(signal.SIGTERM, _stop)  # SystemExit, so that the child is ended too
    try:
        return run(arguments)
    except Failure as failure:
        print(f"dev.py: {failure}", file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        print("dev.py: stopped; run the same command to continue", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"dev.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
