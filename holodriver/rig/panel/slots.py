"""Memory shared by the reading, playing and display processes; each slot holds the frames of one hologram."""

import os
import shutil
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError

SHARED = Path("/dev/shm")
"""Folder in which Linux keeps shared memory; containers often limit it to 64 MB."""

LEFT_FREE = 0.25
"""Share of the free shared memory that is left to other programs."""


class FrameSlots:
    """Slots of equal size that the host makes and other processes open by name.

    Args:
        shape: shape of the frames in a slot, (frames, h, w) or (frames, h, w, 3), uint8.
        count: number of slots.

    Raises:
        RigError: the system has too little shared memory.
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
        """Names by which other processes open the slots."""
        return [block.name for block in self._blocks]

    def write(self, slot: int, frames: NDArray[np.uint8] | int) -> None:
        """Fill a slot with frames, or with one grey level."""
        view: NDArray[np.uint8] = np.ndarray(self.shape, np.uint8, self._blocks[slot].buf)
        view[...] = frames
        del view

    def close(self) -> None:
        """Release the memory; the system frees it when the other processes have released it, too."""
        for block in self._blocks:
            block.close()
            block.unlink()
        self._blocks.clear()


class OpenSlots:
    """The slots of a `FrameSlots`, opened in another process."""

    def __init__(self, names: list[str], shape: tuple[int, ...]):
        self._blocks = [SharedMemory(name) for name in names]
        self.views: list[NDArray[np.uint8]] = [np.ndarray(shape, np.uint8, block.buf) for block in self._blocks]
        """Frames of each slot, uint8, in the slots' shape."""

    def close(self) -> None:
        """Release the memory."""
        self.views.clear()
        for block in self._blocks:
            block.close()


def slot_bytes(shape: tuple[int, ...]) -> int:
    """Size of one slot, bytes."""
    return int(np.prod(shape))


def slots_that_fit(shape: tuple[int, ...], wanted: int, memory: float) -> int:
    """Number of slots that fit into memory, at most `wanted`.

    Args:
        shape: shape of the frames in a slot.
        wanted: largest useful number of slots.
        memory: memory that may be used, bytes.

    Raises:
        RigError: fewer than three slots fit: one for the shown hologram, one for the next and one for dark frames.
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
