"""Runs `holodriver` with a panel window whose flips are edges on a sync wire to an external laser controller.

    python wired.py WIRE play night/ --rig rig.toml --arm

The controller has a serial port of its own and is nothing that the program knows of but by that port: a simulated box,
or the firmware in a simulated chip. What a panel's sync output or a photodiode on its glass would give comes through
the named pipe WIRE, an edge a flip, written after the flip has been done and before the player hears of it. WIRE.flips
tells what stood on the glass from when (`perf_counter`), by the grey level of its first pixel. All else is the
program's own.
"""

import os
import sys
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from holodriver.rig.play import open_rig


class Wire:
    """The writing end of the named pipe, opened by the process that shows frames."""

    def __init__(self, path: str):
        self.path = path
        self._end: Connection | None = None

    def send_bytes(self, data: bytes) -> None:
        if self._end is None:
            self._end = Connection(os.open(self.path, os.O_WRONLY), readable=False)
        self._end.send_bytes(data)


class WiredWindow(open_rig.WiredPanel):
    """A window with a sync wire. Its edges come with its flips, so that light follows them and no clock."""

    def __init__(self, make_panel, wire: Wire):
        super().__init__(make_panel, wire)  # type: ignore[arg-type]  # has what is asked of a connection
        self.synchronised = True
        self._flips = os.open(f"{wire.path}.flips", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def _flip_hw(self, frame) -> None:
        super()._flip_hw(frame)
        os.write(self._flips, f"{time.perf_counter():.6f} {int(frame.flat[0])}\n".encode("ascii"))


def reading_end(folder: Path) -> tuple[Path, Connection]:
    """A new wire: its path, and the end that a simulated box reads; it never ends, whoever comes and goes."""
    path = folder / "sync"
    os.mkfifo(path)
    return path, Connection(os.open(path, os.O_RDWR), writable=False)


def main() -> int:
    make = open_rig.panel_maker
    path = sys.argv[1]
    open_rig.panel_maker = lambda rig, wire, **how: partial(WiredWindow, make(rig, None, **how), Wire(path))
    from holodriver.cli.app import main as holodriver

    return holodriver(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
