"""What the machine has to give, and the share of it that this process takes: memory and threads."""

import ctypes
import os
import platform
import sys
from pathlib import Path
from typing import Any

THREADS = "HOLODRIVER_THREADS"
"""Environment variable: threads that a process, and a Blender that it starts, compute with."""


def available_memory() -> int | None:
    """Bytes that a new program could use; all of the memory where the system does not say (macOS); None if unknown."""
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
    """Bytes that the control group (a container, a job of a queue) may still take; huge if it has no limit."""
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
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads_to_use() -> int | None:
    """Threads that this process and its children may compute with; None: as many as there are cores."""
    said = os.environ.get(THREADS, "")
    return int(said) if said.isdigit() and int(said) > 0 else None


def thread_limits(threads: int) -> dict[str, str]:
    """Environment variables that make a process compute with so many threads, whichever library it uses."""
    limited = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", THREADS)
    return dict.fromkeys(limited, str(threads)) | {"OMP_WAIT_POLICY": "PASSIVE"}


def use_threads(threads: int) -> None:
    """Compute with so many threads from now on, in this process and in children started after this."""
    os.environ.update(thread_limits(threads))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)
    if cv2 := sys.modules.get("cv2"):
        cv2.setNumThreads(threads)


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
    library: Any = ctypes  # its `windll` exists on Windows alone
    return status.free if library.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None
