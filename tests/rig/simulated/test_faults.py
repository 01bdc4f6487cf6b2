"""Requested faults happen, and end as in a lab: counted, or dark."""

from fractions import Fraction

import numpy as np
import pytest
from rig.plays import POWER, assert_dark, holograms, patiently, played, rig, staged

from holodriver.errors import InputError, RigError
from holodriver.files.video.video import VideoReader
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.play.open_rig import open_rig, timing_of
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.simulated.camera_film import fused, noisy
from holodriver.rig.simulated.faults import MAX_FLIPS, Faults
from holodriver.rig.simulated.simulated_rig import Simulation

PROFILE = REFERENCE.resized(32, 24)
PIXELS = np.random.default_rng(2).integers(0, 256, (3, *PROFILE.native_shape), dtype=np.uint8)
FRAMES = PanelFrames(PIXELS, PROFILE, (1.0, 1.0, 1.0), (AmplitudeLut.linear(),) * 3)


def test_faults_are_read_by_name():
    assert Faults.parse(["drop=0.01", "unplug=2", "seed=3"]) == Faults(drop=0.01, unplug=2.0, seed=3)
    assert Faults.parse([]) == Faults()


@pytest.mark.parametrize(
    "text", ["drop", "drop=", "drop=x", "drop=2", "drop=nan", "fire=1", "seed=1.5", "drop=-0.1", "drift=-2"]
)
def test_what_is_no_fault_is_refused(text):
    with pytest.raises(InputError, match="fault"):
        Faults.parse([text])
    with pytest.raises(InputError, match="once"):
        Faults.parse(["drop=0.1", "drop=0.2"])


def test_as_many_flips_are_struck_as_asked_for():
    struck = Faults(seed=5).flips(0.02, 1)
    assert len(struck) == pytest.approx(0.02 * MAX_FLIPS, rel=0.1)
    assert struck == Faults(seed=5).flips(0.02, 1)
    assert struck != Faults(seed=6).flips(0.02, 1)


def test_late_flips_are_counted_and_colours_stay_in_step(tmp_path):
    faults = Faults(delay=0.2, seed=1)
    report = played(Simulation(faults=faults), holograms(tmp_path, [PIXELS], PROFILE), cycles=20).report
    late = {flip: by for flip, by in faults.delays(2).items() if 0 < flip < 3 * 20}  # counted from the first picture
    assert len(late) > 5
    assert report.late >= len(late)  # a busy machine adds its own
    assert report.dropped >= sum(late.values())
    assert report.edges == report.frames_shown


@pytest.mark.parametrize(("kind", "says"), [("drop", r"1 more|Out of step"), ("lose", r"1 fewer|Out of step")])
def test_frames_and_colours_out_of_step_end_dark_before_any_wrong_light(kind, says):
    first = {seed: min(Faults(seed=seed).flips(0.01, int(kind == "drop"))) for seed in range(500)}
    seed = next(seed for seed, flip in first.items() if 60 < flip < 90)
    simulation = Simulation(faults=Faults(**{kind: 0.01, "seed": seed}), remember=True)
    with open_rig(rig(), simulation=simulation) as opened, staged(opened) as stage:
        timing = timing_of(rig())
        with pytest.raises(RigError, match=says):
            patiently(lambda: stage.player(Playlist(1, loop=True), timing, light=stage.light(timing), power=POWER))
        assert_dark(stage)
        assert first[seed] < len(stage.shown) < first[seed] + 50, "found only much later"
        exposures = stage.exposures()
    assert any(exposure.colour is not None for exposure in exposures), "a play in the dark shows nothing"
    assert all(exposure.colour in (None, exposure.plane) for exposure in exposures)


@pytest.mark.parametrize("transport", ["pty", "socket"])
def test_an_unplugged_box_goes_dark_by_itself(transport):
    simulation = Simulation(faults=Faults(unplug=0.2), transport=transport, remember=True)
    with open_rig(rig(), simulation=simulation) as opened, staged(opened) as stage:
        timing = timing_of(rig())
        with pytest.raises(RigError, match=r"does not answer|is gone|not connected"):
            patiently(lambda: stage.player(Playlist(1, loop=True), timing, light=stage.light(timing), power=POWER))
        opened.box.wait_for("disarmed", since_s=max(pulse.end_s for pulse in opened.box.report().pulses))
        assert_dark(stage)
        assert any(exposure.colour is not None for exposure in stage.exposures()), "it was lit until then"


def test_drift_and_noise_are_in_the_film(tmp_path):
    faults = Faults(drift=-0.5, noise=0.05)
    simulation = Simulation(20.0, faults, film=tmp_path / "seen.mp4")
    exposures = played(simulation, holograms(tmp_path, [PIXELS], PROFILE), cycles=8).exposures
    joules = 0.001 * simulation.rig(FRAMES).on_time_s
    seen = list(fused(_bench(), exposures, 1 / joules, 0.5))
    assert len(seen) == 8
    assert seen[-1].mean() == pytest.approx(0.5 * seen[0].mean(), rel=0.15)  # a flip's light scatters a little
    grain = next(noisy(iter([np.full((3, 100, 100), 0.5)]), faults))
    assert grain.std() == pytest.approx(0.05, rel=0.05)
    with VideoReader(tmp_path / "seen.mp4") as film:
        assert (film.info.width, film.info.height, film.info.frames) == (32, 24, 8)
        assert film.info.rate == Fraction(20, 3)


def _bench():
    from holodriver.panel.frames import simulated_bench

    return simulated_bench(FRAMES)
