"""Units of work for tests; other processes import this module through PYTHONPATH."""

import os
import signal
from pathlib import Path
from typing import Any

from holodriver.errors import HolodriverError, InputError
from holodriver.farm.unit import Surroundings, Unit
from holodriver.files.atomic import written_file


def write(path: Path, text: str, surroundings: Surroundings) -> dict[str, Any]:
    """The text, and what all units share."""
    with written_file(path, overwrite=True) as temporary:
        temporary.write_text(text + str(surroundings.facts.get("shared", "")))
    return {"length": len(text), "threads": os.environ.get("HOLODRIVER_THREADS")}


def fail(path: Path, times: int, surroundings: Surroundings) -> dict[str, Any]:
    """Fails so many times."""
    _count(path, times, HolodriverError("not yet"))
    return write(path, "at last", surroundings)


def refuse(path: Path, surroundings: Surroundings) -> dict[str, Any]:
    """Its input is wrong."""
    _count(path, 10**9, InputError("is wrong", where=path.name))
    return {}


def die(path: Path, times: int, surroundings: Surroundings) -> dict[str, Any]:
    """Its process ends in the middle of writing, so many times."""
    with written_file(path, overwrite=True) as temporary:
        temporary.write_text("half")
        _count(path, times, None)
        temporary.write_text("whole")
    return {}


def attempts(path: Path) -> int:
    """How often a unit that fails or dies was begun."""
    counter = path.with_suffix(".count")
    return len(counter.read_bytes()) if counter.exists() else 0


def _count(path: Path, times: int, error: Exception | None) -> None:
    if attempts(path) <= times:
        with open(path.with_suffix(".count"), "ab") as file:
            file.write(b".")
    if attempts(path) > times:
        return
    if error is not None:
        raise error
    os.kill(os.getpid(), signal.SIGKILL)


def unit(path: Path, work: Any = write, *arguments: Any, **fields: Any) -> Unit:
    """A unit that makes one file."""
    return Unit(path.name, work, (path, *(arguments or ((path.stem,) if work is write else ()))), (path,), **fields)
