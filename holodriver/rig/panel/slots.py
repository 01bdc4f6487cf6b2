"""Memory that the reading, the playing and the display process share: a slot holds the frames of one hologram."""

import os
import shutil
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError

SHARED = Path("/dev/shm")
"""Where Linux keeps shared memory; containers often give it no more than 64 MB."""

LEFT_FREE = 0.25
"""Share of that place which is left to others."""


class FrameSlots:
    """Slots of one size, made by the host and opened by other processes by their names.

    Args:
        shape: of a slot's frames, (frames, h, w) or (frames, h, w, 3), uint8.
        count: how many.

    Raises:
        RigError: the system has not the memory.
    """

    def __init__(self, shape: tuple[int, ...], count: int):
        self.shape = shape
        self._blocks: list[SharedMemory] = []
        try:
            for _ in range(count):
                self._blocks.append(SharedMemory(create=True, size=slot_bytes(shape)))
        except OSError as error:
            self.close()
            raise RigError(f"there is no shared memory for {count} holograms: {error.strerror}") from error

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def names(self) -> list[str]:
        """What the other processes open."""
        return [block.name for block in self._blocks]

    def write(self, slot: int, frames: NDArray[np.uint8] | int) -> None:
        """Fill a slot with frames, or with one grey level."""
        view: NDArray[np.uint8] = np.ndarray(self.shape, np.uint8, self._blocks[slot].buf)
        view[...] = frames
        del view

    def close(self) -> None:
        """Let go of the memory; it is gone when the other processes have, too."""
        for block in self._blocks:
            block.close()
            block.unlink()
        self._blocks.clear()


class OpenSlots:
    """The slots as another process sees them."""

    def __init__(self, names: list[str], shape: tuple[int, ...]):
        self._blocks = [SharedMemory(name) for name in names]
        self.views: list[NDArray[np.uint8]] = [np.ndarray(shape, np.uint8, block.buf) for block in self._blocks]
        """The frames of each slot."""

    def close(self) -> None:
        """Let go of the memory."""
        self.views.clear()
        for block in self._blocks:
            block.close()


def slot_bytes(shape: tuple[int, ...]) -> int:
    """Bytes of one slot."""
    return int(np.prod(shape))


def slots_that_fit(shape: tuple[int, ...], wanted: int, memory: float) -> int:
    """How many slots there can be.

    Args:
        shape: of a slot.
        wanted: more are of no use.
        memory: bytes that may be used.

    Raises:
        RigError: fewer than three, one that stands, one that comes next, and one dark.
    """
    free = memory
    if os.name == "posix" and SHARED.is_dir():
        free = min(memory, shutil.disk_usage(SHARED).free * (1 - LEFT_FREE))
    count = min(wanted, int(free // slot_bytes(shape)))
    if count < 3:
        raise RigError(
            f"there are {free / 2**20:.0f} MiB of shared memory, and three holograms take "
            f"{3 * slot_bytes(shape) / 2**20:.0f} MiB",
            remedy=f"allow more with --memory, or give {SHARED} more room",
        )
    return count
