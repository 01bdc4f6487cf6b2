"""Rig files: the description of one lab rig as a TOML file with a comment on every line.

    [panel]       the panel as the system sees it (a monitor), and how frames are turned on it
    [display]     the display profile of the holograms
    [controller]  the laser controller
    [heads]       laser heads of other makes that the controller gates
    [limits]      highest allowed power of each laser
    [sequence]    how colours and frames are kept in step
    [calibration] look-up tables and registration
    [diffuser]    the input that tells whether the diffuser turns

Relative paths in a rig file start at the folder of the file.
"""

import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from holodriver.errors import Expected, FileFormatError, InputError, check, numbers, one_of, shown
from holodriver.files.atomic import written_file
from holodriver.files.profile import read_profile
from holodriver.files.text import check_head, read_toml
from holodriver.optics.display import REFERENCE, DisplayProfile

FORMAT, VERSION = "holodriver rig", 1

COLOURS = ("red", "green", "blue")
MODES = ("packed", "external", "host")
SYNCS = ("frame", "refresh")
ROTATIONS = (0, 90, 180, 270)
DIFFUSER_INPUTS = ("none", "interlock", "cts", "dsr", "cd", "ri", "file")

# All safety numbers are defined in this file only; tests/rig/test_safety_numbers.py compares the firmware with them.

MAX_WATCHDOG_MS = 250
"""Longest watchdog time, ms: an armed controller that hears nothing from the host for this time goes dark. No command
and no rig file can raise this time."""

MAX_ON_TIME_US = 30_000
"""Longest light after one sync edge, and longest dark time between edge and light, µs: the limit of the firmware's
timer."""

HEARTBEAT_S = MAX_WATCHDOG_MS * 1e-3 / 5
"""Time between two heartbeats of the host, s: a fifth of the watchdog time, so that a late heartbeat does no harm."""

WATCHDOG_MARGIN_S = 0.05
"""Time that the host waits beyond the watchdog time before it calls the watchdog broken, s: the controller's clock and
the serial line may be slow."""

STALL_S = 0.15
"""Longest time without a new frame, s; then the supervisor makes the lasers dark. With one heartbeat and one answer
added, the light ends well within 350 ms."""

START_S = 1.0
"""Longest time from arming to the first frame, s; there is no light before the first frame's edge."""

JUMP_S = MAX_WATCHDOG_MS * 1e-3
"""Shortest pause of the supervisor, s, that counts as a stop (a held-up process or a sleeping host); the controller's
watchdog has made the lasers dark by then."""

STOPPED_S = 2 * MAX_WATCHDOG_MS * 1e-3
"""Longest time without a frame from the display process, s; then the display process counts as stopped. The watchdog
has made the lasers dark by then."""

SLOWEST_HZ, FASTEST_HZ = 10.0, 10_000.0
"""Lowest and highest rate of new frames, Hz. Slower frames could not feed the watchdog."""

CLASS_3B_MW = 500.0
"""Highest continuous power of a visible class 3B laser (IEC 60825-1), mW. This driver is not made for class 4."""


def _setting(default: Any, says: str, expected: Expected) -> Any:
    """One line of a rig file: default value, comment, and the condition that values must meet."""
    return field(default=default, metadata={"says": says, "expected": expected})


def _text(default: str, says: str, *, empty: bool = True) -> Any:
    def holds(text: Any) -> bool:
        return isinstance(text, str) and text.isprintable() and (empty or bool(text.strip()))

    return _setting(default, says, Expected("a text", holds))


def _choice(default: Any, says: str, choices: tuple[Any, ...]) -> Any:
    return _setting(default, f"{says}: {', '.join(map(repr, choices))}", one_of(*choices))


def _flag(default: bool, says: str) -> Any:
    return _setting(default, says, Expected("true or false", lambda value: isinstance(value, bool)))


def _whole(default: int, says: str, low: int, high: int) -> Any:
    return _setting(default, says, numbers(low, high, whole=True))


def _number(default: float, says: str, low: float, high: float) -> Any:
    return _setting(default, says, numbers(low, high))


def _is_order(order: Any) -> bool:
    return isinstance(order, tuple) and 0 < len(order) == len(set(order)) and set(order) <= set(COLOURS)


class _Section:
    """Base of the sections: the constructor checks every field, so a section always holds allowed values."""

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]  # each subclass is a dataclass
            value = getattr(self, entry.name)
            check(f"field '{_name(type(self))}.{entry.name}'", value, entry.metadata["expected"])
            if isinstance(entry.default, float):
                object.__setattr__(self, entry.name, float(value))


