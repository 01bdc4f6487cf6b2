"""Calibration against a panel with a known true response, and with failing meters."""

import functools
from dataclasses import replace

import numpy as np
import pytest

from holodriver.errors import InputError, RigError
from holodriver.optics.display import REFERENCE
from holodriver.panel.lut import AmplitudeLut
from holodriver.panel.response import DARK
from holodriver.rig.measure.calibrate import SweepSettings, calibrated, fit_colour, measure_colour, verify_colour
from holodriver.rig.measure.cameras import Camera
from holodriver.rig.measure.meters import CameraMeter, Meter
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab
from holodriver.rig.measure.stage import parts_frame, pattern_frame

PROFILE = REFERENCE.resized(16, 16)
CELL = LiquidCrystal()
QUIET = LabSettings(noise=0, floor=0, drift=0)


def largest_error(wavelength: float, lut: AmplitudeLut, cell: LiquidCrystal = CELL) -> float:
    true = cell.amplitudes(wavelength)
    wanted = np.linspace(true[0], 1, 1001)
    return float(np.abs(true[lut.grey(wanted)] - wanted).max())


@functools.cache
def swept(colour: int, seed: int = 0, levels: int = 64):
    lab = SimulatedLab(PROFILE, LabSettings(seed=seed))
    return measure_colour(lab, lab.meter("uniform"), colour, SweepSettings(levels))


@pytest.mark.parametrize("colour", [0, 1, 2])
def test_the_goal_holds_on_a_drifting_noisy_panel_that_turns_too_far(colour):
    """Four sweeps; 4 of the 20 seeds of scripts/bench/calibration.py."""
    wavelength = PROFILE.wavelengths[colour]
    assert largest_error(wavelength, AmplitudeLut.linear()) > 0.25
    for seed in range(4):
        assert largest_error(wavelength, fit_colour(swept(colour, seed), wavelength, "smooth")[0].lut) <= 0.02


def test_gratings_measure_amplitude_from_black():
    lab = SimulatedLab(PROFILE, QUIET)
    settings = SweepSettings(64, 1, pattern="grating")
    table = fit_colour(measure_colour(lab, lab.meter("grating"), 1, settings), 515e-9, "isotonic")[0].lut
    true = CELL.amplitudes(515e-9)
    peak = int(true.argmax())
    expected = (true - true[0]) / (1 - true[0])
    np.testing.assert_allclose(table.amplitudes[:peak], expected[:peak], atol=0.01)


def test_a_grating_has_the_carriers_period():
    profile = replace(PROFILE, carrier_axis="y")
    for one in (PROFILE, profile):
        frame = pattern_frame(one, "grating", 200)
        spectrum = np.abs(np.fft.fft2(frame[:: one.binning, :: one.binning].astype(float)))
        spectrum[0, 0] = 0
        at = np.unravel_index(spectrum.argmax(), spectrum.shape)
        along = at[0] if one.carrier_axis == "y" else at[1]
        assert along / 16 in (one.carrier_frequency, 1 - one.carrier_frequency)


def test_parts_of_an_uneven_panel_get_tables_of_their_own():
    lab = SimulatedLab(PROFILE, replace(QUIET, unevenness=0.3))
    settings = SweepSettings(128, 1, regions=(1, 2))
    found = measure_colour(lab, lab.meter("uniform").divided((1, 2)), 1, settings)
    colour, _ = fit_colour(found, 515e-9, "isotonic")
    assert colour.regions is not None
    for column, retardance in enumerate((1 - 0.075, 1 + 0.075)):
        cell = replace(CELL, retardance=retardance)
        table = colour.regions[0, column]
        assert largest_error(515e-9, AmplitudeLut(np.minimum(table / table.max(), 1)), cell) < 0.02
        assert largest_error(515e-9, colour.lut, cell) > 0.02  # what one table for all would do


def test_white_needs_the_inverse_of_what_each_colour_gives():
    found = [swept(colour) for colour in range(3)]
    calibration, _ = calibrated("p", "", "m", PROFILE.wavelengths, found, SweepSettings(64), white=(1, 2, 1))
    light = np.array(LabSettings().efficiency) * [CELL.intensities(w).max() for w in PROFILE.wavelengths]
    needed = np.array([1, 2, 1]) / light
    np.testing.assert_allclose(calibration.relative_powers, needed / needed.max(), rtol=0.03)  # lasers drift by 5 %


def test_verification_passes_a_good_table_and_fails_a_bad_one():
    colour, _ = fit_colour(swept(2), 460e-9, "smooth")
    lab = SimulatedLab(PROFILE, LabSettings(seed=77))
    settings = SweepSettings(64)
    good = verify_colour(lab, lab.meter("uniform"), 2, colour, settings)
    assert good.largest_error < 0.02
    bad = verify_colour(lab, lab.meter("uniform"), 2, replace(colour, lut=AmplitudeLut.linear()), settings)
    assert bad.largest_error > 0.1


