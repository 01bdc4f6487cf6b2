"""Files from strangers: opened and understood by a process of its own, which may do nothing else.

The libraries that read OpenEXR, HDF5, pictures, videos and ONNX are written in C; a file made for it makes them run
into memory that is not theirs, or never end. So a second process runs them, with limits (`sandbox`), and gives back
plain values and arrays (`guard_wire`). It is started when the first file is read, kept for the next, and replaced after
a crash, a hang, or memory that was not enough. What a file says is checked twice: there, and by who asked for it.
"""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from holodriver import errors
from holodriver.errors import FileFormatError, HolodriverError
from holodriver.files.guard.source import Source, opened
from holodriver.files.guard.wire import Memory, Parsed, Wire, WireError

AVAILABLE = os.name == "posix"
"""Windows has no limits of this kind: there readers run in this process."""

WITHOUT = "HOLODRIVER_WITHOUT_GUARD"
"""Environment variable that has files read by this process itself: for debuggers, or where children are forbidden."""

KEPT = 4
"""Reading processes that wait for the next file; more of them end when they have done their work."""

MEMORY_KEPT = 256 << 20
"""Bytes of shared memory up to which a reading process is kept."""

START_TIMEOUT_S = 60.0
GRACE_S = 2.0  # between the time at which a reading process ends itself, and that at which it is ended

Parse = Callable[..., Parsed]
"""Reads a `Source`; a function of a module of `holodriver`."""


@dataclass(frozen=True)
class Limits:
    """What reading one file may take."""

    memory: int = 4 << 30
    """Bytes beyond what the process has before it; a picture of 179 megapixels takes less than 3 GiB."""
    seconds: float = 30.0
    """Until a part of a small file (a picture, a frame of a video) is there, on a machine that is busy."""

    def of(self, size: int) -> "Limits":
        """Those of a file of `size` bytes."""
        return replace(self, seconds=self.seconds + size / SLOWEST)


SLOWEST = 1e6
"""Bytes of a large file that are read in a second, at least."""


LIMITS = Limits()


def read(parse: Parse, path: Path, *, guarded: bool = True, **options: Any) -> Parsed:
    """What `parse` finds in the file at `path`.

    Args:
        parse: called with a `Source` and `options`.
        guarded: by a process of its own; false for what holodriver itself has just written.
        options: plain values.

    Raises:
        FileFormatError: what `parse` raises, or reading the file crashed, hung, or took too much memory.
    """
    with opened(path) as source:
        if not guarded or not is_on():
            return parse(source, **options)
        with _reader() as reader:
            return reader.ask("read", parse, source, LIMITS.of(source.size), options)


class Parts:
    """A file that is read part by part, such as the frames of a video; a context manager and an iterator.

    The next part is read while the last one is worked on.

    Args:
        parse: a generator function, called with a `Source` and `options`, in the reading process.
        path: the file.
        options: as in `read`.
    """

    def __init__(
        self,
        parse: Callable[..., Generator[Parsed, None, None]],
        path: Path,
        **options: Any,
    ):
        self._open = contextlib.ExitStack()
        try:
            source = self._open.enter_context(opened(path))
            self._limits, self._source = LIMITS.of(source.size), source
            self._reader: _Reader | None = None
            self._here: Iterator[Parsed] = iter(())
            if is_on():
                self._reader = self._open.enter_context(_reader())
                self._reader.tell("begin", parse, source, self._limits, options)
            else:
                generator = parse(source, **options)
                self._open.callback(generator.close)
                self._here = generator
        except BaseException:
            self._open.close()
            raise
        self._asked = self._ended = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Parsed:
        """The next part.

        Raises:
            FileFormatError: as in `read`.
        """
        if self._reader is None:
            return next(self._here)
        if self._ended:
            raise StopIteration
        if not self._asked:
            self._reader.say({"do": "next"})
        try:
            part = self._reader.hear(self._source, self._limits)
        except BaseException:
            self._ended = True
            raise
        if part is None:
            self._ended = True
            raise StopIteration
        self._reader.say({"do": "next"})
        self._asked = True
        return part

    def close(self) -> None:
        """Close the file; parts that were not read are not."""
        if self._reader is not None:
            reader, self._reader = self._reader, None
            self._ended = True
            reader.finish()
        self._open.close()


