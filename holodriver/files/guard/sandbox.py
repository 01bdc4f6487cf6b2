"""Restrictions of the process that reads files: no endless memory or time, no network, and no other files.

Resource limits work on every POSIX system (macOS ignores the limit of memory). On Linux, Landlock
(landlock(7), 5.13 and later) lets the process read the libraries' folders only, and seccomp(2) forbids sockets and
new programs; neither needs root. The file to be read comes as an open descriptor, so nothing else has to be allowed.
"""

import contextlib
import ctypes
import math
import os
import platform
import resource
import signal
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_ABI_VERSION = 1  # flag: ask for the version
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_ACCESS = ((1, 13), (2, 14), (3, 15), (5, 16))
"""Version of Landlock, and the number of kinds of file access that it controls, from bit 0."""
_BENEATH = 1  # type of a rule for a folder and everything in it
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2  # constants of prctl(2)

_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""AUDIT_ARCH (linux/audit.h) and the column of `_DENIED`, by machine."""

_DENIED = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "execve": (59, 221),
    "execveat": (322, 281),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "open_by_handle_at": (304, 265),
    "mount": (165, 40),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "add_key": (248, 217),
    "keyctl": (250, 219),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
}
"""Numbers of the system calls that are denied, on x86-64 and on AArch64; reading a file needs none of them."""

OPEN_FILES = 64
CPU_SHARE = 4
"""Processor time of all threads that is allowed for each second of wall-clock time, seconds."""

_statm = -1


def restrict(packages: Sequence[Path]) -> dict[str, bool]:
    """Give up permanently all rights that reading files does not need; returns which mechanisms the system has.

    Args:
        packages: folders from which modules may still be imported.
    """
    global _statm
    with contextlib.suppress(OSError):
        _statm = os.open("/proc/self/statm", os.O_RDONLY)
    for what, most in ((resource.RLIMIT_CORE, 0), (resource.RLIMIT_NOFILE, OPEN_FILES)):
        _lower(what, most)
    if sys.platform != "linux":
        return {"landlock": False, "seccomp": False}
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    return {"landlock": _landlock(libc, _readable(packages)), "seccomp": _seccomp(libc)}


def limit(memory: int, seconds: float) -> None:
    """Set limits for the next piece of work, beyond what has been used so far.

    Args:
        memory: additional memory, bytes.
        seconds: wall-clock time after which this process ends.
    """
    held = int(os.pread(_statm, 64, 0).split()[0]) * resource.getpagesize() if _statm >= 0 else 0
    used = resource.getrusage(resource.RUSAGE_SELF)
    _lower(resource.RLIMIT_AS, held + memory)
    _lower(resource.RLIMIT_FSIZE, memory)  # limits the shared memory, too
    _lower(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + CPU_SHARE * seconds))
    signal.alarm(math.ceil(seconds))  # ends the process even if its parent is gone


def _lower(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS refuses some limits
        resource.setrlimit(what, (most, hard))


def _readable(packages: Sequence[Path]) -> list[Path]:
    """Folders and files of Python, its packages and the system's libraries."""
    paths = sysconfig.get_paths()
    named = [Path(paths[name]) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    named += [Path(sys.base_prefix) / "lib", *packages]
    system = ("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/sys/devices/system/cpu", "/proc/cpuinfo", "/dev/null")
    return [path for path in (*named, *map(Path, system)) if path.exists()]


def _landlock(libc: ctypes.CDLL, readable: Sequence[Path]) -> bool:
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _ABI_VERSION)
    if version < 1:
        return False
    bits = max(count for least, count in _FILE_ACCESS if version >= least)
    handled = [(1 << bits) - 1]
    if version >= 4:
        handled.append(0b11)  # binding and connecting TCP
    if version >= 6:
        handled.append(0b11)  # abstract sockets of, and signals to, processes outside
    attributes = (ctypes.c_uint64 * len(handled))(*handled)
    ruleset = libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(ctypes.sizeof(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path in readable:
            _allow(libc, ruleset, path, _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE)
        return bool(libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0)
    finally:
        os.close(ruleset)


class _PathBeneath(ctypes.Structure):
    """landlock_path_beneath_attr of linux/landlock.h."""

    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    with contextlib.suppress(OSError):
        parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            libc.syscall(_ADD_RULE, ruleset, _BENEATH, ctypes.byref(_PathBeneath(access, parent)), 0)
        finally:
            os.close(parent)


class _Instruction(ctypes.Structure):
    """sock_filter of linux/filter.h."""

    _fields_ = (("code", ctypes.c_uint16), ("yes", ctypes.c_uint8), ("no", ctypes.c_uint8), ("value", ctypes.c_uint32))


class _Program(ctypes.Structure):
    """sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_uint16), ("instructions", ctypes.POINTER(_Instruction)))


def _seccomp(libc: ctypes.CDLL) -> bool:
    if platform.machine() not in _ARCHITECTURES:
        return False
    architecture, column = _ARCHITECTURES[platform.machine()]
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_JMP|JGE|K, BPF_RET|K
    kill, refuse, allow = 0x80000000, 0x00050000 | 1, 0x7FFF0000  # ...|1: EPERM
    denied = [numbers[column] for numbers in _DENIED.values()]
    program = [
        (load, 0, 0, 4),  # the architecture
        (equal, 1, 0, architecture),
        (give, 0, 0, kill),
        (load, 0, 0, 0),  # the number of the call
        (at_least, len(denied) + 1, 0, 0x40000000),  # the second table of system calls of x86-64
        *((equal, len(denied) - place, 0, number) for place, number in enumerate(denied)),
        (give, 0, 0, allow),
        (give, 0, 0, refuse),
    ]
    instructions = (_Instruction * len(program))(*(_Instruction(*one) for one in program))
    packed = _Program(len(program), instructions)
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, ctypes.byref(packed), 0, 0) == 0)
