"""Processes that read holograms ahead of the display.

Unpacking a frame occupies the interpreter for a tenth of a second, too long for a process that feeds the lasers'
watchdog. Reading processes therefore unpack the frames into memory that the display process shares.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import HolodriverError, InputError
from holodriver.files.frames import read_panel_frames
from holodriver.files.hologram import read_hologram, read_hologram_frames, read_small_frames
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Calibration, Registration
from holodriver.panel.frames import PanelFrames, SmallFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.child_process import PATIENT, RigProcess
from holodriver.rig.panel.slots import FrameSlots, OpenSlots

if TYPE_CHECKING:
    from holodriver.panel.encoder import Encoder

TABLE_DECIMALS = 6
"""Number of decimals of amplitudes that count when look-up tables are compared."""


@dataclass(frozen=True)
class Orientation:
    """Choice of colours, rotation and mirroring of frames on the panel.

    Raises:
        InputError: the rotation is not by right angles.
    """

    planes: tuple[int, ...]
    """Indices of the shown colours on the colour axis, in the order in which they are shown."""
    rotation: int = 0
    """Rotation, degrees clockwise."""
    flip_horizontal: bool = False
    """Whether frames are mirrored left to right, after the rotation."""
    flip_vertical: bool = False
    """Whether frames are mirrored top to bottom, after the rotation."""
    packed: bool = False
    """Whether one frame (h, w, 3) holds all colours."""

    def __post_init__(self) -> None:
        if self.rotation not in (0, 90, 180, 270):
            raise InputError(f"rotation is {self.rotation!r}°, expected 0, 90, 180 or 270")

    def shape(self, native_shape: tuple[int, int]) -> tuple[int, ...]:
        """Shape of a hologram's frames on a panel of `native_shape` (h, w)."""
        return (1, *native_shape, 3) if self.packed else (len(self.planes), *native_shape)

    def lay(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn and mirror the frames of a hologram for the panel.

        Args:
            pixels: encoded frames, grey levels, (C, h, w).

        Returns:
            Frames for the panel, (planes, H, W), or (1, H, W, 3) if packed.

        Raises:
            InputError: the hologram lacks a colour that is shown.
        """
        if max(self.planes) >= len(pixels):
            raise InputError(f"has {len(pixels)} colours, and the rig shows colour {max(self.planes) + 1}")
        if self.packed:
            if len(pixels) != 3:
                raise InputError(f"has {len(pixels)} colours, and packed frames have three")
            laid = pixels
        else:
            laid = pixels[list(self.planes)]
        laid = np.rot90(laid, -self.rotation // 90, axes=(1, 2))
        if self.flip_horizontal:
            laid = laid[:, :, ::-1]
        if self.flip_vertical:
            laid = laid[:, ::-1, :]
        return np.moveaxis(laid, 0, -1)[None] if self.packed else laid


@dataclass(frozen=True)
class Read:
    """The properties of a hologram that has been read, without the pixels."""

    path: Path
    """File or folder of the hologram."""
    gains: tuple[float, ...]
    """Encoding gain of each colour."""
    tables: tuple[str, ...]
    """`table_marks` of the look-up tables of the encoding."""
    registrations: tuple[Registration, ...] | None
    """Registration of each colour in the encoding; None without registration."""
    seconds: float
    """Time that reading took, s."""


def table_marks(luts: Sequence[AmplitudeLut]) -> tuple[str, ...]:
    """Short hashes that tell look-up tables apart: there may be many thousand holograms."""
    return tuple(sha256(lut.amplitudes.round(TABLE_DECIMALS).tobytes()).hexdigest()[:16] for lut in luts)


ReadFrames = Callable[[Path], PanelFrames | SmallFrames]


@dataclass
class ReadOrEncode:
    """Reads the panel frames of a hologram; a hologram without frames is encoded as `holodriver encode` would.

    Args:
        calibration: calibration of the rig's panel; None if all holograms have frames.
        gains: encoding gains of the play's first hologram; None to choose gains for the first hologram encoded.
        small: whether to return frames at the hologram's size instead of the panel's.
    """

    calibration: Calibration | None = None
    gains: tuple[float, ...] | None = None
    small: bool = False
    _encoder: "Encoder | None" = None

    def __call__(self, path: Path) -> PanelFrames | SmallFrames:
        """Read or encode the frames of a file or folder.

        Raises:
            FileFormatError: the file cannot be read, or has no frames and there is no calibration.
            InputError: the hologram is for another display than the first, or its frames cannot be made small.
        """
        if self.small and not path.is_dir() and (found := read_small_frames(path)) is not None:
            return found
        frames = self.native(path)
        small = frames.small() if self.small else frames
        if small is None:
            raise InputError(
                "has frames finer than the hologram, and the first of the play has not", where=path,
                remedy="play it first, or alone",
            )  # fmt: skip
        return small

    def native(self, path: Path) -> PanelFrames:
        """Read or encode the frames of a file or folder at the panel's size.

        Raises:
            FileFormatError: the file cannot be read, or has no frames and there is no calibration.
            InputError: the hologram is for another display than the first.
        """
        if self.calibration is None or path.is_dir():
            return read_panel_frames(path)
        return read_hologram_frames(path) or self._encoded(path, self.calibration)

    def _encoded(self, path: Path, calibration: Calibration) -> PanelFrames:
        from holodriver.panel.encoder import automatic_gains, calibrated_encoder

        field = read_hologram(path).field
        assert field is not None  # a hologram without frames has a field
        if self._encoder is None:
            calibration.check(field.profile)
            self.gains = automatic_gains([field]) if self.gains is None else self.gains
            self._encoder = calibrated_encoder(field.profile, self.gains, calibration)
        elif field.profile != self._encoder.profile:
            raise InputError("is for another display than the holograms before it", where=path)
        return self._encoder.frames(field).frames


class ReadAhead:
    """Keeps the next holograms in memory, as many as the slots hold.

    Args:
        slots: memory for the frames; the last slot stays unused here.
        orientation: rotation and mirroring of the frames.
        profile: display profile that all holograms must have; None for any.
        readers: number of reading processes.
        read: returns the panel frames of a file; must pickle.
    """

    def __init__(
        self,
        slots: FrameSlots,
        orientation: Orientation,
        *,
        profile: DisplayProfile | None = None,
        readers: int = 1,
        read: ReadFrames = read_panel_frames,
    ):
        self._slots = slots
        self.capacity = len(slots) - 1
        """Number of holograms that fit into the slots."""
        self.paths: list[Path] = []
        """Files or folders of the holograms, by index."""
        self.known: dict[int, Read] = {}
        """Properties of each hologram that has been read at least once, by index."""
        self._slot_of: dict[int, int] = {}
        self._ready: set[int] = set()
        self._free = list(range(len(slots) - 1))
        self._processes: list[RigProcess] = []
        self._jobs: dict[RigProcess, int | None] = {}
        try:
            for number in range(readers):
                process = RigProcess.start(
                    f"reading process {number + 1}", _serve, slots.names, slots.shape, orientation, profile, read,
                    niceness=PATIENT,
                )  # fmt: skip
                self._processes.append(process)
                self._jobs[process] = None
        except BaseException:
            self.close()
            raise

    @property
    def pace(self) -> float | None:
        """Median rate of reading so far, holograms per second; None before the first hologram."""
        seconds = [one.seconds for one in self.known.values()]
        return len(self._processes) / max(median(seconds), 1e-6) if seconds else None

    def slot(self, hologram: int) -> int | None:
        """Number of the slot that holds a hologram's frames; None while the hologram is not in memory."""
        return self._slot_of[hologram] if hologram in self._ready else None

    def want(self, holograms: Sequence[int], held: Collection[int]) -> None:
        """Start to read holograms that are not in memory, in this order; others make room.

        Args:
            holograms: indices of the holograms needed soon.
            held: numbers of the slots that the display may still show.

        Raises:
            HolodriverError: a hologram cannot be read; the error names the file.
            RigError: a reading process has ended.
        """
        self.hear()
        idle = [process for process, job in self._jobs.items() if job is None]
        holograms = holograms[: self.capacity]
        for hologram in holograms:
            if not idle:
                return
            if hologram in self._slot_of:
                continue
            slot = self._room(holograms, held)
            if slot is None:
                return
            process = idle.pop()
            self._slot_of[hologram] = slot
            self._jobs[process] = hologram
            process.send("read", hologram, self.paths[hologram], slot)

    def hear(self, timeout_s: float = 0.0) -> None:
        """Take in the holograms that have been read.

        Raises:
            HolodriverError: a file cannot be read.
        """
        for process, job in self._jobs.items():
            if job is None:
                continue
            message = process.receive(timeout_s)
            if message is None:
                continue
            self._jobs[process] = None
            if message[0] == "unreadable":
                raise message[1]
            _, hologram, self.known[hologram] = message
            self._ready.add(hologram)

    def close(self) -> None:
        """End the reading processes."""
        for process in self._processes:
            process.close()

    def _room(self, wanted: Sequence[int], held: Collection[int]) -> int | None:
        if self._free:
            return self._free.pop()
        for hologram, slot in self._slot_of.items():
            if hologram in self._ready and hologram not in wanted and slot not in held:
                del self._slot_of[hologram]
                self._ready.remove(hologram)
                return slot
        return None


def _serve(
    control: Connection,
    names: list[str],
    shape: tuple[int, ...],
    orientation: Orientation,
    profile: DisplayProfile | None,
    read: ReadFrames,
) -> None:
    """Body of the reading process: read each hologram that the parent asks for, until the connection closes."""
    slots = OpenSlots(names, shape)
    control.send(("ready", None))
    while True:
        _, hologram, path, slot = control.recv()
        begun_s = time.perf_counter()
        try:
            frames = read(path)
            if profile is not None and frames.profile != profile:
                raise InputError(
                    f"was made with the display profile '{frames.profile.name}', and the first of the play with "
                    f"{'another of that name' if frames.profile.name == profile.name else repr(profile.name)}"
                )
            laid = orientation.lay(frames.pixels)
            if laid.shape != shape:
                raise InputError(f"has frames of {laid.shape[1:3]} pixels, and the rig shows {shape[1:3]}")
            slots.views[slot][...] = laid
        except HolodriverError as error:
            error.where = error.where or str(path)
            control.send(("unreadable", error))
        else:
            seconds = time.perf_counter() - begun_s
            found = Read(path, frames.gains, table_marks(frames.luts), frames.registrations, seconds)
            control.send(("read", hologram, found))
