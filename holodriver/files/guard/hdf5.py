"""HDF5 files from strangers: what stands in the file itself, as plain numbers and text, and nothing else.

HDF5 can have a dataset lie in other files (external storage, external links, virtual datasets), be unpacked by a
library that lies about (filters), and say that it is larger than any memory. All of that is refused before it is read.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError
from holodriver.files.guard.source import Source

FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
"""Filters that come with every HDF5."""

LARGEST_TEXT = 16 << 20
"""Bytes of one attribute."""

LARGEST_CHUNK = 1 << 28
"""Bytes of one chunk, which is unpacked whole."""

MOST_PACKED = 1100
"""Times by which gzip can pack (1032 at most) and a little more; what promises more does not hold what it says."""


@contextmanager
def opened_hdf5(source: Source, expected: str) -> Iterator[h5py.File]:
    """An HDF5 file.

    Args:
        source: the open file.
        expected: what it should be, for messages.

    Raises:
        FileFormatError: it is none, or whatever the library says within the block.
    """
    try:
        with source.file() as raw, h5py.File(raw, "r") as file:
            yield file
    except (HolodriverError, MemoryError):
        raise
    except Exception as error:  # the library raises OSError, RuntimeError, KeyError, OverflowError, ... for damage
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise FileFormatError(f"is not {expected} that can be read: {said}", where=source.path) from error


def attribute(file: h5py.File, name: str) -> str | int | float | None:
    """An attribute of the file that is text or one number; None if there is none.

    Raises:
        FileFormatError: it is something else, or too large.
    """
    if name not in file.attrs:
        return None
    about = file.attrs.get_id(name)
    text = h5py.check_string_dtype(about.dtype) is not None
    if about.shape != () or not (text or about.dtype.kind in "iuf") or about.get_storage_size() > LARGEST_TEXT:
        raise FileFormatError(f"field '{name}' is {about.dtype} {about.shape}, expected one text or number")
    value = file.attrs[name]
    if isinstance(value, bytes):
        value = value.decode("utf-8")
    if not isinstance(value, str):
        return value.item()  # of a NumPy number
    return value


def json_attribute(file: h5py.File, name: str) -> dict[str, Any]:
    """An attribute that holds a JSON object.

    Raises:
        FileFormatError: it is missing, or something else.
    """
    try:
        text = attribute(file, name)
        values = json.loads(text) if isinstance(text, str) and len(text) <= LARGEST_TEXT else None
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"field '{name}' is not JSON") from error
    if not isinstance(values, dict):
        raise FileFormatError(f"field '{name}' is missing or is not a JSON object")
    return values


def dataset(file: h5py.File, name: str, dtype: type, shape: tuple[int, ...]) -> NDArray:
    """A dataset of known kind and shape.

    Args:
        name: from the root; each step must be a plain link.

    Raises:
        FileFormatError: it is missing, another one, lies elsewhere, or cannot hold what it says.
    """
    found = _found(file, name)
    if found.dtype != dtype or found.shape != shape:
        raise FileFormatError(f"field '{name}' is {found.dtype} {found.shape}, expected {np.dtype(dtype)} {shape}")
    _check_storage(found, name)
    return found[()]


def numbers(file: h5py.File, name: str) -> h5py.Dataset:
    """A dataset of any kind and shape, whose values lie in the file itself; they are not read yet.

    Args:
        name: from the root; each step must be a plain link.

    Raises:
        FileFormatError: it is missing, lies elsewhere, or cannot hold what it says.
    """
    found = _found(file, name)
    _check_storage(found, name)
    return found


def _found(file: h5py.File, name: str) -> h5py.Dataset:
    found: Any = file
    for step in name.split("/"):
        link = found.get(step, getlink=True) if isinstance(found, h5py.Group) else None
        if link is None:
            raise FileFormatError(f"field '{name}' is missing")
        if not isinstance(link, h5py.HardLink):
            raise FileFormatError(f"field '{name}' is a link to elsewhere, expected its values")
        found = found[step]
    if not isinstance(found, h5py.Dataset):
        raise FileFormatError(f"field '{name}' is missing")
    return found


def _check_storage(found: h5py.Dataset, name: str) -> None:
    if found.external or found.is_virtual:
        raise FileFormatError(f"field '{name}' has its values in other files")
    plan = found.id.get_create_plist()
    kinds = {plan.get_filter(index)[0] for index in range(plan.get_nfilters())}
    if kinds - FILTERS:
        raise FileFormatError(f"field '{name}' is packed by filter {min(kinds - FILTERS)}, which is not gzip")
    chunk = math.prod(found.chunks or ()) * found.dtype.itemsize
    if chunk > LARGEST_CHUNK:
        raise FileFormatError(f"field '{name}' has chunks of {chunk:,} bytes, more than {LARGEST_CHUNK:,}")
    if found.nbytes > max(1, found.id.get_storage_size()) * (MOST_PACKED if kinds else 1):
        raise FileFormatError(
            f"field '{name}' says that it has {found.nbytes:,} bytes, and {found.id.get_storage_size():,} are there"
        )