@pytest.mark.parametrize("pattern", ["uniform", "grating"])
def test_each_part_of_an_uneven_panel_is_verified_by_its_own_table(pattern):
    """The whole panel's table passes by itself and cannot tell; a wrong table of one part must fail, there."""
    lab = SimulatedLab(PROFILE, replace(QUIET, unevenness=0.3))
    settings = SweepSettings(128, 1, regions=(1, 2), pattern=pattern)
    meter = lab.meter(pattern).divided((1, 2))
    colour, _ = fit_colour(measure_colour(lab, meter, 1, settings), 515e-9, "isotonic")
    good = verify_colour(lab, meter, 1, colour, replace(settings, regions=(1, 1)), steps=17)
    assert good.shown.shape == (17, 1, 2)
    assert good.largest_error < 0.02
    tables = colour.regions.copy()
    tables[0, 1] = np.linspace(0, tables[0, 1].max(), 256)
    bad = verify_colour(lab, meter, 1, replace(colour, regions=tables), settings, steps=17)
    assert bad.largest_error > 0.05
    assert bad.worst == (0, 1)
    with pytest.raises(InputError, match="as a whole"):
        verify_colour(lab, DyingMeter(99, 0), 1, colour, settings)


def test_parts_of_a_frame_have_grey_levels_of_their_own():
    frame = parts_frame(PROFILE, "uniform", np.array([[1, 2, 3], [4, 5, 6]]))
    assert frame.shape == PROFILE.native_shape
    b = PROFILE.binning
    for (row, column), grey in np.ndenumerate(np.array([[1, 2, 3], [4, 5, 6]])):
        rows = [len(part) for part in np.array_split(np.arange(16), 2)]
        columns = [len(part) for part in np.array_split(np.arange(16), 3)]
        y, x = sum(rows[:row]) * b, sum(columns[:column]) * b
        assert (frame[y : y + rows[row] * b, x : x + columns[column] * b] == grey).all()


def test_sweeps_run_up_and_down_with_references_between():
    greys, references = swept(0).readings.greys, swept(0).readings.references
    levels = greys[~references & (greys != DARK)].reshape(4, 64)
    assert (np.diff(levels[0]) > 0).all()
    np.testing.assert_array_equal(levels[1], levels[0][::-1])
    assert np.diff(np.flatnonzero(references)).max() <= 9 + 4  # eight levels, and darks between sweeps
    assert set(greys[references]) == {140}


class DyingMeter(Meter):
    name = "dying meter"

    def __init__(self, readings: int, end):
        self.left, self.end = readings, end

    def _read_hw(self):
        self.left -= 1
        if self.left < 0:
            if isinstance(self.end, Exception):
                raise self.end
            return self.end
        return 1.0


@pytest.mark.parametrize(
    ("end", "says"), [(RigError("is gone", where="dying meter"), "is gone"), (float("nan"), "not a number")]
)
def test_a_meter_that_dies_ends_the_sweep(end, says):
    lab = SimulatedLab(PROFILE)
    with pytest.raises(RigError, match=says):
        measure_colour(lab, DyingMeter(40, end), 0, SweepSettings(64))


class WhiteCamera(Camera):
    name = "white camera"

    def __init__(self, share: float):
        self.picture = np.full((40, 50), 0.4)
        self.picture.flat[: round(share * self.picture.size)] = 1.0

    def _grab_hw(self):
        return self.picture


def test_a_saturated_camera_is_refused():
    with pytest.raises(RigError, match=r"5\.0 % of the picture is saturated"):
        CameraMeter(WhiteCamera(0.05)).read()
    assert CameraMeter(WhiteCamera(0.0005)).read()[0, 0] == pytest.approx(0.4, abs=1e-3)


def test_a_small_spot_that_is_saturated_is_refused_and_what_lies_round_it_may_be():
    """A panel that fills 40 × 40 of 1920 × 1080 pixels, and one whose one part is too bright."""
    camera = WhiteCamera(0)
    camera.picture = np.full((1080, 1920), 0.1)
    camera.picture[500:540, 900:940] = 1.0
    with pytest.raises(RigError, match=r"100\.0 % of the picture is saturated"):
        CameraMeter(camera, crop=(900, 500, 40, 40)).read()
    assert CameraMeter(camera, crop=(100, 500, 40, 40)).read()[0, 0] == pytest.approx(0.1)
    with pytest.raises(RigError, match=r"11\.1 % of the part in row 5, column 8 is saturated"):
        CameraMeter(camera).read((9, 16))
    camera.picture = np.full((20, 20, 3), 0.1)
    camera.picture[3, 4, 0] = 1.0  # of a colour camera, red alone
    with pytest.raises(RigError, match=r"0\.2 % of the picture"):
        CameraMeter(camera).read()


def test_regions_and_crops_are_those_of_the_picture():
    camera = WhiteCamera(0)
    camera.picture[:20, 25:] = 0.8
    np.testing.assert_allclose(CameraMeter(camera).read((2, 2)), [[0.4, 0.8], [0.4, 0.4]])
    assert CameraMeter(camera, crop=(30, 0, 10, 20)).read()[0, 0] == pytest.approx(0.8)
    with pytest.raises(InputError, match="reaches beyond"):
        CameraMeter(camera, crop=(45, 0, 10, 20)).read()
    with pytest.raises(InputError, match="as a whole"):
        DyingMeter(1, 0).read((2, 2))


@pytest.mark.parametrize(
    "wrong", [{"levels": 8}, {"sweeps": 0}, {"darks": 0}, {"reference_grey": 256}, {"regions": (0, 1)}]
)
def test_a_sweep_that_measures_nothing_is_refused(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        SweepSettings(**wrong)
