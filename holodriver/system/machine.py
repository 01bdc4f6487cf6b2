"""Memory and threads of the machine, and the share of them that this process may use."""

import ctypes
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

THREADS = "HOLODRIVER_THREADS"
"""Environment variable with the number of threads that a process, and a Blender that it starts, may use."""


def available_memory() -> int | None:
    """Memory that a new program could use, bytes; all memory if the system does not tell (macOS); None if unknown."""
    if platform.system() == "Linux":
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return min(int(line.split()[1]) * 1024, _left_in_group())
        return None
    if platform.system() == "Windows":
        return _windows_memory()
    if "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _left_in_group() -> int:
    """Memory that the control group (a container, a job of a queue) may still take, bytes; a huge number without a
    limit."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = (folder / "memory.max").read_text().strip()
        used = int((folder / "memory.current").read_text())
        cached = next(
            int(line.split()[1])
            for line in (folder / "memory.stat").read_text().splitlines()
            if line.startswith("inactive_file ")
        )
    except (OSError, ValueError, StopIteration):
        return sys.maxsize
    return sys.maxsize if limit == "max" else max(0, int(limit) - used + cached)


def cores() -> int:
    """Number of cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_to_use() -> int | None:
    """Number of threads that this process and its children may use; None: as many as there are cores."""
    said = os.environ.get(THREADS, "")
    return int(said) if said.isdigit() and int(said) > 0 else None


def thread_limits(threads: int) -> dict[str, str]:
    """Environment variables that make a process use the given number of threads, whichever library computes."""
    limited = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", THREADS)
    return dict.fromkeys(limited, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Limit the threads of this process, and of children that it starts, inside the block; None: no limit."""
    if threads is None:
        yield
        return
    limits = thread_limits(threads)
    environment = {name: os.environ.get(name) for name in limits}
    os.environ.update(limits)
    # torch last: Numba, when it starts its threads, changes the OpenMP threads, which torch uses
    before = _set_threads(dict.fromkeys(("numba", "cv2", "torch"), threads))
    try:
        yield
    finally:
        for name, value in environment.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _set_threads(before)


def _set_threads(wanted: dict[str, int]) -> dict[str, int]:
    """Set the threads of the libraries that are loaded; returns the numbers from before."""
    before: dict[str, int] = {}
    for name, threads in wanted.items():
        library: Any = sys.modules.get(name)
        if library is None:
            continue
        if name == "cv2":
            before[name] = library.getNumThreads()
            library.setNumThreads(threads)
            continue
        before[name] = library.get_num_threads()
        most = library.config.NUMBA_NUM_THREADS if name == "numba" else threads
        library.set_num_threads(min(threads, most))
    return before


def _windows_memory() -> int | None:
    class MemoryStatus(ctypes.Structure):
        """MEMORYSTATUSEX of the Windows API."""

        _fields_ = (
            ("length", ctypes.c_uint32),
            ("load", ctypes.c_uint32),
            ("total", ctypes.c_uint64),
            ("free", ctypes.c_uint64),
            ("others", ctypes.c_uint64 * 5),
        )

    status = MemoryStatus(length=ctypes.sizeof(MemoryStatus))
    library: Any = ctypes  # `windll` exists on Windows alone
    return status.free if library.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
