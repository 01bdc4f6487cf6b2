"""Writing so that a killed run leaves no half file, and nothing is overwritten unasked."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holodriver.errors import InputError, OutputExistsError


def check_output(path: Path, *, overwrite: bool) -> None:
    """Refuse early what could not be written at the end.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: the folder that would hold `path` cannot be made.
    """
    if path.exists() and not overwrite:
        raise OutputExistsError("already exists", where=path, remedy="pass --overwrite, or choose another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"its folder cannot be made: {error.strerror}", where=path) from error


@contextmanager
def written_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary name beside `path`, which becomes `path` when the block ends without an error.

    The temporary name keeps the suffix, so that libraries which look at it work. On any error, Ctrl-C included,
    the temporary file is removed and `path` is as it was.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    check_output(path, overwrite=overwrite)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def written_folder(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """A temporary folder beside `path`, which becomes `path` when the block ends without an error.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    check_output(path, overwrite=overwrite)
    temporary = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield temporary
        os.chmod(temporary, 0o777 & ~_umask())
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{path.name}.old.", dir=path.parent))
            try:
                os.replace(path, old / path.name)
                os.replace(temporary, path)
            except BaseException:  # Ctrl-C between the two must not lose what was there
                if not path.exists():
                    os.replace(old / path.name, path)
                raise
            finally:
                if path.exists():
                    shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
