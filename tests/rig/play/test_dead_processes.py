"""Killing processes of the rig: the lasers go dark, stay dark, and nothing is left behind.

Durations are the box's own; nothing here asserts how long anything took on the wall.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from holodriver.errors import RigError
from holodriver.rig.child_process import RigProcess
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.panel.panel import Flip
from holodriver.rig.panel.panel_process import PanelProcess, ShownFrame
from holodriver.rig.play.report import HEARTBEAT_S, WATCHDOG_MS, play
from holodriver.rig.simulated.simulated_box import SimulatedBox
from holodriver.rig.simulated.simulated_panel import SimulatedPanel
from holodriver.rig.simulated.simulated_rig import SimulatedRig

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")

SHAPE = (6, 10)
REFRESH_HZ = 50.0
WATCHDOG_S = WATCHDOG_MS / 1000
TICK_S = 1e-6  # rounding of the box's time
FRAMES = [np.zeros((3, *SHAPE), np.uint8)]


def _host(control, port: str) -> None:
    """A host that arms the lasers and keeps them alive until it is killed."""
    lasers = LaserController(port)
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
        SimulatedBox(edges) as box,
        PanelProcess(partial(SimulatedPanel, SHAPE, REFRESH_HZ, wire), SHAPE, REFRESH_HZ) as panel,
    ):
        edges.close()
        wire.close()
        panel.preload(FRAMES)
        host = RigProcess("host", _host, box.port)
        panel.start(cycles=100_000)
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


@pytest.mark.parametrize(
    ("blow", "reason"),
    [("SIGKILL", "OUTP OFF"), ("SIGSTOP", "watchdog")],
    ids=["killed", "hanging"],
)
def test_a_dead_display_process_leaves_the_lasers_dark(blow, reason):
    struck_s: list[float] = []

    def strike(stage: str, done: int, total: int, note: str = "") -> None:
        if done >= 10 and not struck_s:
            struck_s.append(time.perf_counter())
            os.kill(rig.panel.pid, getattr(signal, blow))

    with SimulatedRig(SHAPE, REFRESH_HZ) as rig:
        lasers = rig.lasers()
        with pytest.raises(RigError, match=r"display process has|gone dark by itself"):
            play(FRAMES, rig.panel, lasers, cycles=100_000, progress=strike)
        logged = rig.box.wait_for("disarmed")
        report = rig.box.report()
        last_flip_s = rig.panel.shown[-1].flip.at_s
        assert not lasers.armed
    last_light_s = max(pulse.end_s for pulse in report.pulses)
    figures(blow, kill=struck_s[0], last_line=report.last_line_s, light=last_light_s, dark=logged.event.at_s)
    # a host that was held up itself for so long finds the watchdog has been there first
    assert logged.event.reason in {reason, "watchdog"}
    # heartbeats end with the frames: the last can be one heartbeat time after the last flip
    assert not report.armed
    assert logged.event.at_s >= last_flip_s
    assert last_light_s <= min(logged.event.at_s, last_flip_s + 2 / REFRESH_HZ)


def test_a_box_process_that_was_held_up_does_not_blame_the_host(patient_play):
    held_up: list[threading.Timer] = []

    def hold_up(stage: str, done: int, total: int, note: str = "") -> None:
        if done < 10:
            held_up.clear()  # a play that begins again
        elif not held_up:
            os.kill(rig.box.pid, signal.SIGSTOP)
            held_up.append(threading.Timer(WATCHDOG_S + 0.1, os.kill, (rig.box.pid, signal.SIGCONT)))
            held_up[0].start()

    with SimulatedRig(SHAPE, REFRESH_HZ) as rig:
        report = patient_play(FRAMES, rig.panel, rig.lasers(), cycles=20, progress=hold_up)
    assert report.frames_shown == report.edges == 60


def test_while_a_panel_shows_nothing_the_box_is_told_nothing():
    """The rule behind the test above, without processes: no frame, no heartbeat."""
    lasers, panel = CountingLasers(), StalledPanel(flips=3)
    with pytest.raises(RigError, match="shown nothing"):
        play(FRAMES, panel, lasers, cycles=10)
    assert lasers.heartbeats_after_arming == 1
    assert not lasers.armed


class CountingLasers(LaserController):
    """A client whose box always agrees; counts the heartbeats."""

    def __init__(self):
        super(LaserController, self).__init__("nowhere")
        self.heartbeats_after_arming = 0
        self._box_armed = False

    def _exchange_hw(self, line: str) -> str:
        if line.startswith("OUTP O"):
            self._box_armed = line == "OUTP ON"
        elif line == "OUTP?" and self._box_armed:
            self.heartbeats_after_arming += 1
        return {"SEQ:COUN?": "3,3", "OUTP?": str(int(self._box_armed))}.get(line, "OK")

    def _close_hw(self):
        pass


class StalledPanel:
    """Reports its flips at once and then nothing more, while it lives on."""

    native_shape, refresh_hz = SHAPE, REFRESH_HZ

    def __init__(self, flips: int):
        self.playing, self.shown, self._flips = False, [], flips

    def preload(self, holograms):
        pass

    def start(self, cycles):
        self.playing = True

    def wait(self, timeout_s):
        if len(self.shown) == self._flips:
            return threading.Event().wait(timeout_s)
        self.shown += [ShownFrame(Flip(number, number / REFRESH_HZ, 0), 0, number % 3) for number in range(self._flips)]
        return True

    def stop(self):
        self.playing = False


RIG_THAT_WAITS = """
import sys
from holodriver.rig.simulated import SimulatedRig
if __name__ == "__main__":
    with SimulatedRig((6, 10), 50.0) as rig:
        rig.lasers().arm()
        print(rig.box.pid, rig.panel.pid, flush=True)
        sys.stdin.read()
"""

RIG_THAT_PLAYS = """
import numpy as np
from holodriver.rig.play.report import play
from holodriver.rig.simulated import SimulatedRig

told = []
def tell(stage, done, total, note=""):
    if done >= 10 and not told:
        told.append(print(rig.box.pid, rig.panel.pid, flush=True))

if __name__ == "__main__":
    with SimulatedRig((6, 10), 50.0) as rig:
        try:
            play([np.zeros((3, 6, 10), np.uint8)], rig.panel, rig.lasers(), cycles=100_000, progress=tell)
        except KeyboardInterrupt:
            print(rig.box.wait_for("disarmed").event.reason, flush=True)
            print(len(rig.exposures()) >= 10, flush=True)
"""


@pytest.fixture
def program(tmp_path):
    """Starts a script in a process group of its own; gives it and the pids that it prints first."""
    running = []

    def start(script: str) -> tuple[subprocess.Popen, list[int]]:
        path = tmp_path / "rig_program.py"
        path.write_text(script)
        process = subprocess.Popen(
            [sys.executable, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
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
    assert len(handles) == 2
    process.kill()
    # a pidfd turns readable when its process has ended
    ended: set[int] = set()
    while len(ended) < len(handles):
        ready = multiprocessing.connection.wait([handle for handle in handles if handle not in ended], 30.0)
        assert ready, "a process of the rig outlived its program"
        ended.update(ready)
    for handle in handles:
        os.close(handle)


def test_ctrl_c_reaches_the_program_alone_and_it_ends_dark(program):
    process, pids = program(RIG_THAT_PLAYS)
    os.killpg(process.pid, signal.SIGINT)
    said, complaints = process.communicate(timeout=60)
    assert said.split() == ["OUTP", "OFF", "True"], complaints
    assert process.returncode == 0
    assert complaints == ""
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
