"""The verb `play` and the class `Rig`, which show panel frames on a rig with the lab's own player."""

from collections.abc import Callable
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.hologram import Hologram, write_hologram
from holodriver.panel.behind_slit import camera_exposure
from holodriver.panel.frames import PanelFrames, simulated_bench
from holodriver.progress import Progress, silent
from holodriver.rig.play.before_light import Heard
from holodriver.rig.play.report import PlayReport
from holodriver.rig.play.session import Played, PlaySettings, play_on_rig
from holodriver.rig.settings import Rig as RigSettings
from holodriver.rig.settings import read_rig
from holodriver.rig.simulated.camera_model import SimulatedCamera
from holodriver.rig.simulated.simulated_rig import Simulation
from holodriver.tasks.read_write import Place, heard

SIMULATED = "simulated"
"""Name of the rig that needs no hardware."""

Playable = PanelFrames | Hologram | str | PathLike[str]


class Rig:
    """A panel with lasers, real or simulated, on which holograms are played; a context manager.

    Nothing is lit before `arm` is called. Each play begins and ends dark; the end of the `with` block disarms.

        with hd.Rig("simulated") as rig:
            rig.arm(power_mw=1.0)
            rig.play(frames, cycles=4)
            picture = rig.picture(focus=0.3)

    Args:
        rig: path of a rig file, "simulated", or the settings of a real or a simulated rig.
        say: told in one line what is about to happen, such as which lasers will be lit.
        warn: told in one line what is wrong.
        progress: told how many frames were shown.

    Raises:
        FileFormatError: the rig file cannot be read.
    """

    def __init__(
        self,
        rig: Place | RigSettings | Simulation = SIMULATED,
        *,
        say: Callable[[str], None] = lambda text: None,
        warn: Callable[[str], None] = heard,
        progress: Progress = silent,
    ):
        self._say, self._warn, self._progress = say, warn, progress
        if isinstance(rig, (RigSettings, Simulation)):
            self.settings: RigSettings | Simulation = rig
        elif rig == SIMULATED:
            self.settings = Simulation(remember=True)
        else:
            self.settings = read_rig(Path(rig))
        self._entered = False
        self._power_mw: float | None = None
        self._frames: list[PanelFrames | None] = []
        self._played: Played | None = None

    def __enter__(self) -> Self:
        self._entered = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disarm()
        self._entered = False

    @property
    def armed(self) -> bool:
        """Whether the next play lights the lasers."""
        return self._power_mw is not None

    def arm(self, *, power_mw: float = 1.0) -> None:
        """Let the next plays light the lasers, until `disarm` or the end of the `with` block.

        Args:
            power_mw: power of the strongest laser, mW; the others balance the encoding gains. A power above the limits
                of the rig is refused when the rig plays.

        Raises:
            InputError: the power is not above 0, or the call is outside the `with` block.
        """
        self._check_entered("armed")
        if not 0 < power_mw < float("inf"):
            raise InputError(f"power_mw is {power_mw!r}, expected a number above 0")
        self._power_mw = power_mw

    def disarm(self) -> None:
        """Keep the lasers dark in the next plays."""
        self._power_mw = None

    def play(
        self, *holograms: Playable, cycles: int | None = None, seconds: float | None = None, fps: float | None = None
    ) -> PlayReport:
        """Play holograms, one after the other, and end dark.

        Args:
            holograms: panel frames, holograms with frames, or paths of `.holo` files, of folders of frames, or of
                folders of holograms.
            cycles: how often all holograms are shown; if neither `cycles` nor `seconds` is given, several holograms
                are shown once, and a single one for a second.
            seconds: time after which the play ends, s.
            fps: holograms a second; each is shown for one cycle of colours if None.

        Returns:
            What was shown, how evenly, and whether colours and frames stayed in step.

        Raises:
            InputError: there are no holograms, they do not fit the rig, or the power is over a limit; nothing was lit.
            RigError: the rig fails a check, or failed while it played; the rig is dark.
        """
        self._check_entered("played on")
        if not holograms:
            raise InputError("no hologram was given to play")
        settings = PlaySettings(
            arm=self.armed,
            power_mw=1.0 if self._power_mw is None else self._power_mw,
            cycles=cycles,
            duration_s=seconds,
            fps=fps,
        )
        told = Heard(say=self._say, warn=self._warn, progress=self._progress)
        with TemporaryDirectory(prefix="holodriver-") as folder:
            paths = [_file(one, Path(folder) / f"{number}.holo") for number, one in enumerate(holograms)]
            self._frames = [_frames(one) for one in holograms]
            self._played = play_on_rig(self.settings, paths, settings, heard=told)
        return self._played.report

    def picture(self, *, focus: float = 0.5, hologram: int = 0) -> NDArray[np.float32]:
        """Show what a camera in front of the simulated rig saw in the last play.

        Args:
            focus: normalised depth of the plane in focus, 0 near to 1 far.
            hologram: number of the hologram in the play, from 0; the hologram must have been given as frames.

        Returns:
            Picture (C, H, W), linear light, exposed for the light of the first colour.

        Raises:
            InputError: nothing was lit, there was no such hologram, or the rig is real.
        """
        if not isinstance(self.settings, Simulation):
            raise InputError("a real rig has no simulated camera", remedy="see: holodriver capture")
        frames = self._frames[hologram] if 0 <= hologram < len(self._frames) else None
        if frames is None or self._played is None:
            raise InputError(f"no frames of a hologram {hologram} were played")
        lit = [one for one in self._played.exposures if one.frame_index == hologram and one.colour is not None]
        energy = sum(one.power_w * one.lit_for_s for one in lit if one.plane == 0)
        if energy <= 0:
            raise InputError("the play was dark", remedy="arm the rig before: rig.arm()")
        sensitivity = camera_exposure(frames.profile, frames.gains)[0] / energy
        return SimulatedCamera(simulated_bench(frames), lit, sensitivity).picture(focus)

    def _check_entered(self, what: str) -> None:
        if not self._entered:
            raise InputError(f"the rig is {what} outside its block", remedy="write: with holodriver.Rig(...) as rig:")


