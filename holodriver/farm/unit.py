"""A unit of work: independent of all others, done by anyone, and the same however often it is done."""

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
"""Bytes at either end of a file by which it is known again: a library of videos is not read whole."""

ENDS_OF_A_PLANE = 1 << 14
"""The same of each picture of a focal stack: its size, its table of where its rows lie, and its last rows."""


STACK_FILE = "stack.json"
"""What a folder that is a focal stack holds."""


def unheard(text: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Surroundings:
    """What a unit may use, and whom it tells."""

    facts: dict[str, Any] = field(default_factory=dict)
    """What was found once for all units; see `Batch.prepare`."""
    memory: float | None = None
    """Bytes that it may use; None: what is free."""
    progress: Progress = silent
    warn: Warn = unheard


Work = Callable[..., dict[str, Any]]
"""Called with the unit's arguments and its `Surroundings`; returns plain values for the manifest. It writes each output
under a temporary name and renames it, replacing what is there; it stands at the top of a module, so that another
process finds it."""


@dataclass(frozen=True)
class Needs:
    """What a unit takes, bytes."""

    memory: int = 0
    """At most, while it works."""
    disk: int = 0
    """That stays."""
    scratch: int = 0
    """More, while it works."""


@dataclass(frozen=True)
class Unit:
    """One piece of work of a batch."""

    name: str
    """Unlike all others in the batch; people read it."""
    work: Work
    arguments: tuple[Any, ...]
    outputs: tuple[Path, ...]
    """Files and folders that are there when it has been done, and not before."""
    proofs: tuple[Path, ...] = ()
    """Files inside of outputs that are folders, without which they do not count."""
    unfinished: tuple[Path, ...] = ()
    """What is there only while it is half done."""
    sources: tuple[Path, ...] = ()
    """Of what it is made: once one of them is another, the unit is another."""
    needs: Needs = Needs()

    @property
    def is_done(self) -> bool:
        """Whether all that it makes is there."""
        whole = all(path.exists() for path in (*self.outputs, *self.proofs))
        return whole and not any(path.exists() for path in self.unfinished)

    @property
    def is_begun(self) -> bool:
        """Whether some of it is there."""
        return any(path.exists() for path in (*self.outputs, *self.unfinished))


@dataclass(frozen=True)
class Batch:
    """All units of one job, and where its manifest lies."""

    kind: str
    """Part of the manifest's name."""
    folder: Path
    settings: dict[str, Any]
    """Plain values that decide the result, the same for all units."""
    units: tuple[Unit, ...]
    overwrite: bool = False
    """Whether all is made anew."""
    stage: str = "working"
    """What the progress is called."""
    prepare: Callable[[Progress, Warn], dict[str, Any]] | None = None
    """Finds what all units need, once for the whole batch, as plain values."""

    @property
    def manifest(self) -> Path:
        """The file that says what has become of each unit."""
        return self.folder / f"{self.kind}.batch.jsonl"


@dataclass(frozen=True)
class Outcome:
    """What became of a unit."""

    unit: Unit
    report: dict[str, Any] | None = None
    """What its work returned, now or in a run before; None if it failed or nobody knows."""
    error: str | None = None
    """Why it failed, in one line."""
    attempts: int = 0
    """0: it was there."""
    seconds: float = 0.0
    place: str = ""
    """The machine that did it."""


def failures(outcomes: list[Outcome]) -> HolodriverError | None:
    """The error with which a batch ends, if any unit failed."""
    failed = [outcome.unit.name for outcome in outcomes if outcome.error is not None]
    return HolodriverError(f"{len(failed)} of {len(outcomes)} failed: {', '.join(failed)}") if failed else None


def fingerprint(*sources: Path) -> str:
    """By what sources are known again, wherever they lie: sizes, and a digest of the ends; "" if there is none.

    Of a focal stack, its manifest and the ends of its pictures.
    """
    prints = [_of_stack(source) if source.is_dir() else _of_file(source) for source in sources]
    return prints[0] if len(prints) == 1 else _joined(prints) if any(prints) else ""


def _of_stack(folder: Path) -> str:
    about = _of_file(folder / STACK_FILE)
    planes = sorted(folder.glob("*.exr")) if about else []  # what is no focal stack is known by its files, if at all
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
        return ""  # the unit itself says what is wrong with it
    return digest.hexdigest()[:16]


def _joined(prints: list[str]) -> str:
    return hashlib.sha256("\n".join(prints).encode()).hexdigest()[:16]


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """The values as JSON gives them back: tuples as lists, paths as their names."""
    decoded: dict[str, Any] = json.loads(json.dumps(values, default=str, sort_keys=True))
    return decoded
