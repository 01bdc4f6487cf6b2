"""Calibration files: read as written, and other files refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from holodriver.errors import FileFormatError, InputError
from holodriver.files.calibration import read_calibration, write_calibration
from holodriver.optics.display import REFERENCE
from holodriver.panel.calibration import Calibration, ColourCalibration, Registration
from holodriver.panel.lut import AmplitudeLut


@pytest.fixture
def calibration() -> Calibration:
    luts = AmplitudeLut.simulated_panel(REFERENCE.wavelengths)
    colours = [
        ColourCalibration(wavelength, lut, 0.004, 150, power, Registration((0.5, -1.25), 1.002))
        for wavelength, lut, power in zip(REFERENCE.wavelengths, luts, (1.0, 0.8, 0.5), strict=True)
    ]
    colours[2] = replace(colours[2], regions=np.tile(luts[2].amplitudes, (2, 3, 1)) * 1.1)
    return Calibration(
        "MAY IRIS-U62", "0001", datetime(2026, 11, 3, 9, tzinfo=UTC), "a meter", "uniform", tuple(colours)
    )


def test_what_was_written_is_read_back(calibration, tmp_path):
    write_calibration(tmp_path / "c.json", calibration)
    read = read_calibration(tmp_path / "c.json")
    assert (read.panel, read.serial, read.measured_at, read.meter, read.pattern) == (
        "MAY IRIS-U62", "0001", datetime(2026, 11, 3, 9, tzinfo=UTC), "a meter", "uniform",
    )  # fmt: skip
    assert read.relative_powers == (1.0, 0.8, 0.5)
    assert read.registrations == calibration.registrations
    for got, wanted in zip(read.colours, calibration.colours, strict=True):
        np.testing.assert_array_equal(got.lut.amplitudes, wanted.lut.amplitudes)
        assert (got.wavelength, got.residual, got.levels) == (wanted.wavelength, wanted.residual, wanted.levels)
    np.testing.assert_array_equal(read.colours[2].regions, calibration.colours[2].regions)


def test_the_inverse_table_asks_for_the_nearest_amplitude(calibration):
    colour = calibration.colours[2]
    rising = colour.lut.amplitudes[: colour.lut.peak + 1]
    for step in range(256):
        assert abs(rising[colour.inverse[step]] - step / 255) <= np.abs(rising - step / 255).min() + 1e-12


CHANGES = [
    (("format",), "other", "field 'format'"),
    (("version",), 2, "field 'version' is 2"),
    (("version",), True, "field 'version' is True"),
    (("panel",), "", "'panel' is empty"),
    (("panel",), 3, "field 'panel' is 3"),
    (("pattern",), "dots", "'pattern' is 'dots'"),
    (("measured_at",), "2026-11-03T09:00:00", "no time zone"),
    (("measured_at",), "yesterday", "wrong type"),
    (("colours",), [], "'colours' is empty"),
    (("colours",), {}, "'colours' is not a list"),
    (("lamp",), 1, "field 'lamp' is unknown"),
    (("colours", 1, "wavelength"), 515, "'wavelength' is 515"),
    (("colours", 1, "levels"), float("nan"), "wrong type"),
    (("colours", 1, "relative_power"), 0, "'relative_power' is 0"),
    (("colours", 1, "amplitudes"), [0, 1], "shape (2,)"),
    (("colours", 1, "amplitudes"), "many", "wrong type"),
    (("colours", 1, "inverse"), [0] * 256, "'colours[1].inverse' does not fit"),
    (("colours", 1, "registration"), {"offset": [0], "scale": 1}, "two numbers"),
    (("colours", 1, "registration"), {"offset": [0, 0], "scale": 2}, "0.9 to 1.1"),
    (("colours", 1, "regions"), [[1]], "'regions' has shape"),
]


@pytest.mark.parametrize(("place", "value", "says"), CHANGES)
def test_a_wrong_field_is_named(calibration, tmp_path, place, value, says):
    path = tmp_path / "c.json"
    write_calibration(path, calibration)
    values = json.loads(path.read_text())
    inside = values
    for key in place[:-1]:
        inside = inside[key]
    inside[place[-1]] = value
    path.write_text(json.dumps(values))
    with pytest.raises(FileFormatError) as caught:
        read_calibration(path)
    assert says in caught.value.what
    assert caught.value.where == str(path)


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", "[" * 100_000])
def test_what_is_no_calibration_is_refused(tmp_path, text):
    (tmp_path / "c.json").write_text(text, encoding="latin-1")
    with pytest.raises(FileFormatError, match="is not"):
        read_calibration(tmp_path / "c.json")


def test_another_panel_or_colour_is_refused(calibration):
    calibration.check(REFERENCE, panel="MAY IRIS-U62", serial="0001")
    calibration.check(REFERENCE)
    with pytest.raises(InputError, match="not of 'OTHER'"):
        calibration.check(REFERENCE, panel="OTHER")
    with pytest.raises(InputError, match="serial number"):
        calibration.check(REFERENCE, serial="0002")
    with pytest.raises(InputError, match="638/515/460 nm, and the display has 638/532/460 nm"):
        calibration.check(replace(REFERENCE, wavelengths=(638e-9, 532e-9, 460e-9)))
    with pytest.raises(InputError, match="the display has 638 nm"):
        calibration.check(replace(REFERENCE, wavelengths=(638e-9,)))
