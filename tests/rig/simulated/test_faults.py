"""Faults that are asked for happen, and end as they would in a lab: counted, or dark."""

from fractions import Fraction

import numpy as np
import pytest

from holodriver.errors import InputError, RigError
from holodriver.files.video.video import VideoReader
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.play.report import play
from holodriver.rig.simulated.camera_film import fused, noisy, write_camera_film
from holodriver.rig.simulated.faults import MAX_FLIPS, Faults
from holodriver.rig.simulated.simulated_rig import SimulatedRig

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


def test_late_flips_are_counted_and_colours_stay_in_step(patient_play):
    faults = Faults(delay=0.2, seed=1)
    with SimulatedRig(PROFILE.native_shape, 60.0, faults=faults) as rig:
        report = patient_play([PIXELS], rig.panel, rig.lasers(), cycles=10)
    late = {flip: by for flip, by in faults.delays(2).items() if 0 < flip < 30}
    assert report.late >= len(late)  # a busy machine adds its own
    assert report.dropped >= sum(late.values())


@pytest.mark.parametrize("faults", [Faults(drop=0.2), Faults(lose=0.2)])
def test_frames_and_colours_out_of_step_end_dark(faults):
    with SimulatedRig(PROFILE.native_shape, 60.0, faults=faults) as rig:
        with pytest.raises(RigError, match=r"out of step|stands on"):
            play([PIXELS], rig.panel, rig.lasers(), cycles=30)
        assert not rig.box.report().armed
        assert any(exposure.colour is None or exposure.colour != exposure.plane for exposure in rig.exposures())


@pytest.mark.parametrize("transport", ["pty", "socket"])
def test_an_unplugged_box_goes_dark_by_itself(transport):
    with SimulatedRig(PROFILE.native_shape, 60.0, transport=transport, faults=Faults(unplug=0.2)) as rig:
        with pytest.raises(RigError, match="cable"):
            play([PIXELS], rig.panel, rig.lasers(), duration_s=3)
        rig.box.wait_for("disarmed")
        report = rig.box.report()
        assert not report.armed
        assert not report.lit


def test_drift_and_noise_are_in_the_film(tmp_path, patient_play):
    faults = Faults(drift=-0.5, noise=0.05)
    with SimulatedRig(PROFILE.native_shape, 60.0, faults=faults) as rig:
        patient_play([PIXELS], rig.panel, rig.lasers(), cycles=8)
        exposures = rig.exposures()
    seen = list(fused(_bench(), exposures, 1 / (0.001 * 0.6 / 60), 0.5))
    assert len(seen) == 8
    assert seen[-1].mean() == pytest.approx(0.5 * seen[0].mean(), rel=0.15)  # a flip's light scatters a little
    grain = next(noisy(iter([np.full((3, 100, 100), 0.5)]), faults))
    assert grain.std() == pytest.approx(0.05, rel=0.05)
    count = write_camera_film(tmp_path / "seen.mp4", FRAMES, exposures, refresh_hz=60.0, energy_j=1e-5, faults=faults)
    assert count == 8
    with VideoReader(tmp_path / "seen.mp4") as film:
        assert (film.info.width, film.info.height) == (32, 24)
        assert film.info.rate == Fraction(20)


def _bench():
    from holodriver.panel.frames import simulated_bench

    return simulated_bench(FRAMES)
