"""The player with real processes: panel, laser controller and readers, frames through shared memory."""

import multiprocessing
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rig.plays import HOLOGRAMS, POWER, REFRESH_HZ, SHAPE, Stage, assert_dark, made, patiently, rig, staged

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.power import Power
from holodriver.rig.panel.panel_process import PanelProcess
from holodriver.rig.play.light import DirectLight
from holodriver.rig.play.live import CHECK, LivePlayer
from holodriver.rig.play.open_rig import OpenRig, open_rig, timing_of
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.simulated.simulated_box import SimulatedBox
from holodriver.rig.simulated.simulated_panel import SimulatedPanel
from holodriver.rig.simulated.simulated_rig import Simulation


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with open_rig(rig(), simulation=Simulation(remember=True)) as opened, staged(opened) as stage:
        yield stage


@pytest.mark.parametrize("mode", ["external", "host"])
def test_every_hologram_is_shown_bit_for_bit_and_lit_by_its_own_laser(stage, mode):
    """Five holograms with room for three, so that each is read again for each round."""
    settings = rig(mode=mode, dark_gap_ms=1.0)
    timing = timing_of(settings)
    power = Power(1e-3, (1.0, 0.8, 0.5), (1e-3,) * 3)
    player = patiently(
        lambda: stage.player(
            Playlist(HOLOGRAMS, loop=True), timing, light=stage.light(timing), power=power, duration_s=40 / REFRESH_HZ
        )
    )
    assert player.sequencer.edges == player.sequencer.frames == len(stage.shown)
    assert player.sequencer.colour_errors == 0
    exposures = stage.exposures()
    lit = 0
    for exposure in exposures:
        if exposure.frame_index == CHECK:
            assert exposure.colour is None
            assert not exposure.pixels.any()
            continue
        wanted = made(Path(str(exposure.frame_index))).pixels[exposure.plane]
        np.testing.assert_array_equal(exposure.pixels, wanted)
        if exposure.colour is not None:
            assert exposure.colour == exposure.plane
            assert exposure.power_w == pytest.approx(power.watts[exposure.plane])
            assert exposure.lit_for_s <= settings.on_time_s + 1e-6
            lit += 1
    assert lit > len(exposures) / 2
    new = [frame for frame in stage.shown if frame.plane == 0 and not frame.starved and frame.hologram >= 0]
    begun = [frame.hologram for frame in new if frame.entry >= player.begun]
    assert begun[:7] == [0, 1, 2, 3, 4, 0, 1]
    assert {frame.hologram for frame in new if frame.entry < player.begun} == {0}, "the first waits for its light"
    assert_dark(stage)


def test_every_frame_of_a_play_has_light_from_the_first_on(stage):
    """As slowly as the panel goes, so that a confirmation is late only if the machine is held up."""

    def make() -> LivePlayer:
        return stage.player(Playlist(HOLOGRAMS), timing, light=stage.light(timing), power=POWER)

    timing = timing_of(rig(settle_ms=12.0, light_ms=5.0))
    for _ in range(3):
        player = patiently(make)
        lit = {exposure.flip_index: exposure.colour for exposure in stage.exposures()}
        frames = [flip for flip, frame in enumerate(stage.shown) if frame.entry >= player.begun]
        if not player.sequencer.unlit:
            break
    assert len(frames) >= 3 * HOLOGRAMS
    dark = [flip for flip in frames if lit[flip] is None]
    assert len(dark) == player.sequencer.unlit, "a frame is dark if it was confirmed too late, and then alone"
    assert len(dark) < len(frames)
    assert all(lit[flip] == stage.shown[flip].plane for flip in frames if flip not in dark)


def test_one_colour_plays_under_the_laser_that_was_asked_for(stage):
    timing = timing_of(rig(order=("green",)))
    power = Power(1e-3, (0.0, 1.0, 0.0), (1e-3,) * 3)
    patiently(lambda: stage.player(Playlist(HOLOGRAMS), timing, light=stage.light(timing), power=power))
    assert {exposure.colour for exposure in stage.exposures()} == {None, Colour.GREEN}


def test_pixels_come_from_the_display_process_and_not_from_the_host():
    with open_rig(rig(), simulation=Simulation(remember=True)) as opened, staged(opened) as stage:
        stage.player(Playlist(1), timing_of(rig())).run()
        for slot in range(len(stage.slots)):
            stage.slots.write(slot, 0)
        exposures = stage.exposures()
    assert len(exposures) >= 3
    for exposure in exposures:
        np.testing.assert_array_equal(exposure.pixels, made(Path("0")).pixels[exposure.plane])


def test_without_lasers_the_panel_plays_dark(stage):
    player = stage.player(Playlist(HOLOGRAMS), timing_of(rig()))
    player.run()
    assert [frame.hologram for frame in stage.shown if not frame.starved] == [n for n in range(5) for _ in range(3)]
    assert all(exposure.colour is None for exposure in stage.exposures())


def test_blank_is_dark_in_step_and_light_comes_back(stage):
    timing = timing_of(rig())
    due = {30: "blank on", 60: "blank off", 90: "quit"}

    def commands() -> Sequence[str]:
        lit = sum(frame.hologram != CHECK for frame in stage.shown)
        return [due.pop(at) for at in sorted(due) if lit >= at]

    said: list[str] = []

    def make() -> LivePlayer:
        due.update({30: "blank on", 60: "blank off", 90: "quit"})
        said.clear()
        return stage.player(
            Playlist(1, loop=True),
            timing,
            light=stage.light(timing),
            power=POWER,
            commands=commands,
            answer=said.append,
        )

    player = patiently(make)
    assert said == ["ok hologram 1/1 1 mW blank", "ok hologram 1/1 1 mW", "ok hologram 1/1 1 mW"]
    assert player.sequencer.edges == player.sequencer.frames
    begun = next(number for number, frame in enumerate(stage.shown) if frame.hologram != CHECK)
    exposures = {exposure.flip_index - begun: exposure for exposure in stage.exposures()}
    assert all(exposures[flip].colour is None for flip in range(34, 58))
    assert all(not exposures[flip].pixels.any() for flip in range(48, 58)), "the panel is blank too, after its queue"
    assert any(exposures[flip].colour is not None for flip in range(64, 88))
    assert_dark(stage)


