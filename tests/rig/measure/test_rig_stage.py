"""Measuring on a rig: light only while something is measured, and dark whenever something fails."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from holodriver.errors import InputError, RigError
from holodriver.files.profile import write_profile
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.power import even_power
from holodriver.rig.measure.cameras import Camera
from holodriver.rig.measure.capture import take
from holodriver.rig.measure.rig_stage import PersistentStage, RigStage, check_arming
from holodriver.rig.measure.stage import pattern_frame
from holodriver.rig.play.before_light import Heard, open_light
from holodriver.rig.play.light import DirectLight, SupervisedLight
from holodriver.rig.play.open_rig import OpenRig, laser_setup, open_rig, timing_of
from holodriver.rig.settings import (
    ControllerSettings,
    DiffuserSettings,
    DisplaySettings,
    HeadSettings,
    LimitSettings,
    PanelSettings,
    Rig,
    SequenceSettings,
)
from holodriver.rig.simulated.simulated_box import SimulatedBox
from holodriver.rig.simulated.simulated_rig import Simulation

PROFILE = REFERENCE.resized(8, 8)
ATTEMPTS = 4
PATIENCE_S = 30.0
BUSY = ("101,", "held up", "no new frame", "out of step", "shown nothing", "watchdog does not work")


@pytest.fixture
def rig(tmp_path) -> Callable[..., Rig]:
    write_profile(tmp_path / "p.toml", PROFILE)

    def make(**sections) -> Rig:
        height, width = PROFILE.native_shape
        made = Rig(
            panel=PanelSettings(monitor="simulated", native_width=width, native_height=height, refresh_hz=60.0),
            display=DisplaySettings("p.toml"),
            controller=ControllerSettings(port="simulated"),
            limits=LimitSettings(2.0, 2.0, 2.0),
            folder=tmp_path,
        )
        return replace(made, **sections)

    return make


def busy(error: RigError) -> bool:
    """Whether the machine held the rig up, for then it is right to be dark."""
    return any(text in error.what for text in BUSY)


def patiently(work: Callable[[], None]) -> None:
    for attempt in range(ATTEMPTS):
        try:
            work()
        except RigError as error:
            if not busy(error) or attempt == ATTEMPTS - 1:
                raise
        else:
            return


@contextlib.contextmanager
def staged(rig: Rig, **options) -> Iterator[tuple[OpenRig, RigStage]]:
    """An armed rig; however the block is left, it must be dark once the stage is left, before the rig is closed."""
    with open_rig(rig) as opened:
        try:
            with RigStage(opened, even_power(rig, 3), settle_s=0.03, **options) as stage:
                yield opened, stage
        finally:
            report = opened.box.report()
            assert not report.armed
            assert report.lit == ()


def test_there_is_light_while_somebody_looks_and_none_before_between_and_after(rig):
    """What the box says of itself: armed once, one colour at its power, and pulses of its colour alone."""

    def work() -> None:
        said: list[str] = []
        with staged(rig(), heard=Heard(say=said.append)) as (opened, stage):
            box = opened.box
            assert [text.startswith("ARMED") for text in said] == [True]
            assert not box.report().pulses, "dark until somebody looks"
            for colour in (1, 2):
                during = stage.look(colour, pattern_frame(PROFILE, "uniform", 90 + colour), lambda: lit(box))
                assert during.armed
                expected = [0.0, 0.0, 0.0]
                expected[colour] = 0.001
                assert during.settings.powers_w == pytest.approx(tuple(expected))
                between = box.report()
                assert between.armed
                assert between.settings.powers_w == (0, 0, 0)
            dark = stage.look(None, pattern_frame(PROFILE, "uniform", 200), box.report)
            assert dark.settings.powers_w == (0, 0, 0)
            seconds = {pulse.colours for pulse in during.pulses}
            assert seconds == {(1,), (2,)}
        events = [logged.event for logged in box.events]
        armings = [event.kind for event in events].count("armed")
        assert armings == 2, "once to see that the watchdog works, and once by the order"
        assert next(event.reason for event in events if event.kind == "disarmed") == "watchdog"
        assert events[-1].reason == "OUTP OFF"

    patiently(work)


def ended(block: Callable[[], None]) -> BaseException:
    """How a block ends that must not come to its end; tried again where only a busy machine was at fault."""
    for _ in range(ATTEMPTS):
        with pytest.raises((RigError, KeyboardInterrupt)) as caught:
            block()
        if not (isinstance(caught.value, RigError) and busy(caught.value)):
            return caught.value
    raise caught.value


def until(so: Callable[[], bool]) -> None:
    due = time.monotonic() + PATIENCE_S
    while not so():
        assert time.monotonic() < due, "it never came"


def lit(box):
    """The box's report once it has lit two frames since it was asked, or is dark."""
    before = len(box.report().pulses)
    until(lambda: len(box.report().pulses) >= before + 2 or not box.report().armed)
    return box.report()


