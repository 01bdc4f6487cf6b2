"""Reading holograms ahead of the display, in processes of their own.

Unpacking a frame takes the interpreter for a tenth of a second, in which nobody would feed the lasers' watchdog; so
reading has its own processes, which write into memory that the display process sees.
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
"""Of the amplitudes of look-up tables; files hold them exactly."""


@dataclass(frozen=True)
class Orientation:
    """How frames are laid on the panel.

    Raises:
        InputError: a turn that is not by right angles.
    """

    planes: tuple[int, ...]
    """Which colours of the hologram are shown, in order."""
    rotation: int = 0
    """Degrees clockwise."""
    flip_horizontal: bool = False
    flip_vertical: bool = False
    packed: bool = False
    """All colours in one frame, (h, w, 3)."""

    def __post_init__(self) -> None:
        if self.rotation not in (0, 90, 180, 270):
            raise InputError(f"rotation is {self.rotation!r}°, expected 0, 90, 180 or 270")

    def shape(self, native_shape: tuple[int, int]) -> tuple[int, ...]:
        """Shape of a hologram's frames on a panel of `native_shape` (h, w)."""
        return (1, *native_shape, 3) if self.packed else (len(self.planes), *native_shape)

    def lay(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Frames as they go to the panel.

        Args:
            pixels: (C, h, w), as encoded.

        Raises:
            InputError: it has not the colours that are asked for.
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
    """What is known of a hologram that has been read: all but its pixels."""

    path: Path
    gains: tuple[float, ...]
    tables: tuple[str, ...]
    """`table_marks` of the look-up tables that it was encoded with."""
    registrations: tuple[Registration, ...] | None
    seconds: float
    """How long it took."""


def table_marks(luts: Sequence[AmplitudeLut]) -> tuple[str, ...]:
    """What tells look-up tables apart in a few letters: there may be many thousand holograms."""
    return tuple(sha256(lut.amplitudes.round(TABLE_DECIMALS).tobytes()).hexdigest()[:16] for lut in luts)


ReadFrames = Callable[[Path], PanelFrames | SmallFrames]


@dataclass
class ReadOrEncode:
    """Reads panel frames; of a hologram that has none yet, encodes them as `holodriver encode` would.

    Args:
        calibration: of the rig's panel; None for frames that are there already.
        gains: of the first hologram of the play; None to choose them by the first that is encoded.
        small: give them at the hologram's size.
    """

    calibration: Calibration | None = None
    gains: tuple[float, ...] | None = None
    small: bool = False
    _encoder: "Encoder | None" = None

    def __call__(self, path: Path) -> PanelFrames | SmallFrames:
        """The frames of a file or folder.

        Raises:
            FileFormatError: it cannot be read, or has none.
            InputError: it is of another display than the first, or cannot be small.
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
        """The same at the panel's size.

        Raises:
            FileFormatError: it cannot be read, or has none.
            InputError: it is of another display than the first.
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
    """Keeps the holograms that come next in memory, and never more than the slots hold.

    Args:
        slots: where they go; the last slot is left alone.
        orientation: how they are laid.
        profile: display profile that all of them must have; None for any.
        readers: processes that read.
        read: gives the panel frames of a file; must pickle.
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
        """How many holograms there is room for."""
        self.paths: list[Path] = []
        """The holograms, by number."""
        self.known: dict[int, Read] = {}
        """What has been read at least once, and what is known of it."""
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
        """Holograms a second that are read, as far as is known; None before the first."""
        seconds = [one.seconds for one in self.known.values()]
        return len(self._processes) / max(median(seconds), 1e-6) if seconds else None

    def slot(self, hologram: int) -> int | None:
        """Where this hologram's frames are; None while they are not there."""
        return self._slot_of[hologram] if hologram in self._ready else None

    def want(self, holograms: Sequence[int], held: Collection[int]) -> None:
        """Read these, in this order, in place of others.

        Args:
            holograms: needed soon.
            held: slots that the display may still show.

        Raises:
            HolodriverError: one of them cannot be read; names the file.
            RigError: a reading process is gone.
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
        """Take in what has been read.

        Raises:
            HolodriverError: a file that cannot be read.
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
    """The reading process."""
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