@dataclass(frozen=True)
class PanelSettings(_Section):
    """The panel, which the system sees as a monitor."""

    monitor: str = _text(
        "", "its EDID name or connector (`holodriver monitors` lists them), or its index as a text", empty=False
    )
    allow_primary: bool = _flag(False, "play even on the primary monitor, where people work")
    native_width: int = _whole(3840, "panel pixels in a row", 1, 32768)
    native_height: int = _whole(2160, "rows of panel pixels", 1, 32768)
    refresh_hz: float = _number(60.0, "refreshes a second, Hz", SLOWEST_HZ, FASTEST_HZ)
    binning: int = _whole(2, "native pixels along each side of one pixel of the hologram", 1, 16)
    packed: bool = _flag(False, "the panel takes R, G, B in one 24-bit frame and shows them one after another")
    rotation: int = _choice(0, "degrees clockwise by which frames are turned before they are shown", ROTATIONS)
    flip_horizontal: bool = _flag(False, "mirror frames left to right, after turning")
    flip_vertical: bool = _flag(False, "mirror frames top to bottom, after turning")

    @property
    def native_shape(self) -> tuple[int, int]:
        """Shape (h, w) of the panel, panel pixels."""
        return self.native_height, self.native_width

    @property
    def frame_shape(self) -> tuple[int, int]:
        """Shape (h, w) of panel frames before they are turned by `rotation`, panel pixels."""
        return self.native_shape if self.rotation in (0, 180) else self.native_shape[::-1]

    @property
    def period_s(self) -> float:
        """Time between two refreshes, s."""
        return 1 / self.refresh_hz


@dataclass(frozen=True)
class DisplaySettings(_Section):
    """The display profile of the holograms."""

    profile: str = _text("", "a display profile (TOML); the reference profile if empty")


@dataclass(frozen=True)
class ControllerSettings(_Section):
    """The laser controller."""

    make: str = _text("holodriver", "make of the laser controller", empty=False)
    port: str = _text("", "serial port or pyserial URL (/dev/ttyACM0, COM3); empty: a rig without lasers")
    watchdog_ms: int = _whole(
        MAX_WATCHDOG_MS, "watchdog time, ms: the lasers go dark after this silence of the host", 1, MAX_WATCHDOG_MS
    )


@dataclass(frozen=True)
class HeadSettings(_Section):
    """Laser heads of other makes with a serial port of their own; the controller gates their light."""

    red: str = _text("", "make and port of the red head, 'coherent-obis /dev/ttyUSB1'; empty: the controller drives it")
    green: str = _text("", "make and port of the green head")
    blue: str = _text("", "make and port of the blue head")


@dataclass(frozen=True)
class LimitSettings(_Section):
    """Highest power of each laser; the driver never asks for more."""

    red_mw: float = _number(1.0, "highest power of the red laser, mW", 0, CLASS_3B_MW)
    green_mw: float = _number(1.0, "highest power of the green laser, mW", 0, CLASS_3B_MW)
    blue_mw: float = _number(1.0, "highest power of the blue laser, mW", 0, CLASS_3B_MW)

    @property
    def watts(self) -> tuple[float, float, float]:
        """Highest powers of red, green and blue, W."""
        return self.red_mw * 1e-3, self.green_mw * 1e-3, self.blue_mw * 1e-3


@dataclass(frozen=True)
class SequenceSettings(_Section):
    """How colours and frames are kept in step."""

    mode: str = _choice(
        "external",
        "how lasers follow frames, best first ('host' is not frame-exact, for stills and bring-up)",
        MODES,
    )
    order: tuple[str, ...] = _setting(
        COLOURS,
        "the colours in the order in which they are shown",
        Expected("each of 'red', 'green', 'blue' at most once", _is_order),
    )
    sync: str = _choice("frame", "the sync edge comes once for each new frame, or with every refresh", SYNCS)
    edges_per_frame: int = _choice(
        3, "packed: sync edges for one 24-bit frame; with 1 the panel's own outputs must keep the colours apart", (1, 3)
    )
    dwell: int = _whole(1, "refreshes for which one colour's frame stands", 1, 1000)
    settle_ms: float = _number(
        0.0,
        "dark time after an edge while the liquid crystal settles, ms; 0: a fifth of the time",
        0,
        MAX_ON_TIME_US / 1e3,
    )
    light_ms: float = _number(
        0.0, "light after the dark time, ms; 0: three fifths of the time", 0, MAX_ON_TIME_US / 1e3
    )
    host_delay_ms: float = _number(
        0.0, "calibrated time from the flip to the glass (host), or to its first edge (packed), ms", 0, 50
    )
    dark_gap_ms: float = _number(5.0, "host: dark time before the next frame, ms", 0, 50)


