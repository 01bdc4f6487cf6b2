"""The supervisor's rules, on a virtual clock and with the controller's state machine behind the client."""

from dataclasses import replace

import pytest

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.heads import LaserHead
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.makes import Lasers, LaserSetup
from holodriver.rig.lasers.supervision import FrameTimes, Supervision
from holodriver.rig.settings import START_S

LIMITS_W = dict.fromkeys(Colour, 0.005)
PERIOD_S = 0.016
STEPS = StepOrder(list(Colour), blanking_s=0.002, on_time_s=0.006)


class PureLasers(LaserDriver):
    """The client, with the state machine in place of a port."""

    has_hardware_watchdog = True

    def __init__(self, bench):
        super().__init__("pure")
        self.bench, self.plugged, self.garbled, self.answer_ms = bench, True, 0, 0.0

    def _exchange_hw(self, line: str) -> str:
        if not self.plugged:
            raise TimeoutError("no answer")
        self.bench.clock.pass_ms(self.answer_ms)
        if line == "OUTP OFF" and self.garbled:
            self.garbled -= 1
            line = "OUTP 0FF"
        return self.bench.send(line)


class Rules:
    def __init__(self, bench):
        self.bench, self.clock = bench, bench.clock
        self.slept_s = 0.0
        self.driver = PureLasers(bench)
        self.lasers = Lasers(LaserSetup("pure", LIMITS_W), self.driver, {})
        self.feed = FrameTimes()
        self.rules = Supervision(self.lasers, self.feed, clock=self.clock, slept=lambda: self.clock.now + self.slept_s)

    def arm(self, order: ArmOrder | None = None, steps: StepOrder = STEPS) -> None:
        self.feed.times.clear()
        self.rules.arm(order or allowed(), steps)

    def play(self, frames: int, *, edges: bool = True) -> None:
        for _ in range(frames):
            if edges:
                self.bench.edge()
            self.feed.times.append(self.clock.now)
            self.wait(PERIOD_S)

    def wait(self, seconds: float) -> None:
        end = self.clock.now + seconds
        while self.clock.now < end - 1e-9:
            self.clock.pass_ms(4)
            self.rules.turn()

    @property
    def dark_because(self) -> str:
        assert not self.bench.box.armed
        assert not self.bench.box.lit
        return self.rules.status().went_dark or ""


def allowed(watts: float = 0.001) -> ArmOrder:
    return ArmOrder(dict.fromkeys(Colour, watts), LIMITS_W)


@pytest.fixture
def rig(pure):
    return Rules(pure)


def test_it_stays_lit_while_frames_come_and_says_so(rig):
    rig.arm()
    rig.play(100)
    status = rig.rules.status()
    assert status.armed
    assert status.comparisons > 20
    assert rig.rules.stop().edges == 100
    assert not rig.bench.box.armed


@pytest.mark.parametrize(
    ("powers", "limits", "message"),
    [
        ({}, LIMITS_W, "lists no colour"),
        ({Colour.RED: 0.006}, LIMITS_W, r"red: 0\.006 W is over the limit of 0\.005 W"),
        ({Colour.RED: float("nan")}, LIMITS_W, "is nan, expected watts above 0"),
        ({Colour.RED: 0.0}, LIMITS_W, "expected watts above 0"),
        ({Colour.RED: 0.001}, {Colour.GREEN: 1.0}, "no power limit"),
    ],
)
def test_an_order_without_colours_watts_or_limits_is_none(powers, limits, message):
    with pytest.raises(InputError, match=message):
        ArmOrder(powers, limits)


def test_an_order_says_what_will_be_lit():
    assert allowed().lines()[0] == "red: 1 mW (limit 5 mW)"


def test_an_order_with_limits_of_its_own_does_not_raise_those_of_the_rig(rig):
    with pytest.raises(InputError, match=r"0\.02 W is over the limit of 0\.005 W"):
        rig.arm(ArmOrder({Colour.RED: 0.02}, {Colour.RED: 0.03}))
    assert not rig.bench.box.armed


def test_an_order_arms_once(rig):
    order = allowed()
    rig.arm(order)
    rig.play(5)
    rig.rules.stop()
    with pytest.raises(InputError, match="has been used"):
        rig.arm(order)
    assert not rig.bench.box.armed
    rig.arm()


