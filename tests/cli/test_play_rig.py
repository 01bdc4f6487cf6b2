"""`holodriver rig` and `holodriver play --rig FILE` on a simulated panel and controller, from the command line."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from holodriver.cli.app import main
from holodriver.files.calibration import write_calibration
from holodriver.files.frames import read_panel_frames
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.profile import write_profile
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Calibration, ColourCalibration, Registration
from holodriver.panel.encoder import encode as burch_encode
from holodriver.panel.frames import PanelFrames, SmallFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.lasers.power import Power
from holodriver.rig.play.before_light import what_is_lit
from holodriver.rig.play.control import Listener
from holodriver.rig.play.fit import rig_calibration
from holodriver.rig.play.frame_reader import ReadOrEncode
from holodriver.rig.play.open_rig import timing_of
from holodriver.rig.play.session import PlaySettings, play_on_rig
from holodriver.rig.settings import PanelSettings, Rig, SequenceSettings, read_rig, write_rig

PROFILE = replace(REFERENCE, width=16, height=10)
LUTS = (AmplitudeLut.linear(),) * 3
NOWHERE = (Registration(),) * 3


def hologram(path: Path, profile=PROFILE, gains=(1.0, 1.0, 1.0)) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, *profile.native_shape), dtype=np.uint8)
    write_hologram(path, Hologram(frames=PanelFrames(pixels, profile, gains, LUTS)))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a rig file for a small simulated rig, and holograms for it."""
    monkeypatch.chdir(tmp_path)
    assert main(["rig", "new", "rig.toml", "--port", "simulated"]) == 0
    change({"panel": {"native_width": 32, "native_height": 20, "refresh_hz": 50.0}, "display": {"profile": "p.toml"}})
    write_profile(Path("p.toml"), PROFILE)
    Path("seq").mkdir()
    for number in (1, 2, 10):
        hologram(Path("seq") / f"h{number}.holo")
    return tmp_path


def change(sections: dict[str, dict]) -> None:
    rig: Rig = read_rig(Path("rig.toml"))
    changed = {name: replace(getattr(rig, name), **values) for name, values in sections.items()}
    write_rig(Path("rig.toml"), replace(rig, **changed), overwrite=True)


def calibrated(luts=LUTS, moves=NOWHERE) -> Calibration:
    """Give the rig a calibration."""
    colours = tuple(
        ColourCalibration(wavelength, lut, 0.0, 256, relative_power=share, registration=move)
        for wavelength, lut, share, move in zip(PROFILE.wavelengths, luts, (1.0, 0.25, 0.5), moves, strict=True)
    )
    made = Calibration("panel", "", datetime(2026, 1, 2, tzinfo=UTC), "a meter", "uniform", colours)
    write_calibration(Path("c.json"), made)
    change({"calibration": {"file": "c.json"}})
    return made