def test_all_planes_show_the_frame_that_is_measured_laid_on_the_panel(rig):
    frame = np.arange(16 * 16, dtype=np.uint8).reshape(16, 16)
    flipped = rig(panel=replace(rig().panel, flip_horizontal=True))

    def work() -> None:
        seen = []
        with open_rig(flipped, simulation=Simulation(remember=True)) as opened:
            with RigStage(opened, even_power(flipped, 3), settle_s=0.03) as stage:
                stage._player._record = lambda frames: (seen.extend(frames), stage._record(frames))
                stage.look(0, frame, lambda: lit(opened.box))
            held = opened.panel.held()
        assert held is not None
        of_the_look = [one for one in seen if one.hologram == 1]
        assert {one.plane for one in of_the_look} == {0, 1, 2}
        for one in of_the_look:
            assert np.array_equal(held.contents[held.content[one.flip.number]], frame[:, ::-1])

    patiently(work)


def test_light_does_not_outlast_a_meter_that_hangs(rig):
    def work() -> None:
        with staged(rig()) as (opened, stage):
            box = opened.box

            def hang() -> None:
                lit(box)
                until(lambda: not box.report().settings.powers_w[0])

            with pytest.raises(RigError, match=r"longer than the 0\.5 s"):
                stage.look(0, pattern_frame(PROFILE, "uniform", 90), hang, longest_s=0.5)
            assert box.report().settings.powers_w == (0, 0, 0)
            assert stage.look(1, pattern_frame(PROFILE, "uniform", 9), lambda: 7) == 7, "the next look is a new one"

    patiently(work)


@pytest.mark.parametrize("error", [RigError("the meter is gone"), KeyboardInterrupt()])
def test_a_reading_that_fails_ends_dark_before_the_panel_stops(rig, error):
    armed_at_close: list[bool] = []

    def fail() -> None:
        raise error

    def block() -> None:
        armed_at_close.clear()
        with staged(rig()) as (opened, stage):
            close = opened.panel.close
            opened.panel.close = lambda: (armed_at_close.append(opened.box.report().armed), close())
            stage.look(2, pattern_frame(PROFILE, "uniform", 90), fail)

    assert ended(block) is error
    assert armed_at_close == [False]


def test_a_display_that_dies_is_dark_and_the_measurement_ends(rig):
    def block() -> None:
        with staged(rig()) as (opened, stage):
            os.kill(opened.panel.pid, signal.SIGKILL)
            frame = pattern_frame(PROFILE, "uniform", 90)
            stage.look(2, frame, lambda: until(lambda: not opened.box.report().armed))

    assert "display process" in str(ended(block))