def test_power_goes_down_but_not_over_the_order(rig):
    rig.arm(allowed(0.002))
    rig.rules.set_power(Colour.RED, 0.001)
    with pytest.raises(InputError, match="more light needs a new order"):
        rig.rules.set_power(Colour.RED, 0.003)
    assert rig.driver.power(Colour.RED) == 0.001
    rig.rules.blank(True)
    assert rig.driver.power(Colour.RED) == 0
    rig.rules.set_power(Colour.GREEN, 0.0015)
    assert rig.driver.power(Colour.GREEN) == 0
    rig.rules.blank(False)
    assert [rig.driver.power(colour) for colour in Colour] == [0.001, 0.0015, 0.002]


def test_in_the_dark_nothing_makes_light_but_an_order(rig):
    for deed in (lambda: rig.rules.blank(False), lambda: rig.rules.set_power(Colour.RED, 0.001)):
        with pytest.raises(InputError, match="not armed"):
            deed()
    rig.rules.trigger()
    assert rig.bench.box.edges == 0


def test_frames_that_stop_are_dark_long_before_350_ms(rig):
    rig.arm()
    rig.play(10)
    last = rig.feed.times[-1]
    rig.wait(0.5)
    assert "no new frame for 0.15 s, after 10 frames" in rig.dark_because
    (event,) = (event for event in rig.bench.box.events if event.kind == "disarmed" and event.reason == "OUTP OFF")
    assert event.at_s - last < 0.2
    rig.play(50)
    assert not rig.bench.box.armed, "frames that come back do not arm"


def test_a_panel_that_never_starts_is_disarmed(rig):
    rig.arm()
    rig.wait(START_S + 0.1)
    assert "no new frame for 1 s" in rig.dark_because


@pytest.mark.parametrize("seconds", [0.3, 5.0, 86400.0])
def test_a_host_that_slept_is_dark(rig, seconds):
    rig.arm()
    rig.play(10)
    rig.slept_s += seconds  # the clock that counts sleep ran on, the other one did not
    rig.play(1)
    assert "asleep" in rig.dark_because


def test_a_supervisor_that_was_held_up_does_not_go_on(rig):
    rig.arm()
    rig.play(10)
    rig.clock.pass_ms(400)
    rig.play(1)
    assert "held up" in rig.dark_because


def test_a_lost_edge_is_dark_and_told_by_how_many(rig):
    rig.arm()
    rig.play(20)
    rig.play(2, edges=False)
    rig.play(20)
    assert "2 fewer" in rig.dark_because


def test_an_edge_too_many_is_dark_and_told(rig):
    rig.arm()
    rig.play(20)
    rig.bench.edge()
    rig.play(20)
    assert "1 more" in rig.dark_because


def test_the_interlock_is_told_and_a_person_must_come(rig):
    rig.arm()
    rig.play(10)
    rig.bench.interlock(closed=False)
    rig.play(10)
    assert "Interlock" in rig.dark_because
    assert rig.rules.status().interlock_tripped
    rig.bench.interlock(closed=True)
    with pytest.raises(RigError, match="a person must reset it"):
        rig.arm()


def test_an_unplugged_box_is_told_and_its_watchdog_is_dark(rig):
    rig.arm()
    rig.play(10)
    rig.driver.plugged = False
    rig.play(30)
    assert "does not answer" in rig.dark_because
    assert not rig.rules.status().connected


def test_a_garbled_order_to_be_dark_is_repeated(rig):
    for stop in (lambda: rig.wait(0.3), rig.rules.stop):
        rig.arm()
        rig.play(10)
        rig.driver.garbled = 1
        stop()
        assert not rig.bench.box.armed
        assert rig.rules.status().dark


