"""Arrays of numbers in files of other programs: NumPy's `.npy` and MATLAB's `.mat`, versions 4 to 7 and 7.3.

Only plain numbers are read; a file with Python objects, records or text is refused.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError, shown
from holodriver.files.guard import guard
from holodriver.files.guard.hdf5 import numbers, opened_hdf5
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed

SUFFIXES = (".npy", ".mat")
"""Ends of the names of files that are read here."""

MAXIMUM_VALUES = 1 << 28
"""Numbers of one array, as many as a hologram may have."""

KINDS = ("<c8", "<c16", "<f2", "<f4", "<f8", "|u1", "<u2")
"""Types of numbers that are read: complex, real, and grey levels of 8 and 16 bits."""


class NamedArray(NamedTuple):
    """An array, and the name of the variable that holds it."""

    values: NDArray
    name: str | None
    """None in a `.npy` file, whose array has no name."""


def read_array(path: Path, variable: str | None = None, *, guarded: bool = True) -> NamedArray:
    """The array in a `.npy` file, or a variable of a `.mat` file, with its axes as NumPy or MATLAB counts them.

    Args:
        path: the file; its suffix says its format.
        variable: name of the variable of a `.mat` file; needed only where several variables hold numbers.
        guarded: by a process of its own, see `guard`; false for what this process has just written.

    Raises:
        FileFormatError: the file is missing or damaged, holds no such variable, or no plain numbers.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise FileFormatError(f"has no suffix of an array, expected {' or '.join(SUFFIXES)}", where=path)
    if suffix == ".npy":
        if variable is not None:
            raise FileFormatError("holds one array without a name", where=path, remedy="leave the variable out")
        found = guard.read(parse_npy, path, guarded=guarded)
    else:
        found = guard.read(parse_mat, path, guarded=guarded, variable=variable)
    return NamedArray(found.arrays["values"], found.value)


def parse_npy(source: Source) -> Parsed:
    """The array of a `.npy` file."""
    try:
        with source.file() as file:
            version = np.lib.format.read_magic(file)
            if version == (1, 0):
                shape, by_columns, dtype = np.lib.format.read_array_header_1_0(file)
            else:
                shape, by_columns, dtype = np.lib.format.read_array_header_2_0(file)
            start = file.tell()
        size = math.prod(shape) * dtype.itemsize
        _check(shape, dtype, source.path)
        if source.size - start < size:
            raise FileFormatError(
                f"has {source.size - start:,} bytes of numbers, expected {size:,}: it is cut short", where=source.path
            )
        values = np.frombuffer(source.content(start + size + 1), dtype, math.prod(shape), start)
    except HolodriverError:
        raise
    except Exception as error:  # damaged headers raise all sorts
        raise FileFormatError("is not a .npy file that can be read", where=source.path) from error
    return Parsed(None, {"values": _plain(values.reshape(shape, order="F" if by_columns else "C"))})


def parse_mat(source: Source, *, variable: str | None) -> Parsed:
    """A variable of a `.mat` file."""
    if source.start(10).startswith(b"MATLAB 7.3"):
        return _parse_hdf5(source, variable)
    from scipy.io import loadmat, whosmat

    try:
        content = io.BytesIO(source.content(1 << 32))
        there = {name: shape for name, shape, kind in whosmat(content) if kind in _MATLAB_KINDS}
        name = _chosen(variable, list(there), source.path)
        if math.prod(there[name]) > MAXIMUM_VALUES:
            raise _too_large(there[name], source.path)
        content.seek(0)
        values = np.asarray(loadmat(content, variable_names=[name])[name])
    except (HolodriverError, MemoryError):
        raise
    except Exception as error:  # damaged files raise all sorts
        raise FileFormatError("is not a .mat file that can be read", where=source.path) from error
    _check(values.shape, values.dtype, source.path)
    return Parsed(name, {"values": _plain(values)})


_MATLAB_KINDS = ("double", "single", "uint8", "uint16")


def _parse_hdf5(source: Source, variable: str | None) -> Parsed:
    """A variable of a `.mat` file of version 7.3, which is HDF5 and stores axes in the other order."""
    import h5py

    with opened_hdf5(source, "a .mat file") as file:
        there = [
            name
            for name in file
            if isinstance(file.get(name, getlink=True), h5py.HardLink) and _holds_numbers(file[name])
        ]
        name = _chosen(variable, there, source.path)
        found = numbers(file, name)
        _check(found.shape, _complex_type(found.dtype) or found.dtype, source.path)
        values = found[()]
        if values.dtype.names:
            values = values["real"] + 1j * values["imag"]
        return Parsed(name, {"values": _plain(values.T)})


_COMPLEX: dict[str, np.dtype] = {"<f4": np.dtype(np.complex64), "<f8": np.dtype(np.complex128)}


def _holds_numbers(found: object) -> bool:
    dtype, shape = getattr(found, "dtype", None), getattr(found, "shape", None)
    return isinstance(dtype, np.dtype) and bool(shape) and (_complex_type(dtype) or dtype).kind in "cfu"


def _complex_type(dtype: np.dtype) -> np.dtype | None:
    """The complex type for which MATLAB writes records of a real and an imaginary part; None for other types."""
    if dtype.names != ("real", "imag") or dtype["real"] != dtype["imag"]:
        return None
    return _COMPLEX.get(dtype["real"].str)


def _chosen(variable: str | None, there: Sequence[str], path: Path) -> str:
    """The name of the variable to read.

    Raises:
        FileFormatError: it is not there, or there are several and none was named.
    """
    names = ", ".join(shown(name) for name in there[:8]) or "none"
    if variable is not None:
        if variable in there:
            return variable
        raise FileFormatError(f"has no variable {shown(variable)} of numbers; there are: {names}", where=path)
    if len(there) != 1:
        raise FileFormatError(
            f"has {len(there)} variables of numbers, expected one: {names}", where=path, remedy="name the variable"
        )
    return there[0]


def _check(shape: tuple[int, ...], dtype: np.dtype, path: Path) -> None:
    """Refuse what is no array of numbers, or too large.

    Raises:
        FileFormatError: it is.
    """
    if dtype.hasobject or dtype.newbyteorder("<").str not in KINDS:
        raise FileFormatError(
            f"holds values of type {shown(str(dtype))}, expected complex or real numbers, or 8 or 16 bits without sign",
            where=path,
        )
    if math.prod(shape) > MAXIMUM_VALUES:
        raise _too_large(shape, path)


def _too_large(shape: tuple[int, ...], path: Path) -> FileFormatError:
    return FileFormatError(
        f"has {math.prod(shape):,} values, more than the {MAXIMUM_VALUES:,} that are read", where=path
    )


def _plain(values: NDArray) -> NDArray:
    """Numbers with the least significant byte first, and the last axis varying fastest."""
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
