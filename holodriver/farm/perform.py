"""Doing one unit of work in this process, in a process of the pool, or on another machine."""

import platform
import time
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from holodriver import __version__
from holodriver.errors import HolodriverError, InputError
from holodriver.farm.unit import Surroundings, Unit
from holodriver.files.atomic import remove_leftovers
from holodriver.system.machine import available_memory, limited_threads


@dataclass(frozen=True)
class Task:
    """A unit of work on its way to a worker."""

    unit: Unit
    manifest: Path
    """Manifest of the batch; a worker that does not see the file does not see the shared folder."""
    surroundings: Surroundings
    replacing: bool
    """Whether existing outputs are replaced."""
    threads: int | None = None
    """Number of threads that the unit may use; None: no limit of its own."""
    version: str = __version__
    """Version of holodriver in the process that runs the batch."""


@dataclass(frozen=True)
class Performed:
    """Result of doing a unit."""

    report: dict[str, Any] | None = None
    """Values that the unit returned; None if it failed or was done already."""
    error: str | None = None
    """Error of the unit in one line; None if it succeeded."""
    hopeless: bool = False
    """Whether another attempt would fail, too, because the input is wrong."""
    trace: str = ""
    """Traceback of the error."""
    seconds: float = 0.0
    """Time that the unit took, seconds."""
    place: str = ""
    """Name of the machine."""
    warnings: tuple[str, ...] = field(default=())
    """Warnings of the unit, one line each."""


def perform(task: Task) -> Performed:
    """Do a unit unless it is done already; an error is part of the result, so that it can cross process borders.

    Raises:
        KeyboardInterrupt: the user pressed Ctrl-C.
    """
    begun, place, said = time.monotonic(), platform.node(), []  # type: float, str, list[str]
    unit = task.unit

    def warn(text: str) -> None:
        said.append(text)
        task.surroundings.warn(text)

    try:
        _check(task)
        if unit.is_done and not task.replacing:
            return Performed(place=place)
        for path in unit.outputs:
            remove_leftovers(path)
        with limited_threads(task.threads):
            report = unit.work(*unit.arguments, replace(task.surroundings, warn=warn))
    except Exception as error:  # one failed unit must not stop a long batch
        return Performed(
            error=_in_one_line(error),
            hopeless=isinstance(error, InputError),
            trace=traceback.format_exc(),
            seconds=time.monotonic() - begun,
            place=place,
            warnings=tuple(said),
        )
    return Performed(report, seconds=time.monotonic() - begun, place=place, warnings=tuple(said))


def _check(task: Task) -> None:
    if task.version != __version__:
        raise HolodriverError(
            f"has holodriver {__version__}, but the batch runs with {task.version}", where=platform.node()
        )
    if not task.manifest.exists():
        raise HolodriverError(
            f"does not see {task.manifest}, so it does not share the batch's folder", where=platform.node()
        )
    free = available_memory()
    if free is not None and task.unit.needs.memory > free:
        raise HolodriverError(
            f"needs {in_gib(task.unit.needs.memory)} of memory, but {in_gib(free)} are free",
            where=f"{task.unit.name} on {platform.node()}",
        )


def in_gib(size: float) -> str:
    """Text for an amount of memory or disk."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**27 else f"{size / 2**20:.1f} MiB"


def _in_one_line(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if isinstance(error, HolodriverError) else f"{type(error).__name__}: {said}"
