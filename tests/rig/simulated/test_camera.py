"""The simulated camera adds up the actual light: wrong pixels, weak lasers and short flips show in its picture."""

from dataclasses import replace

import numpy as np
import pytest

from holodriver.errors import RigError
from holodriver.optics.bench import SimulatedBench
from holodriver.optics.display import REFERENCE
from holodriver.rig.laser_colour import Colour
from holodriver.rig.simulated.camera_model import SimulatedCamera
from holodriver.rig.simulated.exposures import Exposure

PROFILE = REFERENCE.resized(32, 32)
BENCH = SimulatedBench(PROFILE, np.tile(np.arange(256) / 255, (3, 1)))
FRAMES = np.random.default_rng(1).integers(0, 256, (3, *PROFILE.native_shape), np.uint8)
JOULES = 1e-3 * 0.01


def exposures() -> list[Exposure]:
    return [
        Exposure(frame_index=0, plane=c, flip_index=c, colour=Colour(c), pixels=FRAMES[c], lit_for_s=0.01, power_w=1e-3)
        for c in range(3)
    ]


def picture(lit: list[Exposure]) -> np.ndarray:
    return SimulatedCamera(BENCH, lit, 1 / JOULES).picture(0.3)


def test_a_good_play_is_the_picture_of_its_frames() -> None:
    np.testing.assert_allclose(picture(exposures()), BENCH.picture(FRAMES, 0.3, (1, 1, 1)), rtol=1e-5, atol=1e-7)


def test_twice_the_time_or_power_is_twice_the_light() -> None:
    lit = exposures()
    brighter = [replace(lit[0], lit_for_s=0.02), replace(lit[1], power_w=2e-3), lit[2]]
    ratio = picture(brighter) / picture(lit)
    np.testing.assert_allclose(ratio.reshape(3, -1).mean(1), (2, 2, 1), rtol=1e-4)


def test_a_frame_under_the_wrong_laser_spoils_the_picture() -> None:
    lit = exposures()
    swapped = [replace(lit[0], colour=Colour.GREEN), replace(lit[1], colour=Colour.RED), lit[2]]
    good, bad = picture(lit), picture(swapped)
    assert np.abs(good[0] - bad[0]).mean() > 0.5 * good[0].mean()
    np.testing.assert_allclose(good[2], bad[2])


def test_a_colour_that_was_never_lit_is_an_error() -> None:
    with pytest.raises(RigError, match="colour 1"):
        picture([exposures()[0], exposures()[2], replace(exposures()[1], colour=None)])
