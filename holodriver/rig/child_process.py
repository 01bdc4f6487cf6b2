"""A process of the rig, held by the process that started it.

The rig is several processes because each must be able to die without the others: a hung display must not keep lasers
on, a killed host must leave nothing behind. Such a process is started afresh (`spawn`), ignores Ctrl-C (its parent
hears that and shuts it down in order) and ends when its control connection closes, which the operating system does
even when the parent is killed.
"""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any, Self

from holodriver.errors import HolodriverError, RigError

START_TIMEOUT_S = 60.0
"""Starting a Python process takes a fraction of a second; a busy machine gets all the time it needs."""

END_TIMEOUT_S = 5.0
"""A process that has not ended this long after its connection closed is killed."""


URGENT, PATIENT = -10, 5
"""Niceness of what light and frames wait for, and of what works ahead of them. A system that does not grant the first
(Linux: `ulimit -e`, or a group in limits.conf) leaves it as it is."""


class RigProcess:
    """A child process that talks over one connection; a message is a tuple whose first field names it.

    Args:
        name: what the process is, for errors: "display process".
        process: the child, started.
        control: this process's end of the connection.
    """

    def __init__(self, name: str, process: BaseProcess, control: Connection):
        self.name = name
        self.ready: Any = None
        """What the process said when it was ready."""
        self._process, self._control = process, control
        self._closed = False

    @classmethod
    def start(cls, name: str, serve: Callable[..., None], *arguments: Any, niceness: int = URGENT) -> Self:
        """Start a process and wait until it works.

        Args:
            name: see the class.
            serve: module-level function that runs in the process, called with its end of the connection and
                `arguments`. It sends `("ready", value)` once it works, and returns or raises EOFError when the
                connection closes.
            arguments: what else `serve` gets; must pickle. Connections are passed on to the process.
            niceness: of the process, as far as the system grants it.

        Raises:
            RigError: the process did not come up.
        """
        context = multiprocessing.get_context("spawn")
        control, theirs = context.Pipe()
        process = context.Process(target=_run, args=(serve, theirs, niceness, *arguments), name=name, daemon=True)
        with _interrupts_held():
            process.start()
        theirs.close()
        started = cls(name, process, control)
        try:
            started.ready = started.wait_for("ready", START_TIMEOUT_S)[1]
        except BaseException:
            started.close()
            raise
        return started

    @property
    def pid(self) -> int:
        """Process number."""
        assert self._process.pid is not None
        return self._process.pid

    def send(self, *message: Any) -> None:
        """Send a message.

        Raises:
            RigError: the process is gone.
        """
        try:
            self._control.send(message)
        except (OSError, ValueError) as error:
            raise self._gone() from error

    def receive(self, timeout_s: float) -> tuple[Any, ...] | None:
        """The next message, or None when none came in time.

        Raises:
            RigError: the process is gone, or it failed and says why.
        """
        try:
            if not self._control.poll(max(0.0, timeout_s)):
                return None
            message: tuple[Any, ...] = self._control.recv()
        except (OSError, EOFError) as error:
            raise self._gone() from error
        if message[0] == "failed":
            raise message[1]
        return message

    def receive_bytes(self) -> bytes:
        """A large block that the process sends after a message that announced it."""
        try:
            return self._control.recv_bytes()
        except (OSError, EOFError) as error:
            raise self._gone() from error

    def wait_for(
        self, kind: str, timeout_s: float, other: Callable[[tuple[Any, ...]], None] | None = None
    ) -> tuple[Any, ...]:
        """The next message called `kind`; messages before it go to `other`.

        Raises:
            RigError: it did not come in time, or the process is gone.
        """
        due = time.monotonic() + timeout_s
        while (message := self.receive(due - time.monotonic())) is not None:
            if message[0] == kind:
                return message
            if other is not None:
                other(message)
        raise RigError(f"the {self.name} did not answer within {timeout_s:g} s ('{kind}')")

    def kill(self) -> None:
        """End a process that hangs."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End the process and wait until it is gone. Closing twice is allowed."""
        if self._closed:
            return
        self._closed = True
        self._control.close()
        self._process.join(END_TIMEOUT_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _gone(self) -> RigError:
        if self._closed:
            return RigError(f"the {self.name} has been closed")
        self._process.join(END_TIMEOUT_S)
        return RigError(f"the {self.name} has ended (exit code {self._process.exitcode})")


def _run(serve: Callable[..., None], control: Connection, niceness: int, *arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _become(niceness)
    try:
        serve(control, *arguments)
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return  # the parent has closed the connection or is gone: nobody is left to tell
    except Exception as error:
        failure = error if isinstance(error, HolodriverError) else RigError(f"{type(error).__name__}: {error}")
        try:
            control.send(("failed", failure))
        except OSError:
            return


@contextmanager
def urgently() -> Iterator[None]:
    """A block that goes before other work of the machine, in this thread and as far as the system grants it."""
    before = os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else 0
    _become(URGENT)
    try:
        yield
    finally:
        _become(before)


def _become(niceness: int) -> None:
    if hasattr(os, "setpriority"):
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, niceness)


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting, and have a process started here be born with it blocked.

    Otherwise a Ctrl-C while the child still imports would kill it before it can say that it ignores them.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # the first start would start it, which unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
