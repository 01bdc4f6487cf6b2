"""Find a Blender: an executable, or a Python that has the ``bpy`` package."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from holodriver.errors import BlenderError, shown
from holodriver.system.children import clean_environment

ENVIRONMENT_VARIABLE = "HOLODRIVER_BLENDER"
ENVIRONMENT_FOLDER = ".venv-blender"
"""Name of the virtual environment that contains ``bpy``; it lies beside the driver's own environment."""

OLDEST = (4, 2)
"""Oldest Blender version (major, minor) whose Cycles has all features that the renderer uses."""

PATIENCE_S = 120.0
"""Longest wait for a Blender's answer to the question for its version, s: loading it reads half a gigabyte."""

Kind = Literal["executable", "python"]

# os._exit, because a regular exit of Python with bpy can hang
_ASK_BPY = "import json, os, bpy; print('bpy:' + json.dumps(list(bpy.app.version)), flush=True); os._exit(0)"


@dataclass(frozen=True)
class Blender:
    """A Blender that was found and has told its version."""

    kind: Kind
    """Kind of program: "executable" for Blender itself, "python" for a Python that can import bpy."""
    path: Path
    version: str
    """Version, such as "5.0.1"."""
    source: str
    """Name of the option or setting that named this Blender, such as "--blender"."""

    def command(self, script: Path, arguments: list[str]) -> list[str]:
        """Command line that runs `script` in this Blender, without user settings and with scripts in files disabled."""
        if self.kind == "python":
            return [str(self.path), "-I", str(script), *arguments]
        options = ["--background", "--factory-startup", "--offline-mode", "--disable-autoexec"]
        options += ["--python-exit-code", "1"]
        return [str(self.path), *options, "--python", str(script), "--", *arguments]


def find_blender(explicit: Blender | str | Path | None = None) -> Blender:
    """Find the Blender to render with.

    The following places are tried in this order: `explicit`; the environment variable HOLODRIVER_BLENDER;
    `blender = "…"` in the user's holodriver.toml; the environment ``.venv-blender`` beside the driver's; ``blender`` on
    the PATH. The first three name a Blender: if the named one does not work, nothing else is tried.

    Args:
        explicit: an executable, or a `Blender` that was found before and is returned unchanged.

    Raises:
        BlenderError: the named Blender does not work, or none was found.
    """
    if isinstance(explicit, Blender):
        return explicit
    for source, named in _choices(explicit):
        return ask(_resolved(named, source), source)
    refused = []
    for source, path in _surroundings():
        try:
            return ask(path, source)
        except BlenderError as error:
            refused.append(str(error))
    raise BlenderError(
        "no Blender was found" + (f"; {'; '.join(refused)}" if refused else ""),
        remedy=(
            f"pass --blender with a Blender {_dotted(OLDEST)} or later or a Python that has bpy, "
            f'set {ENVIRONMENT_VARIABLE} to it, write blender = "…" into {settings_file()}, '
            f"make an environment {environment_folder()} with bpy, or put blender on the PATH"
        ),
    )


@cache
def known_blender(explicit: Path | None = None) -> Blender:
    """Find a Blender as `find_blender` does, but search only once in each process."""
    return find_blender(explicit)


def ask(path: Path, source: str) -> Blender:
    """Run the executable at `path` and describe the Blender that answers.

    Raises:
        BlenderError: the executable does not run, is neither Blender nor a Python with bpy, or is too old.
    """
    where = f"{source} {path}"
    answer = _output([str(path), "--version"], where)
    if found := re.search(r"^Blender (\d+)\.(\d+)(?:\.(\d+))?", answer, re.MULTILINE):
        kind: Kind = "executable"
        version = tuple(int(part or 0) for part in found.groups())
    elif re.search(r"^Python \d", answer, re.MULTILINE):
        kind, version = "python", _version_of_bpy(path, where)
    else:
        raise BlenderError("is neither Blender nor Python", where=where)
    if version < OLDEST:
        raise BlenderError(f"is Blender {_dotted(version)}, expected {_dotted(OLDEST)} or later", where=where)
    return Blender(kind, path, _dotted(version), source)


def blender_environment() -> dict[str, str]:
    """Environment variables for a Blender, without those that would lead its Python to the driver's packages."""
    return clean_environment() | {"PYTHONNOUSERSITE": "1"}


def settings_file() -> Path:
    """Path of the user's settings file, in which a Blender may be named."""
    import platformdirs

    return Path(platformdirs.user_config_dir("holodriver", appauthor=False)) / "holodriver.toml"


def environment_folder() -> Path:
    """Folder of the environment that contains bpy, beside the driver's own environment."""
    return Path(sys.prefix).parent / ENVIRONMENT_FOLDER


def _choices(explicit: str | Path | None) -> Iterator[tuple[str, str]]:
    if explicit is not None:
        yield "--blender", str(explicit)
    if named := os.environ.get(ENVIRONMENT_VARIABLE):
        yield ENVIRONMENT_VARIABLE, named
    path = settings_file()
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError) as error:
        raise BlenderError(f"cannot be read: {error}", where=path) from error
    try:
        named = tomllib.loads(text).get("blender")
    except (ValueError, RecursionError) as error:
        raise BlenderError(f"is not TOML: {error}", where=path) from error
    if named is None:
        return
    if not isinstance(named, str):
        raise BlenderError(f"field 'blender' is {shown(named)}, expected a path in quotes", where=path)
    yield f"{path}, field 'blender',", named


def _resolved(named: str, source: str) -> Path:
    path = Path(named).expanduser()
    if path.is_dir():
        raise BlenderError("is a folder, expected an executable", where=f"{source} {named}")
    if path.is_file():
        return Path(os.path.abspath(path))  # not resolve(): the python of a virtual environment must stay a link
    if path.name == named and (found := shutil.which(named)):
        return Path(found)
    raise BlenderError("does not exist", where=f"{source} {named}")


def _surroundings() -> Iterator[tuple[str, Path]]:
    inside = Path("Scripts/python.exe") if os.name == "nt" else Path("bin/python")
    made = environment_folder() / inside
    if made.is_file():
        yield ENVIRONMENT_FOLDER, made
    if found := shutil.which("blender"):
        yield "PATH", Path(found)


def _version_of_bpy(path: Path, where: str) -> tuple[int, ...]:
    answer = _output([str(path), "-I", "-c", _ASK_BPY], where, failure="is a Python without a working bpy")
    found = re.search(r"^bpy:(\[[\d, ]+\])", answer, re.MULTILINE)
    if not found:
        raise BlenderError("is a Python whose bpy does not report its version", where=where)
    return tuple(json.loads(found.group(1)))


def _output(command: list[str], where: str, *, failure: str = "does not run") -> str:
    try:
        done = subprocess.run(
            command,
            env=blender_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE_S,
        )
    except OSError as error:
        raise BlenderError(f"does not run: {error.strerror or error}", where=where) from error
    except subprocess.TimeoutExpired as error:
        raise BlenderError(f"gives no answer within {PATIENCE_S:g} s", where=where) from error
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit status {done.returncode}").splitlines()[-1]
        raise BlenderError(f"{failure}: {said[:200]}", where=where)
    return done.stdout


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)