def random_field(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    shape = (3, *PROFILE.shape)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def events(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def play(*arguments: str) -> int:
    return main(["--progress", "json", "play", *arguments, "--rig", "rig.toml"])


def table(said: list[dict], heading: str) -> dict[str, str]:
    (found,) = [event["rows"] for event in said if event["event"] == "table" and event["columns"][0] == heading]
    return {row[0]: row[-1] for row in found}


def test_a_new_rig_file_is_checked_line_by_line(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--progress", "json", "rig", "check", "rig.toml"]) == 0
    lines = table(events(capsys.readouterr().out), "line")
    assert {
        "panel.monitor",
        "controller.port",
        "interlock",
        "limits.red_mw",
        "sequence",
        "diffuser.state_input",
    } <= set(lines)


@pytest.mark.parametrize(
    ("section", "values", "line"),
    [
        ("panel", {"native_width": 64}, "display.profile"),
        ("panel", {"monitor": "no such monitor"}, "panel.monitor"),
        ("controller", {"port": "/dev/no-such-port"}, "controller.port"),
        ("controller", {"make": "acme"}, "controller.port"),
        ("calibration", {"file": "none.json"}, "calibration.file"),
        ("diffuser", {"state_input": "file", "port": "none"}, "diffuser.state_input"),
    ],
)
def test_a_line_at_fault_is_named_and_the_exit_code_says_so(lab, capsys, section, values, line) -> None:
    change({section: values})
    assert main(["rig", "check", "rig.toml"]) == 2
    assert f"are at fault: {line}" in capsys.readouterr().err


def test_a_check_tells_how_long_each_colour_is_lit_and_how_far_apart(lab, capsys) -> None:
    """60 Hz: 16.7 ms; by the host a frame waits for the light, the delays and a refresh: 1 + 2 + 10 + 5 + 16.7 ms."""
    timing = {"settle_ms": 1.0, "light_ms": 2.0, "host_delay_ms": 10.0, "dark_gap_ms": 5.0}
    for mode, period in (("external", "16.7"), ("host", "34.7")):
        change({"panel": {"refresh_hz": 60.0}, "sequence": {"mode": mode, **timing}})
        capsys.readouterr()
        main(["--progress", "json", "rig", "check", "rig.toml"])
        told = table(events(capsys.readouterr().out), "line")["sequence"]
        assert f"1 ms dark, 2 ms light of {period} ms" in told


def test_play_without_arm_is_dark_and_shows_holograms_by_number(lab, capsys) -> None:
    assert play("seq", "--log", "t.csv") == 0
    said = events(capsys.readouterr().out)
    assert table(said, "figure")["sync edges counted"] == "0"
    assert any("dark" in event.get("text", "") for event in said)
    rows = [line.split(",") for line in Path("t.csv").read_text(encoding="utf-8").splitlines()]
    shown = list(dict.fromkeys(row[2] for row in rows[1:]))
    assert shown == [str(Path("seq") / f"h{number}.holo") for number in (1, 2, 10)]
    assert play("seq", "--log", "t.csv") == 2, "nothing is overwritten unasked"


def test_play_with_arm_says_what_will_be_lit_before_and_compares_all_edges(lab, capsys) -> None:
    for attempt in range(3):
        if play("seq", "--arm", "--power", "0.5", "--log", f"t{attempt}.csv") == 0:
            break
        capsys.readouterr()
    said = events(capsys.readouterr().out)
    (armed,) = [event["text"] for event in said if event.get("text", "").startswith("ARMED")]
    assert "red 638 nm 0.5 mW (limit 1 mW), green 515 nm 0.5 mW (limit 1 mW)" in armed
    figures = table(said, "figure")
    assert figures["sync edges counted"] == figures["frames shown"]
    assert figures["colour errors"] == "0"


def test_the_white_balance_of_the_calibration_goes_into_the_powers(lab, capsys) -> None:
    made = calibrated()
    for _ in range(3):
        capsys.readouterr()
        if play("seq", "--arm") == 0:
            break
    said = events(capsys.readouterr().out)
    (armed,) = [event["text"] for event in said if event.get("text", "").startswith("ARMED")]
    assert "red 638 nm 1 mW (limit 1 mW), green 515 nm 0.25 mW (limit 1 mW), blue 460 nm 0.5 mW" in armed
    other = tuple(replace(colour, lut=AmplitudeLut.liquid_crystal()) for colour in made.colours)
    write_calibration(Path("c.json"), replace(made, colours=other), overwrite=True)
    capsys.readouterr()
    assert play("seq") == 0
    said = events(capsys.readouterr().out)
    assert sum("another look-up table" in event.get("text", "") for event in said if event["event"] == "warning") == 3


def test_holograms_of_a_pipe_are_encoded_with_the_calibration_as_they_come(lab) -> None:
    """Names as `holodriver synth --progress names` prints them, of holograms that nobody has encoded."""
    calibrated()
    for number in range(3):
        write_hologram(Path(f"f{number}.holo"), Hologram(field=WaveField(random_field(number), PROFILE)))
    done = subprocess.run(
        [sys.executable, "-m", "holodriver", "play", "-", "--rig", "rig.toml", "--log", "t.csv"],
        input="f2.holo\nf0.holo\nf1.holo\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in Path("t.csv").read_text(encoding="utf-8").splitlines()[1:]]
    assert list(dict.fromkeys(row[2] for row in rows)) == ["f2.holo", "f0.holo", "f1.holo"]


def test_a_hologram_is_encoded_by_play_as_by_encode_and_each_colour_is_moved(lab, capsys) -> None:
    """To the bit the frames that `encode` stores; and for whole pixels those of a field that was rolled."""
    luts = tuple(AmplitudeLut.liquid_crystal(turns) for turns in (1.0, 1.2, 1.35))
    moves = (Registration((1.3, -0.7), 1.02), Registration(), Registration((2.0, -3.0)))
    measured = calibrated(luts, moves)
    values = random_field(2)
    for name in ("played.holo", "encoded.holo"):
        write_hologram(Path(name), Hologram(field=WaveField(values, PROFILE)))
    assert main(["encode", "encoded.holo", "--calibration", "c.json"]) == 0
    stored = read_panel_frames(Path("encoded.holo"))
    played = ReadOrEncode(rig_calibration(read_rig(Path("rig.toml"))), stored.gains)(Path("played.holo"))
    assert played.registrations == stored.registrations == measured.registrations
    np.testing.assert_array_equal(played.pixels, stored.pixels)
    rolled = WaveField(np.roll(values, (-2, 3), (1, 2)), PROFILE)
    np.testing.assert_array_equal(played.pixels[2], burch_encode(rolled, stored.gains, luts).pixels[2])
    capsys.readouterr()
    assert play("encoded.holo", "--duration", "0.2") == 0
    assert "encoded with another" not in capsys.readouterr().out
    hologram(Path("elsewhere.holo"))
    assert play("elsewhere.holo", "--duration", "0.2") == 0
    assert "another registration of the colours" in capsys.readouterr().out


def test_later_holograms_of_other_tables_or_registrations_are_warned_of_and_of_another_profile_refused(lab, capsys):
    tables, moves = AmplitudeLut.simulated_panel(PROFILE.wavelengths), (Registration((1.0, 0.0)), *NOWHERE[1:])
    pixels = np.zeros((3, *PROFILE.native_shape), np.uint8)
    for number, frames in enumerate(
        (
            PanelFrames(pixels, PROFILE, (1.0,) * 3, LUTS),
            PanelFrames(pixels, PROFILE, (1.0,) * 3, tables),
            PanelFrames(pixels, PROFILE, (1.0,) * 3, LUTS, moves),
        )
    ):
        write_hologram(Path(f"n{number}.holo"), Hologram(frames=frames))
    assert play("n0.holo", "n1.holo", "n2.holo") == 0
    warned = [event["text"] for event in events(capsys.readouterr().out) if event["event"] == "warning"]
    assert any("other look-up tables than the first (n1.holo)" in text for text in warned)
    assert any("other registrations than the first (n2.holo)" in text for text in warned)
    other = replace(PROFILE, name="other", depth_span=PROFILE.depth_span / 2)
    write_hologram(Path("other.holo"), Hologram(frames=PanelFrames(pixels, other, (1.0,) * 3, LUTS)))
    assert play("n0.holo", "other.holo") == 2
    (error,) = [event for event in events(capsys.readouterr().out) if event["event"] == "error"]
    assert "made with the display profile 'other'" in error["text"]


def test_a_registration_of_its_own_file_takes_the_place_of_the_calibrations(lab) -> None:
    calibrated(moves=(Registration((1.0, 1.0)),) * 3)
    Path("c.json").rename("r.json")
    calibrated()
    change({"calibration": {"file": "c.json", "registration": "r.json"}})
    made = rig_calibration(read_rig(Path("rig.toml")))
    assert made.registrations == (Registration((1.0, 1.0)),) * 3
    change({"calibration": {"file": "", "registration": "r.json"}})
    assert play("seq") == 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["seq", "--arm", "--power", "1.5"], "1.5 mW are over the rig's limit for red, 1 mW"),
        (["wide.holo"], "frames of 40 × 20 pixels"),
        (["field.holo"], "holds no panel frames"),
        (["gone.holo"], "is not there"),
        (["empty"], "holds neither"),
        (["seq", "--cycles", "0"], "--cycles is 0, expected a whole number from 1"),
        (["seq", "--cycles", "3", "--duration", "1"], "--cycles, --duration: say different ends of the play"),
        (["seq", "--record", "seen"], "--record: is for the simulated rig alone"),
        (["-", "seq"], "stands alone"),
        (["coarse.holo", "seq", "--duration", "5"], "finer than the hologram"),
        (["seq", "--fps", "0"], "--fps is 0.0, expected a number above 0"),
        (["seq", "--duration", "nan"], "--duration is nan, expected a number above 0"),
        (["seq", "--duration", "-1"], "--duration is -1.0"),
        (["seq", "--refresh", "60"], "--refresh: is for the simulated rig alone"),
        (["seq", "--focus", "0.5"], "--focus: is for the simulated rig alone"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(lab, capsys, arguments, says) -> None:
    hologram(Path("wide.holo"), replace(PROFILE, width=20))
    write_hologram(Path("field.holo"), Hologram(field=WaveField(np.ones((3, 10, 16), np.complex64), PROFILE)))
    Path("empty").mkdir()
    coarse = SmallFrames(np.zeros((3, 10, 16), np.uint8), PROFILE, (1.0,) * 3, LUTS)
    write_hologram(Path("coarse.holo"), Hologram(frames=coarse.native()))
    assert play(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def test_all_holograms_are_shown_as_often_as_asked_for(lab) -> None:
    assert play("seq", "--cycles", "2", "--log", "t.csv") == 0
    rows = [line.split(",") for line in Path("t.csv").read_text(encoding="utf-8").splitlines()[1:]]
    shown = [row[1] for row in rows if row[3] == "red" and row[-1] == "0"]
    assert shown == ["1", "2", "3", "1", "2", "3"]


def test_the_simulated_rig_takes_the_words_of_a_rig_file_and_lights_its_lasers(lab, capsys) -> None:
    common = ["--progress", "json", "play", "seq", "--fps", "5", "--memory", "0.1", "--power", "0.5", "--overwrite"]
    for arm, log in ([], "a.csv"), (["--arm"], "b.csv"):
        for _ in range(3):
            capsys.readouterr()
            if main([*common, *arm, "--loop", "--duration", "1", "--log", log]) == 0:
                break
        said = events(capsys.readouterr().out)
        (armed,) = [event["text"] for event in said if event.get("text", "").startswith("ARMED")]
        assert "ARMED: simulated lasers will be lit on a simulated panel" in armed
        assert "red 638 nm 0.5 mW (limit 50 mW)" in armed
        figures = table(said, "figure")
        assert int(figures["sync edges counted"]) == int(figures["frames shown"]) > 60
        assert len(Path(log).read_text(encoding="utf-8").splitlines()) == int(figures["frames shown"]) + 1


def test_names_of_a_pipe_are_played_on_the_simulated_rig(lab) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "holodriver", "play", "-", "--log", "t.csv"],
        input="seq/h10.holo\nseq/h1.holo\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [line.split(",") for line in Path("t.csv").read_text(encoding="utf-8").splitlines()[1:]]
    shown = [row[2] for row in rows if int(row[1]) > 0]
    assert list(dict.fromkeys(shown)) == [str(Path("seq") / "h10.holo"), str(Path("seq") / "h1.holo")]


def test_what_is_simulated_wrongly_is_said_in_one_line(lab, capsys) -> None:
    Path("seen").mkdir()
    Path("seen/mine.txt").touch()
    for arguments, says in (
        (["--refresh", "5"], "'panel.refresh_hz' is 5.0, expected a number from 10 to 10000"),
        (["--fault", "fire=1"], "the fault is 'fire=1'"),
        (["--power", "51"], "51 mW are over the rig's limit for red, 50 mW"),
        (["--record", "seen"], "seen"),
    ):
        assert main(["play", "seq/h1.holo", *arguments]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert says in line


def test_by_hand_what_is_lit_is_said_of_the_whole_cycle() -> None:
    """30 ms of light of 16.7 ms would be more than all."""
    rig = Rig(
        panel=PanelSettings(monitor="a"),
        sequence=SequenceSettings(mode="host", light_ms=30, settle_ms=5, dark_gap_ms=5),
    )
    said = what_is_lit(rig, (), Power(1e-3, (1.0,) * 3, (1e-3,) * 3), timing_of(rig))
    assert said.endswith("each for 30 ms of 56.7 ms")


def test_a_program_that_goes_away_before_its_first_command_ends_the_play(lab) -> None:
    reading, writing = os.pipe()
    os.close(writing)
    gone = Listener(reading, keys=False)
    play_on_rig(read_rig(Path("rig.toml")), [Path("seq/h1.holo")], PlaySettings(), control=gone)
    os.close(reading)


def test_a_standing_diffuser_keeps_it_dark(lab, capsys) -> None:
    Path("turns").write_text("0", encoding="ascii")
    change({"diffuser": {"state_input": "file", "port": "turns"}})
    assert play("seq", "--arm", "--loop", "--duration", "5") == 1
    assert "the diffuser does not turn" in capsys.readouterr().err
