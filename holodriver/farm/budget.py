"""Memory and disk that a batch needs, checked before anything starts."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from holodriver.errors import InputError
from holodriver.farm.farm import SHARE_OF_MEMORY, Farm
from holodriver.farm.perform import in_gib
from holodriver.farm.unit import Unit
from holodriver.system.machine import available_memory


@dataclass(frozen=True)
class Budget:
    """Memory and disk that the units of a batch need, and what is free; bytes."""

    memory: int
    """Memory of the largest unit, bytes."""
    at_once: int
    """Number of units at a time on this machine; 0 if other machines do the work."""
    disk: int
    """Disk for the results of all units, bytes."""
    scratch: int
    """Additional disk at the moment of greatest need, bytes."""
    free_memory: int | None
    """Free memory of this machine, bytes; None if it is unknown."""
    free_disk: int
    """Free disk in the batch's folder, bytes."""
    folder: Path
    """Folder of the batch."""

    @classmethod
    def of(cls, units: Sequence[Unit], folder: Path, farm: Farm) -> "Budget":
        """Budget of the given units."""
        at_once = min(farm.jobs, len(units)) if farm.is_here else 0
        scratch = sorted((unit.needs.scratch for unit in units), reverse=True)
        return cls(
            memory=max((unit.needs.memory for unit in units), default=0),
            at_once=at_once,
            disk=sum(unit.needs.disk for unit in units),
            scratch=sum(scratch[: at_once or None]),
            free_memory=available_memory(),
            free_disk=free_disk(folder),
            folder=folder,
        )

    def rows(self) -> list[tuple[str, str, str]]:
        """Rows of a table: resource, need, and what is free."""
        free = "unknown" if self.free_memory is None else in_gib(self.free_memory)
        each = f"{self.at_once} × {in_gib(self.memory)}" if self.at_once else f"{in_gib(self.memory)} a worker"
        return [
            ("memory", each, free if self.at_once else "theirs"),
            ("disk", in_gib(self.disk), in_gib(self.free_disk)),
            ("scratch", in_gib(self.scratch), ""),
        ]

    def check(self) -> None:
        """Refuse a batch that does not fit.

        Raises:
            InputError: the batch does not fit; the message says by how much, and what would fit.
        """
        if self.at_once and self.free_memory is not None and self.at_once * self.memory > self.free_memory:
            fit = int(self.free_memory * SHARE_OF_MEMORY // self.memory)
            needed = (
                f"{self.at_once} units of {in_gib(self.memory)} memory each need {in_gib(self.at_once * self.memory)}"
            )
            raise InputError(
                f"{needed}, but {in_gib(self.free_memory)} are free",
                remedy=f"--jobs {fit} would fit" if fit else "take smaller pictures, or a machine with more memory",
            )
        check_disk(self.disk + self.scratch, self.folder, free=self.free_disk)


def free_disk(folder: Path) -> int:
    """Free disk where a folder is or will be, bytes."""
    there = folder.absolute()
    while not there.exists():
        there = there.parent
    return shutil.disk_usage(there).free


def check_disk(needed: int, folder: Path, *, free: int | None = None) -> None:
    """Refuse a need that does not fit on the disk of a folder.

    Raises:
        InputError: the disk is too small; the message says by how much.
    """
    free = free_disk(folder) if free is None else free
    if needed > free:
        raise InputError(
            f"{in_gib(needed)} of disk are needed, but {in_gib(free)} are free",
            where=folder,
            remedy="free some disk, or write to another disk",
        )
