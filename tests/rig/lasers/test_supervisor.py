"""The laser supervisor as a process, with a simulated controller: it goes dark whatever happens to its player."""

import contextlib
import functools
import multiprocessing
import os
import signal
import sys
import time
from typing import ClassVar

import pytest

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.makes import LaserSetup
from holodriver.rig.lasers.supervision import LaserStatus
from holodriver.rig.lasers.supervisor import LaserSupervisor, SharedFrames, Stopped
from holodriver.rig.simulated.simulated_box import SimulatedBox, send_edge

LIMITS_W = dict.fromkeys(Colour, 0.005)
STEPS = StepOrder(list(Colour), blanking_s=0.002, on_time_s=0.006)
PERIOD_S = 0.02


def order(watts: float = 0.001) -> ArmOrder:
    return ArmOrder(dict.fromkeys(Colour, watts), LIMITS_W)


@pytest.fixture
def box():
    edges, wire = multiprocessing.Pipe(duplex=False)
    with SimulatedBox.open(edges) as simulated:
        edges.close()
        simulated.wire = wire
        yield simulated


@pytest.fixture
def supervisor(box):
    with LaserSupervisor.open(LaserSetup(box.port, LIMITS_W)) as process:
        yield process


def patiently(test):
    """Runs a test again if the machine held its processes up, for then the supervisor is right to go dark."""

    @functools.wraps(test)
    def run(box, supervisor):
        for _ in range(4):
            try:
                return test(box, supervisor)
            except (AssertionError, RigError):
                why = supervisor.status().went_dark or ""
                if not any(cause in why for cause in ("no new frame", "held up", "Watchdog", "out of step")):
                    raise
                supervisor.stop()
        return test(box, supervisor)

    return run


def show(box, supervisor, frames: int) -> None:
    """Frames on a panel: an edge and a report each, a period apart."""
    for _ in range(frames):
        now = time.perf_counter()
        send_edge(box.wire, now)
        supervisor.feed(now)
        # the pace of a panel, which a test cannot wait for otherwise
        multiprocessing.connection.wait([], PERIOD_S)


@patiently
def test_frames_are_lit_and_counted_until_it_is_stopped(box, supervisor):
    begun = box.report().now_s
    supervisor.arm(order(), STEPS)
    show(box, supervisor, 20)
    status = supervisor.check()
    stopped = supervisor.stop()
    report = box.report()
    assert (stopped.frames, stopped.edges.edges, stopped.went_dark) == (20, 20, None)
    assert status.armed
    assert status.comparisons >= 1
    assert supervisor.dark
    assert not report.armed
    pulses = [pulse for pulse in report.pulses if pulse.start_s > begun]
    assert [pulse.colours for pulse in pulses[:4]] == [(Colour(number % 3),) for number in range(4)]


def test_a_used_order_and_one_over_the_limit_are_refused(box, supervisor):
    used = order()
    supervisor.arm(used, STEPS)
    supervisor.stop()
    with pytest.raises(InputError, match="has been used"):
        supervisor.arm(used, STEPS)
    with pytest.raises(InputError, match="over the limit"):
        supervisor.arm(ArmOrder({Colour.RED: 0.01}, {Colour.RED: 0.02}), STEPS)
    assert not box.report().armed
    assert supervisor.dark


@patiently
def test_going_dark_is_told_with_its_reason(box, supervisor):
    supervisor.arm(order(), STEPS)
    show(box, supervisor, 5)
    box.interlock(closed=False)
    show(box, supervisor, 10)
    box.interlock(closed=True)
    box.press_reset()
    with pytest.raises(RigError, match=r"made dark: .*Interlock.*new order to arm"):
        supervisor.check()


@patiently
def test_light_of_other_powers_and_none(box, supervisor):
    begun = box.report().now_s
    supervisor.arm(order(0.002), STEPS)
    show(box, supervisor, 3)
    supervisor.blank(True)
    show(box, supervisor, 6)
    supervisor.blank(False)
    supervisor.set_power(Colour.RED, 0.001)
    show(box, supervisor, 3)
    supervisor.stop()
    edges = {pulse.edge for pulse in box.report().pulses if pulse.start_s > begun}
    assert edges & {1, 2, 3}
    assert edges & {10, 11, 12}
    assert not edges & {5, 6, 7, 8}