@pytest.mark.parametrize("again", [True, False])
def test_what_went_dark_goes_on_where_it_stopped_if_a_person_arms_it_again_and_not_else(rig, again):
    """The display is killed in the midst of the second of three looks."""
    asked: list[str] = []
    said: list[str] = []

    def order(what: str) -> bool:
        asked.append(what)
        return again or any(text in what for text in BUSY)

    def measure() -> list[int]:
        found = []
        with PersistentStage(rig(), even_power(rig(), 3), Heard(say=said.append), order) as stage:
            for number in range(3):

                def read(number: int = number) -> int:
                    if number == 1 and not any("display" in what for what in asked):
                        os.kill(stage._stage._opened.panel.pid, signal.SIGKILL)
                        until(lambda: stage._stage.failed)
                    return number

                found.append(stage.look(number, pattern_frame(PROFILE, "uniform", 9), read))
        return found

    if again:
        assert measure() == [0, 1, 2]
        assert len(said) == 1 + len(asked), "each arming is said"
    else:
        with pytest.raises(RigError, match="display process"):
            measure()
    assert any("display process" in what for what in asked)


def test_a_standing_diffuser_ends_it_dark(rig, tmp_path):
    def block() -> None:
        (tmp_path / "turns").write_text("1", encoding="ascii")
        with staged(rig(diffuser=DiffuserSettings("file", "turns"))) as (opened, stage):

            def stand() -> None:
                (tmp_path / "turns").write_text("0", encoding="ascii")
                until(lambda: not opened.box.report().armed)

            stage.look(0, pattern_frame(PROFILE, "uniform", 90), stand)

    assert "the diffuser does not turn" in str(ended(block))


def test_nothing_is_opened_without_an_order_to_arm(rig):
    said: list[str] = []
    with pytest.raises(InputError, match="measuring needs light"):
        check_arming(rig(), even_power(rig(), 3), Heard(say=said.append), arm=False)
    assert "red 638 nm 1 mW (limit 2 mW)" in said[0]
    with pytest.raises(InputError, match="no laser controller"):
        check_arming(rig(controller=ControllerSettings()), even_power(rig(), 3), Heard(), arm=True)
    with pytest.raises(InputError, match="does not show blue"):
        check_arming(rig(sequence=SequenceSettings(order=("red", "green"))), even_power(rig(), 3), Heard(), arm=True)
    with pytest.raises(InputError, match="never lit"):
        check_arming(rig(limits=LimitSettings(2.0, 0.0, 2.0)), even_power(rig(), 3), Heard(), arm=True)
    with pytest.raises(InputError, match="over the rig's limit for red"):
        even_power(rig(), 3, 0.003)
    one = rig(limits=LimitSettings(2.0, 0.5, 2.0))
    assert even_power(one, 3).watts == (0.0005,) * 3
    single = rig(sequence=SequenceSettings(order=("green",)))
    assert even_power(single, 1).watts == (0, 0.001, 0)


def test_the_order_to_arm_holds_no_more_than_what_was_said(rig):
    """The rig would allow 2 mW; a person has been told of 1 mW, and the supervisor holds the player to that."""

    def work() -> None:
        with open_rig(rig()) as opened:
            timing, limits_w = timing_of(opened.rig), opened.rig.limits.watts
            light = SupervisedLight(
                opened.supervisor(), timing, time.perf_counter, limits_w, ordered_w=(0.001, 0.001, 0.0)
            )
            light.begin(timing.sequencer(time.perf_counter()))
            light.powers({Colour.RED: 0.001, Colour.BLUE: 0.0})
            for colour, watts in ((Colour.RED, 0.0011), (Colour.BLUE, 0.0001)):
                with pytest.raises(InputError, match="more light needs a new order"):
                    light.powers({colour: watts})
            light.end_dark()

    patiently(work)


def test_a_power_that_comes_too_late_is_told_why_it_is_dark(rig):
    with open_rig(rig()) as opened:
        supervisor, timing = opened.supervisor(), timing_of(opened.rig)
        light = SupervisedLight(supervisor, timing, time.perf_counter, opened.rig.limits.watts)
        light.begin(timing.sequencer(time.perf_counter()))
        opened.box.interlock(closed=False)
        until(lambda: supervisor.status().went_dark is not None)
        with pytest.raises(RigError, match=r"made dark: .*(Interlock|no new frame)"):
            light.powers({Colour.RED: 0.0005})


