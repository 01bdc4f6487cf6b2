"""Doing one unit, wherever: in this process, in a process of the pool, or on another machine."""

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
    """A unit on its way to whoever does it."""

    unit: Unit
    manifest: Path
    """Of its batch: who does not see it does not see the folder that all share."""
    surroundings: Surroundings
    replacing: bool
    """Whether what is there is to be made anew."""
    threads: int | None = None
    """It may compute with; None: as the process does."""
    version: str = __version__


@dataclass(frozen=True)
class Performed:
    """What came of doing a unit."""

    report: dict[str, Any] | None = None
    error: str | None = None
    """In one line."""
    hopeless: bool = False
    """Whether doing it again would fail again: its input is wrong."""
    trace: str = ""
    seconds: float = 0.0
    place: str = ""
    warnings: tuple[str, ...] = field(default=())


def perform(task: Task) -> Performed:
    """Do a unit, unless it has been done; an error is a result, so that it crosses any border.

    Raises:
        KeyboardInterrupt: somebody asked to stop.
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
    except Exception as error:  # whatever it is, a night's work on the others is not lost for it
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
            f"is holodriver {__version__} here and {task.version} where the batch runs", where=platform.node()
        )
    if not task.manifest.exists():
        raise HolodriverError(
            f"does not see {task.manifest}, and so not the folder that all machines share", where=platform.node()
        )
    free = available_memory()
    if free is not None and task.unit.needs.memory > free:
        raise HolodriverError(
            f"needs {in_gib(task.unit.needs.memory)} of memory, {in_gib(free)} are free",
            where=f"{task.unit.name} on {platform.node()}",
        )


def in_gib(size: float) -> str:
    """An amount of memory or disk as people read it."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**27 else f"{size / 2**20:.1f} MiB"


def _in_one_line(error: Exception) -> str:
    said = " ".join(str(error).split())
    return said if isinstance(error, HolodriverError) else f"{type(error).__name__}: {said}"
