"""The laser supervisor as a process, with a simulated box behind it: whatever happens to its player, dark."""

import multiprocessing
import time

import pytest

from holodriver.rig.arming import ArmOrder, StepOrder
from holodriver.rig.colour import Colour
from holodriver.rig.makes import LaserSetup
from holodriver.rig.simulated_box import SimulatedBox, send_edge
from holodriver.rig.supervisor import LaserSupervisor

LIMITS_W = dict.fromkeys(Colour, 0.005)
STEPS = StepOrder(list(Colour), blanking_s=0.002, on_time_s=0.006)
PERIOD_S = 0.02


def order(watts: float = 0.001) -> ArmOrder:
    return ArmOrder(dict.fromkeys(Colour, watts), LIMITS_W)


@pytest.fixture
def box():
    edges, wire = multiprocessing.Pipe(duplex=False)
    with SimulatedBox(edges) as simulated:
        edges.close()
        simulated.wire = wire
        yield simulated


@pytest.fixture
def supervisor(box):
    with LaserSupervisor(LaserSetup(box.port, LIMITS_W)) as process:
        yield process


def show(box, supervisor, frames: int) -> None:
    """Frames on a panel: an edge and a report each, a period apart."""
    for _ in range(frames):
        now = time.perf_counter()
        send_edge(box.wire, now)
        supervisor.feed(now)
        # the pace of a panel, which a test cannot wait for otherwise
        multiprocessing.connection.wait([], PERIOD_S)


def test_frames_are_lit_and_counted_until_it_is_stopped(box, supervisor):
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
    assert [pulse.colours for pulse in report.pulses[:4]] == [(Colour(number % 3),) for number in range(4)]
