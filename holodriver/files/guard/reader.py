"""Main program of the process that reads files, which `guard` starts. It ends when the connection is closed."""

import errno
import importlib
import json
import os
import signal
import socket
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.errors import FileFormatError, HolodriverError
from holodriver.files.guard import sandbox
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Memory, Parsed, Wire, WireError, laid_out

PACKAGE = "holodriver."


def main() -> None:
    """Answer orders until the connection is closed."""
    wire = Wire(socket.socket(fileno=os.dup(0)))
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # keeps prints of libraries off the connection
        os.dup2(nothing, stream)
    _, descriptor = wire.receive()
    held = sandbox.restrict([Path(np.__file__).parents[1], Path(__file__).parents[3]])
    wire.send({"ready": True, "held": [name for name, taken in held.items() if taken]})
    _Desk(wire, Memory(descriptor)).serve()


class _Desk:
    """Handler of the orders that come over the connection."""

    def __init__(self, wire: Wire, memory: Memory):
        self._wire, self._memory = wire, memory
        self._waiting: list[dict[str, Any]] = []
        """Orders that came while this process waited for room in memory."""

    def serve(self) -> None:
        """Answer orders until the other process closes the connection."""
        try:
            while True:
                self._take(*((self._waiting.pop(0), None) if self._waiting else self._wire.receive()))
        except (WireError, OSError):
            return

    def _take(self, order: dict[str, Any], descriptor: int | None) -> None:
        if descriptor is None:  # an order about parts that have already ended
            self._wire.send({"left": True} if order["do"] == "end" else {"ended": True})
            return
        try:
            source = Source(descriptor, Path(order["path"]), order["size"])
            if order["do"] == "read":
                sandbox.limit(order["memory"], order["seconds"])
                self._answer(lambda: _function(order)(source, **order["options"]))
            else:
                self._parts(order, source)
        finally:
            signal.alarm(0)
            os.close(descriptor)

    def _parts(self, order: dict[str, Any], source: Source) -> None:
        """Send one part for each order."""
        parts: Generator[Parsed, None, None] = _in_parts(order, source)
        try:
            while True:
                signal.alarm(0)  # the caller may take its time between parts
                if self._next()["do"] == "end":
                    self._wire.send({"left": True})
                    return
                sandbox.limit(order["memory"], order["seconds"])
                if not self._answer(lambda: next(parts)):
                    return
        finally:
            parts.close()

    def _next(self) -> dict[str, Any]:
        return self._waiting.pop(0) if self._waiting else self._wire.receive()[0]

    def _answer(self, work: Callable[[], Parsed]) -> bool:
        """Send the result of `work`, or its error; returns whether there may be more."""
        try:
            done = work()
            layout, size = laid_out(done.arrays)
            answer = {"value": done.value, "arrays": layout}
            json.dumps(answer)  # fails here, before half of an answer is sent
            if size > self._memory.size:
                self._wire.send({"room": size})
                while (order := self._wire.receive()[0])["do"] != "room":
                    self._waiting.append(order)
                self._memory.see(size)
            self._memory.put(done.arrays, layout)
        except StopIteration:
            answer = {"ended": True}
        except WireError:
            raise
        except MemoryError:
            answer = _no_memory()
        except HolodriverError as error:
            answer = _told(error)
        except Exception as error:  # an unforeseen error is a defect; the caller still gets one line
            what = f"is damaged in an unforeseen way ({type(error).__name__}: {error})"
            answer = _no_memory() if _is_memory(error) else _told(FileFormatError(what))
        self._wire.send(answer)
        return "arrays" in answer


def _in_parts(order: dict[str, Any], source: Source) -> Generator[Parsed, None, None]:
    yield from _function(order)(source, **order["options"])


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOMEM, errno.EFBIG)


def _no_memory() -> dict[str, Any]:
    # libraries may be in a bad state now, so the next file gets a new process
    return _told(FileFormatError("asks for more memory than a file of its kind may take"), again=False)


def _told(error: HolodriverError, *, again: bool = True) -> dict[str, Any]:
    kind = type(error).__name__
    return {
        "error": {"kind": kind, "what": error.what[:600], "where": error.where, "remedy": error.remedy},
        "again": again,
    }


def _function(order: dict[str, Any]) -> Callable[..., Any]:
    module, name = order["parse"]
    if not module.startswith(PACKAGE):
        raise HolodriverError(f"'{module}' is not a module of holodriver that reads files")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found
