"""Runs commands of holodriver in a process that the kernel kills, with all its children, if it opens a socket outwards.

    python no_network.py '[["info", "a.holo"], ...]'

A filter of seccomp(2) ends a process that makes a socket of the Internet (AF_INET, AF_INET6) or of packets, by SIGSYS;
children inherit it. Sockets between processes of this machine (AF_UNIX) are left alone.
"""

import ctypes
import json
import platform
import struct
import sys

SOCKET = {"x86_64": (0xC000003E, 41), "aarch64": (0xC00000B7, 198)}
"""AUDIT_ARCH and the number of socket(2)."""
FAMILIES = (2, 10, 17)  # AF_INET, AF_INET6, AF_PACKET


def available() -> bool:
    """Whether this system has such filters."""
    return sys.platform == "linux" and platform.machine() in SOCKET


def forbid() -> None:
    """Have the kernel end this process, and what it starts, at the first such socket."""
    architecture, number = SOCKET[platform.machine()]
    load, equal, give, kill, allow = 0x20, 0x15, 0x06, 0x80000000, 0x7FFF0000
    program = [
        (load, 0, 0, 4),
        (equal, 0, 6, architecture),
        (load, 0, 0, 0),
        (equal, 0, 4, number),
        (load, 0, 0, 16),  # the first argument
        *((equal, len(FAMILIES) - place, 0, family) for place, family in enumerate(FAMILIES)),
        (give, 0, 0, allow),
        (give, 0, 0, kill),
    ]
    packed = b"".join(struct.pack("HBBI", *one) for one in program)
    held = ctypes.create_string_buffer(packed)

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))

    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(38, 1, 0, 0, 0) == 0
    told = Program(len(program), ctypes.addressof(held))
    assert libc.prctl(22, 2, ctypes.byref(told), 0, 0) == 0, ctypes.get_errno()


def main() -> int:
    """The exit code: 0 if all commands did what they should."""
    from holodriver.cli.app import main as run

    forbid()
    for command in json.loads(sys.argv[1]):
        code = run(command)
        print("ran", *command, code, file=sys.stderr, flush=True)
        if code:
            return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
