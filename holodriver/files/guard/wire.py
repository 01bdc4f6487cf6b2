"""What goes over the wire between this process and the one that reads files for it: JSON, and numbers in memory.

A message is its length (4 bytes), a JSON object, and on the way there at most one descriptor, of the file to be read.
On the way back the JSON object lists the arrays that lie in shared memory. Nothing is pickled, so that a reader that a
file took over can lie about pixels, and no more.
"""

import json
import math
import mmap
import os
import socket
import struct
import sys
import tempfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

LONGEST = 64 << 20
"""Bytes of the JSON of a message."""

_ALIGNED = 64
_DTYPES = ("|b1", "|u1", "<u2", "<i2", "<u4", "<i4", "<i8", "<f2", "<f4", "<f8", "<c8", "<c16")
_LINUX = sys.platform == "linux"
_SEAL_SHRINK = 0x2  # F_SEAL_SHRINK of fcntl(2), which Python names from 3.13 on


class WireError(Exception):
    """What came is no message, or the other end is gone."""


class Parsed(NamedTuple):
    """What a reader found in a file."""

    value: Any
    """Plain values, as JSON has them."""
    arrays: Mapping[str, NDArray]


class Wire:
    """One end of the wire."""

    def __init__(self, end: socket.socket):
        self._end = end

    def send(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        """Send a message.

        Raises:
            WireError: the other end is gone.
        """
        text = json.dumps(message).encode()
        try:
            packed = struct.pack("<I", len(text)) + text
            if descriptor is None:
                self._end.sendall(packed)
            else:
                sent = socket.send_fds(self._end, [packed], [descriptor])
                self._end.sendall(packed[sent:])
        except OSError as error:
            raise WireError(str(error)) from error

    def receive(self, timeout_s: float | None = None) -> tuple[dict[str, Any], int | None]:
        """The next message with its descriptor, which is now ours to close.

        Raises:
            TimeoutError: nothing came in time.
            WireError: the other end is gone, or sent something else.
        """
        self._end.settimeout(timeout_s)
        descriptors: list[int] = []
        try:
            head = self._some(4, descriptors)
            (length,) = struct.unpack("<I", head)
            if length > LONGEST:
                raise WireError(f"a message of {length} bytes")
            message = json.loads(self._some(length, descriptors))
            if not isinstance(message, dict) or len(descriptors) > 1:
                raise WireError("no message")
        except BaseException as error:
            for descriptor in descriptors:
                os.close(descriptor)
            if isinstance(error, TimeoutError):
                raise
            if isinstance(error, (OSError, ValueError, RecursionError)):
                raise WireError(str(error)) from error
            raise
        return message, (descriptors[0] if descriptors else None)

    def _some(self, count: int, descriptors: list[int]) -> bytes:
        data = bytearray()
        while len(data) < count:
            block, came, _, _ = socket.recv_fds(self._end, min(count - len(data), 1 << 20), 4)
            descriptors += came
            if not block:
                raise WireError("the end")
            data += block
        return bytes(data)

    def close(self) -> None:
        """Hang up."""
        self._end.close()


class Memory:
    """Memory that both processes see: the reading one puts arrays there, the other copies them out.

    It is kept from file to file, because memory that was used before takes a tenth of the time of fresh one. The one
    that asks makes it and lets it grow; nobody can shrink it under the other's hands.

    Args:
        descriptor: of memory that the other process made; fresh if None.
    """

    def __init__(self, descriptor: int | None = None):
        if descriptor is None:
            descriptor = _fresh()
        self.descriptor = descriptor
        self.size = 0
        self._map: mmap.mmap | None = None

    def grow(self, size: int) -> None:
        """Have room for `size` bytes."""
        os.ftruncate(self.descriptor, size)
        self.see(size)

    def see(self, size: int) -> None:
        """Look at the first `size` bytes, which are there."""
        self._map = mmap.mmap(self.descriptor, size)  # the last one goes when no array refers to it any more
        self.size = size

    def put(self, arrays: Mapping[str, NDArray], layout: list[dict[str, Any]]) -> None:
        """Put arrays where `layout` says."""
        for entry, array in zip(layout, arrays.values(), strict=True):
            np.ndarray(array.shape, array.dtype, self._map, entry["at"])[...] = array

    def take(self, layout: Any) -> dict[str, NDArray]:
        """Arrays of our own, copied from where `layout` says.

        Raises:
            WireError: it does not say it as `laid_out` does.
        """
        try:
            return dict(self._array(entry) for entry in layout)
        except (TypeError, KeyError, ValueError, OSError) as error:
            raise WireError(str(error)) from error

    def close(self) -> None:
        """Let go of it."""
        self._map = None
        os.close(self.descriptor)

    def _array(self, entry: dict[str, Any]) -> tuple[str, NDArray]:
        name, dtype, shape, at = entry["name"], entry["dtype"], entry["shape"], entry["at"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, at))
        if type(name) is not str or dtype not in _DTYPES or not whole or len(shape) > 5:
            raise WireError("an array of another kind")
        count = math.prod(shape)
        if at % _ALIGNED or at + count * np.dtype(dtype).itemsize > self.size:
            raise WireError("an array beyond the memory")
        if _LINUX:
            return name, np.ndarray(tuple(shape), dtype, self._map, at).copy()
        array = np.empty(tuple(shape), dtype)  # where memory could shrink, looking at it could kill
        if array.size and os.preadv(self.descriptor, [array.data.cast("B")], at) != array.nbytes:
            raise WireError("memory that shrank")
        return name, array


def laid_out(arrays: Mapping[str, NDArray]) -> tuple[list[dict[str, Any]], int]:
    """Where each array lies in memory, as JSON says it, and how many bytes that takes."""
    layout, size = [], 0
    for name, array in arrays.items():
        layout.append({"name": name, "dtype": array.dtype.str, "shape": list(array.shape), "at": size})
        size += -(-array.nbytes // _ALIGNED) * _ALIGNED
    return layout, size


def _fresh() -> int:
    if not _LINUX:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    import fcntl  # Windows, which has none, imports this module too

    descriptor = os.memfd_create("holodriver", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEAL_SHRINK)
    return descriptor
