"""Comparison of a rig file with the connected rig, line by line, without light."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from holodriver.errors import HolodriverError, InputError, RigError
from holodriver.files.calibration import read_calibration
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.makes import HEADS, open_controller
from holodriver.rig.panel.monitors import REFRESH_TOLERANCE, STRAIGHT, Monitor, chosen_monitor, panel_monitor
from holodriver.rig.play.diffuser import DiffuserInput
from holodriver.rig.play.open_rig import laser_setup, timing_of
from holodriver.rig.settings import Rig
from holodriver.rig.simulated.simulated_box import SimulatedBox
from holodriver.rig.simulated.simulated_rig import SIMULATED


@dataclass(frozen=True)
class Judgement:
    """The result of the check of one line of the rig file."""

    line: str
    """Name of the line, such as "panel.monitor"."""
    good: bool | None
    """Whether the line is right; None if it cannot be judged, or for a note that is no fault."""
    found: str
    """What was found, in words."""

    @property
    def word(self) -> str:
        """The judgement in one word: "ok", "fault" or "note"."""
        return {True: "ok", False: "fault", None: "note"}[self.good]


def faults(judgements: list[Judgement]) -> HolodriverError | None:
    """Error that names the lines at fault; None if there are none."""
    bad = [judgement.line for judgement in judgements if judgement.good is False]
    if not bad:
        return None
    return InputError(f"{len(bad)} of {len(judgements)} lines of the rig file are at fault: {', '.join(bad)}")


def check_rig(rig: Rig) -> list[Judgement]:
    """Compare a rig file with the connected rig. The lasers stay dark and disarmed, and the panel is not opened."""
    judged: list[Judgement] = []
    with _judging(judged, "display.profile"):
        judged.append(Judgement("display.profile", True, f"{rig.profile().name}, the panel's size"))
    judged += check_monitor(rig)
    judged += check_calibration(rig)
    judged += _check_lasers(rig)
    judged += check_heads(rig)
    judged.append(_check_diffuser(rig))
    return judged


def check_monitor(rig: Rig) -> list[Judgement]:
    """Check the panel's monitor: connected, right size and rate, not the primary monitor, linear gamma ramp."""
    if rig.panel.monitor == SIMULATED:
        return [Judgement("panel.monitor", None, "a simulated panel; nothing to find")]
    panel = rig.panel
    judged: list[Judgement] = []
    with _judging(judged, "panel.monitor"):
        monitor = panel_monitor(panel.monitor, panel.native_shape, allow_primary=panel.allow_primary)
        judged.append(Judgement("panel.monitor", True, str(monitor)))
        if monitor.refresh_hz:
            near = abs(monitor.refresh_hz - panel.refresh_hz) <= REFRESH_TOLERANCE * panel.refresh_hz
            judged.append(Judgement("panel.refresh_hz", near, f"the mode has {monitor.refresh_hz:g} Hz"))
        else:
            judged.append(Judgement("panel.refresh_hz", None, "the system does not know the monitor's rate"))
        judged.append(_gamma(monitor))
    return judged


def _gamma(monitor: Monitor) -> Judgement:
    deviation = monitor.gamma_deviation
    if deviation is None:
        return Judgement("gamma", None, "there is no gamma ramp")
    if deviation > STRAIGHT:
        return Judgement("gamma", False, f"bends grey levels by up to {deviation:.0%}; set it to 1")
    return Judgement("gamma", True, "straight")


def check_controller(rig: Rig, lasers: LaserDriver) -> Iterator[Judgement]:
    """Check the controller line by line; the controller is disarmed and stays disarmed."""
    yield Judgement("controller.port", True, lasers.identity())
    lasers.set_watchdog(rig.controller.watchdog_ms)
    yield Judgement("controller.watchdog_ms", True, f"{rig.controller.watchdog_ms} ms")
    tripped = lasers.interlock_tripped()
    yield Judgement(
        "interlock", not tripped, "tripped; close it and press the reset button at the box" if tripped else "closed"
    )
    for colour, watts in zip(Colour, rig.limits.watts, strict=True):
        yield _judged(
            f"limits.{colour.label}_mw",
            partial(_limit, lasers, colour, watts),
        )
    yield _judged("sequence", lambda: _sequence(rig, lasers))


def _limit(lasers: LaserDriver, colour: Colour, watts: float) -> str:
    lasers.set_power(colour, watts)  # disarmed: it stays dark
    lasers.set_power(colour, 0.0)
    return f"{watts * 1e3:g} mW, which the controller allows"


