"""What the machine has to give: free memory."""

import ctypes
import os
import platform
from pathlib import Path
from typing import Any


def available_memory() -> int | None:
    """Bytes that a new program could use; all of the memory where the system does not say (macOS); None if unknown."""
    if platform.system() == "Linux":
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
        return None
    if platform.system() == "Windows":
        return _windows_memory()
    if "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


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
