"""Registration of colours: known displacements are found, and the encoding removes them."""

import numpy as np
import pytest

from holodriver.errors import RigError
from holodriver.optics.display import REFERENCE
from holodriver.panel.calibration import Registration
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.lut import AmplitudeLut
from holodriver.panel.registration import registered
from holodriver.rig.measure.register import cross_positions, crosses, find_crosses, measure_registrations, register
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab

PROFILE = REFERENCE.resized(240, 160)
TRUE = (Registration((1.3, -2.2), 1.004), Registration(), Registration((-0.8, 0.6), 0.997))


def luts() -> tuple[AmplitudeLut, ...]:
    tables = []
    for wavelength in PROFILE.wavelengths:
        table = LiquidCrystal().amplitudes(wavelength)
        table[: table.argmax() + 1] = np.maximum.accumulate(table[: table.argmax() + 1])
        tables.append(AmplitudeLut(table))
    return tuple(tables)


def test_what_was_displaced_is_found_and_the_encoding_undoes_it():
    lab = SimulatedLab(PROFILE, LabSettings(registrations=TRUE))
    found = measure_registrations(lab, lab.camera(), luts())
    for got, wanted in zip(found, TRUE, strict=True):
        np.testing.assert_allclose(got.offset, wanted.offset, atol=0.05)  # pixels; the camera resamples to 1/32
        assert got.scale == pytest.approx(wanted.scale, abs=5e-4)
    field = registered(crosses(PROFILE), found)
    frames = encode(field, automatic_gains([field]), luts()).pixels
    camera = lab.camera()
    seen = [find_crosses(lab.look(colour, frame, camera.image)) for colour, frame in enumerate(frames)]
    for points in (seen[0], seen[2]):
        assert np.abs(points - seen[1]).max() < 0.15  # 3.5 px and more apart before


def test_exact_points_give_exact_numbers_through_any_perspective():
    middle = (np.array(PROFILE.shape) - 1) / 2
    seen = []
    for one in TRUE:
        points = (cross_positions(PROFILE) - middle) * one.scale + one.offset + middle
        y, x = points.T
        w = 1 + 3e-4 * x - 2e-4 * y
        seen.append(np.stack([(1.7 * y + 0.1 * x + 20) / w, (1.6 * x - 0.2 * y + 40) / w], axis=1))
    for got, wanted in zip(register(seen, PROFILE), TRUE, strict=True):
        np.testing.assert_allclose(got.offset, wanted.offset, atol=1e-3)
        assert got.scale == pytest.approx(wanted.scale, abs=1e-5)


def test_spots_that_are_no_crosses_are_refused():
    rng = np.random.default_rng(1)
    with pytest.raises(RigError, match="expected 15 crosses"):
        find_crosses(np.pad(np.ones((5, 5)), 60))
    points = cross_positions(PROFILE)
    with pytest.raises(RigError, match="px off"):
        register([points, points, points + rng.normal(0, 3, points.shape)], PROFILE)
