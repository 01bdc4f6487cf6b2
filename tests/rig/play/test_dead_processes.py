"""Killing processes of the rig: the lasers go dark, stay dark, and no process is left.

Durations are the box's own; nothing here asserts how long anything took on the wall.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from rig.plays import POWER, REFRESH_HZ, SHAPE, holograms, rig, showing, staged

from holodriver.errors import RigError
from holodriver.optics.display import REFERENCE
from holodriver.rig.child_process import RigProcess
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.panel.panel import Flip
from holodriver.rig.panel.panel_process import PanelProcess, ShownFrame
from holodriver.rig.play.light import DirectLight, Timing
from holodriver.rig.play.live import LivePlayer
from holodriver.rig.play.open_rig import open_rig, timing_of
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.play.sequencer import HEARTBEAT_S
from holodriver.rig.simulated.box_state import MAX_WATCHDOG_MS
from holodriver.rig.simulated.recording import read_recording
from holodriver.rig.simulated.simulated_box import SimulatedBox
from holodriver.rig.simulated.simulated_panel import SimulatedPanel

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")

WATCHDOG_S = MAX_WATCHDOG_MS / 1000  # of the box, unless it is told another
TICK_S = 1e-6  # rounding of the box's time


def _host(control, port: str) -> None:
    """A host that arms the lasers and keeps them alive until it is killed."""
    lasers = LaserController.open(port)
    for colour in Colour:
        lasers.set_power(colour, 0.001)
    lasers.sequence(list(Colour), blanking_s=0.002, on_time_s=0.012)
    lasers.arm()
    control.send(("ready", None))
    while not control.poll(HEARTBEAT_S / 2):
        lasers.heartbeat()


def flip_at_least(panel: PanelProcess, number: int) -> None:
    while len(panel.shown) < number:
        assert panel.wait(30.0)


def figures(what: str, *, kill: float, last_line: float, light: float, dark: float) -> None:
    """What `pytest -s` shows: box times in ms after the kill."""
    times = {"last line": last_line, "light ended": light, "disarmed": dark}
    print(f"\n{what}:", ", ".join(f"{name} {1e3 * (at - kill):+.1f} ms" for name, at in times.items()))


def test_a_killed_host_leaves_the_box_dark_while_the_panel_goes_on():
    edges, wire = multiprocessing.Pipe(duplex=False)
    with (
        SimulatedBox.open(edges) as box,
        PanelProcess(partial(SimulatedPanel, SHAPE, REFRESH_HZ, wire), SHAPE, REFRESH_HZ) as panel,
        ExitStack() as stack,
    ):
        edges.close()
        wire.close()
        host = RigProcess.start("host", _host, box.port)
        stack.enter_context(showing(panel, np.zeros((3, *SHAPE), np.uint8)))
        flip_at_least(panel, 10)
        killed_s = time.perf_counter()
        os.kill(host.pid, signal.SIGKILL)
        logged = box.wait_for("disarmed")
        edges_at_dark = box.report().edges
        while sum(frame.flip.at_s > logged.event.at_s for frame in panel.shown) < 10:
            assert panel.wait(30.0)
        report = box.report()
        host.close()
    silent_s = logged.event.at_s - report.last_line_s
    last_light_s = max(pulse.end_s for pulse in report.pulses)
    figures("host killed", kill=killed_s, last_line=report.last_line_s, light=last_light_s, dark=logged.event.at_s)
    assert logged.event.reason == "watchdog"
    assert silent_s <= WATCHDOG_S + TICK_S
    assert last_light_s <= logged.event.at_s, "light after the watchdog"
    assert last_light_s > killed_s - 1.0, "it was lit until then, so the watchdog was what ended it"
    assert report.edges == edges_at_dark, "edges that went on were not counted, and lit nothing"
    assert not report.armed


@pytest.mark.parametrize("blow", ["SIGKILL", "SIGSTOP"], ids=["killed", "hanging"])
def test_a_dead_display_process_leaves_the_lasers_dark(blow):
    struck_s: list[float] = []

    def strike() -> None:
        if sum(frame.hologram >= 0 for frame in stage.shown) >= 30 and not struck_s:
            struck_s.append(time.perf_counter())
            os.kill(opened.panel.pid, getattr(signal, blow))

    with open_rig(rig()) as opened, staged(opened) as stage:
        for _ in range(3):
            timing = timing_of(rig())
            player = stage.player(
                Playlist(1, loop=True), timing, light=stage.light(timing), power=POWER, each_turn=strike
            )
            with pytest.raises(RigError, match=r"display process has|made dark|gone dark by itself"):
                player.run()
            if struck_s:
                break  # otherwise the machine held a process up, and was first
        report = opened.box.report()
        disarmed_s = [logged.event.at_s for logged in opened.box.events if logged.event.kind == "disarmed"][-1]
        last_flip_s = stage.shown[-1].flip.at_s
    last_light_s = max(pulse.end_s for pulse in report.pulses)
    figures(blow, kill=struck_s[0], last_line=report.last_line_s, light=last_light_s, dark=disarmed_s)
    assert not report.armed
    assert disarmed_s >= last_flip_s
    assert last_light_s > struck_s[0] - 1.0, "it was lit until then"
    assert last_light_s <= min(disarmed_s, last_flip_s + 2 / REFRESH_HZ)
    assert last_light_s - struck_s[0] < 0.350


def test_a_box_process_that_was_held_up_does_not_blame_the_host():
    with SimulatedBox.open() as box, LaserController.open(box.port) as lasers:
        lasers.arm()
        os.kill(box.pid, signal.SIGSTOP)
        threading.Timer(WATCHDOG_S + 0.1, os.kill, (box.pid, signal.SIGCONT)).start()
        lasers.heartbeat()
        assert box.report().armed


def test_while_a_panel_shows_nothing_the_box_is_told_nothing():
    """The rule behind the test above, without processes: no frame, no heartbeat."""
    clock = Clock()
    lasers, panel = CountingLasers(), StalledPanel(clock, flips=3)
    timing = Timing("external", tuple(Colour), (0, 1, 2), blanking_s=0.004, on_time_s=0.012, gated=False)
    light = DirectLight(lasers, timing, clock, clock.sleep)
    player = LivePlayer(
        panel, Memory(), Playlist(1, loop=True), timing, light=light, power=POWER, clock=clock, sleep=clock.sleep
    )
    with pytest.raises(RigError, match="shown nothing"):
        player.run()
    assert lasers.heartbeats_after_arming == 1
    assert not lasers.armed


class Clock:
    """Seconds that pass when somebody waits."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class CountingLasers(LaserDriver):
    """A driver whose box always agrees; counts the heartbeats."""

    has_hardware_watchdog = True

    def __init__(self):
        super().__init__("nowhere")
        self.heartbeats_after_arming = 0
        self._box_armed = False

    def _exchange_hw(self, line: str) -> str:
        if line.startswith("OUTP O"):
            self._box_armed = line == "OUTP ON"
        elif line == "OUTP?" and self._box_armed:
            self.heartbeats_after_arming += 1
        return {"SEQ:COUN?": "3,3", "OUTP?": str(int(self._box_armed))}.get(line, "OK")


