"""The steps before light: check the rig, tell the person what will be lit, and open the lasers in the dark."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from holodriver.errors import RigError
from holodriver.progress import Progress, silent
from holodriver.rig.lasers.power import Power
from holodriver.rig.play.checks import Judgement, check_calibration, check_controller, check_monitor
from holodriver.rig.play.light import DirectLight, Light, SupervisedLight, Timing
from holodriver.rig.play.open_rig import OpenRig
from holodriver.rig.play.report import PlayReport
from holodriver.rig.settings import Rig
from holodriver.rig.simulated.simulated_rig import SIMULATED


@dataclass(frozen=True)
class Heard:
    """Functions that receive the messages of a play."""

    say: Callable[[str], None] = lambda text: None
    """Receives information for the person."""
    warn: Callable[[str], None] = lambda text: None
    """Receives warnings."""
    checked: Callable[[Sequence[Judgement]], None] = lambda judged: None
    """Receives the result of the start-up check."""
    ended: Callable[[PlayReport], None] = lambda report: None
    """Receives the summary, also of a play that was stopped."""
    progress: Progress = silent
    """Receives the progress."""


def check_start(opened: OpenRig, heard: Heard, *, arming: bool, calibrated: bool = True) -> None:
    """Check the rig before a play; nothing is lit. (Frames and edges are compared later, when the play begins.)

    Args:
        opened: the open rig.
        heard: receives the result of the check.
        arming: whether the lasers will be lit.
        calibrated: whether to check the calibration too; false for the measurement of a new calibration.

    Raises:
        RigError: a part of the rig is not as it should be.
    """
    rig = opened.rig
    judged = [*check_monitor(rig), *(check_calibration(rig) if calibrated else ())]
    if not opened.panel.synchronised:
        real = rig.controller.port not in ("", SIMULATED) and rig.sequence.mode != "host"
        found = "frames wait for a clock and not for the monitor's refresh: this display has no vertical sync"
        judged.append(Judgement("panel.sync", False if real else None, found))
    if opened.has_lasers:
        try:
            with opened.controller() as lasers:
                judged += check_controller(rig, lasers)
        except RigError as error:
            if arming:
                raise
            judged.append(Judgement("controller.port", None, f"{error}"))
    elif arming:
        raise RigError("the rig has no laser controller to arm", where=rig.name, remedy="set controller.port")
    heard.checked(judged)
    bad = [f"{judgement.line}: {judgement.found}" for judgement in judged if judgement.good is False]
    if bad and (arming or any(line.startswith("panel.") for line in bad)):
        raise RigError(f"the start-up check failed: {'; '.join(bad)}", remedy="see: holodriver rig check")


def open_light(opened: OpenRig, timing: Timing, stack: ExitStack, *, ordered_w: Sequence[float] | None = None) -> Light:
    """Open the lasers, dark, under the supervisor, after a test of the controller's watchdog.

    A packed panel with endless sync edges is the exception. To find its first colour, edges must be counted at known
    times, so the player holds the controller without a supervisor; if the player dies, the watchdog makes the lasers
    dark.

    Args:
        opened: the open rig.
        timing: timing of colours and frames.
        stack: closes what this function opens.
        ordered_w: highest powers of red, green and blue in this play, W; the rig's limits unless given.

    Raises:
        RigError: the lasers do not answer, the watchdog does not work, or neither supervisor nor player can hold the
            lasers.
    """
    if opened.setup().heads and timing.edge_period_s:
        raise RigError(
            "laser heads of other makes need the supervisor, which cannot hold a packed panel whose edges never stop",
            where=opened.rig.name, remedy="set sequence.sync to 'frame', or drive the lasers by the controller",
        )  # fmt: skip
    limits_w = opened.rig.limits.watts
    if not timing.edge_period_s:
        supervisor = opened.supervisor()
        supervisor.prove_watchdog()
        return SupervisedLight(supervisor, timing, time.perf_counter, limits_w, ordered_w)
    lasers = stack.enter_context(opened.controller())
    lasers.prove_watchdog(timing.watchdog_ms)
    return DirectLight(lasers, timing, time.perf_counter, time.sleep, limits_w if ordered_w is None else ordered_w)


def what_is_lit(rig: Rig, wavelengths: Sequence[float], power: Power, timing: Timing) -> str:
    """Say for the person who arms what will be lit: each colour's power and limit, and the time of its light."""
    lines = []
    for colour in timing.colours:
        watts = power.watts[colour]
        wavelength = f" {wavelengths[colour] * 1e9:.0f} nm" if len(wavelengths) == 3 else ""
        lines.append(f"{colour.label}{wavelength} {watts * 1e3:.3g} mW (limit {power.limits_w[colour] * 1e3:g} mW)")
    lasers = "simulated lasers" if rig.controller.port == SIMULATED else "lasers"
    panel = "a simulated panel" if rig.panel.monitor == SIMULATED else rig.panel.monitor
    return (
        f"{lasers} will be lit on {panel}, {timing.label} mode: {', '.join(lines)}; each for "
        f"{timing.on_time_s * 1e3:.3g} ms of {rig.colour_period_s * 1e3:.3g} ms"
    )
