"""What studies have computed, kept in a folder by what it was computed from: nothing is computed twice.

An entry's key is a digest of its name, its inputs and the code that makes it, so that a change of any of them makes
another entry. Each is written under a temporary name and renamed: a killed run goes on with what was finished.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

import holodriver
from holodriver.errors import FileFormatError
from holodriver.files.atomic import written_file
from holodriver.files.hologram import Hologram, read_hologram, write_hologram
from holodriver.files.stack import read_stack, write_stack
from holodriver.optics.field import WaveField
from holodriver.scene.stack import FocalStack

Arrays = dict[str, NDArray[Any]]
_Value = TypeVar("_Value")

PACKAGE = Path(holodriver.__file__).parent
KEY_LENGTH = 16  # hexadecimal digits: 64 bits

UNCOUNTED = ("cli", "farm", "rig", "study/claims.py", "study/page.py", "tasks", "viewer")
"""Rooms and files of the package that no entry depends on. All others count: a new room makes new entries."""
NOT_IN_RENDERS = ("dehnet", "depth", "lookingglass", "scores", "study")
"""Further rooms that what Blender renders does not depend on, since rendering again takes long."""


@dataclass(frozen=True)
class Kind(Generic[_Value]):
    """One way to keep a value in a file or folder."""

    suffix: str
    write: Callable[[Path, _Value], None]
    read: Callable[[Path], _Value]


@dataclass(frozen=True)
class Kept(Generic[_Value]):
    """A value with the key under which it is kept, which names it as an input of others."""

    value: _Value
    key: str


@dataclass(frozen=True)
class Timed:
    """A wave field and how long it took."""

    field: WaveField
    seconds: float
    notes: dict[str, Any]
    """Plain values that its method tells, such as its steps."""


class Store:
    """A folder of entries.

    Args:
        folder: made when something is kept.
        said: told the name of each entry that is about to be computed.
    """

    def __init__(self, folder: Path, said: Callable[[str], None] = lambda name: None):
        self.folder, self._said = folder, said
        self.computed: list[str] = []
        """Names of the entries that were computed and not found."""

    def keep(
        self,
        name: str,
        inputs: dict[str, Any],
        kind: Kind[_Value],
        compute: Callable[[], _Value],
    ) -> Kept[_Value]:
        """The value of that name and those inputs: read if it is there, else computed, kept, and read back.

        Args:
            name: of the entry; a part of its file's name.
            inputs: plain JSON values that decide the result; keys of other entries where those are its inputs.
            kind: how it is kept.
            compute: makes it.

        Raises:
            FileFormatError: somebody spoilt the entry.
        """
        path, key = self.made(name, inputs, kind.suffix, lambda path: kind.write(path, compute()))
        try:
            return Kept(kind.read(path), key)  # read in either case: rounding in the file is the same in both
        except (ValueError, OSError, KeyError, EOFError, BadZipFile) as error:
            raise FileFormatError("cannot be read", where=path, remedy="delete it; it is made again") from error

    def made(
        self,
        name: str,
        inputs: dict[str, Any],
        suffix: str,
        write: Callable[[Path], object],
        *,
        rendered: bool = False,
    ) -> tuple[Path, str]:
        """The file or folder of an entry, written by `write` if it is not there yet, and its key; else as `keep`.

        Args:
            rendered: the entry is Blender's, and depends on the add-on instead of `NOT_IN_RENDERS`.
        """
        code = code_digest((*UNCOUNTED, *NOT_IN_RENDERS), addon=True) if rendered else code_digest()
        key = digest(name, inputs, code)
        path = self.folder / f"{name}-{key}{suffix}"
        if not path.exists():
            self._said(name)
            write(path)
            self.computed.append(name)
        return path, key


def digest(*parts: Any) -> str:
    """Hexadecimal digest of plain JSON values."""
    text = json.dumps(parts, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


@cache
def code_digest(uncounted: tuple[str, ...] = UNCOUNTED, *, addon: bool = False) -> str:
    """Digest of the package's Python code.

    Args:
        uncounted: folders and files, paths within the package, that do not count.
        addon: the Blender add-on counts, too.
    """
    found = hashlib.sha256()
    for folder in (PACKAGE, PACKAGE.parent / "blender_addon") if addon else (PACKAGE,):
        for file in sorted(folder.rglob("*.py")):
            name = file.relative_to(folder)
            if folder != PACKAGE or not any(name.is_relative_to(part) for part in uncounted):
                found.update(f"{folder.name}/{name.as_posix()}".encode() + file.read_bytes())
    return found.hexdigest()[:KEY_LENGTH]


def folder_digest(path: Path, patterns: Iterable[str] = ("*",)) -> str:
    """Digest of the contents of the files in a folder, or of one file."""
    found = hashlib.sha256()
    files = {file for pattern in patterns for file in path.glob(pattern)} if path.is_dir() else {path}
    for file in sorted(file for file in files if file.is_file()):
        found.update(file.name.encode())
        with file.open("rb") as opened:
            found.update(hashlib.file_digest(opened, "sha256").digest())
    return found.hexdigest()[:KEY_LENGTH]


def write_json(path: Path, value: Any, *, overwrite: bool = True) -> None:
    """Write plain values under a temporary name and rename."""
    with written_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Write named arrays (NumPy's .npz) under a temporary name and rename."""
    with written_file(path, overwrite=True) as temporary:
        np.savez_compressed(temporary, allow_pickle=False, **arrays)


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_arrays(path: Path) -> Arrays:
    with np.load(path, allow_pickle=False) as held:
        return {name: held[name] for name in held.files}


def _write_stack(path: Path, stack: FocalStack) -> None:
    write_stack(stack, path, overwrite=True)


def _read_stack(path: Path) -> FocalStack:
    return read_stack(path)


def _write_field(path: Path, timed: Timed) -> None:
    provenance = {"made by": "holodriver study", "seconds": timed.seconds, "notes": timed.notes}
    write_hologram(path, Hologram(timed.field, provenance=provenance), overwrite=True)


def _read_field(path: Path) -> Timed:
    hologram = read_hologram(path)
    assert hologram.field is not None  # as _write_field left it
    return Timed(hologram.field, float(hologram.provenance["seconds"]), hologram.provenance["notes"])


JSON: Kind[Any] = Kind(".json", write_json, _read_json)
ARRAYS: Kind[Arrays] = Kind(".npz", write_arrays, _read_arrays)
STACK: Kind[FocalStack] = Kind(".stack", _write_stack, _read_stack)
FIELD: Kind[Timed] = Kind(".holo", _write_field, _read_field)


def with_positions(stack: FocalStack, chosen: NDArray[np.integer]) -> FocalStack:
    """The same stack with some of its planes alone."""
    return replace(stack, images=stack.images[chosen], depths=stack.depths[chosen], positions=stack.positions[chosen])
