"""`holodriver calibrate` and `capture` on rigs: serial meters, cameras, windows and laser controllers, all opened."""

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
from layered import layered_stack
from rig import wired
from rig.chip import Change, Chip, build
from rig.power_meter import PtyPowerMeter
from rig.screens import seen, virtual_screen

from holodriver.cli.app import main
from holodriver.files.calibration import read_calibration, write_calibration
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.images import write_pixels
from holodriver.files.profile import write_profile
from holodriver.files.stack import write_stack
from holodriver.optics.display import REFERENCE
from holodriver.panel.calibration import Calibration, ColourCalibration
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.laser_colour import Colour
from holodriver.rig.measure import instruments
from holodriver.rig.measure.cameras import LiveFolderCamera
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.settings import (
    CalibrationSettings,
    ControllerSettings,
    DisplaySettings,
    LimitSettings,
    PanelSettings,
    Rig,
    read_rig,
    write_rig,
)
from holodriver.rig.simulated.box_logic import Pulse
from holodriver.rig.simulated.simulated_box import SimulatedBox

PROFILE = REFERENCE.resized(32, 20)
HEIGHT, WIDTH = PROFILE.native_shape
CELL = LiquidCrystal(ripple=0.0)
BUSY = ("held up", "no new frame", "out of step", "101,", "does not answer", "shown nothing", "watchdog does not work")
ATTEMPTS = 4
EFFICIENCY = (1.0, 0.8, 0.6)
"""Light of each colour for the same laser power."""
FULL_SCALE_W = 0.05
"""Power at full modulation voltage (firmware/config.h), W."""


@pytest.fixture(scope="module")
def chip_programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("firmware"))


def rig_file(folder: Path, *, monitor: str = "simulated", port: str = "simulated", profile=PROFILE) -> str:
    write_profile(folder / "p.toml", profile, overwrite=True)
    height, width = profile.native_shape
    panel = PanelSettings(
        monitor=monitor, allow_primary=True, native_width=width, native_height=height, refresh_hz=60.0
    )
    made = Rig(
        panel=panel,
        display=DisplaySettings("p.toml"),
        controller=ControllerSettings(port=port),
        limits=LimitSettings(2.0, 2.0, 2.0),
    )
    write_rig(folder / "rig.toml", made, overwrite=True)
    return str(folder / "rig.toml")


def patiently(run: Callable[[], subprocess.CompletedProcess]) -> subprocess.CompletedProcess:
    """Run a command again where a busy machine had the lasers go dark, which is right."""
    for _ in range(ATTEMPTS):
        done = run()
        if not any(text in done.stderr for text in BUSY):
            break
    return done


def said(command: list[str], capsys) -> str:
    """What a command prints that comes to its end, again where a busy machine had the lasers go dark."""
    for _ in range(ATTEMPTS):
        code, told = main(command), capsys.readouterr()
        if code == 0:
            return told.out
        assert any(text in told.err for text in BUSY), told.err
    raise AssertionError(told.err)


def largest_error(wavelength: float, lut: AmplitudeLut) -> float:
    """Of the amplitudes that a panel of `CELL` shows through a table, share of the peak."""
    true = CELL.amplitudes(wavelength)
    wanted = np.linspace(true[0], 1, 1001)
    return float(np.abs(true[lut.grey(wanted)] - wanted).max())


class ChipsLight:
    """The light of the firmware in a simulated chip: its pins' pulses, by the wall's clock, as long as the chip's."""

    def __init__(self, chip: Chip):
        self._chip = chip
        self._pulses: list[Pulse] = []
        self._on: Change | None = None

    def __call__(self) -> list[Pulse]:
        duty = [int(word) / 255 * FULL_SCALE_W for word in self._chip.tell("duty").split()]
        for change in self._chip.log():
            if self._on is not None:
                lit = tuple(Colour(number - 1) for number in sorted(self._on.lit))
                powers = tuple(duty[colour] for colour in lit)  # they stay the same while somebody reads
                end_s = self._on.wall_s + change.at_s - self._on.at_s
                self._pulses.append(Pulse(0, lit, powers, self._on.wall_s, end_s))
            self._on = change if change.lit else None
        return self._pulses


@contextlib.contextmanager
def laser_box(
    kind: str, folder: Path, request
) -> Iterator[tuple[str, Path, Callable[[], list[Pulse]], Callable[[], bool]]]:
    """A laser box on a serial line: its port, its sync wire, its light so far, and whether it is armed."""
    if kind == "simulated":
        wire, edges = wired.reading_end(folder)
        with SimulatedBox.open(edges) as box:
            yield box.port, wire, lambda: box.report().pulses, lambda: box.report().armed
        return
    wire = folder / "sync"
    os.mkfifo(wire)
    with Chip(request.getfixturevalue("chip_programs")) as chip:
        chip.tell(f"wire {wire}")
        chip.tell("pace 1")
        yield chip.port, wire, ChipsLight(chip), lambda: chip.log()[-1].gate


@pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")
@pytest.mark.parametrize("kind", ["simulated", "firmware"])
def test_a_serial_meter_before_a_window_and_a_serial_laser_box_finds_the_panels_own_table(tmp_path, request, kind):
    """The meter knows the glass and the light of the box; the table must be that of the liquid crystal behind both."""
    with virtual_screen(WIDTH, HEIGHT) as display, laser_box(kind, tmp_path, request) as (port, wire, light, armed):
        glass = functools.partial(seen, display, 0, 0, WIDTH, HEIGHT)
        meter = PtyPowerMeter(lambda: glass()[..., 0], light, PROFILE.wavelengths, EFFICIENCY, CELL)
        rig = rig_file(tmp_path, monitor="0", port=port)
        command = [sys.executable, wired.__file__, str(wire), "calibrate", "measure", "--rig", rig, "--meter"]
        command += [f"power:{meter.port}", "--levels", "21", "--sweeps", "1", "--reference", "0"]
        command += ["-o", str(tmp_path / "c.json")]

        def run(*more: str) -> subprocess.CompletedProcess:
            environment = {**os.environ, "DISPLAY": display}
            return subprocess.run(
                [*command, *more],
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )

        refused = run()
        assert refused.returncode == 2
        assert "measuring needs light" in refused.stderr
        assert "red 638 nm 1 mW (limit 2 mW)" in refused.stdout
        assert not light()
        assert not meter.heard, "nothing is opened without --arm"
        done = patiently(lambda: run("--arm"))
        assert done.returncode == 0, done.stderr
        assert "ARMED: lasers will be lit" in done.stdout
        if kind == "simulated":
            assert not armed()
    calibration = read_calibration(tmp_path / "c.json")
    assert calibration.meter.startswith("Maker,PM1,7")
    assert [line for line in meter.heard if line.startswith("SENS:CORR:WAV ")][-3:] == [
        f"SENS:CORR:WAV {wavelength * 1e9:.1f}" for wavelength in PROFILE.wavelengths
    ]
    for colour in calibration.colours:
        assert largest_error(colour.wavelength, AmplitudeLut.linear()) > 0.2
        # 21 levels; and the simulated chip is a little off the wall's clock, by which the meter averages
        assert largest_error(colour.wavelength, colour.lut) < (0.02 if kind == "simulated" else 0.03)
    brightest = np.array(EFFICIENCY) * [CELL.intensities(wavelength).max() for wavelength in PROFILE.wavelengths]
    np.testing.assert_allclose(calibration.relative_powers, brightest.min() / brightest, rtol=0.03)


def film(path: Path, greys: list[int], frames_each: int) -> None:
    """A film without loss, each of whose pictures stays for so many frames."""
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"FFV1"), 30, (64, 48))
    assert out.isOpened()
    for grey in greys:
        for _ in range(frames_each):
            out.write(np.full((48, 64, 3), grey, np.uint8))
    out.release()


def test_a_camera_that_opencv_opens_measures_on_a_rig(tmp_path, capsys):
    """A stream in place of a camera, which holds what one would see of each level in turn, with 8 bits."""
    levels = np.unique(np.linspace(0, 255, 15).round().astype(int))
    pictures: list[int] = []
    for wavelength in PROFILE.wavelengths:
        seen_light = 5 + 240 * CELL.intensities(wavelength)
        pictures += [5, 5, 5, 5, *seen_light[levels].round().astype(int)]
    film(tmp_path / "camera.mkv", pictures, 8)  # four that are stale, and four that are averaged
    rig = rig_file(tmp_path)
    command = [
        "calibrate",
        "measure",
        "--rig",
        rig,
        "--arm",
        "--meter",
        f"camera:{tmp_path}/camera.mkv",
        "--levels",
        "15",
    ]
    command += ["--levels", "15", "--sweeps", "1", "--reference", "0", "--power", "0.5"]
    command += ["-o", str(tmp_path / "c.json"), "--overwrite"]
    assert "red 638 nm 0.5 mW" in said(command, capsys)
    for colour in read_calibration(tmp_path / "c.json").colours:
        assert largest_error(colour.wavelength, colour.lut) < 0.03  # 8 bits are coarse in the dark