def test_a_power_over_the_limit_is_refused_and_changes_nothing(stage):
    said: list[str] = []
    lines = ["power 2", "power 0.4", "power +200", "nonsense", "quit"]
    player = patiently(
        lambda: stage.player(
            Playlist(1, loop=True),
            timing_of(rig()),
            light=stage.light(timing_of(rig())),
            power=POWER,
            commands=lambda: [lines.pop(0)] if lines else [],
            answer=said.append,
        )
    )
    assert player.sequencer.frames >= 0
    assert said[0].startswith("error: 2 mW are over the rig's limit for red, 1 mW")
    assert said[1] == "ok hologram 1/1 0.4 mW"
    assert said[2].startswith("error: 1.2 mW are over the rig's limit")
    assert said[3].startswith("error: 'nonsense' is no command")
    with pytest.raises(InputError, match=r"over the rig's limit for green, 0.5 mW"):
        Power(1e-3, (0.5, 1.0, 0.2), (1e-3, 0.5e-3, 1e-3))


def test_what_must_stop_the_play_stops_it_dark(stage):
    def diffuser() -> None:
        if len(stage.shown) > 20:
            raise RigError("the diffuser does not turn")

    player = stage.player(
        Playlist(1, loop=True), timing_of(rig()), light=stage.light(timing_of(rig())), power=POWER, each_turn=diffuser
    )
    with pytest.raises(RigError, match=r"diffuser does not turn|101,|made dark"):
        player.run()
    assert_dark(stage)
    assert not stage.opened.panel.playing


def test_an_interlock_that_opens_in_mid_play_is_dark_and_told(stage):
    opened: list[float] = []

    def open_the_door() -> None:
        if sum(frame.hologram != CHECK for frame in stage.shown) > 30 and not opened:
            opened.append(time.perf_counter())
            stage.opened.box.interlock(closed=False)

    def make() -> LivePlayer:
        timing = timing_of(rig())
        return stage.player(
            Playlist(1, loop=True), timing, light=stage.light(timing), power=POWER, each_turn=open_the_door
        )

    with pytest.raises(RigError, match="Interlock tripped"):
        patiently(make)
    assert_dark(stage)
    tripped_s = stage.opened.box.wait_for("tripped", since_s=opened[0]).event.at_s
    assert max(pulse.end_s for pulse in stage.opened.box.report().pulses) <= tripped_s
    stage.opened.box.interlock(closed=True)
    stage.opened.box.press_reset()


def test_ctrl_c_in_mid_play_ends_dark_by_order(stage):
    begun_s = time.perf_counter()

    def interrupt() -> None:
        if sum(frame.hologram != CHECK for frame in stage.shown) > 30:
            raise KeyboardInterrupt

    def make() -> LivePlayer:
        timing = timing_of(rig())
        return stage.player(Playlist(1, loop=True), timing, light=stage.light(timing), power=POWER, each_turn=interrupt)

    with pytest.raises(KeyboardInterrupt):
        patiently(make)
    assert_dark(stage)
    assert not stage.opened.panel.playing
    stage.opened.box.wait_for("disarmed", since_s=begun_s)
    reasons = [logged.event.reason for logged in stage.opened.box.events if logged.event.kind == "disarmed"]
    assert reasons[-1] == "OUTP OFF"


def test_a_file_that_cannot_be_read_stops_the_play_dark_and_is_named(stage):
    stage.reader.paths.append(Path("no number"))
    player = stage.player(
        Playlist(HOLOGRAMS + 1), timing_of(rig()), light=stage.light(timing_of(rig())), power=POWER, duration_s=30.0
    )
    with pytest.raises(RigError, match="no number"):
        player.run()
    assert_dark(stage)


@pytest.mark.parametrize(("fault", "says"), [("lose_edges", r"1 fewer"), ("repeat_frames", "1 more")])
def test_a_lost_or_surplus_edge_stops_the_play_before_any_wrong_light(fault, says):
    """A controller without SEQ:GATE lights one or two frames wrongly before the comparison finds it."""
    edges, wire = multiprocessing.Pipe(duplex=False)
    make = partial(SimulatedPanel, SHAPE, REFRESH_HZ, wire, **{fault: {24}})
    with SimulatedBox.open(edges) as box, PanelProcess(make, SHAPE, REFRESH_HZ) as panel:
        edges.close()
        wire.close()
        with LaserController.open(box.port) as lasers, staged(OpenRig(rig(), panel, box)) as stage:
            timing = timing_of(rig())
            light = DirectLight(lasers, timing, time.perf_counter, time.sleep)
            player = stage.player(Playlist(1, loop=True), timing, light=light, power=POWER, duration_s=20.0)
            with pytest.raises(RigError, match=f"{says}|101,|made dark"):
                player.run()
            exposures = stage.exposures()
        assert {exposure.colour for exposure in exposures} > {None}
        assert all(exposure.colour in (None, Colour(exposure.plane)) for exposure in exposures)
