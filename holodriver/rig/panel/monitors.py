"""The monitors of this machine, and the choice of one by name, connector or index."""

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
"""Largest deviation of a gamma ramp from a straight line, 0 to 1, that leaves each of 256 levels unchanged."""

REFRESH_TOLERANCE = 0.02
"""Largest relative difference between the system's refresh rate and the rig file's: systems round to whole Hz."""

_sessions = 0


@dataclass(frozen=True)
class Monitor:
    """A monitor in its current mode."""

    index: int
    """Index in the list of monitors, from 0."""
    connector: str
    """The system's name of the connector, such as "DP-2"."""
    maker: str
    """Three letters of the maker (EDID); empty if unknown."""
    name: str
    """Name of the monitor (EDID); empty if unknown."""
    serial: str
    """Serial number (EDID); empty if unknown."""
    x: int
    """Left edge on the desktop, pixels."""
    y: int
    """Top edge on the desktop, pixels."""
    width: int
    """Width of the mode, pixels."""
    height: int
    """Height of the mode, pixels."""
    refresh_hz: float
    """Refresh rate of the mode, Hz; 0 if the system does not know it."""
    primary: bool
    """Whether this is the primary monitor."""
    scale: float
    """Factor by which the desktop scales windows; only 1 shows pixels unchanged."""
    gamma_deviation: float | None
    """Largest deviation of the gamma ramp from a straight line, 0 to 1; None without a gamma ramp."""

    def __str__(self) -> str:
        """Describe the monitor in words."""
        named = " ".join(part for part in (self.maker, self.name) if part)
        names = f"{self.connector} '{named}'" if named else self.connector
        return f"{self.index}: {names}, {self.width} × {self.height} at {self.refresh_hz:.4g} Hz"

    @property
    def identity(self) -> str:
        """Maker, name and serial number, which do not depend on the connector; empty if unknown."""
        return " ".join(part for part in (self.maker, self.name, self.serial) if part)

    @property
    def gamma(self) -> str:
        """State of the gamma ramp, in words."""
        if self.gamma_deviation is None:
            return "none"
        return "straight" if self.gamma_deviation <= STRAIGHT else f"bent by {self.gamma_deviation:.1%}"

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return {**asdict(self), "gamma": self.gamma}


def panel_monitor(
    selector: str,
    native_shape: tuple[int, int] | None = None,
    *,
    allow_primary: bool = False,
    there: Sequence[Monitor] | None = None,
) -> Monitor:
    """Choose a monitor, and check that it can be a panel.

    Args:
        selector: EDID name, connector or index, as for `chosen_monitor`.
        native_shape: shape (h, w) of the panel, panel pixels; that of the monitor's current mode unless given.
        allow_primary: allow the primary monitor.
        there: monitors to choose from; those of this machine unless given.

    Raises:
        InputError: no monitor or several monitors match.
        RigError: the monitor's mode has another size, the desktop scales it, it is the primary monitor, or another
            monitor shows the same part of the desktop; or there is no display.
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
    """Choose a monitor by EDID name or connector, or otherwise by index, without a check that it can be a panel.

    Args:
        selector: "IRIS-U62", "MAY IRIS-U62", "IRIS-U62 0001" (with its serial number), "DP-2" or "1".
        there: monitors to choose from; those of this machine unless given.

    Raises:
        InputError: no monitor or several monitors match.
        RigError: there is no display, or GLFW and screeninfo list different monitors.
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
    """List all monitors, the primary one first; GLFW's list is compared with screeninfo's.

    Raises:
        RigError: there is no display, a library is missing, or the two lists differ (the error shows both).
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
    """Largest deviation of a monitor's current gamma ramp from a straight line, 0 to 1; None without a ramp.

    Args:
        glfw: the module from `started_glfw`.
        handle: GLFW's handle of the monitor.
    """
    glfw.NORMALIZE_GAMMA_RAMPS = False
    try:
        ramp = glfw.get_gamma_ramp(handle)
    except ValueError:  # a null pointer: no ramp
        return None
    values = np.array([ramp.red, ramp.green, ramp.blue], np.float64) / 65535
    # a server without gamma returns arbitrary memory, which is no ramp
    if values.shape[1] < 2 or (np.diff(values) < 0).any() or (values[:, 0] == values[:, -1]).any():
        return None
    steps = values.shape[1]
    # some servers fill only the upper 8 of 16 bits: a ramp that ends at 0xff00 is straight, too
    straight = np.arange(steps) / (steps - 1)
    return float(min(np.abs(values - straight).max(), np.abs(values * 65535 / 65280 - straight).max()))


def straight_ramp(steps: int) -> list[int]:
    """Make a gamma ramp with `steps` values that changes nothing."""
    return [round(step * 65535 / (steps - 1)) for step in range(steps)]


def monitor_handle(glfw: Any, monitor: Monitor) -> Any:
    """Find GLFW's handle of a listed monitor.

    Raises:
        RigError: the monitor is gone, or has changed its mode or its place on the desktop.
    """
    for handle in glfw.get_monitors():
        size = glfw.get_video_mode(handle).size
        place = (*glfw.get_monitor_pos(handle), size.width, size.height)
        if (_text(glfw.get_monitor_name(handle)), place) == (monitor.connector, _place(monitor)):
            return handle
    raise RigError("has gone, or changed its mode", where=str(monitor))


@contextmanager
def glfw_session() -> Iterator[Any]:
    """Initialise the module `glfw` for a block; the end of the last block closes the connection to the display.

    Raises:
        RigError: GLFW is missing, or there is no display.
    """
    glfw = started_glfw()
    try:
        yield glfw
    finally:
        ended_glfw()


def started_glfw() -> Any:
    """Initialise and return the module `glfw`; each call needs a later call of `ended_glfw`.

    Raises:
        RigError: GLFW is missing, or there is no display.
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
    """End one `started_glfw`; the last end gives all monitors their old gamma ramps back."""
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
    # on Linux both libraries use the same connector names; on other systems each has names of its own
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
