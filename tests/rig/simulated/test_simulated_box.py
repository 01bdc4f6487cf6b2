"""A simulated controller whose process was delayed: waiting input is judged by the time at which it arrived."""

import pytest

from holodriver.rig.simulated.box_logic import LaserBox
from holodriver.rig.simulated.simulated_box import _IdealClock, _live_through

WATCHDOG_S = 0.25
TICK_S = 1e-9


@pytest.fixture
def clock():
    return _IdealClock()


@pytest.fixture
def box(clock):
    """Armed now; the panel's edges step it."""
    box = LaserBox(clock)
    assert box.receive(b"TRIG:SOUR EXT\nSOUR1:POW 0.01\nOUTP ON\n") == b"OK\n" * 3
    return box


def disarmed_s(box: LaserBox) -> float:
    (event,) = (event for event in box.events if event.kind == "disarmed")
    assert event.reason == "watchdog"
    return event.at_s


def test_a_line_that_waited_counts_as_having_come_in_time(box, clock):
    begun = clock.now
    edges = [begun + 0.02 * number for number in range(1, 20)]
    assert _live_through(box, clock, edges, b"OUTP?\n", begun + 0.4) == b"1\n"
    assert box.armed
    assert box.edges == len(edges)
    assert begun + WATCHDOG_S - TICK_S <= box.last_line_s < begun + WATCHDOG_S


def test_a_silent_host_is_found_dark_at_the_watchdogs_time_however_late_the_box_looks(box, clock):
    begun = clock.now
    edges = [begun + 0.1, begun + 0.2, begun + 0.3]
    assert _live_through(box, clock, edges, b"", begun + 0.4) == b""
    assert disarmed_s(box) == pytest.approx(begun + WATCHDOG_S, abs=TICK_S)
    assert box.edges == 2, "the third came in the dark"
    assert max(pulse.end_s for pulse in box.pulses) <= begun + WATCHDOG_S


def test_noise_that_waited_does_not_count(box, clock):
    begun = clock.now
    assert _live_through(box, clock, [], b"noise\n", begun + 0.4) == b"ERR\n"
    assert disarmed_s(box) == pytest.approx(begun + WATCHDOG_S, abs=TICK_S)


def test_a_hold_up_lends_one_watchdog_time_and_no_more(box, clock):
    begun = clock.now
    _live_through(box, clock, [], b"OUTP?\n", begun + 10)
    assert disarmed_s(box) == pytest.approx(begun + 2 * WATCHDOG_S, abs=TICK_S)


def test_a_count_holds_every_frame_that_the_host_can_know_of(box, clock):
    begun = clock.now
    edges = [begun + 0.01, begun + 0.02, begun + 0.0301]  # the last after the look at the clock
    assert _live_through(box, clock, edges, b"SEQ:COUN?\n", begun + 0.03) == b"3,3\n"
