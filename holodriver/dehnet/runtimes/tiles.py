"""Tiles of a picture, which together give exactly the result of the whole picture.

A result depends on pixels within the network's halo, and the network treats the border of the picture specially.
Each window therefore reaches one halo beyond its tile, never beyond the picture. All windows have one size, because
runtimes must prepare for each new size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from holodriver.dehnet.architecture import DEHNetShape
from holodriver.errors import SynthesisError

Slices = tuple[slice, slice]


@dataclass(frozen=True)
class Place:
    """One tile: the pixels that the network sees, and the part of its result that is kept."""

    window: Slices
    """Rows and columns of the picture that the network sees."""
    kept: Slices
    """Rows and columns of the picture that the tile fills."""
    inside: Slices
    """Rows and columns of the window that are copied into `kept`."""


def side_within(memory: float, size: tuple[int, int], shape: DEHNetShape, bytes_per_pixel: int) -> int | None:
    """Side of the square windows that fit into `memory` bytes, pixels; None if the whole `size` (H, W) fits.

    Raises:
        SynthesisError: the smallest window does not fit.
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
    """Tiles of a picture of `size` (H, W), row by row, with windows of at most `side` pixels."""
    rows, columns = (_along(length, side, shape) for length in size)
    for row in rows:
        for column in columns:
            window, kept, inside = zip(row, column, strict=True)
            yield Place(window, kept, inside)


def _along(length: int, side: int, shape: DEHNetShape) -> list[tuple[slice, slice, slice]]:
    """Slices `window`, `kept` and `inside` along one axis."""
    side = min(side, length)
    found, done = [], 0
    while done < length:
        start = min(max(done - shape.halo, 0), length - side)
        end = length if start + side == length else start + side - shape.halo
        found.append((slice(start, start + side), slice(done, end), slice(done - start, end - start)))
        done = end
    return found