def play(
    *holograms: Playable,
    rig: Place | RigSettings | Simulation = SIMULATED,
    arm: bool | None = None,
    power_mw: float = 1.0,
    cycles: int | None = None,
    seconds: float | None = None,
    fps: float | None = None,
    progress: Progress = silent,
) -> PlayReport:
    """Play holograms once on a rig, and end dark; `Rig` can play several times.

    Args:
        holograms: see `Rig.play`.
        rig: path of a rig file, or "simulated".
        arm: light the lasers; if None, simulated lasers are lit and real ones stay dark.
        power_mw: power of the strongest laser, mW; the others balance the encoding gains.
        cycles: how often all holograms are shown.
        seconds: time after which the play ends, s.
        fps: holograms a second; each is shown for one cycle of colours if None.
        progress: told how many frames were shown.

    Raises:
        InputError: the holograms do not fit the rig, or the power is over a limit; nothing was lit.
        RigError: the rig fails a check, or failed while it played; the rig is dark.
    """
    with Rig(rig, progress=progress) as opened:
        if isinstance(opened.settings, Simulation) if arm is None else arm:
            opened.arm(power_mw=power_mw)
        return opened.play(*holograms, cycles=cycles, seconds=seconds, fps=fps)


def _file(hologram: Playable, path: Path) -> Path:
    """The path of a hologram's file; a hologram that is no file yet is written to `path`."""
    if isinstance(hologram, PanelFrames):
        hologram = Hologram(frames=hologram)
    if isinstance(hologram, Hologram):
        write_hologram(path, hologram)
        return path
    return Path(hologram)


def _frames(hologram: Playable) -> PanelFrames | None:
    """The panel frames of a hologram that was not given as a path."""
    if isinstance(hologram, Hologram):
        return hologram.frames
    return hologram if isinstance(hologram, PanelFrames) else None