def test_a_player_that_holds_the_controller_itself_keeps_to_the_rigs_limits():
    with LaserControllerDouble() as lasers:
        light = DirectLight(
            lasers, timing_of(Rig(panel=PanelSettings("simulated"))), time.perf_counter, time.sleep, (0.001, 0.001, 0.0)
        )
        light.powers({Colour.RED: 0.001})
        for colour, watts in ((Colour.RED, 0.0011), (Colour.BLUE, 0.0001)):
            with pytest.raises(RigError, match="over the limit"):
                light.powers({colour: watts})
    assert lasers.heard == ["SOUR1:POW:LEV:IMM:AMPL 0.001"]


def test_a_controller_whose_watchdog_does_not_work_is_not_armed():
    sleepless = LaserControllerDouble()
    sleepless.armed_by_line = False
    with pytest.raises(RigError, match="its watchdog does not work"):
        sleepless.prove_watchdog(20)
    assert not sleepless.armed_by_line, "it was disarmed"


def test_a_watchdog_is_seen_to_work_in_the_dark(rig):
    with SimulatedBox.open() as box, LaserController.open(box.port) as lasers:
        lasers.prove_watchdog(100)
        report = box.report()
        assert not report.pulses
        assert not report.armed
        (armed,) = [one.event.at_s for one in box.events if one.event.kind == "armed"]
        (dark,) = [one.event.at_s for one in box.events if one.event.kind == "disarmed"]
        assert dark - armed == pytest.approx(0.1, abs=0.01)
        assert lasers.ask("SYST:ERR?").startswith("0,"), "the box remembers nothing of it"


class LaserControllerDouble(LaserDriver):
    """Takes every line, remembers those that set a power, and stays armed for as long as nobody disarms it."""

    has_hardware_watchdog = True

    def __init__(self):
        super().__init__("a double")
        self.heard: list[str] = []
        self.armed_by_line = False

    def _exchange_hw(self, line: str) -> str:
        if line.startswith("SOUR"):
            self.heard.append(line)
        if line.startswith("OUTP O"):
            self.armed_by_line = line == "OUTP ON"
        return str(int(self.armed_by_line)) if line.endswith("?") else "OK"


def test_heads_behind_a_packed_panel_without_end_are_refused(rig):
    """The supervisor alone holds heads, and it cannot find the first colour of such a panel: they would stay dark."""
    packed = SequenceSettings(mode="packed", sync="refresh")
    panel = PanelSettings("simulated", native_width=16, native_height=16, packed=True)
    made = rig(panel=panel, sequence=packed, heads=HeadSettings(red="coherent-obis /dev/ttyUSB7"))
    opened = SimpleNamespace(rig=made, setup=lambda: laser_setup(made))
    with contextlib.ExitStack() as stack, pytest.raises(RigError, match="heads of other makes need the supervisor"):
        open_light(opened, timing_of(made), stack)


class Watching(Camera):
    name = "watching camera"

    def __init__(self, box):
        self.box, self.seen = box, []

    def _grab_hw(self):
        self.seen.append(self.box.report().settings.powers_w)
        return np.full((4, 4), 0.5)


def test_captures_light_each_colour_alone_at_its_power_and_focusing_has_light(rig):
    def work() -> None:
        powers = replace(even_power(rig(), 3), balance=(1.0, 0.5, 0.25))
        pixels = np.arange(3 * 16 * 16, dtype=np.uint8).reshape(3, 16, 16)
        frames = PanelFrames(pixels, PROFILE, (1.0,) * 3, (AmplitudeLut.linear(),) * 3)
        with open_rig(rig()) as opened, RigStage(opened, powers, settle_s=0.02) as stage:
            camera, focusing = Watching(opened.box), []
            take(stage, camera, frames, [0.0, 1.0], focused=lambda t: focusing.append((t, camera._grab_hw())))
            assert [t for t, _ in focusing] == [0.0, 1.0]
            mw = [tuple(round(watts * 1e3, 6) for watts in one) for one in camera.seen]
            assert mw == [(0, 0.5, 0), (1, 0, 0), (0, 0.5, 0), (0, 0, 0.25)] * 2

    patiently(work)
