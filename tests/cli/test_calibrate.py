"""`holodriver calibrate` and `capture` from the command line: refused options, and measuring through a file."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from holodriver.cli.app import main
from holodriver.files.calibration import read_calibration, write_calibration
from holodriver.optics.display import REFERENCE
from holodriver.panel.calibration import Calibration, ColourCalibration
from holodriver.panel.lut import AmplitudeLut
from holodriver.tasks.encode import calibration_for


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["measure", "--meter", "camera:0"], "cannot see the simulated panel"),
        (["measure", "--meter", "power:/dev/ttyUSB0"], "cannot see the simulated panel"),
        (["measure", "--regions", "2"], "--regions"),
        (["measure", "--white", "1,2"], "--white"),
        (["measure", "--white", "1,2,x"], "--white"),
        (["fit", "none.csv"], "--panel"),
        (["fit", "none.csv", "--panel", "x"], "none.csv"),
    ],
)
def test_what_cannot_be_measured_is_one_line(tmp_path: Path, capsys, options: list[str], said: str) -> None:
    assert main(["calibrate", *options, "-o", str(tmp_path / "panel.json")]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_measured_then_verified(tmp_path: Path) -> None:
    path = tmp_path / "panel.json"
    command = ["calibrate", "measure", "-o", str(path), "--levels", "33", "--sweeps", "1"]
    assert main(command) == 0
    assert {file.name for file in tmp_path.iterdir()} == {"panel.json", "panel.csv", "panel.png"}
    assert main(command) == 2  # it is there
    verify = ["calibrate", "verify", str(path), "--sweeps", "1"]
    assert main(verify) == 0
    assert main([*verify, "--tolerance", "0.001"]) == 1


def test_its_readings_make_the_same_tables_again(tmp_path: Path) -> None:
    measured, fitted = tmp_path / "panel.json", tmp_path / "again.json"
    assert main(["calibrate", "measure", "-o", str(measured), "--levels", "33", "--sweeps", "1"]) == 0
    assert main(["calibrate", "fit", str(tmp_path / "panel.csv"), "--panel", "x", "-o", str(fitted)]) == 0
    first, second = read_calibration(measured), read_calibration(fitted)
    assert (second.panel, second.meter) == ("x", "readings in panel.csv")
    for one, other in zip(first.colours, second.colours, strict=True):
        np.testing.assert_array_equal(one.lut.amplitudes, other.lut.amplitudes)


def test_where_colours_fall_is_added_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "panel.json"
    assert main(["calibrate", "measure", "-o", str(path), "--levels", "33", "--sweeps", "1"]) == 0
    assert main(["calibrate", "register", str(path)]) == 0
    for colour in read_calibration(path).colours:
        np.testing.assert_allclose(colour.registration.offset, 0, atol=0.2)  # effective pixels
        assert colour.registration.scale == pytest.approx(1, abs=1e-3)


def test_parts_of_the_panel_are_verified_by_their_own_tables(tmp_path: Path, capsys) -> None:
    path = tmp_path / "panel.json"
    command = ["calibrate", "measure", "-o", str(path), "--levels", "33", "--sweeps", "1", "--regions", "2x1"]
    assert main(command) == 0
    verify = ["calibrate", "verify", str(path), "--sweeps", "1", "--tolerance", "0.05"]
    assert main(verify) == 0
    assert "row 1, column" in capsys.readouterr().out
    assert main([*verify, "--meter", "power:/dev/none"]) == 2
    assert "has tables for 2x1 regions" in capsys.readouterr().err


def test_tables_of_an_unnamed_panel_say_whose_they_are(tmp_path: Path) -> None:
    colours = tuple(ColourCalibration(one, AmplitudeLut.linear(), 0.0, 256) for one in REFERENCE.wavelengths)
    made = Calibration("PANEL-A", "77", datetime(2026, 3, 1, tzinfo=UTC), "m", "uniform", colours)
    write_calibration(tmp_path / "a.json", made)
    said: list[str] = []
    assert calibration_for(REFERENCE, tmp_path / "a.json", say=said.append).panel == "PANEL-A"
    assert "the tables of the panel 'PANEL-A' (serial number 77), measured 2026-03-01" in said.pop()
    calibration_for(REFERENCE, tmp_path / "a.json", panel="PANEL-A", say=said.append)
    assert not said


def test_a_real_camera_is_refused(tmp_path: Path, capsys) -> None:
    command = ["capture", str(tmp_path / "x.holo"), "--stack", str(tmp_path / "x.stack"), "--camera", "camera:0"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 2
    assert "cannot see the simulated panel" in capsys.readouterr().err
