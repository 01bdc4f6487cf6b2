"""Units of work: each is independent of all others, and gives the same result wherever and however often it is done."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from holodriver.errors import HolodriverError
from holodriver.progress import Progress, silent

Warn = Callable[[str], None]

ENDS = 1 << 20
"""Number of bytes at each end of a file that identify it, so that large videos need not be read whole."""

ENDS_OF_A_PLANE = 1 << 14
"""Number of bytes at each end of a focal stack's picture that identify it: they hold its size, row table and last
rows."""


STACK_FILE = "stack.json"
"""Name of the file that marks a folder as a focal stack."""


def unheard(text: str) -> None:
    """Ignore a warning."""


@dataclass(frozen=True)
class Surroundings:
    """Values and callbacks that a unit may use."""

    facts: dict[str, Any] = field(default_factory=dict)
    """Values that were found once for all units; see `Batch.prepare`."""
    memory: float | None = None
    """Memory that the unit may use, bytes; None: the free memory."""
    progress: Progress = silent
    """Callback for the progress of the unit."""
    warn: Warn = unheard
    """Callback for warnings, one line each."""


Work = Callable[..., dict[str, Any]]
"""Function of a unit, called with the unit's arguments and its `Surroundings`; returns plain values for the manifest.
The function writes each output under a temporary name and renames it, replacing an existing one. It is defined at the
top level of a module, so that another process can import it."""


@dataclass(frozen=True)
class Needs:
    """Memory and disk that a unit needs, bytes."""

    memory: int = 0
    """Largest memory while the unit runs, bytes."""
    disk: int = 0
    """Disk for the outputs, bytes."""
    scratch: int = 0
    """Additional disk while the unit runs, bytes."""


@dataclass(frozen=True)
class Unit:
    """One piece of work of a batch."""

    name: str
    """Name for people, unique within the batch."""
    work: Work
    arguments: tuple[Any, ...]
    outputs: tuple[Path, ...]
    """Files and folders that exist when the unit is done, and not before."""
    proofs: tuple[Path, ...] = ()
    """Files inside output folders, without which the folders do not count as done."""
    unfinished: tuple[Path, ...] = ()
    """Files and folders that exist only while the unit is unfinished."""
    sources: tuple[Path, ...] = ()
    """Files that the unit depends on; if one changes, the unit counts as another."""
    needs: Needs = Needs()

    @property
    def is_done(self) -> bool:
        """Whether everything that the unit makes exists."""
        whole = all(path.exists() for path in (*self.outputs, *self.proofs))
        return whole and not any(path.exists() for path in self.unfinished)

    @property
    def is_begun(self) -> bool:
        """Whether any output of the unit exists."""
        return any(path.exists() for path in (*self.outputs, *self.unfinished))


@dataclass(frozen=True)
class Batch:
    """All units of one task, and the place of its manifest."""

    kind: str
    """Kind of batch, part of the manifest's file name."""
    folder: Path
    """Folder of the manifest."""
    settings: dict[str, Any]
    """Plain values that decide the result and are equal for all units."""
    units: tuple[Unit, ...]
    overwrite: bool = False
    """Whether everything is made again."""
    stage: str = "working"
    """Phrase for the progress bar."""
    prepare: Callable[[Progress, Warn], dict[str, Any]] | None = None
    """Function that finds values which all units need, once for the whole batch; returns plain values."""

    @property
    def manifest(self) -> Path:
        """Path of the manifest, which holds the state of each unit."""
        return self.folder / f"{self.kind}.batch.jsonl"


@dataclass(frozen=True)
class Outcome:
    """Result of a unit."""

    unit: Unit
    report: dict[str, Any] | None = None
    """Values that the unit returned in this or an earlier run; None if it failed or they are unknown."""
    error: str | None = None
    """Error in one line; None if the unit succeeded."""
    attempts: int = 0
    """Number of attempts in this run; 0 if the unit was done before."""
    seconds: float = 0.0
    """Time of the last attempt, seconds."""
    place: str = ""
    """Name of the machine that did the unit."""


def failures(outcomes: list[Outcome]) -> HolodriverError | None:
    """Error with which a batch ends if any unit failed; None otherwise."""
    failed = [outcome.unit.name for outcome in outcomes if outcome.error is not None]
    return HolodriverError(f"{len(failed)} of {len(outcomes)} failed: {', '.join(failed)}") if failed else None


def fingerprint(*sources: Path) -> str:
    """Digest that identifies sources wherever they are, from their sizes and their ends; "" if there is none.

    For a focal stack, the digest covers its manifest and the ends of its pictures.
    """
    prints = [_of_stack(source) if source.is_dir() else _of_file(source) for source in sources]
    return prints[0] if len(prints) == 1 else _joined(prints) if any(prints) else ""


def _of_stack(folder: Path) -> str:
    about = _of_file(folder / STACK_FILE)
    planes = sorted(folder.glob("*.exr")) if about else []  # a folder that is not a focal stack has no digest
    return _joined([about, *(f"{plane.name} {_of_file(plane, ENDS_OF_A_PLANE)}" for plane in planes)]) if about else ""


def _of_file(file: Path, ends: int = ENDS) -> str:
    try:
        size = file.stat().st_size
        digest = hashlib.sha256(str(size).encode())
        with open(file, "rb") as opened:
            digest.update(opened.read(ends))
            if size > 2 * ends:
                opened.seek(-ends, 2)
            digest.update(opened.read(ends))
    except OSError:
        return ""  # the unit reports what is wrong with the file
    return digest.hexdigest()[:16]


def _joined(prints: list[str]) -> str:
    return hashlib.sha256("\n".join(prints).encode()).hexdigest()[:16]


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Convert values as JSON does: tuples become lists, paths become text."""
    decoded: dict[str, Any] = json.loads(json.dumps(values, default=str, sort_keys=True))
    return decoded
