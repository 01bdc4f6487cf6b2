"""The monitors of this machine, and the one that a rig file means."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from holodriver.errors import RigError

EDID_NAME = b"\x00\x00\x00\xfc\x00"
"""Head of the descriptor that holds a monitor's name (VESA E-EDID A2, 3.10.3.4)."""


@dataclass(frozen=True)
class Monitor:
    """A monitor in its present mode."""

    index: int
    connector: str
    """What the system calls it: DP-2."""
    name: str
    """What it calls itself (EDID); empty if it does not say."""
    x: int
    y: int
    width: int
    height: int
    refresh_hz: float
    """As the system has it; 0 if it does not know."""
    primary: bool
    scale: float
    """Factor that the desktop scales windows by; only 1 shows pixels as they are."""

    def __str__(self) -> str:
        """The monitor in words."""
        names = " ".join(part for part in (self.connector, f"'{self.name}'" if self.name else "") if part)
        return f"{self.index}: {names}, {self.width} × {self.height} at {self.refresh_hz:g} Hz"


def monitors() -> list[Monitor]:
    """All monitors, in the system's order.

    Raises:
        RigError: there is no display, or GLFW is missing.
    """
    glfw = started_glfw()
    edids = _edid_names()
    found = []
    for index, handle in enumerate(glfw.get_monitors()):
        connector = _text(glfw.get_monitor_name(handle))
        x, y = glfw.get_monitor_pos(handle)
        mode = glfw.get_video_mode(handle)
        found.append(
            Monitor(
                index=index,
                connector=connector,
                name=edids.get(connector, ""),
                x=x,
                y=y,
                width=mode.size.width,
                height=mode.size.height,
                refresh_hz=float(mode.refresh_rate),
                primary=index == 0,  # GLFW lists the primary one first
                scale=float(glfw.get_monitor_content_scale(handle)[0]),
            )
        )
    return found


def chosen_monitor(selector: str, there: Sequence[Monitor]) -> Monitor:
    """The monitor of this EDID name, connector or index.

    Raises:
        RigError: there is none, or several have the name.
    """
    for match in (
        [monitor for monitor in there if monitor.name and monitor.name == selector],
        [monitor for monitor in there if monitor.connector == selector],
        [monitor for monitor in there if str(monitor.index) == selector],
    ):
        if len(match) == 1:
            return match[0]
        if match:
            raise RigError(
                f"{len(match)} monitors are called '{selector}'",
                remedy="choose one by its connector: " + ", ".join(monitor.connector for monitor in match),
            )
    listed = "; ".join(str(monitor) for monitor in there) or "none"
    raise RigError(f"there is no monitor '{selector}'; there are {listed}", where="panel.monitor")


def started_glfw() -> Any:
    """The module `glfw`, ready.

    Raises:
        RigError: it is missing, or there is no display.
    """
    try:
        import glfw
    except ImportError as error:
        raise RigError(
            "GLFW, which opens the panel's window, is missing", remedy="pip install holodriver[rig]"
        ) from error
    glfw.ERROR_REPORTING = "ignore"
    if not glfw.init():
        raise RigError("there is no display on this machine", remedy="log in to a desktop, or set DISPLAY")
    return glfw


def _edid_names() -> dict[str, str]:
    """EDID names by connector; empty where xrandr cannot tell."""
    if shutil.which("xrandr") is None:
        return {}
    done = subprocess.run(["xrandr", "--props"], capture_output=True, text=True, timeout=30, check=False)
    names: dict[str, str] = {}
    for part in re.split(r"^(?=\S+ (?:dis)?connected)", done.stdout, flags=re.MULTILINE)[1:]:
        if edid := re.search(r"EDID:\s*\n((?:\s+[0-9a-f]{32}\n)+)", part):
            names[part.split()[0]] = edid_name(bytes.fromhex("".join(edid[1].split())))
    return names


def edid_name(edid: bytes) -> str:
    """The name that a monitor gives itself; empty if it gives none."""
    at = edid.find(EDID_NAME)
    return edid[at + 5 : at + 18].split(b"\n")[0].decode("cp437").strip() if at >= 0 else ""


def _text(name: Any) -> str:
    return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)
