"""Safe opening of a file from an unknown source: it must be a plain file, and is opened only once."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holodriver.errors import FileFormatError, shown

_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
"""Flags of open(2); with O_NONBLOCK, opening a pipe that is named like a picture does not wait."""


@dataclass(frozen=True)
class Source:
    """An open file. Everything is read through its descriptor, so that the file cannot be exchanged meanwhile."""

    descriptor: int
    path: Path
    """Path for messages."""
    size: int
    """Size of the file, bytes."""

    def file(self) -> io.FileIO:
        """Give the file from its start, without a buffer; closing it leaves the source open."""
        file = io.FileIO(self.descriptor, "rb", closefd=False)
        file.seek(0)
        return file

    def start(self, count: int) -> bytes:
        """Read the first `count` bytes of the file."""
        with self.file() as file:
            return file.read(count)

    def content(self, most: int) -> bytes:
        """Read the whole file.

        Raises:
            FileFormatError: the file is larger than `most` bytes.
        """
        data = b""
        if self.size <= most:
            try:
                with self.file() as file:
                    data = file.readall() if self.size else file.read(most + 1)  # files in /proc claim to be empty
            except OSError as error:
                raise FileFormatError(f"cannot be read: {error.strerror}", where=self.path) from error
        if max(self.size, len(data)) > most:
            raise FileFormatError(
                f"has {max(self.size, len(data)):,} bytes, more than the {most:,} that such a file may have",
                where=self.path,
            )
        return data


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """Open the plain file at `path`.

    Raises:
        FileFormatError: the path does not exist, cannot be read, or is a folder, a pipe or a device.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileFormatError("does not exist", where=path) from error
    except ValueError as error:  # a null byte in the name
        raise FileFormatError("is not a file name", where=repr(str(path))) from error
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise FileFormatError("is not a file", where=path) from error
        raise FileFormatError(f"cannot be read: {error.strerror}", where=path) from error
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise FileFormatError("is a folder, expected a file", where=path)
        if not stat.S_ISREG(status.st_mode):
            raise FileFormatError("is a pipe or a device, expected a file", where=path)
        yield Source(descriptor, path, status.st_size)
    finally:
        os.close(descriptor)


def content_of(path: Path, most: int) -> bytes:
    """Read the bytes of a plain file, for formats that are parsed without any C library.

    Raises:
        FileFormatError: the path is not a plain file that can be read, or the file is larger than `most` bytes.
    """
    with opened(path) as source:
        return source.content(most)


def inside(folder: Path, name: str) -> Path:
    """Path of the file that a manifest in `folder` names.

    Raises:
        FileFormatError: the name leads out of the folder: it is absolute, contains ``..``, or is a link.
    """
    if not name or name in (".", "..") or Path(name).name != name or "\\" in name or "\0" in name or ":" in name:
        raise FileFormatError(f"names {shown(name)}, which is not the name of a file in its folder", where=folder)
    return stays(folder, folder / name)


def stays(folder: Path, path: Path) -> Path:
    """Return `path`, a file in `folder`, unless it is a link that leads out of the folder.

    Raises:
        FileFormatError: the path is such a link.
    """
    try:
        good = not path.is_symlink() or path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a link to itself
        good = False
    if not good:
        raise FileFormatError(
            f"is a link that leads out of {folder.name}",
            where=path,
            remedy="replace the link by the file if it is yours",
        )
    return path
