"""Helpers for tests of plays: a small simulated rig, holograms for it, and patience with a busy machine."""

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from holodriver.errors import RigError
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.lasers.power import Power
from holodriver.rig.panel.panel_process import Entry, PanelProcess, ShownFrame
from holodriver.rig.panel.slots import FrameSlots
from holodriver.rig.play.frame_reader import Orientation, ReadAhead
from holodriver.rig.play.light import Light, SupervisedLight, Timing
from holodriver.rig.play.live import LivePlayer
from holodriver.rig.play.open_rig import OpenRig
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.play.session import Played, PlaySettings, play_on_rig
from holodriver.rig.settings import ControllerSettings, PanelSettings, Rig, SequenceSettings
from holodriver.rig.simulated.exposures import Exposure, join_exposures
from holodriver.rig.simulated.simulated_rig import Simulation

SHAPE = (6, 8)
PROFILE = replace(REFERENCE, width=4, height=3)
REFRESH_HZ = 50.0
HOLOGRAMS = 5
POWER = Power(1e-3, (1.0, 1.0, 1.0), (1e-3,) * 3)

BUSY = "101,", "held up", "no new frame"
"""What a machine brings about that has held a process up, and for which the lasers are right to go dark."""


def made(path: Path) -> PanelFrames:
    """The hologram of this name: grey levels that nothing else has."""
    number = int(path.stem)
    levels = np.arange(3 * 6 * 8).reshape(3, *SHAPE) + number * 17
    return PanelFrames((levels % 251).astype(np.uint8), PROFILE, (1.0, 1.0, 1.0), (AmplitudeLut.linear(),) * 3)


def rig(**sequence) -> Rig:
    return Rig(
        panel=PanelSettings(monitor="simulated", native_width=8, native_height=6, refresh_hz=REFRESH_HZ),
        controller=ControllerSettings(port="simulated"),
        sequence=SequenceSettings(**sequence),
    )


class Stage:
    """Everything that a play needs."""

    def __init__(self, opened: OpenRig, slots: FrameSlots, reader: ReadAhead):
        self.opened, self.slots, self.reader = opened, slots, reader
        self.shown: list[ShownFrame] = []

    def player(self, playlist: Playlist, timing: Timing, **options) -> LivePlayer:
        self.shown.clear()
        return LivePlayer(
            self.opened.panel,
            self.reader,
            playlist,
            timing,
            dark_slot=len(self.slots) - 1,
            record=self.shown.extend,
            **options,
        )

    def light(self, timing: Timing) -> Light:
        return SupervisedLight(self.opened.supervisor(), timing, time.perf_counter, self.opened.rig.limits.watts)

    def exposures(self) -> list[Exposure]:
        held = self.opened.panel.held()
        assert held is not None
        assert self.opened.box is not None
        return join_exposures(self.shown, held, self.opened.box.report().pulses)


@contextlib.contextmanager
def staged(opened: OpenRig, slots: int = 4) -> Iterator[Stage]:
    memory = FrameSlots((3, *SHAPE), slots)
    memory.write(slots - 1, 0)
    reader = ReadAhead(memory, Orientation((0, 1, 2)), read=made)
    reader.paths = [Path(str(number)) for number in range(HOLOGRAMS)]
    opened.panel.open_slots(memory)
    try:
        yield Stage(opened, memory, reader)
    finally:
        reader.close()
        memory.close()


def patiently(make: Callable[[], LivePlayer]) -> LivePlayer:
    """Play; again if the machine held a process up for so long that it is right to be dark."""
    for attempt in range(3):
        player = make()
        try:
            player.run()
        except RigError as error:
            if not any(words in error.what for words in BUSY) or attempt == 2:
                raise
        else:
            return player
    raise AssertionError


def assert_dark(stage: Stage) -> None:
    assert stage.opened.box is not None
    report = stage.opened.box.report()
    assert not report.armed
    assert report.lit == ()


def holograms(folder: Path, pixels: Sequence[np.ndarray], profile: DisplayProfile) -> list[Path]:
    """Files of holograms with these frames, (C, h, w) each."""
    folder.mkdir(exist_ok=True)
    paths = []
    for number, frames in enumerate(pixels):
        luts = (AmplitudeLut.linear(),) * len(frames)
        paths.append(folder / f"{number}.holo")
        write_hologram(paths[-1], Hologram(frames=PanelFrames(frames, profile, (1.0,) * len(frames), luts)))
    return paths


def played(simulation: Simulation, paths: Sequence[Path], **settings) -> Played:
    """A play on a simulated rig, lit; again if the machine held a process up."""
    for attempt in range(3):
        try:
            return play_on_rig(simulation, paths, PlaySettings(arm=True, overwrite=True, **settings))
        except RigError as error:
            if not any(words in error.what for words in BUSY) or attempt == 2:
                raise
    raise AssertionError


@contextlib.contextmanager
def showing(panel: PanelProcess, hologram: np.ndarray) -> Iterator[None]:
    """Show one hologram (C, h, w), again and again."""
    slots = FrameSlots(hologram.shape, 1)
    try:
        slots.write(0, hologram)
        panel.open_slots(slots)
        panel.stream()
        panel.queue(Entry(0, 0, 0, tuple(range(len(hologram)))))
        yield
        panel.stop()
    finally:
        slots.close()
