"""Playing on a simulated rig: what a camera would see, and dark whenever something is out of step."""

import numpy as np
import pytest

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.play.report import PlayReport
from holodriver.rig.simulated.simulated_rig import SimulatedRig

SHAPE = (6, 10)
REFRESH_HZ = 50.0


def holograms(number: int, colours: int = 3, seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (colours, *SHAPE), dtype=np.uint8) for _ in range(number)]


@pytest.fixture(scope="module")
def rig():
    with SimulatedRig(SHAPE, REFRESH_HZ) as simulated:
        yield simulated


@pytest.fixture(scope="module")
def lasers(rig):
    return rig.lasers()


def assert_dark(rig: SimulatedRig) -> None:
    report = rig.box.report()
    assert not report.armed
    assert report.lit == ()


def test_a_camera_sees_every_frame_bit_for_bit_under_its_own_laser(rig, lasers, patient_play):
    frames = holograms(2)
    seen = []
    report = patient_play(
        frames,
        rig.panel,
        lasers,
        cycles=3,
        powers_w=(0.001, 0.002, 0.003),
        progress=lambda stage, done, total, note="": seen.append((done, total)),
    )
    assert report.frames_shown == report.edges == 18
    assert report.comparisons > 0
    assert seen[-1] == (18, 18)
    exposures = rig.exposures()
    assert [exposure.flip_index for exposure in exposures] == list(range(18))
    for number, exposure in enumerate(exposures):
        hologram, colour = divmod(number % 6, 3)
        assert (exposure.frame_index, exposure.plane) == (hologram, colour)
        assert exposure.colour == colour
        assert exposure.power_w == (0.001, 0.002, 0.003)[colour]
        np.testing.assert_array_equal(exposure.pixels, frames[hologram][colour])
        assert 0 < exposure.lit_for_s <= 0.6 / REFRESH_HZ + 1e-6
    assert_dark(rig)


def test_pixels_come_from_the_display_process_and_not_from_the_host(rig, lasers):
    frames = holograms(1, seed=1)
    sent = frames[0].copy()
    rig.panel.preload(frames)
    frames[0][:] = 0
    lasers.sequence(list(Colour), blanking_s=0.004, on_time_s=0.01)
    rig.panel.start(1)
    while rig.panel.playing:
        rig.panel.wait(1.0)
    exposures = rig.exposures()
    for colour, exposure in enumerate(exposures):
        np.testing.assert_array_equal(exposure.pixels, sent[colour])
        assert exposure.colour is None, "the lasers were not armed"


def test_one_colour_plays_under_the_laser_that_was_asked_for(rig, lasers, patient_play):
    report = patient_play(
        holograms(1, colours=1), rig.panel, lasers, duration_s=3.5 / REFRESH_HZ, colours=[Colour.GREEN]
    )
    assert report.frames_shown == 4, "whole cycles"
    assert {exposure.colour for exposure in rig.exposures()} == {Colour.GREEN}


def test_a_play_of_one_flip_has_no_intervals_and_says_so():
    alone = PlayReport(
        frames_shown=1,
        dropped=0,
        late=0,
        comparisons=1,
        interval_median_s=None,
        interval_max_s=None,
        period_s=0.02,
        edges=1,
    )
    rows = dict(alone.rows())
    assert rows["flip interval, median"] == "– (20.00 ms wanted)"
    assert rows["flip interval, longest"] == "–"


@pytest.mark.parametrize(
    ("frames", "options", "says"),
    [
        ([], {"cycles": 1}, "no frames"),
        ([np.zeros((3, 6, 11), np.uint8)], {"cycles": 1}, r"expected uint8 \(6, 10\)"),
        ([np.zeros((3, 6, 10))], {"cycles": 1}, "expected uint8"),
        ([np.zeros((6, 10), np.uint8)], {"cycles": 1}, r"expected \(colours, h, w\)"),
        (holograms(1) + holograms(1, colours=1), {"cycles": 1}, "different shapes"),
        (holograms(1, colours=2), {"cycles": 1}, "which laser lights each"),
        (holograms(1), {}, "either a number of cycles or a duration"),
        (holograms(1), {"cycles": 0}, "cycles is 0"),
        (holograms(1), {"duration_s": float("nan")}, "duration is nan"),
        (holograms(1), {"cycles": 1, "powers_w": [0.001]}, "1 laser powers for 3 colours"),
        (holograms(1), {"cycles": 1, "on_time_s": 0.02}, "reach into the next frame"),
    ],
)
def test_what_cannot_be_played_is_refused_unarmed(rig, lasers, frames, options, says, patient_play):
    before = len(rig.box.report().pulses)
    with pytest.raises(InputError, match=says):
        patient_play(frames, rig.panel, lasers, **options)
    assert_dark(rig)
    assert len(rig.box.report().pulses) == before


def test_a_power_over_the_limit_stops_before_there_is_light(rig, lasers, patient_play):
    with pytest.raises(RigError, match="Data out of range"):
        patient_play(holograms(1), rig.panel, lasers, cycles=1, powers_w=(0.001, 0.001, 9.0))
    assert_dark(rig)


def test_an_interlock_trip_in_mid_play_is_dark_and_told(rig, lasers, patient_play):
    def open_the_door(stage: str, done: int, total: int, note: str = "") -> None:
        if done >= 5 and not rig.box.report().tripped:
            rig.box.interlock(closed=False)

    with pytest.raises(RigError, match="Interlock tripped"):
        patient_play(holograms(1), rig.panel, lasers, cycles=1000, progress=open_the_door)
    assert_dark(rig)
    tripped = rig.box.wait_for("tripped").event.at_s
    assert max(pulse.end_s for pulse in rig.box.report().pulses) <= tripped
    rig.box.interlock(closed=True)
    rig.box.press_reset()


def test_ctrl_c_in_mid_play_ends_dark(rig, lasers, patient_play):
    def interrupt(stage: str, done: int, total: int, note: str = "") -> None:
        if done >= 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        patient_play(holograms(1), rig.panel, lasers, cycles=1000, progress=interrupt)
    assert_dark(rig)
    assert not rig.panel.playing


def test_a_lost_edge_stops_the_play_and_the_exposures_show_the_swapped_colours(patient_play):
    with SimulatedRig(SHAPE, REFRESH_HZ, lose_edges={4}) as rig:
        with pytest.raises(RigError, match=r"sync edges for \d+ frames shown, 1 fewer"):
            patient_play(holograms(1), rig.panel, rig.lasers(), cycles=1000)
        assert len(rig.panel.shown) < 3000, "found only at the end"
        assert_dark(rig)
        exposures = {exposure.flip_index: exposure for exposure in rig.exposures()}
        assert exposures[3].colour == exposures[3].plane
        assert exposures[4].colour is None
        # if the play was stopped within two frames of the loss, there was no light to be wrong
        assert {(exposures[flip].plane, exposures[flip].colour) for flip in (5,) if flip in exposures} <= {
            (2, 1),
            (2, None),
        }


def test_a_repeated_frame_stops_the_play_and_shows_two_lasers_on_one_frame(patient_play):
    with SimulatedRig(SHAPE, REFRESH_HZ, repeat_frames={4}) as rig:
        with pytest.raises(RigError, match=r"sync edges for \d+ frames shown, 1 more"):
            patient_play(holograms(1), rig.panel, rig.lasers(), cycles=1000)
        assert len(rig.panel.shown) < 3000, "found only at the end"
        assert_dark(rig)
        assert [exposure.colour for exposure in rig.exposures() if exposure.flip_index == 4] == [
            Colour.GREEN,
            Colour.BLUE,
        ]