def test_a_dark_that_is_not_confirmed_is_no_dark_and_the_watchdog_is_not_fed(rig):
    rig.arm()
    rig.play(10)
    rig.driver.garbled = 1000
    rig.rules.go_dark("of a test")
    since = rig.clock.now
    status = rig.rules.status()
    assert (status.armed, status.dark) == (False, False)
    assert "OUTP OFF gave ERR, ERR, ERR" in (status.went_dark or "")
    with pytest.raises(RigError, match=r"does not confirm that it is dark.*because of a test.*keep away"):
        rig.rules.stop()
    with pytest.raises(RigError, match="does not confirm"):
        rig.arm()
    for _ in range(200):
        rig.wait(0.008)
        rig.rules.idle()
    (event,) = (event for event in rig.bench.box.events if event.kind == "disarmed" and event.at_s > since)
    assert event.reason == "watchdog"
    assert not rig.rules.status().dark, "nobody has heard of it"
    rig.driver.garbled = 0
    for _ in range(50):
        rig.wait(0.008)
        rig.rules.idle()
    assert rig.rules.status().dark
    assert rig.rules.stop().edges == 10


def test_frames_that_stay_dark_are_counted(rig):
    """Against the light of the box: confirmed too late for it, or skipped because a newer one stood already."""
    rig.arm(steps=replace(STEPS, gated=True))
    rig.play(20)
    assert rig.rules.status().unlit == 0
    for late_ms in (9, 3):
        rig.bench.edge()
        rig.feed.times.append(rig.clock.now)
        rig.clock.pass_ms(late_ms)
        rig.wait(PERIOD_S - late_ms * 1e-3)
    for _ in range(3):
        rig.bench.edge()
        rig.feed.times.append(rig.clock.now)
        rig.clock.pass_ms(PERIOD_S * 1e3)
    rig.play(20)
    edges = rig.rules.stop().edges
    assert rig.rules.status().unlit == edges - len(rig.bench.box.pulses) == 4


def test_by_command_steps_are_counted_too(rig):
    rig.arm(steps=StepOrder(list(Colour), blanking_s=0.002, on_time_s=0.006, source="BUS"))
    for _ in range(30):
        rig.rules.trigger()
        rig.play(1, edges=False)
    assert rig.rules.status().armed
    rig.bench.ask("*TRG")  # somebody else's
    rig.play(10, edges=False)
    assert "1 more" in rig.dark_because


class ScriptedHead(LaserHead):
    """A head without a watchdog that writes down what it is told."""

    def __init__(self, gate=None):
        super().__init__("head", limit_w=0.005, gate=gate)
        self.told, self.emits, self.watts = [], False, 0.0

    def _identity_hw(self):
        return "head"

    def _prepare_hw(self):
        self.told.append("prepare")

    def _set_power_hw(self, watts):
        self.watts = watts

    def _power_hw(self):
        return self.watts

    def _set_emission_hw(self, on):
        self.emits = on
        self.told.append(("on", self._gate.armed) if on else "off")

    def _emission_hw(self):
        return self.emits

    def _interlock_open_hw(self):
        return False

    def _close_hw(self):
        pass


def test_a_head_without_a_watchdog_is_refused_without_a_gate():
    head = ScriptedHead()
    with pytest.raises(RigError, match="stays lit when its host dies, so it is not armed"):
        head.arm()
    assert not head.emits


def test_a_head_comes_on_behind_the_armed_gate_and_off_after_it(rig):
    head = rig.lasers.heads[Colour.RED] = ScriptedHead(rig.driver)
    with pytest.raises(RigError, match="stays lit"):
        head.arm()
    rig.arm()
    assert head.told == ["prepare", ("on", True)]
    assert head.watts == 0.001
    rig.play(10)
    rig.wait(0.3)
    assert "no new frame" in rig.dark_because
    assert not head.emits


class SlowHead(ScriptedHead):
    """A head on a USB converter that holds each answer back for 16 ms, as FTDI's do."""

    def __init__(self, gate):
        super().__init__(gate)
        self.clock = gate.bench.clock

    def _asked(self, question, *arguments):
        answers = 3 if question == self._prepare_hw else 1
        self.clock.pass_ms(16 * answers)
        return super()._asked(question, *arguments)


def test_three_heads_on_slow_ports_are_armed_within_the_watchdogs_time(rig):
    rig.driver.answer_ms = 16
    rig.lasers.heads = {colour: SlowHead(rig.driver) for colour in Colour}
    rig.arm()
    for head in rig.lasers.heads.values():
        assert (head.emits, head.told[-1]) == (True, ("on", True))
    rig.driver.answer_ms = 0
    rig.play(20)
    assert rig.rules.status().armed
