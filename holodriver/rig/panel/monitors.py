"""The monitors of this machine, and the one that is meant."""

import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from holodriver.errors import InputError, RigError
from holodriver.rig.panel.edid import Edid, x_outputs

STRAIGHT = 1 / 512
"""Deviation of a gamma ramp that still leaves each of 256 levels as it is."""

REFRESH_TOLERANCE = 0.02
"""Share by which the system's rate may differ from the rig file's: systems round to whole Hz."""

_sessions = 0


@dataclass(frozen=True)
class Monitor:
    """A monitor in its present mode."""

    index: int
    connector: str
    """What the system calls it: DP-2."""
    maker: str
    """Three letters of its maker (EDID); empty if it does not say."""
    name: str
    """What it calls itself (EDID); empty if it does not say."""
    serial: str
    """Its serial number (EDID); empty if it does not say."""
    x: int
    y: int
    width: int
    height: int
    refresh_hz: float
    """Of its mode; 0 if the system does not know."""
    primary: bool
    scale: float
    """Factor that the desktop scales windows by; only 1 shows pixels as they are."""
    gamma_deviation: float | None
    """Largest distance of its gamma ramp from a straight line, 0 to 1; None where there is no ramp."""

    def __str__(self) -> str:
        """The monitor in words."""
        named = " ".join(part for part in (self.maker, self.name) if part)
        names = f"{self.connector} '{named}'" if named else self.connector
        return f"{self.index}: {names}, {self.width} × {self.height} at {self.refresh_hz:.4g} Hz"

    @property
    def identity(self) -> str:
        """Maker, name and serial number, which stay when it is plugged in elsewhere; empty if it says none."""
        return " ".join(part for part in (self.maker, self.name, self.serial) if part)

    @property
    def gamma(self) -> str:
        """The state of its gamma ramp, in words."""
        if self.gamma_deviation is None:
            return "none"
        return "straight" if self.gamma_deviation <= STRAIGHT else f"bent by {self.gamma_deviation:.1%}"

    def as_dict(self) -> dict[str, Any]:
        """Fields as plain values."""
        return {**asdict(self), "gamma": self.gamma}


def panel_monitor(
    selector: str,
    native_shape: tuple[int, int] | None = None,
    *,
    allow_primary: bool = False,
    there: Sequence[Monitor] | None = None,
) -> Monitor:
    """The monitor that is meant, if it can be a panel.

    Args:
        selector: see `chosen_monitor`.
        native_shape: panel pixels (h, w); those of the monitor's present mode unless given.
        allow_primary: take even the primary monitor.
        there: the monitors among which it is; those of this machine unless given.

    Raises:
        InputError: there is none, or several are meant.
        RigError: its mode has another size, the desktop scales it, it is the primary one, or another monitor shows
            the same part of the desktop; or there is no display.
    """
    there = monitors() if there is None else there
    monitor = chosen_monitor(selector, there)
    height, width = native_shape or (monitor.height, monitor.width)
    if (monitor.width, monitor.height) != (width, height):
        raise RigError(
            f"its mode has {monitor.width} × {monitor.height} pixels, and the panel {width} × {height}",
            where=str(monitor),
            remedy="set its native mode, or the rig file's size",
        )
    if monitor.scale != 1:
        raise RigError(
            f"the desktop scales it by {monitor.scale:g}", where=str(monitor), remedy="set its scaling to 100 %"
        )
    if monitor.primary and not allow_primary:
        raise RigError(
            "this is the primary monitor, where people work",
            where=str(monitor),
            remedy="make another one the primary, or allow the primary",
        )
    for other in there:
        if other.index != monitor.index and _overlap(monitor, other):
            raise RigError(
                f"shows the same part of the desktop as {other}", where=str(monitor), remedy="extend, do not mirror"
            )
    return monitor


def chosen_monitor(selector: str, there: Sequence[Monitor] | None = None) -> Monitor:
    """The monitor of this EDID name or connector, or else of this index; whether it can be a panel is not looked at.

    Args:
        selector: "IRIS-U62", "MAY IRIS-U62", "IRIS-U62 0001" (with its serial number), "DP-2", "1".
        there: the monitors among which it is; those of this machine unless given.

    Raises:
        InputError: there is none, or several are meant.
        RigError: there is no display, or two ways to list the monitors disagree.
    """
    there = monitors() if there is None else there
    wanted = selector.strip().casefold()
    matches = [monitor for monitor in there if wanted and wanted in _names(monitor)]
    if not matches:
        matches = [monitor for monitor in there if str(monitor.index) == wanted]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise InputError(
            f"{len(matches)} monitors are called '{selector}'",
            remedy="choose one by its connector: " + ", ".join(monitor.connector for monitor in matches),
        )
    listed = "; ".join(str(monitor) for monitor in there) or "none"
    raise InputError(
        f"there is no monitor '{selector}'; there are {listed}", remedy="is its cable in, and its mode set?"
    )


def monitors() -> list[Monitor]:
    """All monitors, the primary one first; what GLFW says of them is held against screeninfo.

    Raises:
        RigError: there is no display, a library is missing, or the two disagree (names both).
    """
    with glfw_session() as glfw:
        outputs, _ = x_outputs() if platform.system() == "Linux" else ({}, False)
        found = []
        for index, handle in enumerate(glfw.get_monitors()):
            connector = _text(glfw.get_monitor_name(handle))
            x, y = glfw.get_monitor_pos(handle)
            mode = glfw.get_video_mode(handle)
            output = outputs.get(connector)
            edid = output.edid if output and output.edid else Edid()
            found.append(
                Monitor(
                    index=index,
                    connector=connector,
                    maker=edid.maker,
                    name=edid.name,
                    serial=edid.serial,
                    x=x,
                    y=y,
                    width=mode.size.width,
                    height=mode.size.height,
                    refresh_hz=(output.refresh_hz if output else None) or float(mode.refresh_rate),
                    primary=index == 0,  # GLFW lists the primary one first
                    scale=float(max(glfw.get_monitor_content_scale(handle))),
                    gamma_deviation=ramp_deviation(glfw, handle),
                )
            )
    _check_against_screeninfo(found)
    return found


