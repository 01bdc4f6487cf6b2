"""A pool of focal stacks of one size on disk, from which a network can learn while it is still being filled.

Each record is one stack: images and all-in-focus image in half precision, depths in 16 bits. Record N depends on
the seed N alone, so that pools are reproducible, and filling one can stop and continue at any record. Light is
scaled so that the 99.9th percentile of the all-in-focus image is 1.
"""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError, shown
from holodriver.files.atomic import written_file
from holodriver.files.guard.source import opened
from holodriver.files.text import read_json
from holodriver.progress import Progress
from holodriver.scene.stack import FocalStack

FORMAT, VERSION = "holodriver pool of focal stacks", 1

DEPTH_STEPS = 65535
"""Stored level of normalised depth 1."""

BRIGHTEST = 60_000.0
"""Brightest light that is stored; the range of half precision ends at 65,504."""

_PARTS = ("images", "depths", "all_in_focus", "all_in_focus_depth", "done")


@dataclass(frozen=True)
class PoolSize:
    """Size of a pool."""

    records: int
    """Largest number of records."""
    size: int
    """Side of the pictures, pixels."""
    planes: int
    """Number of focal planes."""
    colours: int
    coc_max: float
    """Blur circle diameter over the whole depth range, pixels."""

    @property
    def record_bytes(self) -> int:
        """Size of one record on the disk, bytes."""
        images = (self.planes + 1) * (self.colours * 2 + 2)  # light and depth, 16 bits each
        return images * self.size * self.size + 1


@dataclass(frozen=True)
class Record:
    """One focal stack of a pool; planes are evenly spaced from 0 to 1."""

    images: NDArray[np.float16]
    """Intensity of each plane, (N, C, H, W)."""
    depths: NDArray[np.float32]
    """Normalised depth of each plane, (N, H, W)."""
    all_in_focus: NDArray[np.float16]
    """Intensity of the all-in-focus image, (C, H, W)."""
    all_in_focus_depth: NDArray[np.float32]
    """Normalised depth of the all-in-focus image, (H, W)."""


class Pool:
    """A pool on disk, created if it does not exist.

    Args:
        folder: folder of the pool.
        size: size of the pool; may be left out if the pool exists.

    Raises:
        InputError: the pool does not exist and no size is given, or it has another size.
        FileFormatError: the folder is not a pool.
    """

    def __init__(self, folder: Path, size: PoolSize | None = None):
        self.folder = folder
        manifest = folder / "pool.json"
        if manifest.exists():
            self.size = _read(manifest)
            if size is not None and size != self.size:
                raise InputError(
                    f"the pool has room for {self.size}, expected {size}",
                    where=folder,
                    remedy="give another folder or delete this one",
                )
        elif size is None:
            raise InputError("is not a pool of focal stacks", where=folder, remedy="make one: holodriver train pool")
        else:
            self.size = size
            folder.mkdir(parents=True, exist_ok=True)
            for name in _PARTS:
                shape, kind = self._layout(name)
                np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, shape).flush()
            with written_file(manifest) as temporary:
                temporary.write_text(json.dumps({"format": FORMAT, "version": VERSION, **asdict(size)}, indent=1))
        self._arrays = {name: self._open(name) for name in _PARTS}

    def _layout(self, name: str) -> tuple[tuple[int, ...], type]:
        n, c, s = self.size.planes, self.size.colours, self.size.size
        shapes: dict[str, tuple[tuple[int, ...], type]] = {
            "images": ((n, c, s, s), np.float16),
            "depths": ((n, s, s), np.uint16),
            "all_in_focus": ((c, s, s), np.float16),
            "all_in_focus_depth": ((s, s), np.uint16),
            "done": ((), np.bool_),
        }
        shape, kind = shapes[name]
        return (self.size.records, *shape), kind

    def _open(self, name: str) -> np.memmap:
        path, (shape, kind) = self.folder / f"{name}.npy", self._layout(name)
        try:
            with (
                opened(path) as source,
                source.file() as file,
            ):  # mapping would enlarge the file to the size in its header
                read = np.lib.format.read_array_header_1_0
                found = read(file) if np.lib.format.read_magic(file) == (1, 0) else None
                room = source.size - file.tell()
        except FileFormatError as error:
            raise FileFormatError(error.what, where=path, remedy="delete the pool") from None
        except Exception as error:  # the header is a Python literal, whose parser raises errors of many types
            raise FileFormatError(f"cannot be read: {error}", where=path, remedy="delete the pool") from None
        if (
            found is None
            or found != (shape, False, np.dtype(kind))
            or room != math.prod(shape) * np.dtype(kind).itemsize
        ):
            said = "another layout" if found is None else f"{found[2]} {found[0]} in {room} bytes"
            raise FileFormatError(
                f"has {said}, expected {np.dtype(kind)} {shape}", where=path, remedy="delete the pool"
            )
        return np.lib.format.open_memmap(path, "r+")

    def made(self) -> NDArray[np.int64]:
        """Numbers of the records that are complete."""
        return np.flatnonzero(self._arrays["done"])

    def missing(self) -> NDArray[np.int64]:
        """Numbers of the records that are missing."""
        return np.flatnonzero(~self._arrays["done"])

    def wait_for(self, count: int, progress: Progress, going_on: Callable[[], bool]) -> None:
        """Wait until the pool has `count` records.

        Raises:
            InputError: `going_on` is false: no process makes more records.
        """
        while len(self.made()) < count:
            if not going_on():
                raise InputError(
                    f"has {len(self.made())} records, {count} are needed",
                    where=self.folder,
                    remedy="let processes fill it (--workers)",
                )
            progress("First stacks", len(self.made()), count)
            time.sleep(0.1)

    def put(self, number: int, stack: FocalStack) -> None:
        """Store a focal stack after exposing it.

        Raises:
            InputError: the size of the stack differs from that of the pool.
        """
        expected = (self.size.planes, self.size.colours, self.size.size, self.size.size)
        if stack.images.shape != expected:
            raise InputError(f"focal stack field 'images' has shape {stack.images.shape}, expected {expected}")
        stack = stack.exposed()
        self._arrays["images"][number] = stack.images.clip(max=BRIGHTEST)
        self._arrays["all_in_focus"][number] = stack.all_in_focus.clip(max=BRIGHTEST)
        for name in ("depths", "all_in_focus_depth"):
            self._arrays[name][number] = np.rint(getattr(stack, name).clip(0, 1) * DEPTH_STEPS)
        self._arrays["done"][number] = True

    def get(self, number: int) -> Record:
        """Read a record."""
        images, depths, sharp, sharp_depth, _ = (self._arrays[name][number] for name in _PARTS)
        scale = np.float32(1 / DEPTH_STEPS)
        return Record(np.asarray(images), depths * scale, np.asarray(sharp), sharp_depth * scale)


def _read(manifest: Path) -> PoolSize:
    values = read_json(manifest, remedy="delete the folder or give another")
    try:
        if values.pop("format") != FORMAT or values.pop("version") != VERSION:
            raise ValueError("another format or version")
        size = PoolSize(**values)
        sizes = (size.records, size.size, size.planes, size.colours)
        if not all(type(value) is int and 0 < value < 1 << 24 for value in sizes) or not 0 < size.coc_max < 1e6:
            raise ValueError(f"its sizes are {shown(values)}")
    except (ValueError, TypeError, KeyError) as error:
        raise FileFormatError(
            f"does not describe a pool: {error}", where=manifest, remedy="delete the folder or give another"
        ) from None
    return size
