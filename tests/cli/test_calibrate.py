"""`holodriver calibrate` and `capture` from the command line: what is refused, and the way through a file."""

from pathlib import Path

import pytest

from holodriver.cli.app import main


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--meter", "camera:0"], "cannot see the simulated panel"),
        (["--meter", "power:/dev/ttyUSB0"], "cannot see the simulated panel"),
        (["--meter", "csv:none.csv"], "--panel"),
        (["--regions", "2"], "--regions"),
        (["--white", "1,2"], "--white"),
        (["--verify", "--register"], "--verify"),
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


def test_a_real_camera_is_refused(tmp_path: Path, capsys) -> None:
    command = ["capture", str(tmp_path / "x.holo"), "--stack", str(tmp_path / "x.stack"), "--camera", "camera:0"]
    assert main([*command, "-o", str(tmp_path / "out")]) == 2
    assert "cannot see the simulated panel" in capsys.readouterr().err
