"""`holodriver play` with a rig file on a real window, checked with screenshots, with keys through a pipe."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from queue import Queue
from threading import Thread

import numpy as np
import pytest
from rig.screens import seen

from holodriver.files.hologram import Hologram, write_hologram
from holodriver.files.profile import write_profile
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.settings import (
    ControllerSettings,
    DisplaySettings,
    LimitSettings,
    PanelSettings,
    Rig,
    SequenceSettings,
    write_rig,
)

pytestmark = pytest.mark.skipif(shutil.which("Xvfb") is None, reason="Xvfb is not installed")

WIDTH, HEIGHT = 120, 80
HOLOGRAMS = 4
PATIENCE_S = 100
"""A picture that has not stood for this long never will, on however busy a machine."""


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """An X server with one screen of the panel's size."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-noreset", "-displayfd", str(writing), "-screen", "0", f"{WIDTH}x{HEIGHT}x24"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with os.fdopen(reading) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """Frames of all holograms as they are encoded, (N, 3, h, w)."""
    small = np.random.default_rng(5).integers(0, 256, (HOLOGRAMS, 3, HEIGHT // 2, WIDTH // 2), dtype=np.uint8)
    return small.repeat(2, 2).repeat(2, 3)


def holograms(folder: Path, pixels: np.ndarray) -> None:
    height, width = pixels.shape[2:]
    profile = replace(REFERENCE, width=width // 2, height=height // 2)
    write_profile(folder / "profile.toml", profile)
    (folder / "seq").mkdir()
    for number, frames in enumerate(pixels):
        made = PanelFrames(frames, profile, (1.0, 1.5, 1.2), (AmplitudeLut.linear(),) * 3)
        write_hologram(folder / "seq" / f"h{number}.holo", Hologram(frames=made))


def rig(folder: Path, *, panel: dict | None = None, **sequence) -> Path:
    settings = {"native_width": WIDTH, "native_height": HEIGHT, "refresh_hz": 40.0, **(panel or {})}
    made = Rig(
        panel=PanelSettings(monitor="0", allow_primary=True, **settings),
        display=DisplaySettings("profile.toml"),
        controller=ControllerSettings(port="simulated"),
        limits=LimitSettings(2.0, 2.0, 2.0),
        sequence=SequenceSettings(**sequence),
    )
    write_rig(folder / "rig.toml", made, overwrite=True)
    return folder / "rig.toml"


class Played:
    """A `holodriver play` in a process of its own, its lines and what stands on its screen."""

    def __init__(self, display: str, *arguments: str):
        self._display = display
        self.process = subprocess.Popen(
            [sys.executable, "-m", "holodriver", "--progress", "json", "play", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "DISPLAY": display},
            text=True,
        )
        self.heard: list[dict] = []
        self._lines: Queue[str] = Queue()
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def wait_for(self, good: Callable[[dict], bool]) -> dict:
        """The first event that is `good`."""
        while line := self._lines.get(timeout=120):
            self.heard.append(json.loads(line))
            if good(self.heard[-1]):
                return self.heard[-1]
        assert self.process.stderr is not None
        raise AssertionError(self.process.stderr.read())

    def plays(self) -> None:
        """Wait until frames are shown."""
        self.wait_for(lambda event: event["event"] == "progress" and event["stage"] == "playing" and event["done"] > 3)

    def tell(self, line: str) -> str:
        """The answer to a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        answer = self.wait_for(
            lambda event: event["event"] == "message" and event["text"].startswith(("ok ", "error: "))
        )
        return answer["text"]

    def screen(self) -> np.ndarray:
        """What stands, (h, w, 3)."""
        return seen(self._display, 0, 0, WIDTH, HEIGHT)

    def sees(self, wanted: list[np.ndarray]) -> None:
        """Look until each of these pictures, (h, w) or (h, w, 3), has stood on the screen, to the last pixel."""
        left = [grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, 2) for grey in wanted]
        due = time.monotonic() + PATIENCE_S
        while time.monotonic() < due:
            screen = self.screen()
            left = [picture for picture in left if not np.array_equal(screen, picture)]
            if not left:
                return
        raise AssertionError(f"{len(left)} of {len(wanted)} were never seen")

    def quit(self) -> dict[str, str]:
        """End it; the summary."""
        self.tell("quit")
        return self.summary()

    def summary(self) -> dict[str, str]:
        table = self.wait_for(lambda event: event["event"] == "table" and event["columns"] == ["figure", "value"])
        assert self.process.wait(timeout=60) == 0, self.process.stderr.read() if self.process.stderr else ""
        return {row[0]: row[1] for row in table["rows"]}


@pytest.fixture
def play(display: str) -> Iterator[Callable[..., Played]]:
    started: list[Played] = []

    def begin(*arguments: str) -> Played:
        started.append(Played(display, *arguments))
        return started[-1]

    yield begin
    for played in started:
        played.process.kill()
        played.process.wait()
        for stream in (played.process.stdin, played.process.stderr):
            if stream is not None:
                stream.close()


def test_frames_stand_on_the_monitor_to_the_last_pixel_and_commands_move_through_them(tmp_path, play, pixels):
    holograms(tmp_path, pixels)
    log = tmp_path / "timing.csv"
    played = play(str(tmp_path / "seq"), "--rig", str(rig(tmp_path)), "--arm", "--loop", "--log", str(log))
    played.plays()
    armed = [event["text"] for event in played.heard if event.get("text", "").startswith("ARMED")]
    assert len(armed) == 1
    assert "red 638 nm 1 mW (limit 2 mW), green 515 nm 0.444 mW" in armed[0]
    assert played.tell("pause on").endswith("1 mW paused")
    for command, number in (("go 2", 1), ("next", 2), ("previous", 1)):
        assert played.tell(command).startswith(f"ok hologram {number + 1}/{HOLOGRAMS}")
        played.sees(list(pixels[number]))
    assert played.tell("power 5").startswith("error: 5 mW are over the rig's limit for red, 2 mW")
    assert played.tell("blank on").endswith("blank")
    played.sees([np.zeros((HEIGHT, WIDTH), np.uint8)])
    figures = played.quit()
    assert figures["sync edges counted"] == figures["frames shown"]
    assert figures["colour errors"] == "0"
    rows = log.read_text(encoding="utf-8").splitlines()
    assert len(rows) == int(figures["frames shown"]) + 1
    assert [row.split(",")[3] for row in rows[1:7]] == ["red", "green", "blue"] * 2


@pytest.mark.parametrize(
    ("turn", "laid"),
    [
        ({"rotation": 180, "flip_horizontal": True}, lambda grey: grey[::-1, ::-1][:, ::-1]),
        ({"rotation": 90}, lambda grey: np.rot90(grey, -1)),
    ],
)
def test_frames_are_turned_as_the_rig_file_says(tmp_path, play, pixels, turn, laid):
    frames = pixels if turn["rotation"] == 180 else np.ascontiguousarray(pixels.swapaxes(2, 3))
    holograms(tmp_path, frames)
    played = play(str(tmp_path / "seq" / "h0.holo"), "--rig", str(rig(tmp_path, panel=turn)), "--loop")
    played.plays()
    played.sees([laid(grey) for grey in frames[0]])
    assert played.quit()["sync edges counted"] == "0", "dark without --arm"


def test_packed_frames_hold_all_colours_at_once(tmp_path, play, pixels):
    holograms(tmp_path, pixels)
    file = rig(tmp_path, panel={"packed": True}, mode="packed")
    played = play(str(tmp_path / "seq" / "h3.holo"), "--rig", str(file), "--loop")
    played.plays()
    played.sees([np.moveaxis(pixels[3], 0, -1)])
    played.quit()


def test_host_mode_lights_stills_and_says_that_it_is_not_frame_exact(tmp_path, play, pixels):
    holograms(tmp_path, pixels)
    played = play(str(tmp_path / "seq" / "h1.holo"), "--rig", str(rig(tmp_path, mode="host")), "--arm", "--loop")
    played.plays()
    assert any("host (not frame-exact) mode" in event.get("text", "") for event in played.heard)
    played.sees(list(pixels[1]))
    figures = played.quit()
    assert figures["sync edges counted"] == figures["frames shown"]


def test_holograms_come_by_name_through_a_pipe_as_they_are_made(tmp_path, play, pixels):
    holograms(tmp_path, pixels)
    played = play("-", "--rig", str(rig(tmp_path)), "--arm")
    assert played.process.stdin is not None
    for number in (2, 0):
        played.process.stdin.write(f"{tmp_path}/seq/h{number}.holo\n")
        played.process.stdin.flush()
        played.sees(list(pixels[number]))
    played.process.stdin.close()
    figures = played.summary()
    assert figures["sync edges counted"] == figures["frames shown"]


def test_the_primary_monitor_is_refused_unless_it_is_allowed(tmp_path, display, pixels):
    holograms(tmp_path, pixels)
    file = rig(tmp_path)
    file.write_text(file.read_text().replace("allow_primary = true", "allow_primary = false"), encoding="utf-8")
    command = [sys.executable, "-m", "holodriver", "play", str(tmp_path / "seq"), "--rig", str(file)]
    done = subprocess.run(command, env={**os.environ, "DISPLAY": display}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "primary monitor" in done.stderr