def is_on() -> bool:
    """Whether files are read by another process."""
    return AVAILABLE and os.environ.get(WITHOUT) != "1"


class _Reader:
    """A reading process, as this one sees it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.owner = os.getpid()
        self._ended = False
        with theirs:
            try:
                self._process = subprocess.Popen(
                    _command(),
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env=_environment(),
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for this process, which ends that one in order
                )
            except OSError as error:
                ours.close()
                raise _not_started(error.strerror or str(error)) from error
        self._wire = Wire(ours)
        self._memory = Memory()
        try:
            self._wire.send({"do": "start"}, self._memory.descriptor)
            ready = self._wire.receive(START_TIMEOUT_S)[0]
        except (WireError, TimeoutError) as error:
            self.end()
            raise _not_started(f"exit code {self._process.returncode}") from error
        self.usable = True
        self.held = [str(name) for name in ready.get("held", ())]
        """What of the system's own holds it, beside limits."""

    def ask(
        self, do: str, parse: Callable[..., Any], source: Source, limits: Limits, options: dict[str, Any]
    ) -> Parsed:
        """Have a file read."""
        self.tell(do, parse, source, limits, options)
        parsed = self.hear(source, limits)
        if parsed is None:
            raise self._failed("gave no answer", source)
        return parsed

    def tell(self, do: str, parse: Callable[..., Any], source: Source, limits: Limits, options: dict[str, Any]) -> None:
        """Say what is to be read."""
        message = {
            "do": do,
            "parse": [parse.__module__, parse.__qualname__],
            "path": os.fsdecode(source.path),
            "size": source.size,
            "memory": limits.memory,
            "seconds": limits.seconds,
            "options": options,
        }
        self.say(message, source.descriptor)

    def say(self, message: dict[str, Any], descriptor: int | None = None) -> None:
        """Send a message; if nobody is there, `hear` will say so."""
        with contextlib.suppress(WireError):
            self._wire.send(message, descriptor)

    def hear(self, source: Source, limits: Limits) -> Parsed | None:
        """What was read; None at the end of the parts.

        Raises:
            FileFormatError: what the reader says, or what became of it.
        """
        self.usable = False  # until it has answered in full
        try:
            message = self._receive(limits)
            arrays = {} if "error" in message else self._memory.take(message.get("arrays", ()))
        except TimeoutError:
            self.end()
            raise self._failed(f"could not be read within {limits.seconds:.0f} s", source) from None
        except WireError:
            self.end()
            raise self._died(source, limits) from None
        if "error" in message:
            self.usable = message.get("again") is True
            raise _error(message["error"], source)
        self.usable = self._memory.size <= MEMORY_KEPT
        return None if message.get("ended") else Parsed(message.get("value"), arrays)

    def _receive(self, limits: Limits) -> dict[str, Any]:
        """The next answer, with room made for its arrays."""
        message, descriptor = self._wire.receive(limits.seconds + GRACE_S)
        if descriptor is not None:
            os.close(descriptor)
            raise WireError("a descriptor that nobody asked for")
        if "room" not in message:
            return message
        size = message["room"]
        if type(size) is not int or not 0 < size <= limits.memory:
            raise WireError(f"arrays of {size} bytes")
        self._memory.grow(size)
        self._wire.send({"do": "room", "size": size})
        return self._wire.receive(limits.seconds + GRACE_S)[0]

    def finish(self) -> None:
        """Leave the parts that have not been read."""
        if self.usable:
            self.say({"do": "end"})
            self.usable = False
            try:
                while True:  # an answer may still be under way
                    if self._receive(Limits(seconds=GRACE_S)).get("left"):
                        self.usable = True
                        return
            except (WireError, TimeoutError):
                self.end()

    def end(self) -> None:
        """End the process."""
        if self._ended:
            return
        self._ended = True
        self._wire.close()
        self._memory.close()
        if self.owner == os.getpid():  # not ours to wait for after a fork
            self._process.kill()
            self._process.wait()
        self.usable = False

    def _died(self, source: Source, limits: Limits) -> FileFormatError:
        code = self._process.returncode
        if -code in (signal.SIGALRM, signal.SIGXCPU):
            return self._failed(f"could not be read within {limits.seconds:.0f} s", source)
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return self._failed(f"made its reader crash ({how})", source)

    def _failed(self, what: str, source: Source) -> FileFormatError:
        self.usable = False
        return FileFormatError(
            what, where=source.path, remedy="it is damaged, or made to do harm: get it again from its source"
        )


