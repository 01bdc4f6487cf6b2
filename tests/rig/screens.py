"""X servers with simulated monitors, for tests that check every pixel of a screen."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

DUMMY_SERVER = """
Section "Device"
    Identifier "card"
    Driver "dummy"
    VideoRam 64000
EndSection
Section "Monitor"
    Identifier "any"
    HorizSync 5-1000
    VertRefresh 5-200
EndSection
Section "Screen"
    Identifier "screen"
    Device "card"
    Monitor "any"
    DefaultDepth 24
    SubSection "Display"
        Depth 24
        Virtual 2048 2048
    EndSubSection
EndSection
"""
MODES = {
    "work": ("25", (480, 500, 520, 600), (270, 272, 275, 300)),
    "panel": ("9.6", (320, 340, 360, 400), (240, 242, 245, 400)),
}
"""Pixel clock in MHz and the modes' timings; 480 × 270 at 138.9 Hz and 320 × 240 at 60 Hz."""


@contextmanager
def virtual_screen(width: int, height: int) -> Iterator[str]:
    """An Xvfb; its display's name."""
    command = ["Xvfb", "-screen", "0", f"{width}x{height}x24", "-noreset"]
    with _server(command) as display:
        yield display


@contextmanager
def two_monitors(folder: Path) -> Iterator[str]:
    """An Xorg of two monitors: DUMMY0, the primary, and right of it DUMMY1, whose EDID says MAY IRIS-U62 0001."""
    config = folder / "dummy.conf"
    config.write_text(DUMMY_SERVER, encoding="utf-8")
    command = ["Xorg", "-config", str(config), "-noreset", "-novtswitch", "-sharevts", "-keeptty", "vt7"]
    with _server([*command, "-logfile", str(folder / "xorg.log")]) as display:
        for name, (clock, across, down) in MODES.items():
            xrandr(display, "--newmode", name, clock, *map(str, (*across, *down)))
        for output, mode in (("DUMMY0", "work"), ("DUMMY1", "panel")):
            xrandr(display, "--addmode", output, mode)
        xrandr(display, "--output", "DUMMY0", "--mode", "work", "--primary")
        xrandr(display, "--output", "DUMMY1", "--mode", "panel", "--right-of", "DUMMY0")
        plug(display, "DUMMY1", made_up_edid("MAY", "IRIS-U62", "0001"))
        yield display


@contextmanager
def _server(command: list[str]) -> Iterator[str]:
    reading, writing = os.pipe()
    server = subprocess.Popen(
        [*command, "-displayfd", str(writing)],
        pass_fds=[writing],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as numbers:
            number = numbers.readline().strip()  # comes when the server answers; an empty line if it died
        if not number:
            raise RuntimeError(f"{command[0]} did not start (exit code {server.wait()})")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


def xrandr(display: str, *arguments: str) -> None:
    """Run xrandr on a display, and have the server look again at what is connected."""
    for command in (arguments, ("--query",)):
        subprocess.run(["xrandr", "-display", display, *command], check=True, capture_output=True)


def made_up_edid(maker: str, name: str, serial: str) -> bytes:
    """The base block of an EDID, by the standard's tables and not by our reader."""
    block = bytearray(128)
    block[0:8] = bytes.fromhex("00ffffffffffff00")
    first, second, third = (ord(letter) - ord("A") + 1 for letter in maker)
    block[8:10] = (first << 10 | second << 5 | third).to_bytes(2, "big")
    block[18:20] = b"\x01\x03"  # EDID 1.3
    for at, tag, text in ((72, 0xFF, serial), (90, 0xFC, name)):
        block[at : at + 18] = bytes([0, 0, 0, tag, 0]) + f"{text}\n".ljust(13).encode("ascii")
    block[127] = -sum(block) % 256
    return bytes(block)


def plug(display: str, connector: str, edid: bytes) -> None:
    """Give a connector an EDID, as a monitor that is plugged in would."""
    from Xlib import X, Xatom
    from Xlib.display import Display

    server = Display(display)
    resources = server.screen().root.xrandr_get_screen_resources_current()
    for output in resources.outputs:
        if server.xrandr_get_output_info(output, resources.config_timestamp).name == connector:
            atom = server.intern_atom("EDID")
            server.xrandr_change_output_property(output, atom, Xatom.INTEGER, X.PropModeReplace, (8, edid))
            server.sync()
    server.close()


def seen(display: str, x: int, y: int, width: int, height: int) -> np.ndarray:
    """What stands in a part of the screen, (h, w, 3)."""
    import mss

    with mss.MSS(display=display) as grabber:
        shot = grabber.grab({"left": x, "top": y, "width": width, "height": height})
        return np.asarray(shot)[..., 2::-1].copy()
