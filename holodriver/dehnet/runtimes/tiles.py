"""Tiles of a picture that together give exactly what the whole gives.

A place depends on the network's halo around it, and the border of the picture is part of the network's answer. So each
window reaches a halo beyond the tile it is for, never beyond the picture, and all windows have the same size: runtimes
prepare themselves for each size anew.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from holodriver.dehnet.architecture import DEHNetShape
from holodriver.errors import SynthesisError

Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Place:
    """One tile: which pixels the network sees, and which of its answer count."""

    window: Slices
    """Of the picture."""
    kept: Slices
    """Of the picture: where the answer goes."""
    inside: Slices
    """The same pixels, of the window."""


def side_within(memory: float, size: tuple[int, int], shape: DEHNetShape, bytes_per_pixel: int) -> int | None:
    """Side of the square windows that fit `memory` bytes; None if all of `size` (H, W) does.

    Raises:
        SynthesisError: not even the smallest window fits.
    """
    if size[0] * size[1] * bytes_per_pixel <= memory:
        return None
    side = int((memory / bytes_per_pixel) ** 0.5) // shape.fold * shape.fold
    if side <= 2 * shape.halo:
        least = (2 * shape.halo + shape.fold) ** 2 * bytes_per_pixel
        raise SynthesisError(
            f"{memory / 2**20:.0f} MiB are too little for a tile of the network, which takes {least / 2**20:.0f} MiB",
            remedy="close programs, or allow more with --memory",
        )
    return side


def places(size: tuple[int, int], side: int, shape: DEHNetShape) -> Iterator[Place]:
    """The tiles of a picture of `size` (H, W), row by row, for windows of at most `side` pixels."""
    rows, columns = (_along(length, side, shape) for length in size)
    for row in rows:
        for column in columns:
            window, kept, inside = zip(row, column, strict=True)
            yield Place(window, kept, inside)


def _along(length: int, side: int, shape: DEHNetShape) -> list[tuple[slice, slice, slice]]:
    """Window, kept and inside along one axis."""
    side = min(side, length)
    found, done = [], 0
    while done < length:
        start = min(max(done - shape.halo, 0), length - side)
        end = length if start + side == length else start + side - shape.halo
        found.append((slice(start, start + side), slice(done, end), slice(done - start, end - start)))
        done = end
    return found
