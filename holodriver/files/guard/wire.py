"""Connection between this process and the one that reads files for it: JSON messages, and arrays in shared memory.

A message is its length (4 bytes) and a JSON object; a message to the reader may carry the descriptor of the file.
The JSON object of an answer lists the arrays in shared memory. Nothing is pickled, so that a reader under the
control of a malicious file can give wrong pixels, and no more.
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
"""Largest JSON text of a message, bytes."""

_ALIGNED = 64
_DTYPES = ("|b1", "|u1", "<u2", "<i2", "<u4", "<i4", "<i8", "<f2", "<f4", "<f8", "<c8", "<c16")
_LINUX = sys.platform == "linux"
_SEAL_SHRINK = 0x2  # F_SEAL_SHRINK of fcntl(2), which Python names from 3.13 on


class WireError(Exception):
    """Raised if a message is invalid or the other process is gone."""


class Parsed(NamedTuple):
    """Contents of a file as a parser returns them."""

    value: Any
    """Plain JSON values."""
    arrays: Mapping[str, NDArray]
    """Arrays by name."""


class Wire:
    """One end of the connection."""

    def __init__(self, end: socket.socket):
        self._end = end

    def send(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        """Send a message.

        Raises:
            WireError: the other process is gone.
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
        """Receive the next message and its descriptor, which the caller must close.

        Raises:
            TimeoutError: no message came in time.
            WireError: the other process is gone, or sent something else.
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
                raise WireError("not a message")
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
                raise WireError("the other process is gone")
            data += block
        return bytes(data)

    def close(self) -> None:
        """Close this end."""
        self._end.close()


class Memory:
    """Memory shared by both processes: the reader writes arrays into it, the caller copies them out.

    It is kept from file to file, because reused memory takes a tenth of the time of new memory. The caller
    creates it and makes it larger; on Linux, neither process can shrink it.

    Args:
        descriptor: descriptor of memory that the other process created; None creates it.
    """

    def __init__(self, descriptor: int | None = None):
        if descriptor is None:
            descriptor = _fresh()
        self.descriptor = descriptor
        self.size = 0
        self._map: mmap.mmap | None = None

    def grow(self, size: int) -> None:
        """Make the memory `size` bytes large."""
        os.ftruncate(self.descriptor, size)
        self.see(size)

    def see(self, size: int) -> None:
        """Map the first `size` bytes, which must exist."""
        self._map = mmap.mmap(self.descriptor, size)  # the previous map is freed when no array refers to it any more
        self.size = size

    def put(self, arrays: Mapping[str, NDArray], layout: list[dict[str, Any]]) -> None:
        """Write arrays to the places in `layout`."""
        for entry, array in zip(layout, arrays.values(), strict=True):
            np.ndarray(array.shape, array.dtype, self._map, entry["at"])[...] = array

    def take(self, layout: Any) -> dict[str, NDArray]:
        """Copy arrays from the places in `layout`.

        Raises:
            WireError: the layout is invalid.
        """
        try:
            return dict(self._array(entry) for entry in layout)
        except (TypeError, KeyError, ValueError, OSError) as error:
            raise WireError(str(error)) from error

    def close(self) -> None:
        """Release the memory."""
        self._map = None
        os.close(self.descriptor)

    def _array(self, entry: dict[str, Any]) -> tuple[str, NDArray]:
        name, dtype, shape, at = entry["name"], entry["dtype"], entry["shape"], entry["at"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, at))
        if type(name) is not str or dtype not in _DTYPES or not whole or len(shape) > 5:
            raise WireError("an array of an invalid type or shape")
        count = math.prod(shape)
        if at % _ALIGNED or at + count * np.dtype(dtype).itemsize > self.size:
            raise WireError("an array outside the memory")
        if _LINUX:
            return name, np.ndarray(tuple(shape), dtype, self._map, at).copy()
        array = np.empty(tuple(shape), dtype)  # reading a map of memory that shrank would kill this process
        if array.size and os.preadv(self.descriptor, [array.data.cast("B")], at) != array.nbytes:
            raise WireError("memory that shrank")
        return name, array


def laid_out(arrays: Mapping[str, NDArray]) -> tuple[list[dict[str, Any]], int]:
    """Layout of arrays in memory, as JSON values, and the bytes that they take."""
    layout, size = [], 0
    for name, array in arrays.items():
        layout.append({"name": name, "dtype": array.dtype.str, "shape": list(array.shape), "at": size})
        size += -(-array.nbytes // _ALIGNED) * _ALIGNED
    return layout, size


def _fresh() -> int:
    if not _LINUX:
        with tempfile.TemporaryFile() as file:
            return os.dup(file.fileno())
    import fcntl  # Windows also imports this module, and has no fcntl

    descriptor = os.memfd_create("holodriver", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEAL_SHRINK)
    return descriptor
