"""`holodriver play` with a window and the firmware in a simulated chip: the right laser on each frame, then dark."""

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from rig import wired
from rig.chip import Change, Chip
from rig.screens import virtual_screen

from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.profile import write_profile
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.settings import ControllerSettings, DisplaySettings, LimitSettings, PanelSettings, Rig, write_rig

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")

PROFILE = REFERENCE.resized(32, 20)
HEIGHT, WIDTH = PROFILE.native_shape
HOLOGRAMS = 4
REFRESH_HZ = 40.0
BUSY = (
    "held up",
    "no new frame",
    "out of step",
    "101,",
    "does not answer",
    "shown nothing",
    "its watchdog does not work",
)
"""What a machine brings about that has no time for its processes; the last, as the chip's time then falls behind."""
ATTEMPTS = 5
KILLED_S = 0.35
"""Within which it is dark when the player or the display is killed (holodriver/rig/PROTOCOL.md)."""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    with virtual_screen(WIDTH, HEIGHT) as name:
        yield name


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """Holograms of one grey level for each colour, and a rig file but for its port."""
    write_profile(tmp_path / "p.toml", PROFILE)
    (tmp_path / "seq").mkdir()
    for number in range(HOLOGRAMS):
        greys = np.arange(3, dtype=np.uint8)[:, None, None] + 20 * number + 10
        pixels = np.broadcast_to(greys, (3, HEIGHT, WIDTH)).copy()
        frames = PanelFrames(pixels, PROFILE, (1.0,) * 3, (AmplitudeLut.linear(),) * 3)
        write_hologram(tmp_path / "seq" / f"h{number}.holo", Hologram(frames=frames))
    return tmp_path


def rig_file(lab: Path, port: str) -> str:
    made = Rig(
        panel=PanelSettings(
            monitor="0", allow_primary=True, native_width=WIDTH, native_height=HEIGHT, refresh_hz=REFRESH_HZ
        ),
        display=DisplaySettings("p.toml"),
        controller=ControllerSettings(port=port),
        limits=LimitSettings(2.0, 2.0, 2.0),
    )
    write_rig(lab / "rig.toml", made, overwrite=True)
    return str(lab / "rig.toml")


class Lab:
    """A chip whose sync input is the window's flips, and the program that plays."""

    def __init__(self, chip: Chip, folder: Path, display: str, *arguments: str):
        self.chip, self.folder = chip, folder
        wire = folder / "sync"
        if not wire.exists():
            os.mkfifo(wire)
        chip.tell(f"wire {wire}")
        chip.tell("pace 1")
        self.player = subprocess.Popen(
            [
                *(sys.executable, wired.__file__, str(wire), "play", str(folder / "seq"), "--loop", *arguments),
                *("--rig", rig_file(folder, chip.port), "--arm", "--overwrite"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "DISPLAY": display},
            text=True,
        )
        self.changes: list[Change] = []

    def look(self) -> None:
        select.select([], [], [], 0.005)  # lets the chip have its time
        self.changes += self.chip.log()

    def lit(self, pulses: int) -> bool:
        """Wait until there have been so many pulses of light; whether they came before the program ended."""
        while sum(bool(change.lit) for change in self.changes) < pulses:
            if self.player.poll() is not None:
                return False
            self.look()
        return True

    def until_disarmed(self) -> float:
        """The chip's time at which the gate closed for good."""
        due = time.monotonic() + 30
        while not self.changes or self.changes[-1].gate:
            assert time.monotonic() < due, "it never went dark"
            self.look()
        return next(change.at_s for change in reversed(self.changes) if not change.gate)

    def ended(self) -> tuple[int, str, str]:
        out, err = self.player.communicate(timeout=60)
        return self.player.returncode, out, err


def played(programs, lab: Path, display: str, *arguments: str) -> tuple[Lab, str]:
    """A play that came to its end, and what it said; again where a busy machine had it go dark, which is right."""
    for _ in range(ATTEMPTS):
        (lab / "sync.flips").unlink(missing_ok=True)
        with Chip(programs) as chip:
            play = Lab(chip, lab, display, *arguments)
            while play.player.poll() is None:
                play.look()
            play.look()
            code, out, err = play.ended()
        if code == 0:
            return play, out
        assert any(text in err for text in BUSY), err
    raise AssertionError(f"the machine is too busy: {err}")


def test_each_frame_is_lit_by_its_own_laser_and_by_no_other(chip_programs, lab, display):
    """The chip's pins against what the display process says stood on the glass; both know the time of the wall."""
    play, out = played(chip_programs, lab, display, "--duration", "2")
    assert "ARMED: lasers will be lit on 0, external mode: red 638 nm 1 mW (limit 2 mW)" in out
    lines = [line.split() for line in (lab / "sync.flips").read_text(encoding="ascii").splitlines()]
    since, greys = [float(line[0]) for line in lines], [int(line[1]) for line in lines]
    pulses = [change for change in play.changes if change.lit]
    lit: dict[int, set[int]] = {}
    for pulse in pulses:
        standing = bisect_right(since, pulse.wall_s) - 1
        assert greys[standing], "light while the glass was black"
        lit.setdefault(standing, set()).update(pulse.lit)
    for standing, colours in lit.items():
        assert colours == {(greys[standing] - 10) % 20 + 1}, f"frame {standing} of grey {greys[standing]}"
    assert {greys[standing] for standing in lit} == {10 + 20 * n + c for n in range(HOLOGRAMS) for c in range(3)}
    assert len(lit) == len(pulses), "a frame is lit once"
    shown = greys[min(lit) :]
    assert len(pulses) > 0.8 * len(shown), "a late confirmation leaves a frame dark; few are"
    assert not play.changes[-1].lit
    assert not play.changes[-1].gate
    print(f"\n{len(pulses)} of {len(shown)} frames lit, each by its own laser")


def test_a_player_that_is_killed_leaves_the_chip_dark(chip_programs, lab, display):
    for _ in range(ATTEMPTS):
        with Chip(chip_programs) as chip:
            play = Lab(chip, lab, display, "--duration", "60")
            try:
                if not play.lit(12):
                    continue
                struck_s = chip.time("run 0")
                play.player.send_signal(signal.SIGKILL)
                dark_s = play.until_disarmed()
                before = len(play.changes)
                over_s = chip.time("run 0") + 0.5
                while chip.time("run 0") < over_s:
                    play.look()
            finally:
                play.player.kill()
                play.ended()
        if dark_s < struck_s:
            continue  # a busy machine was first
        print(f"\nSIGKILL: dark and disarmed {(dark_s - struck_s) * 1e3:.0f} ms later, in the chip's time")
        assert dark_s - struck_s <= KILLED_S
        assert not any(change.lit or change.gate for change in play.changes[before:]), "it was lit again"
        return
    raise AssertionError("the machine is too busy: it was dark before anything was done to it")
