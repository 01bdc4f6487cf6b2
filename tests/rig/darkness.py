"""Failures that must end the light of a whole rig, with the firmware in a simulated chip that follows the wall clock.

A player with its supervisor and display processes lights the firmware's lasers at 60 Hz. The edges come from the chip's
own bench and go on whatever dies, as those of a panel whose computer has died may. Then something is killed.
`scripts/bench/darkness.py` prints the figures; the tests hold them to the limits.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rig.chip import Change, Chip

REFRESH_HZ = 60.0
SHAPE = (6, 10)
PATIENCE_S = 20.0
ATTEMPTS = 8


class Darkness(NamedTuple):
    """Times are s after the blow."""

    simulated_s: float
    """Gate and light off, in the chip's time."""
    wall_s: float | None
    """The same on the wall; None for what is done to the chip itself."""
    last_light_s: float
    """The end of the last light, in the chip's time."""
    relit: bool
    """Whether there was any light in the half second that followed."""


class Rig(NamedTuple):
    chip: Chip
    player: subprocess.Popen[str]
    display: int
    supervisor: int

    def signal(self, process: str, number: int) -> None:
        os.kill(self.player.pid if process == "player" else getattr(self, process), number)


BLOWS: dict[str, Callable[[Rig], float | None]] = {
    "player SIGKILL": lambda rig: rig.signal("player", signal.SIGKILL),
    "player SIGTERM": lambda rig: rig.signal("player", signal.SIGTERM),
    "player Ctrl-C": lambda rig: rig.signal("player", signal.SIGINT),
    "player hangs": lambda rig: rig.signal("player", signal.SIGSTOP),
    "display SIGKILL": lambda rig: rig.signal("display", signal.SIGKILL),
    "display hangs": lambda rig: rig.signal("display", signal.SIGSTOP),
    "supervisor SIGKILL": lambda rig: rig.signal("supervisor", signal.SIGKILL),
    "supervisor SIGTERM": lambda rig: rig.signal("supervisor", signal.SIGTERM),
    "supervisor hangs": lambda rig: rig.signal("supervisor", signal.SIGSTOP),
    "USB unplugged": lambda rig: rig.chip.time("unplug"),
    "interlock opens": lambda rig: rig.chip.interlock(closed=False),
    "firmware hangs": lambda rig: rig.chip.time("hang 0"),
}
"""What can be done to a rig; what is done to the chip itself gives the chip's time then, s."""


def strike(programs: tuple[Path, Path], blow: str) -> Darkness:
    """Light a rig, do `blow` to it, and see when it is dark.

    A rig that went dark before the blow, because a busy machine held its processes up, is lit once more, by a new one.
    """
    for _ in range(ATTEMPTS):
        if (found := _strike(programs, blow)) is not None:
            return found
    raise AssertionError(f"the machine is too busy: {ATTEMPTS} times the rig was dark before anything was done to it")


def _strike(programs: tuple[Path, Path], blow: str) -> Darkness | None:
    with Chip(programs) as chip:
        chip.tell("pace 1")
        chip.edges(REFRESH_HZ, 1_000_000)
        player = subprocess.Popen(
            [sys.executable, __file__, chip.port],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it dies, and says so
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        assert player.stdout is not None
        display, supervisor = 0, 0
        try:
            if not (pids := player.stdout.readline().split()):
                return None
            display, supervisor = (int(word) for word in pids)
            rig = Rig(chip, player, display, supervisor)
            before = _until(chip, lambda changes: any(change.lit for change in changes))
            if not before[-1].gate:
                return None
            struck_s, wall_s = _now(chip), time.perf_counter()
            at_s = BLOWS[blow](rig)
            struck_s = struck_s if at_s is None else at_s
            changes = _until(chip, lambda changes: bool(changes) and not changes[-1].gate)
            dark = next(change for change in changes if not change.gate)
            after_s = _now(chip) + 0.5
            while _now(chip) < after_s:
                select_nothing(0.02)
            later = chip.log()
            if dark.at_s < struck_s:
                return None
            light = [end.at_s for begin, end in _pairs([*before, *changes]) if begin.lit]
            relit = any(change.lit for change in [*changes, *later] if change.at_s > dark.at_s)
            wall = dark.wall_s - wall_s if at_s is None else None
            return Darkness(dark.at_s - struck_s, wall, max(light) - struck_s, relit)
        finally:
            for pid in (display, supervisor):
                _end(pid)
            player.kill()
            player.communicate()


def select_nothing(seconds: float) -> None:
    """Let real time pass for processes that run by it."""
    import select

    select.select([], [], [], seconds)


def _pairs(changes: list[Change]) -> list[tuple[Change, Change]]:
    return list(pairwise(changes))


def _now(chip: Chip) -> float:
    return chip.time("run 0")


def _until(chip: Chip, done: Callable[[list[Change]], bool]) -> list[Change]:
    changes: list[Change] = []
    due = time.monotonic() + PATIENCE_S
    while not done(changes):
        assert time.monotonic() < due, "it never came"
        select_nothing(0.005)
        changes += chip.log()
    return changes


def _end(pid: int) -> None:
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def play(port: str) -> None:
    """The player: frames on a simulated panel, told to a supervisor that lights lasers by them."""
    import numpy as np
    from rig.plays import showing

    from holodriver.rig.laser_colour import Colour
    from holodriver.rig.lasers.arming import ArmOrder, StepOrder
    from holodriver.rig.lasers.makes import LaserSetup
    from holodriver.rig.lasers.supervisor import LaserSupervisor
    from holodriver.rig.panel.panel_process import PanelProcess
    from holodriver.rig.simulated.simulated_panel import SimulatedPanel

    powers = dict.fromkeys(Colour, 0.001)
    # the edges are not this panel's, so that their number is not compared with its frames
    setup = LaserSetup(port, powers, skew_s=1e9)
    with (
        LaserSupervisor.open(setup) as supervisor,
        PanelProcess(partial(SimulatedPanel, SHAPE, REFRESH_HZ), SHAPE, REFRESH_HZ) as panel,
        ExitStack() as stack,
    ):
        supervisor.arm(ArmOrder(powers, powers), StepOrder(list(Colour), blanking_s=0.002, on_time_s=0.012))
        stack.enter_context(showing(panel, np.zeros((3, *SHAPE), np.uint8)))
        told = 0
        while panel.playing:
            panel.wait(0.05)
            for frame in panel.shown[told:]:
                supervisor.feed(frame.flip.at_s)
            if told < 30 <= len(panel.shown):
                print(panel.pid, supervisor.pid, flush=True)
            told = len(panel.shown)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    play(sys.argv[1])
