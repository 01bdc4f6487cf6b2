"""What comes before light: the start-up check, what a person is told, and who holds the lasers."""

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
    """Who is told what."""

    say: Callable[[str], None] = lambda text: None
    warn: Callable[[str], None] = lambda text: None
    checked: Callable[[Sequence[Judgement]], None] = lambda judged: None
    """The start-up check."""
    ended: Callable[[PlayReport], None] = lambda report: None
    """The summary, whether the play came to its end or was stopped."""
    progress: Progress = silent


def check_start(opened: OpenRig, heard: Heard, *, arming: bool, calibrated: bool = True) -> None:
    """The start-up check; nothing is lit. Frames and edges are compared in the dark as the play begins.

    Args:
        opened: the rig.
        heard: is told what was found.
        arming: there will be light.
        calibrated: its calibration counts; not for who measures a new one.

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
    """The lasers, dark, in the hands of their supervisor, once their watchdog has been seen to work.

    A packed panel whose edges never stop is the exception: its first colour must be found by counts that are taken at
    known times, so the player holds the controller itself, whose watchdog then sees to a player that dies.

    Args:
        opened: the rig.
        timing: how its colours are kept in step.
        stack: closes what is opened here.
        ordered_w: the most that red, green, blue may be given, W; the rig's limits unless given.

    Raises:
        RigError: the lasers do not answer, the watchdog does not work, or none of these two can hold them.
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
    """What will be lit, for the person who arms: each colour's power below its limit, and for how long."""
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