def ramp_deviation(glfw: Any, handle: Any) -> float | None:
    """Largest distance of a monitor's gamma ramp, as it is now, from a straight line, 0 to 1; None without a ramp.

    Args:
        glfw: from `started_glfw`.
        handle: GLFW's handle of the monitor.
    """
    glfw.NORMALIZE_GAMMA_RAMPS = False
    try:
        ramp = glfw.get_gamma_ramp(handle)
    except ValueError:  # a null pointer: no ramp
        return None
    values = np.array([ramp.red, ramp.green, ramp.blue], np.float64) / 65535
    # a server without gamma gives whatever its memory holds, which is no ramp
    if values.shape[1] < 2 or (np.diff(values) < 0).any() or (values[:, 0] == values[:, -1]).any():
        return None
    steps = values.shape[1]
    # 16 bits of which some servers fill only the upper: 0xff00 is as straight as 0xffff
    straight = np.arange(steps) / (steps - 1)
    return float(min(np.abs(values - straight).max(), np.abs(values * 65535 / 65280 - straight).max()))


def straight_ramp(steps: int) -> list[int]:
    """A gamma ramp of this length that changes nothing."""
    return [round(step * 65535 / (steps - 1)) for step in range(steps)]


def monitor_handle(glfw: Any, monitor: Monitor) -> Any:
    """GLFW's handle of a monitor that was listed.

    Raises:
        RigError: it is not there any more, or another mode or place.
    """
    for handle in glfw.get_monitors():
        size = glfw.get_video_mode(handle).size
        place = (*glfw.get_monitor_pos(handle), size.width, size.height)
        if (_text(glfw.get_monitor_name(handle)), place) == (monitor.connector, _place(monitor)):
            return handle
    raise RigError("has gone, or changed its mode", where=str(monitor))


@contextmanager
def glfw_session() -> Iterator[Any]:
    """The module `glfw`, ready; after the last block it holds no connection to the display.

    Raises:
        RigError: it is missing, or there is no display.
    """
    glfw = started_glfw()
    try:
        yield glfw
    finally:
        ended_glfw()


def started_glfw() -> Any:
    """The module `glfw`, ready until `ended_glfw`.

    Raises:
        RigError: it is missing, or there is no display.
    """
    global _sessions
    if platform.system() == "Linux":
        os.environ.setdefault("PYGLFW_LIBRARY_VARIANT", "x11")  # under Wayland no program may choose pixels or gamma
    try:
        import glfw
    except ImportError as error:
        raise RigError(
            "GLFW, which opens the panel's window, is missing", remedy="pip install holodriver[rig]"
        ) from error
    glfw.ERROR_REPORTING = "ignore"
    if not glfw.init():
        raise RigError("there is no display on this machine", remedy="log in to a desktop, or set DISPLAY")
    _sessions += 1
    return glfw


def ended_glfw() -> None:
    """End what `started_glfw` began; the last one gives monitors back the gamma ramps that they had."""
    global _sessions
    import glfw

    _sessions -= 1
    if _sessions == 0:
        glfw.terminate()


def _check_against_screeninfo(found: Sequence[Monitor]) -> None:
    try:
        import screeninfo
    except ImportError as error:
        raise RigError(
            "screeninfo, by which monitors are cross-checked, is missing", remedy="pip install holodriver[rig]"
        ) from error
    try:
        others = screeninfo.get_monitors()
    except screeninfo.ScreenInfoError:
        others = []
    # names of one system mean the same to both; elsewhere each has its own
    same_names = platform.system() == "Linux"
    ours = sorted((*_place(monitor), monitor.connector if same_names else "") for monitor in found)
    theirs = sorted((m.x, m.y, m.width, m.height, (m.name or "") if same_names else "") for m in others)
    if ours != theirs:
        raise RigError(
            f"GLFW sees {_listed(ours)}, and screeninfo {_listed(theirs)}: which monitor is which is not certain",
            remedy="wait until the desktop has settled, and see that no monitor is mirrored, scaled or turned off",
        )
    primary = [(m.x, m.y, m.width, m.height) for m in others if m.is_primary]
    if len(primary) == 1 and found and primary[0] != _place(found[0]):
        raise RigError(
            f"GLFW says that the primary monitor is {found[0]}, and screeninfo the one at {primary[0]}",
            remedy="choose a primary monitor in the desktop's settings",
        )


def _listed(places: Sequence[tuple[int, int, int, int, str]]) -> str:
    return "; ".join(f"{name} {w} × {h} at {x:+d}{y:+d}".strip() for x, y, w, h, name in places) or "no monitor"


def _place(monitor: Monitor) -> tuple[int, int, int, int]:
    return monitor.x, monitor.y, monitor.width, monitor.height


def _overlap(one: Monitor, other: Monitor) -> bool:
    across = one.x < other.x + other.width and other.x < one.x + one.width
    return across and one.y < other.y + other.height and other.y < one.y + one.height


def _names(monitor: Monitor) -> set[str]:
    named = f"{monitor.maker} {monitor.name}"
    names = {monitor.connector, monitor.serial and f"{monitor.name} {monitor.serial}", monitor.identity}
    return {name.strip().casefold() for name in names | ({monitor.name, named} if monitor.name else set()) if name}


def _text(name: Any) -> str:
    return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)
