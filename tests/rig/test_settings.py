"""Rig files: read as written, and errors that name what is wrong."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest

from holodriver.errors import FileFormatError, InputError
from holodriver.rig.settings import (
    STALL_S,
    CalibrationSettings,
    ControllerSettings,
    DiffuserSettings,
    LimitSettings,
    PanelSettings,
    Rig,
    SequenceSettings,
    read_rig,
    rig_text,
    write_rig,
)

RIG = Rig(
    "bench 2",
    panel=PanelSettings(monitor='MAY "IRIS-U62"', packed=True, rotation=180, flip_vertical=True),
    controller=ControllerSettings(port="/dev/ttyACM0", watchdog_ms=120),
    limits=LimitSettings(2.5, 1, 0.25),
    sequence=SequenceSettings(mode="packed", order=("blue", "red", "green"), dwell=2),
    calibration=CalibrationSettings(file="bench 2.toml"),
    diffuser=DiffuserSettings(state_input="cts", port="/dev/ttyUSB0"),
)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "rig.toml"
    write_rig(path, RIG)
    assert read_rig(path) == replace(RIG, folder=tmp_path)


def test_every_field_stands_below_its_comment() -> None:
    lines = rig_text(RIG).splitlines()
    values = tomllib.loads(rig_text(RIG))
    for name in ("panel", "display", "controller", "limits", "sequence", "calibration", "diffuser"):
        for entry in fields(getattr(RIG, name)):
            assert entry.name in values[name]
            stands = [number for number, line in enumerate(lines) if re.match(rf"{entry.name} = ", line)]
            assert stands, entry.name
            assert all(lines[number - 1].startswith("# ") for number in stands), entry.name


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[panel]\nmonitor = ''", r"'panel.monitor' is '', expected a text"),
        ("[panel]\nmonitor = 1", r"'panel.monitor' is 1, expected a text"),
        ("[panel]\nmonitor = 'a'\nrefresh_hz = nan", "'panel.refresh_hz' is nan, expected a number from 10"),
        ("[panel]\nmonitor = 'a'\nrefresh_hz = true", "'panel.refresh_hz' is True"),
        ("[panel]\nmonitor = 'a'\nrotation = 45", "'panel.rotation' is 45, expected 0, 90, 180 or 270"),
        ("[panel]\nmonitor = 'a'\nnative_width = 3841", "'panel.binning' is 2, which does not divide 3841"),
        ("[panel]\nmonitor = 'a'\npixels = 3", "'panel.pixels' is unknown"),
        ("[pannel]\nmonitor = 'a'", "'pannel' is unknown"),
        ("panel = 3", "'panel' is 3, expected a table"),
        ("[panel]\nmonitor = 'a'\n[controller]\nwatchdog_ms = 251", "'controller.watchdog_ms' is 251"),
        ("[panel]\nmonitor = 'a'\n[limits]\nred_mw = 501", "'limits.red_mw' is 501, expected a number from 0 to 500"),
        ("[panel]\nmonitor = 'a'\n[limits]\nred_mw = inf", "'limits.red_mw' is inf"),
        ("[panel]\nmonitor = 'a'\n[sequence]\norder = ['red', 'red']", "'sequence.order'"),
        ("[panel]\nmonitor = 'a'\n[sequence]\norder = [['red']]", "'sequence"),
        ("[panel]\nmonitor = 'a'\n[sequence]\nmode = 'packed'", "'panel.packed' is false"),
        ("[panel]\nmonitor = 'a'\n[sequence]\nlight_ms = 16.0", "reach into the next frame"),
        ("[panel]\nmonitor = 'a'\n[sequence]\ndwell = 7", "'sequence.dwell' is 7, and 'panel.refresh_hz' 60: 8.57 new"),
        (
            "[panel]\nmonitor = 'a'\n[sequence]\nmode = 'host'\nsettle_ms = 30\nlight_ms = 30\nhost_delay_ms = 50\n"
            "dark_gap_ms = 50",
            "'sequence.settle_ms', 'light_ms', 'host_delay_ms', 'dark_gap_ms'.*193 ms apart.*dark after 150 ms",
        ),
        ("[panel]\nmonitor = 'a'\n[diffuser]\nstate_input = 'cts'", "'diffuser.port' is empty"),
        ("name = 3\n[panel]\nmonitor = 'a'", "'name' is 3"),
        ("[panel", "is not TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(f"format = 'holodriver rig'\nversion = 1\n{line}\n", encoding="utf-8")
    with pytest.raises(FileFormatError, match=says) as caught:
        read_rig(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("text", ["", "format = 'holodriver rig'\nversion = true", "format = 'x'\nversion = 1"])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rig.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FileFormatError, match=r"field '(format|version)'"):
        read_rig(path)


def test_times_are_shares_of_what_a_colour_has_unless_given() -> None:
    panel = PanelSettings(monitor="a", refresh_hz=50, packed=True)
    external = Rig(panel=panel, sequence=SequenceSettings(dwell=2))
    assert external.slot_s == pytest.approx(0.04)
    assert (external.blanking_s, external.on_time_s) == pytest.approx((0.008, 0.024))
    assert Rig(panel=panel, sequence=SequenceSettings(dwell=2, sync="refresh")).slot_s == pytest.approx(0.02)
    assert Rig(panel=panel, sequence=SequenceSettings(mode="packed")).slot_s == pytest.approx(0.02 / 3)
    given = Rig(panel=panel, sequence=SequenceSettings(settle_ms=3, light_ms=7))
    assert (given.blanking_s, given.on_time_s) == pytest.approx((0.003, 0.007))


def test_a_profile_of_another_panel_is_refused() -> None:
    assert Rig(panel=PanelSettings(monitor="a")).profile().native_shape == (2160, 3840)
    with pytest.raises(InputError, match="1920 × 1080"):
        Rig(panel=PanelSettings(monitor="a", native_width=1920, native_height=1080)).profile()


def test_the_slowest_rig_by_hand_has_time_before_its_lasers_go_dark() -> None:
    panel = PanelSettings(monitor="a")
    slow = Rig(panel=panel, sequence=SequenceSettings(mode="host", settle_ms=20, light_ms=30, dark_gap_ms=50))
    assert STALL_S / 2 < slow.host_cycle_s + panel.period_s < STALL_S
    assert Rig(panel=panel, sequence=SequenceSettings(dwell=7, sync="refresh")).slot_s == pytest.approx(1 / 60)
