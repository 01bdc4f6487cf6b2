"""A rig without hardware: its settings, what goes wrong on it, and what is kept of a play."""

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
"""Monitor, or port, of a rig that is to be tried without the hardware."""

REFRESH_HZ = 60.0
"""Refresh rate of the simulated panel unless somebody says another, 1/s: that of a new rig file."""

SETTLE, LIGHT = 0.5, 0.4
"""Shares of a colour's time: dark while the player confirms the frame, then lit. A busy machine confirms late, and late
confirmations cut the light short."""

LONGEST_MS = 30.0
"""Longest dark time and longest light of a laser controller, ms."""

FOCUS = 0.5
"""Normalised depth on which the camera before the rig is focused unless somebody says another."""


@dataclass(frozen=True)
class Simulation:
    """A rig without hardware, made for the holograms that it plays."""

    refresh_hz: float = REFRESH_HZ
    """New frames a second, 1/s."""
    faults: Faults = field(default_factory=Faults)
    """What goes wrong."""
    record: Path | None = None
    """Folder for the pixels that each laser lit; None to write none."""
    film: Path | None = None
    """Film of what a camera would have seen; None to write none."""
    focus: float = FOCUS
    """Normalised depth on which that camera is focused."""
    remember: bool = False
    """Keep the exposures of the play even if nothing is written of them."""
    transport: Transport | None = None
    """Line to the simulated laser controller; a pseudo-terminal where there are some, unless given."""

    @property
    def remembers(self) -> bool:
        """Whether the panel keeps what stood on it; a play without end would fill the memory."""
        return self.remember or self.record is not None or self.film is not None

    def rig(self, frames: PanelFrames) -> Rig:
        """The rig on which holograms like this one can be played.

        Raises:
            InputError: a refresh rate that no panel has.
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
        """See that what is to be written can be written, before anything is played.

        Raises:
            OutputExistsError: something is there, and `overwrite` is false.
        """
        if self.record is not None:
            check_output_folder(self.record, overwrite=overwrite, holds=HOLDS)
        if self.film is not None:
            check_output(self.film, overwrite=overwrite)

    def exposures(
        self, panel: PanelProcess, box: SimulatedBox, shown: Sequence[ShownFrame], begun: int | None
    ) -> list[Exposure]:
        """The light of a play, from its first hologram on; nothing if a process and its record are gone.

        Args:
            panel: has played.
            box: has lit it.
            shown: all frames of the play.
            begun: number of the first entry after the black frames and the wait for light; None if there was none.
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
        """Write the folder and the film of a play, if they are asked for and there was any.

        Args:
            exposures: the play.
            frames: any of those that were played.
            rig: played them.
            first_w: power of the first colour's laser, W, for which the camera is exposed.
            overwrite: replace what is there.

        Raises:
            OutputExistsError: something is there, and `overwrite` is false.
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
