"""Child processes of the rig and the connection to their parent process.

The rig consists of several processes because each must be able to die without the others: a hung display must not keep
lasers on, and a killed host must leave no process behind. A child process is started afresh (`spawn`), ignores Ctrl-C
(the parent process hears Ctrl-C and ends the child in order) and ends when its control connection closes. The
operating system closes the connection even when the parent is killed.
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
"""Longest wait for the start of a child process, s: a fraction of a second is usual, a busy machine may need more."""

END_TIMEOUT_S = 5.0
"""Longest wait for a child process after its connection has closed, s; then the child is killed."""


URGENT, PATIENT = -10, 5
"""Niceness of processes that light and frames wait for, and of processes that work ahead. On a system that does not
grant the first (Linux: `ulimit -e`, or a group in limits.conf), the niceness stays unchanged."""


class RigProcess:
    """A child process that talks over one connection; a message is a tuple whose first field names its kind.

    Args:
        name: name of the child process in errors, such as "display process".
        process: the child process, started.
        control: the parent's end of the connection.
    """

    def __init__(self, name: str, process: BaseProcess, control: Connection):
        self.name = name
        self.ready: Any = None
        """The value that the child sent when it was ready."""
        self._process, self._control = process, control
        self._closed = False

    @classmethod
    def start(cls, name: str, serve: Callable[..., None], *arguments: Any, niceness: int = URGENT) -> Self:
        """Start a child process and wait until it is ready.

        Args:
            name: name of the child process in errors.
            serve: module-level function that runs in the child, called with the child's end of the connection and
                `arguments`. The function sends `("ready", value)` once it is ready, and returns or raises EOFError
                when the connection closes.
            arguments: further arguments of `serve`, which must pickle. Connections are passed on to the child.
            niceness: niceness of the child, as far as the system grants it.

        Raises:
            RigError: the child process did not start.
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
            RigError: the child process has ended.
        """
        try:
            self._control.send(message)
        except (OSError, ValueError) as error:
            raise self._gone() from error

    def receive(self, timeout_s: float) -> tuple[Any, ...] | None:
        """Receive the next message; None if no message comes in time.

        Raises:
            RigError: the child process has ended, or has failed; the error says why.
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
        """Receive a large block that the child process has announced in a message."""
        try:
            return self._control.recv_bytes()
        except (OSError, EOFError) as error:
            raise self._gone() from error

    def wait_for(
        self, kind: str, timeout_s: float, other: Callable[[tuple[Any, ...]], None] | None = None
    ) -> tuple[Any, ...]:
        """Wait for a message of the given kind; messages of other kinds go to `other`.

        Raises:
            RigError: the message did not come in time, or the child process has ended.
        """
        due = time.monotonic() + timeout_s
        while (message := self.receive(due - time.monotonic())) is not None:
            if message[0] == kind:
                return message
            if other is not None:
                other(message)
        raise RigError(f"the {self.name} did not answer within {timeout_s:g} s ('{kind}')")

    def kill(self) -> None:
        """Kill a child process that hangs."""
        self._process.kill()
        self.close()

    def close(self) -> None:
        """End the child process and wait for its end. Closing twice is allowed."""
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
        return  # the parent has closed the connection or has ended, so no error can be sent
    except Exception as error:
        failure = error if isinstance(error, HolodriverError) else RigError(f"{type(error).__name__}: {error}")
        try:
            control.send(("failed", failure))
        except OSError:
            return


@contextmanager
def urgently() -> Iterator[None]:
    """Run a block in this thread before other work of the machine, as far as the system grants it."""
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
    """Block Ctrl-C for a while; a child process that starts meanwhile inherits the block.

    Without the block, Ctrl-C would kill a child that is still importing and does not ignore Ctrl-C yet.
    """
    if not hasattr(signal, "pthread_sigmask") or threading.current_thread() is not threading.main_thread():
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # otherwise the child's start would start the tracker, which unblocks SIGINT
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