@patiently
def test_by_command_the_supervisor_steps(box, supervisor):
    supervisor.arm(order(), StepOrder(list(Colour), blanking_s=0.001, on_time_s=0.006, source="BUS"))
    for _ in range(12):
        supervisor.trigger()
        supervisor.feed(time.perf_counter())
        multiprocessing.connection.wait([], PERIOD_S)
    assert supervisor.stop().edges == (12, (Colour.BLUE,))


@pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")
def test_signals_are_dark_and_sigkill_leaves_it_to_the_watchdog(box):
    """A terminal that is closed, or Ctrl-\\ in it, reaches all processes of a play at once."""
    for blow in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL):
        reason = "watchdog" if blow == signal.SIGKILL else "OUTP OFF"
        begun = time.perf_counter()
        with contextlib.closing(LaserSupervisor.open(LaserSetup(box.port, LIMITS_W))) as supervisor:
            supervisor.arm(order(), STEPS)
            show(box, supervisor, 3)
            os.kill(supervisor.pid, blow)
            logged = box.wait_for("disarmed", since_s=begun)
            # a busy machine may be later than the watchdog, or than frames may be
            assert logged.event.reason in {reason, "watchdog"}
            with pytest.raises(RigError, match=r"laser supervisor has ended|no new frame"):
                supervisor.check()
        assert not box.report().armed


@pytest.mark.skipif(sys.platform == "win32", reason="stops by POSIX signals")
def test_an_answer_that_comes_too_late_is_not_that_of_the_next_question(box):
    """A supervisor that was held up answers what it was asked before; "stopped" must be the answer to "stop"."""
    with LaserSupervisor.open(LaserSetup(box.port, LIMITS_W), patience_s=0.2) as supervisor:
        os.kill(supervisor.pid, signal.SIGSTOP)
        for _ in range(2):
            with pytest.raises(RigError, match="did not answer"):
                supervisor.status()
        os.kill(supervisor.pid, signal.SIGCONT)
        supervisor._patience_s = 30.0
        assert isinstance(supervisor.stop(), Stopped)
        assert isinstance(supervisor.status(), LaserStatus)


@patiently
def test_it_says_that_it_is_dark_only_when_it_is(box, supervisor):
    supervisor.arm(order(), STEPS)
    show(box, supervisor, 1)
    with pytest.raises(InputError, match="armed already"):
        supervisor.arm(order(), STEPS)
    assert not supervisor.dark
    supervisor.stop()
    assert supervisor.dark


class ScriptedProcess:
    """A supervisor's process that gives one answer to every question."""

    ready: ClassVar[dict[str, str]] = {}
    answer: object = None

    def send(self, kind: str, number: int) -> None:
        self.number = number

    def wait_for(self, kind: str, timeout_s: float) -> tuple[str, int, object]:
        return kind, self.number, self.answer


def test_what_went_dark_and_did_not_confirm_it_is_not_called_dark():
    process = ScriptedProcess()
    supervisor = LaserSupervisor(process, SharedFrames())
    for confirmed in (False, True):
        process.answer = LaserStatus(True, False, False, 1, 1, (), 0, "a frame was missing", confirmed)
        with pytest.raises(RigError, match="a frame was missing"):
            supervisor.check()
        assert supervisor.dark == confirmed


def test_a_box_that_comes_back_is_taken_up_in_the_dark(box, tmp_path):
    """The port is a link, as udev makes them, that points to another box after the first was unplugged."""
    if sys.platform == "win32":
        pytest.skip("links to pseudo-terminals")
    port = tmp_path / "lasers"
    with SimulatedBox.open() as first:
        port.symlink_to(first.port)
        with contextlib.closing(LaserSupervisor.open(LaserSetup(str(port), LIMITS_W))) as supervisor:
            first._process.kill()
            until(lambda: not supervisor.status().connected)
            port.unlink()
            port.symlink_to(box.port)
            until(lambda: supervisor.status().connected)
            assert not box.report().armed
            supervisor.arm(order(), STEPS)
            show(box, supervisor, 3)
            assert supervisor.stop().frames == 3


def until(true):
    """Looks once a period; a minute at most, so that a fault is told and holds nothing up."""
    ends = time.monotonic() + 60
    while not true():
        assert time.monotonic() < ends, "it has not come to pass in a minute"
        multiprocessing.connection.wait([], PERIOD_S)


def test_makes_that_nobody_knows_are_told():
    with pytest.raises(InputError, match="'lasertech' is no make of laser controller: holodriver"):
        LaserSupervisor.open(LaserSetup("nowhere", LIMITS_W, make="lasertech"))
