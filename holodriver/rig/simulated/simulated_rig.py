"""A simulated rig: its settings, its faults, and the record of a play on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from holodriver.errors import RigError
from holodriver.files.atomic import check_output, check_output_folder
from holodriver.panel.frames import PanelFrames
from holodriver.rig.panel.panel_process import PanelProcess, ShownFrame
from holodriver.rig.settings import COLOURS, ControllerSettings, LimitSettings, PanelSettings, Rig, SequenceSettings
from holodriver.rig.simulated.box_link import Transport
from holodriver.rig.simulated.box_state import POWER_LIMITS_W
from holodriver.rig.simulated.camera_film import write_camera_film
from holodriver.rig.simulated.exposures import Exposure, join_exposures
from holodriver.rig.simulated.faults import Faults
from holodriver.rig.simulated.recording import HOLDS, write_recording
from holodriver.rig.simulated.simulated_box import SimulatedBox

SIMULATED = "simulated"
"""Name of the monitor, or of the controller's port, that stands for the simulated one in a rig file."""

REFRESH_HZ = 60.0
"""Default refresh rate of the simulated panel, Hz, as in a new rig file."""

SETTLE, LIGHT = 0.5, 0.4
"""Dark time and time of light of one colour, as shares of the colour's time. The player confirms the frame during the
dark time; late confirmations on a busy machine cut the light short."""

LONGEST_MS = 30.0
"""Longest dark time and longest light of a laser controller, ms."""

FOCUS = 0.5
"""Default focus of the simulated rig's camera, normalised depth."""


@dataclass(frozen=True)
class Simulation:
    """Settings of a simulated rig, which is made to fit the holograms that it plays."""

    refresh_hz: float = REFRESH_HZ
    """Rate of new frames, Hz."""
    faults: Faults = field(default_factory=Faults)
    """Faults of the rig."""
    record: Path | None = None
    """Folder for the pixels that each laser lit; None for no folder."""
    film: Path | None = None
    """Film of the play as a camera would see it; None for no film."""
    focus: float = FOCUS
    """Focus of the film's camera, normalised depth."""
    remember: bool = False
    """Whether to record the light of the play even if no folder and no film is written."""
    transport: Transport | None = None
    """Connection to the simulated laser controller; None for a pseudo-terminal, or a socket on Windows."""

    @property
    def remembers(self) -> bool:
        """Whether the panel records what it shows; in a play without end, the record would fill the memory."""
        return self.remember or self.record is not None or self.film is not None

    def rig(self, frames: PanelFrames) -> Rig:
        """Make the settings of a rig on which holograms with such frames can be played.

        Raises:
            InputError: no panel has such a refresh rate.
        """
        height, width = frames.profile.native_shape
        slot_ms = 1e3 / self.refresh_hz if self.refresh_hz > 0 else 0.0
        limits = (watts * 1e3 for watts in POWER_LIMITS_W)
        return Rig(
            "the simulated rig",
            panel=PanelSettings(SIMULATED, False, width, height, self.refresh_hz, frames.profile.binning),
            controller=ControllerSettings(port=SIMULATED),
            limits=LimitSettings(*limits),
            sequence=SequenceSettings(
                order=COLOURS[: len(frames.pixels)],
                settle_ms=min(SETTLE * slot_ms, LONGEST_MS),
                light_ms=min(LIGHT * slot_ms, LONGEST_MS),
            ),
        )

    def check_outputs(self, *, overwrite: bool) -> None:
        """Check before a play that folder and film can be written.

        Raises:
            OutputExistsError: the folder or the film exists, and `overwrite` is false.
        """
        if self.record is not None:
            check_output_folder(self.record, overwrite=overwrite, holds=HOLDS)
        if self.film is not None:
            check_output(self.film, overwrite=overwrite)

    def exposures(
        self, panel: PanelProcess, box: SimulatedBox, shown: Sequence[ShownFrame], begun: int | None
    ) -> list[Exposure]:
        """Compute the light of a play from its first hologram on; empty if a process with its record has ended.

        Args:
            panel: the panel that played.
            box: the laser controller that lit it.
            shown: reports of all frames of the play.
            begun: number of the first queue entry after black frames and the wait for light; None if there was none.
        """
        first = next((n for n, frame in enumerate(shown) if begun is not None and frame.entry >= begun), len(shown))
        try:
            held, pulses = panel.held(), box.report().pulses
        except RigError:
            return []
        if held is None:
            return []
        last = max(1, len(held.since_s) - 1 - first)
        joined = join_exposures([*shown, *panel.shown], held, pulses)
        counted = (replace(one, flip_index=one.flip_index - first) for one in joined if one.flip_index >= first)
        return [replace(one, power_w=one.power_w * (1 + self.faults.drift * one.flip_index / last)) for one in counted]

    def write(
        self, exposures: Sequence[Exposure], frames: PanelFrames, rig: Rig, first_w: float, *, overwrite: bool
    ) -> None:
        """Write the folder and the film of a play if they are wanted; nothing is written without exposures.

        Args:
            exposures: light of the play.
            frames: panel frames of any played hologram.
            rig: settings of the rig that played.
            first_w: power of the first colour's laser at the camera's correct exposure, W.
            overwrite: replace an existing folder and film.

        Raises:
            OutputExistsError: the folder or the film exists, and `overwrite` is false.
            HolodriverError: the film cannot be written.
        """
        if not exposures:
            return
        if self.record is not None:
            write_recording(self.record, exposures, overwrite=overwrite)
        if self.film is not None:
            write_camera_film(
                self.film,
                frames,
                exposures,
                refresh_hz=self.refresh_hz,
                energy_j=first_w * rig.on_time_s,
                focus=self.focus,
                faults=self.faults,
                overwrite=overwrite,
            )
