"""Child processes: how they are started, listened to, and ended with everything that they started.

Needs the standard library alone, so that Blender's Python can use it.
"""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

NICE = 10
"""Priority of a background process below that of others, in the steps of Unix."""

LONGEST_LINE = 100_000
"""Bytes of a line of a child's output; a longer line comes in parts."""


def clean_environment() -> dict[str, str]:
    """The environment for another Python, without the variables that belong to the Python that runs now."""
    foreign = ("PYTHON", "VIRTUAL_ENV", "__PYVENV", "CONDA")
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(foreign)}


def own_group(*, background: bool = False) -> dict[str, Any]:
    """Options of `Popen` that give a process a group of its own.

    Ctrl-C then reaches only the parent, which can end the whole group with `kill_group`.

    Args:
        background: on Windows also without a console window and with a lower priority; elsewhere see `stand_back`.
    """
    if os.name != "nt":
        return {"start_new_session": True}
    names = ["CREATE_NEW_PROCESS_GROUP"]
    if background:
        names += ["CREATE_NO_WINDOW", "BELOW_NORMAL_PRIORITY_CLASS"]
    return {"creationflags": sum(getattr(subprocess, name) for name in names)}


def stand_back(pid: int) -> None:
    """Lower the priority of a new process, and so of all that it will start, below that of others."""
    if os.name != "nt":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICE)


def descendants(pid: int) -> set[int]:
    """Process numbers of the children of a process and of theirs, as far as the system tells (not on Windows)."""
    parents: dict[int, int] = {}
    if sys.platform.startswith("linux"):
        for entry in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError, ValueError):
                fields = entry.read_text(errors="replace").rpartition(")")[2].split()  # the name may hold anything
                parents[int(entry.parent.name)] = int(fields[1])
    elif os.name != "nt":
        with suppress(OSError, subprocess.SubprocessError):
            table = subprocess.run(["ps", "-Axo", "pid=,ppid="], capture_output=True, text=True, timeout=2)
            parents = {int(own): int(parent) for own, parent in (line.split() for line in table.stdout.splitlines())}
    found, open_ends = set(), [pid]
    while open_ends:
        parent = open_ends.pop()
        for child, its in parents.items():
            if its == parent and child not in found:
                found.add(child)
                open_ends.append(child)
    return found


def kill(pid: int) -> None:
    """Kill one process at once, if it still runs (not on Windows, where `kill_group` reaches all of a tree)."""
    if os.name != "nt":
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def kill_group(process: subprocess.Popen[Any]) -> None:
    """Kill a process that was started with `own_group`, and its group, at once; does not wait for their end."""
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def listen(stream: IO[bytes] | None, take: Callable[[bytes | None], None]) -> threading.Thread:
    """Read a child's output in a thread of its own.

    Args:
        stream: the pipe; `Popen` made it.
        take: called in the thread with each line, and with None at the end.

    Returns:
        The thread, which runs.
    """
    assert stream is not None
    thread = threading.Thread(target=_read, args=(stream, take), daemon=True)
    thread.start()
    return thread


def _read(stream: IO[bytes], take: Callable[[bytes | None], None]) -> None:
    with suppress(ValueError, OSError):  # closed under the reader, when the child was killed
        while line := stream.readline(LONGEST_LINE):
            take(line)
    take(None)


def ending(status: int) -> str:
    """How a process ended, in words, such as "exit status 3" or "SIGSEGV".

    Args:
        status: `Popen.returncode`; below 0 the number of a signal.
    """
    if status >= 0:
        return f"exit status {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
