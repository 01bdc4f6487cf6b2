"""Safe writing: a killed run or a loss of power leaves no half file, and nothing is overwritten unasked."""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from holodriver.errors import InputError, OutputExistsError

_CLUTTER = (".DS_Store", "Thumbs.db")  # files that file managers leave in folders

_RANDOM = "[a-z0-9_]{8}"  # pattern of the random part of the names that tempfile makes


def check_parent(path: Path) -> None:
    """Refuse a path at which nothing can be written; creates nothing.

    Raises:
        InputError: `path` would lie below a file, or in a folder that may not be written to.
    """
    parent = path.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"cannot be written: {parent} is not a folder that may be written to", where=path)


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse at the start a file that could not be written at the end.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: `path` is a folder.
    """
    check_parent(path)
    if path.is_dir():
        raise InputError("is a folder, expected the name of a file", where=path)
    if path.exists() and not overwrite:
        raise OutputExistsError("already exists", where=path, remedy="pass --overwrite, or choose another name")


def check_output_folder(path: Path, *, overwrite: bool, holds: Sequence[str]) -> None:
    """Refuse at the start a folder that could not be written at the end, or whose replacement would delete other files.

    Args:
        holds: patterns of the file names in such a folder; a folder with any other entry is not replaced.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false, or it holds something else.
        InputError: `path` is a file.
    """
    check_parent(path)
    if path.exists() and not path.is_dir():
        raise InputError("is a file, expected the name of a folder", where=path)
    if path.exists() and not overwrite:
        raise OutputExistsError("already exists", where=path, remedy="pass --overwrite, or choose another name")
    if path.exists():
        for entry in sorted(path.iterdir()):
            if entry.is_dir() or not any(fnmatch(entry.name, pattern) for pattern in (*holds, *_CLUTTER)):
                raise OutputExistsError(
                    f"holds {entry.name}, which replacing the folder would lose",
                    where=path,
                    remedy="choose another name",
                )


@contextmanager
def written_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary path beside `path`, which is renamed to `path` when the block ends without an error.

    The temporary name keeps the suffix, so that libraries which look at it work. On any error, Ctrl-C included,
    the temporary file is removed and `path` is as it was.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    check_output(path, overwrite=overwrite)
    _make_parent(path)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        sync(temporary)  # without this, the new name may stand for an empty file after a loss of power
        os.replace(temporary, path)
        sync(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written_folder(path: Path, *, overwrite: bool = False, holds: Sequence[str]) -> Iterator[Path]:
    """Give a temporary folder beside `path`, which is renamed to `path` when the block ends without an error.

    Args:
        holds: patterns of the file names that are written; an existing folder with any other entry is not replaced.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false, or it holds something else.
    """
    check_output_folder(path, overwrite=overwrite, holds=holds)
    _make_parent(path)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        for entry in sorted(temporary.rglob("*"), reverse=True):
            sync(entry)
        sync(temporary)
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            try:
                os.replace(path, old / path.name)
                os.replace(temporary, path)
            except BaseException:  # Ctrl-C between the two renames must not lose the old folder
                if not path.exists():
                    os.replace(old / path.name, path)
                raise
            finally:
                if path.exists():
                    shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
        sync(path.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def scratch_folder(beside: Path) -> Iterator[Path]:
    """Make a hidden folder beside a file that is to be made, named after the file; the folder is deleted after the
    block."""
    _make_parent(beside)
    folder = Path(tempfile.mkdtemp(prefix=f".{beside.name}.", dir=beside.parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files that killed runs left beside `path`; no other process may be writing `path` now.

    A folder whose replacement was interrupted is first restored.
    """
    if not path.parent.is_dir():
        return
    stem, suffix = re.escape(path.stem), re.escape(path.suffix)
    file = rf"\.{stem}\.{_RANDOM}{suffix}"  # a name of `written_file`, which may have a scratch folder as well
    named = re.compile(rf"{file}|\.{file}\.{_RANDOM}|\.{stem}{suffix}\.(?:old\.)?{_RANDOM}")
    for entry in list(path.parent.iterdir()):
        if not named.fullmatch(entry.name):
            continue
        if ".old." in entry.name and (entry / path.name).exists() and not path.exists():
            os.replace(entry / path.name, path)
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on the disk, if the system can report that."""
    folder = path.is_dir()
    if folder and os.name == "nt":
        return  # Windows cannot open a folder
    try:
        handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):  # the file system has no fsync
            raise
    finally:
        os.close(handle)


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"its folder cannot be made: {error.strerror}", where=path) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