def test_pictures_taken_on_a_rig_are_scored_against_the_stack(tmp_path, monkeypatch, capsys):
    """Pictures of the planes that come from elsewhere, plane by plane and colour by colour, while the rig plays."""
    profile = REFERENCE.resized(64, 64)
    stack = layered_stack(64, planes=3)
    write_stack(stack, tmp_path / "x.stack")
    pixels = np.random.default_rng(0).integers(0, 256, (3, *profile.native_shape), dtype=np.uint8)
    frames = PanelFrames(pixels, profile, (1.0, 2.0, 1.0), (AmplitudeLut.linear(),) * 3)
    write_hologram(tmp_path / "x.holo", Hologram(frames=frames))
    (tmp_path / "pictures").mkdir()
    write_pixels(tmp_path / "pictures" / "of another day.png", np.zeros((64, 64), np.uint16))
    pictures = stack.images.reshape(-1, 64, 64) / stack.images.max() * 60000

    class WrittenMeanwhile(LiveFolderCamera):
        def __init__(self, folder: Path):
            super().__init__(folder)
            self._coming = iter(pictures)

        def _grab_hw(self):
            self._asked = True
            return super()._grab_hw()

        def _pause(self):
            if self._asked:
                write_pixels(tmp_path / "new.png", next(self._coming).round().astype(np.uint16), overwrite=True)
                (tmp_path / "new.png").replace(tmp_path / "pictures" / "latest.png")
            self._asked = False
            super()._pause()

    monkeypatch.setattr(instruments, "LiveFolderCamera", WrittenMeanwhile)
    command = ["capture", str(tmp_path / "x.holo"), "--stack", str(tmp_path / "x.stack"), "--arm", "--overwrite"]
    command += ["--rig", rig_file(tmp_path, profile=profile), "--camera", f"folder:{tmp_path}/pictures"]
    told = said([*command, "-o", str(tmp_path / "out")], capsys)
    assert "red 638 nm 1 mW (limit 2 mW), green 515 nm 0.25 mW" in told, "lasers undo the ratio of the gains"
    scores = json.loads((tmp_path / "out" / "scores.json").read_text(encoding="utf-8"))
    assert len(scores["psnr"]) == 3
    assert min(scores["psnr"]) > 35


def test_a_capture_is_checked_against_the_rigs_calibration_before_anything_is_lit(tmp_path, capsys):
    """Its registration is of other lasers, which a play would refuse; so would it a calibration of another panel."""
    profile = REFERENCE.resized(64, 64)
    write_stack(layered_stack(64, planes=2), tmp_path / "x.stack")
    frames = PanelFrames(
        np.zeros((3, *profile.native_shape), np.uint8), profile, (1.0,) * 3, (AmplitudeLut.linear(),) * 3
    )
    write_hologram(tmp_path / "x.holo", Hologram(frames=frames))
    for name, wavelengths in (("own", profile.wavelengths), ("other", (650e-9, 532e-9, 450e-9))):
        colours = [ColourCalibration(wavelength, AmplitudeLut.linear(), 0.0, 256) for wavelength in wavelengths]
        made = Calibration("simulated panel", "", datetime.now(UTC), "m", "uniform", tuple(colours))
        write_calibration(tmp_path / f"{name}.json", made)
    rig = Path(rig_file(tmp_path, profile=profile))
    settings = CalibrationSettings("own.json", "other.json")
    write_rig(rig, replace(read_rig(rig), calibration=settings), overwrite=True)
    (tmp_path / "pictures").mkdir()
    command = ["capture", str(tmp_path / "x.holo"), "--stack", str(tmp_path / "x.stack"), "--arm"]
    command += ["--rig", str(rig), "--camera", f"folder:{tmp_path}/pictures", "-o", str(tmp_path / "out")]
    assert main(command) == 1
    told = capsys.readouterr()
    assert "calibration.registration: the calibration is of 650/532/450 nm" in told.err
    assert "ARMED" not in told.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["measure", "--rig", "rig.toml"], "measuring needs light"),
        (["measure", "--rig", "rig.toml", "--arm"], "sees the simulated panel alone"),
        (["measure", "--rig", "rig.toml", "--arm", "--meter", "camera:none.avi"], "cannot be opened"),
        (["measure", "--rig", "rig.toml", "--arm", "--meter", "power:/dev/none"], "cannot be opened"),
        (
            ["measure", "--rig", "rig.toml", "--arm", "--meter", "camera:0", "--power", "2.5"],
            "over the rig's limit for red",
        ),
        (["register", "c.json", "--rig", "rig.toml"], "measuring needs light"),
        (["register", "c.json", "--rig", "rig.toml", "--arm", "--camera", "power:/dev/none"], "expected simulated"),
        (["verify", "c.json", "--rig", "rig.toml"], "measuring needs light"),
        (["verify", "none.json", "--rig", "rig.toml", "--arm"], "none.json"),
        (["measure", "--arm"], "needs a rig file"),
        (["verify", "c.json", "--power", "1"], "needs a rig file"),
        (["measure", "--meter", "camera:0"], "cannot see the simulated panel"),
        (["measure", "--rig", "none.toml"], "does not exist"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_lit(tmp_path, monkeypatch, capsys, arguments, says):
    monkeypatch.chdir(tmp_path)
    rig_file(tmp_path)
    colours = tuple(ColourCalibration(one, AmplitudeLut.linear(), 0.0, 256) for one in PROFILE.wavelengths)
    made = Calibration("simulated panel", "", datetime.now(UTC), "m", "uniform", colours)
    write_calibration(tmp_path / "c.json", made)
    assert main(["calibrate", *arguments]) in (1, 2)
    told = capsys.readouterr()
    assert says in told.err
    assert len(told.err.splitlines()) == 1
    assert "ARMED" not in told.out