def _sequence(rig: Rig, lasers: LaserDriver) -> str:
    sequence = rig.sequence
    timing = timing_of(rig)
    lasers.sequence(timing.steps, blanking_s=timing.blanking_s, on_time_s=timing.on_time_s, source=timing.source)
    dark_ms, light_ms, period_ms = (1e3 * s for s in (rig.blanking_s, rig.on_time_s, rig.colour_period_s))
    times = f"{dark_ms:.3g} ms dark, {light_ms:.3g} ms light of {period_ms:.3g} ms"
    if sequence.mode == "host":
        return f"host (not frame-exact): {times}, {sequence.dark_gap_ms:g} ms dark before the next frame"
    if timing.holds_back and not _knows_gate(lasers):
        return f"{sequence.mode}: {times}; the controller has no SEQ:GATE, so frames and edges are compared afterwards"
    return f"{sequence.mode}: {times}"


def _check_lasers(rig: Rig) -> list[Judgement]:
    if not rig.controller.port:
        return [Judgement("controller.port", None, "none: a rig without lasers, which plays dark")]
    judged: list[Judgement] = []
    with _judging(judged, "controller.port"):
        if rig.controller.port == SIMULATED:
            limits = tuple(max(watts, 1e-9) for watts in rig.limits.watts)
            with SimulatedBox.open(power_limits_w=limits) as box, _controller(rig, box) as lasers:
                judged += check_controller(rig, lasers)
        else:
            with _controller(rig) as lasers:
                judged += check_controller(rig, lasers)
    return judged


def check_heads(rig: Rig) -> list[Judgement]:
    """Check the laser heads of other makes: known make, connected, closed interlock, dark."""
    written = {colour: getattr(rig.heads, colour.label).split() for colour in Colour}
    return [
        _judged(f"heads.{colour.label}", partial(_head, rig, colour, *words))
        for colour, words in written.items()
        if words
    ]


def _head(rig: Rig, colour: Colour, make: str, port: str) -> str:
    if make not in HEADS:
        raise InputError(f"'{make}' is no make of laser head: {', '.join(HEADS)}")
    with HEADS[make](port, limit_w=rig.limits.watts[colour]) as head:
        head.disarm()  # the head may have been left emitting
        found = head.identity()
        if head.interlock_open():
            raise RigError(
                f"{found}: its own interlock or key keeps it dark",
                remedy="close the interlock and turn the key; software cannot",
            )
    if not rig.controller.port:
        raise InputError(f"{found} has no controller before it to gate it", remedy="set controller.port")
    return f"{found}, dark"


def _controller(rig: Rig, box: SimulatedBox | None = None) -> LaserDriver:
    setup = laser_setup(rig, box)
    return open_controller(setup.port, setup.make)


def _knows_gate(lasers: LaserDriver) -> bool:
    """Whether a controller can hold light back until its frame is confirmed."""
    try:
        lasers.watch_edges(gated=True)
    except RigError:
        return False
    lasers.watch_edges(gated=False)
    return True


def check_calibration(rig: Rig) -> list[Judgement]:
    """Check the calibration files: readable, and for this display's colours and panel."""
    settings = rig.calibration
    files = (("calibration.file", settings.file), ("calibration.registration", settings.registration))
    return [
        _judged(line, partial(_calibration, rig, path))
        if (path := rig.path(name)) is not None
        else Judgement(line, None, "none")
        for line, name in files
    ]


def _calibration(rig: Rig, path: Path) -> str:
    calibration = read_calibration(path)
    panel = serial = None
    if rig.panel.monitor != SIMULATED:
        monitor = chosen_monitor(rig.panel.monitor)
        panel, serial = monitor.name or None, monitor.serial or None
    calibration.check(rig.profile(), panel=panel, serial=serial)
    return f"of {calibration.panel}, {calibration.measured_at:%Y-%m-%d}"


def _check_diffuser(rig: Rig) -> Judgement:
    line = "diffuser.state_input"
    if rig.diffuser.state_input == "none":
        return Judgement(line, None, "none: the driver cannot tell whether the diffuser turns")
    if rig.diffuser.state_input == "interlock":
        return Judgement(line, True, "in the interlock chain")
    return _judged(line, lambda: _diffuser(rig))


def _diffuser(rig: Rig) -> str:
    state = DiffuserInput.open(rig.diffuser, rig.folder)
    try:
        if not state.turns():
            raise InputError("the diffuser stands still")
    finally:
        state.close()
    return "the diffuser turns"


def _judged(line: str, look: Callable[[], str]) -> Judgement:
    try:
        return Judgement(line, True, look())
    except HolodriverError as error:
        return Judgement(line, False, str(error))


@contextmanager
def _judging(judged: list[Judgement], line: str) -> Iterator[None]:
    """Report an error inside the block as a fault of this line."""
    try:
        yield
    except HolodriverError as error:
        judged.append(Judgement(line, False, str(error)))