@dataclass(frozen=True)
class CalibrationSettings(_Section):
    """The results of `holodriver calibrate`."""

    file: str = _text("", "calibration file of this panel and these lasers (look-up tables, white balance)")
    registration: str = _text("", "file with the registration of the colours; empty: that in the calibration file")


@dataclass(frozen=True)
class DiffuserSettings(_Section):
    """The input that tells whether the diffuser turns; a standing diffuser shows speckle and concentrates light."""

    state_input: str = _choice(
        "none",
        "source of the state: a line of a serial port, a file that holds 1, or the interlock chain",
        DIFFUSER_INPUTS,
    )
    port: str = _text("", "the serial port or the file of the state input")
    inverted: bool = _flag(False, "the input is low (or the file holds 0) while the diffuser turns")


@dataclass(frozen=True)
class Rig:
    """The settings of one rig, as the rig file holds them.

    Raises:
        InputError: two settings contradict each other; the error names both.
    """

    name: str = "rig"
    panel: PanelSettings = field(default_factory=PanelSettings)
    display: DisplaySettings = field(default_factory=DisplaySettings)
    controller: ControllerSettings = field(default_factory=ControllerSettings)
    heads: HeadSettings = field(default_factory=HeadSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    sequence: SequenceSettings = field(default_factory=SequenceSettings)
    calibration: CalibrationSettings = field(default_factory=CalibrationSettings)
    diffuser: DiffuserSettings = field(default_factory=DiffuserSettings)
    folder: Path = Path()
    """Folder of the rig file; relative paths in the rig file start here."""

    def __post_init__(self) -> None:
        panel, sequence, diffuser = self.panel, self.sequence, self.diffuser
        if sequence.mode == "packed" and not panel.packed:
            raise InputError(
                "field 'sequence.mode' is 'packed', and 'panel.packed' is false: this panel shows no 24-bit frames",
                remedy="set panel.packed, or choose the mode 'external'",
            )
        if sequence.mode == "packed" and set(sequence.order) != set(COLOURS):
            raise InputError("field 'sequence.order' must have all three colours in the mode 'packed'")
        if panel.native_width % panel.binning or panel.native_height % panel.binning:
            raise InputError(
                f"field 'panel.binning' is {panel.binning}, which does not divide "
                f"{panel.native_width} × {panel.native_height} pixels"
            )
        light, period = self.blanking_s + self.on_time_s, self.slot_s
        if sequence.mode != "host" and light >= period:
            raise InputError(
                f"fields 'sequence.settle_ms' and 'sequence.light_ms' take {light * 1e3:.3g} ms, and a colour has "
                f"{period * 1e3:.3g} ms: the light would reach into the next frame"
            )
        rate_hz = panel.refresh_hz / sequence.dwell
        if sequence.sync == "frame" and rate_hz < SLOWEST_HZ:
            raise InputError(
                f"field 'sequence.dwell' is {sequence.dwell}, and 'panel.refresh_hz' {panel.refresh_hz:g}: "
                f"{rate_hz:.3g} new frames a second, expected {SLOWEST_HZ:g} or more"
            )
        if sequence.mode == "host" and (longest_s := self.host_cycle_s + panel.period_s) > STALL_S:
            raise InputError(
                "fields 'sequence.settle_ms', 'light_ms', 'host_delay_ms', 'dark_gap_ms' and 'dwell' put the frames of "
                f"the mode 'host' {longest_s * 1e3:.0f} ms apart, if one refresh is missed; the lasers go dark after "
                f"{STALL_S * 1e3:.0f} ms"
            )
        for colour in COLOURS:
            if len((written := getattr(self.heads, colour)).split()) not in (0, 2):
                raise InputError(f"field 'heads.{colour}' is {written!r}, expected a make and a port")
        if diffuser.state_input not in ("none", "interlock") and not diffuser.port:
            raise InputError(f"field 'diffuser.port' is empty, and the state input is '{diffuser.state_input}'")

    @property
    def slot_s(self) -> float:
        """Time between two sync edges that step the lasers, which is the time of one colour, s."""
        if self.sequence.mode == "packed":
            return self.panel.period_s * self.sequence.dwell / self.sequence.edges_per_frame
        return self.panel.period_s * (self.sequence.dwell if self.sequence.sync == "frame" else 1)

    @property
    def host_cycle_s(self) -> float:
        """Time from one frame to the next in mode "host", s; it includes the light and the wait for a refresh."""
        waits_s = (self.sequence.host_delay_ms + self.sequence.dark_gap_ms) * 1e-3
        return self.slot_s + waits_s + self.blanking_s + self.on_time_s

    @property
    def colour_period_s(self) -> float:
        """Time from one colour to the next in the rig's mode, s."""
        return self.host_cycle_s if self.sequence.mode == "host" else self.slot_s

    @property
    def blanking_s(self) -> float:
        """Dark time after a sync edge, s."""
        return self.sequence.settle_ms * 1e-3 or 0.2 * self.slot_s

    @property
    def on_time_s(self) -> float:
        """Time of light after the dark time, s."""
        return self.sequence.light_ms * 1e-3 or min(0.6 * self.slot_s, MAX_ON_TIME_US / 1e6)

    def path(self, name: str) -> Path | None:
        """Path of a file that the rig file names, in the rig file's folder; None for an empty name."""
        return self.folder / name if name else None

    def profile(self) -> DisplayProfile:
        """Read the display profile.

        Raises:
            FileFormatError: the profile's file cannot be read.
            InputError: the profile is for another panel size.
        """
        where = self.path(self.display.profile)
        profile = REFERENCE if where is None else read_profile(where)
        if profile.native_shape != self.panel.frame_shape or profile.binning != self.panel.binning:
            height, width = profile.native_shape
            raise InputError(
                f"the display profile is for {width} × {height} pixels with a binning of {profile.binning}, and the "
                f"panel of the rig has {self.panel.native_width} × {self.panel.native_height} and "
                f"{self.panel.binning}, turned by {self.panel.rotation}°",
                where=where or "the reference profile",
            )
        return profile


_SECTIONS: dict[str, type] = {
    "panel": PanelSettings,
    "display": DisplaySettings,
    "controller": ControllerSettings,
    "heads": HeadSettings,
    "limits": LimitSettings,
    "sequence": SequenceSettings,
    "calibration": CalibrationSettings,
    "diffuser": DiffuserSettings,
}


def _name(kind: type) -> str:
    return next(name for name, section in _SECTIONS.items() if section is kind)


def read_rig(path: Path) -> Rig:
    """Read a rig file; fields that are left out have their defaults, except the monitor, which must be named.

    Raises:
        FileFormatError: the file is missing, is not TOML or not a rig file of this version, or a field is unknown or
            wrong; the error names the field.
    """
    values = read_toml(path)
    check_head(values, FORMAT, VERSION, path)
    name = values.pop("name", "rig")
    if not isinstance(name, str):
        raise FileFormatError(f"field 'name' is {shown(name)}, expected a text", where=path)
    if unknown := sorted(values.keys() - _SECTIONS.keys()):
        raise FileFormatError(f"field {shown(unknown[0])} is unknown, expected {', '.join(_SECTIONS)}", where=path)
    try:
        sections = {key: _section(key, values.get(key, {})) for key in _SECTIONS}
        return Rig(name, **sections, folder=path.parent)
    except InputError as error:
        raise FileFormatError(error.what, where=path, remedy=error.remedy) from error


def _section(name: str, values: object) -> Any:
    if not isinstance(values, dict):
        raise InputError(f"field '{name}' is {shown(values)}, expected a table [{name}]")
    known = [entry.name for entry in fields(_SECTIONS[name])]
    if unknown := sorted(values.keys() - set(known)):
        raise InputError(f"field {shown(f'{name}.{unknown[0]}')} is unknown, expected {', '.join(known)}")
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    try:
        return _SECTIONS[name](**given)
    except TypeError as error:  # a list of lists does not go into a set
        raise InputError(f"a field of '{name}' is of the wrong type: {error}") from error


def write_rig(path: Path, rig: Rig, *, overwrite: bool = False) -> None:
    """Write a rig file with every field and a comment on each.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    with written_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(rig_text(rig), encoding="utf-8")


def rig_text(rig: Rig) -> str:
    """Format a rig as TOML with a comment on each field."""
    import tomli_w

    def line(key: str, value: Any) -> str:
        written = tomli_w.dumps({key: value}).strip()
        return re.sub(r",\s*\]", "]", re.sub(r"\[\s+", "[", re.sub(r",\n\s+", ", ", written)))

    lines = [line("format", FORMAT), line("version", VERSION), line("name", rig.name)]
    for name, kind in _SECTIONS.items():
        lines += ["", f"# {(kind.__doc__ or '').strip().rstrip('.')}.", f"[{name}]"]
        for entry in fields(kind):
            value = getattr(getattr(rig, name), entry.name)
            shown = line(entry.name, list(value) if isinstance(value, tuple) else value)
            lines += [f"# {entry.metadata['says']}", shown]
    return "\n".join(lines) + "\n"
