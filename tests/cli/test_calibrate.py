"""`holodriver calibrate` and `capture` from the command line: what is refused, and the way through a file."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from holodriver.cli.app import main
from holodriver.cli.options import calibration_for
from holodriver.files.calibration import write_calibration
from holodriver.optics.display import REFERENCE
from holodriver.panel.calibration import Calibration, ColourCalibration
from holodriver.panel.lut import AmplitudeLut


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--meter", "camera:0"], "cannot see the simulated panel"),
        (["--meter", "power:/dev/ttyUSB0"], "cannot see the simulated panel"),
        (["--meter", "csv:none.csv"], "--panel"),
        (["--regions", "2"], "--regions"),
        (["--white", "1,2"], "--white"),
        (["--verify", "--register"], "--verify"),
        (["--meter", "csv:none.csv", "--panel", "x", "--seed", "3"], "--seed"),
    ],
)
def test_what_cannot_be_measured_is_one_line(tmp_path: Path, capsys, options: list[str], said: str) -> None:
    assert main(["calibrate", "-o", str(tmp_path / "panel.json"), *options]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.splitlines()) == 1
    assert not any(tmp_path.iterdir())


def test_measured_then_verified(tmp_path: Path) -> None:
    path = tmp_path / "panel.json"
    command = ["calibrate", "-o", str(path), "--levels", "33", "--sweeps", "1"]
    assert main(command) == 0
    assert main(command) == 2  # it is there
    assert main([*command, "--verify"]) == 0
    assert main([*command, "--verify", "--tolerance", "0.001"]) == 1


def test_parts_of_the_panel_are_verified_by_their_own_tables(tmp_path: Path, capsys) -> None:
    path = tmp_path / "panel.json"
    command = ["calibrate", "-o", str(path), "--levels", "33", "--sweeps", "1"]
    assert main([*command, "--regions", "2x1"]) == 0
    assert main([*command, "--verify", "--tolerance", "0.05"]) == 0
    assert "row 1, column" in capsys.readouterr().out
    assert main([*command, "--verify", "--regions", "1x2"]) == 2
    assert "has tables for 2x1 regions" in capsys.readouterr().err


def test_tables_of_an_unnamed_panel_say_whose_they_are(tmp_path: Path, capsys) -> None:
    colours = tuple(ColourCalibration(one, AmplitudeLut.linear(), 0.0, 256) for one in REFERENCE.wavelengths)
    made = Calibration("PANEL-A", "77", datetime(2026, 3, 1, tzinfo=UTC), "m", "uniform", colours)
    write_calibration(tmp_path / "a.json", made)
    assert calibration_for(REFERENCE, tmp_path / "a.json").panel == "PANEL-A"
    said = capsys.readouterr().out
    assert "the tables of the panel 'PANEL-A' (serial number 77), measured 2026-03-01" in said
    calibration_for(REFERENCE, tmp_path / "a.json", panel="PANEL-A")
    assert not capsys.readouterr().out


def test_a_real_camera_is_refused(tmp_path: Path, capsys) -> None:
    command = ["capture", str(tmp_path / "x.holo"), "--stack", str(tmp_path / "x.stack"), "--camera", "camera:0"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 2
    assert "cannot see the simulated panel" in capsys.readouterr().err