class StalledPanel:
    """Reports its flips at once and then nothing more, while it lives on."""

    refresh_hz = REFRESH_HZ

    def __init__(self, clock: Clock, flips: int):
        self.playing, self.shown, self._clock, self._flips = False, [], clock, flips

    def stream(self, *, hold=False):
        self.playing = True

    def queue(self, entry):
        pass

    def finish(self):
        pass

    def wait(self, timeout_s):
        if not self._flips:
            self._clock.sleep(timeout_s)
            return False
        self.shown += [
            ShownFrame(Flip(number, number / REFRESH_HZ, 0), -1, number % 3) for number in range(self._flips)
        ]
        self._flips = 0
        return True

    def stop(self):
        self.playing = False


class Memory:
    """All holograms are there."""

    capacity = 1

    def slot(self, hologram):
        return hologram

    def want(self, holograms, held):
        pass


RIG_THAT_WAITS = """
import multiprocessing, sys
from rig.plays import rig
from holodriver.rig.play.open_rig import open_rig
if __name__ == "__main__":
    with open_rig(rig()) as opened:
        opened.supervisor()
        print(*(process.pid for process in multiprocessing.active_children()), flush=True)
        sys.stdin.read()
"""

RIG_THAT_PLAYS = """
import multiprocessing
from pathlib import Path
from holodriver.rig.play.session import PlaySettings, play_on_rig
from holodriver.rig.simulated.simulated_rig import Simulation
from holodriver.rig.play.before_light import Heard

told = []
def tell(stage, done, total, note=""):
    if stage == "playing" and done >= 60 and not told:
        told.append(print(*(process.pid for process in multiprocessing.active_children()), flush=True))

if __name__ == "__main__":
    simulation = Simulation(50.0, record=Path("seen"))
    try:
        play_on_rig(simulation, [Path("0.holo")], PlaySettings(arm=True, loop=True), heard=Heard(progress=tell))
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.fixture
def program(tmp_path):
    """Starts a script in a process group of its own; gives it and the pids that it prints first."""
    running = []

    def start(script: str) -> tuple[subprocess.Popen, list[int]]:
        profile = replace(REFERENCE, width=5, height=3)
        holograms(tmp_path, [np.zeros((3, *profile.native_shape), np.uint8)], profile)
        path = tmp_path / "rig_program.py"
        path.write_text(script)
        process = subprocess.Popen(
            [sys.executable, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        running.append(process)
        return process, [int(pid) for pid in process.stdout.readline().split()]

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for strangers' ends by pidfd")
@pytest.mark.parametrize("script", [RIG_THAT_WAITS, RIG_THAT_PLAYS], ids=["waits", "plays"])
def test_a_killed_program_leaves_no_process_behind(program, script):
    process, pids = program(script)
    handles = [os.pidfd_open(pid) for pid in pids]
    assert len(handles) >= 3, "panel, lasers and their supervisor"
    process.kill()
    # a pidfd turns readable when its process has ended
    ended: set[int] = set()
    while len(ended) < len(handles):
        ready = multiprocessing.connection.wait([handle for handle in handles if handle not in ended], 30.0)
        assert ready, "a process of the rig outlived its program"
        ended.update(ready)
    for handle in handles:
        os.close(handle)


def test_ctrl_c_reaches_the_program_alone_and_what_was_seen_is_written(program, tmp_path):
    process, pids = program(RIG_THAT_PLAYS)
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=60)
    assert said.split() == ["interrupted"], complaints
    assert process.returncode == 0
    assert complaints == ""
    seen = read_recording(tmp_path / "seen")
    assert len(seen) >= 3
    assert all(exposure.colour in (None, exposure.plane) for exposure in seen)
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