_idle: list[_Reader] = []
_lock = threading.Lock()


@contextlib.contextmanager
def _reader() -> Iterator[_Reader]:
    """A reading process that nobody else has meanwhile."""
    reader = None
    with _lock:
        while _idle and reader is None:
            reader = _idle.pop()
            if reader.owner != os.getpid():  # from before a fork: the other process talks to it
                reader = None
    if reader is None:
        reader = _Reader()
        _all.add(reader)
    try:
        yield reader
    finally:
        with _lock:
            keep = reader.usable and len(_idle) < KEPT
            if keep:
                _idle.append(reader)
        if not keep:
            reader.end()


_all: "weakref.WeakSet[_Reader]" = weakref.WeakSet()


def _forked() -> None:
    """In a process that was forked: the lock may have been held by a thread that is not here."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


@atexit.register
def _end_all() -> None:
    for reader in list(_all):
        if reader.owner == os.getpid():
            reader.end()


def warm() -> None:
    """Start a reading process now, if there is none, for the first file not to wait for it."""
    if is_on():
        with _reader():
            pass


def held_by() -> list[str]:
    """What holds the reading process beside limits: "landlock", "seccomp", both or neither.

    Raises:
        HolodriverError: it does not start.
    """
    with _reader() as reader:
        return reader.held


def _command() -> list[str]:
    paths = [path for path in sys.path if path and Path(path).is_absolute()]
    start = (
        "import sys; sys.path[:] = sys.argv[1].split(chr(0x1f)); from holodriver.files.guard.reader import main; main()"
    )
    return [sys.executable, "-I", "-S", "-B", "-c", start, "\x1f".join(paths)]


def _environment() -> dict[str, str]:
    kept = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ")
    return {name: os.environ[name] for name in kept if name in os.environ} | {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",  # an arena a thread would take its share of the address space
        "OPENCV_IO_MAX_IMAGE_PIXELS": str(1 << 28),
        "HDF5_PLUGIN_PRELOAD": "::",  # no filters from libraries that lie about
        "HDF5_USE_FILE_LOCKING": "FALSE",
    }


def _not_started(why: str) -> HolodriverError:
    return HolodriverError(
        f"the process that reads files did not start ({why})",
        remedy=f"if this system forbids it, {WITHOUT}=1 reads files without it; then open only files of your own",
    )


def _error(said: Any, source: Source) -> HolodriverError:
    """An error as the reading process tells it, held to what an error may be."""
    said = said if isinstance(said, dict) else {}
    kinds = {"InputError": errors.InputError, "HolodriverError": errors.HolodriverError}
    kind = kinds.get(str(said.get("kind")), FileFormatError)
    what, where, remedy = (_line(said.get(name)) for name in ("what", "where", "remedy"))
    return kind(what or "cannot be read", where=where or source.path, remedy=remedy or None)


def _line(value: Any) -> str:
    text = value if isinstance(value, str) else ""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:600]
