"""Tiled estimation of large pictures at fine scales, which bounds the memory of a network."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from holodriver.depth.estimators import TILE, Estimator
from holodriver.depth.fusion import fit
from holodriver.depth.size import SLIMMEST, Floats, Picture, resized, shrunk

OVERLAP = 0.25
"""Share of a tile's side that overlaps the next tile."""

TILES_AT_ONCE = 4
"""Number of tiles that a network sees at once."""


def needs_tiles(shape: tuple[int, int], long_side: int) -> bool:
    """Whether a picture of the given (H, W) is too large for a network at this size."""
    slim = min(max(shape) / min(shape), SLIMMEST)
    return long_side > TILE and (long_side / slim) * long_side > TILE * TILE / slim


def predict_tiled(estimator: Estimator, picture: Picture, long_side: int, coarse: Floats) -> Floats:
    """Inverse depth (h, w) of a picture at a size that a network does not see at once.

    Each tile is aligned in scale and shift to the coarse prediction of the whole before the tiles are blended, because
    a network sees a tile without its surroundings, and gives every tile a range of its own.

    Args:
        picture: (H, W, 3).
        long_side: longer side of the whole picture, pixels.
        coarse: prediction of the whole picture at a smaller size.
    """
    scale = long_side / max(picture.shape[:2])
    height, width = (max(1, round(side * scale)) for side in picture.shape[:2])
    seen = shrunk(picture, (height, width))
    base = resized(coarse, (height, width))
    total = np.zeros((height, width), np.float32)
    weights = np.zeros((height, width), np.float32)
    places = list(_places(height, width))
    tile = min(TILE, height), min(TILE, width)
    window = np.outer(_ramp(tile[0]), _ramp(tile[1])).astype(np.float32)
    for first, last in pairwise([*range(0, len(places), TILES_AT_ONCE), len(places)]):
        cuts = [np.s_[top : top + tile[0], left : left + tile[1]] for top, left in places[first:last]]
        found = estimator.predict([np.ascontiguousarray(seen[cut]) for cut in cuts], max(tile))
        for cut, values in zip(cuts, found, strict=True):
            values = resized(values, tile)
            total[cut] += window * fit(values, base[cut])(values)
            weights[cut] += window
    return (total / weights).astype(np.float32)


def _places(height: int, width: int) -> Iterator[tuple[int, int]]:
    """Upper left corners of evenly spread tiles that cover a picture."""
    for top in _starts(height):
        for left in _starts(width):
            yield top, left


def _starts(side: int) -> list[int]:
    if side <= TILE:
        return [0]
    count = int(np.ceil((side - TILE) / (TILE * (1 - OVERLAP)))) + 1
    return [round(start) for start in np.linspace(0, side - TILE, count)]


def _ramp(side: int) -> NDArray[np.float64]:
    """Weights along a tile that fade to nearly zero at its ends."""
    place = (np.arange(side) + 0.5) / side
    fade = np.clip(np.minimum(place, 1 - place) / OVERLAP, 0, 1)
    return 0.5 - 0.5 * np.cos(np.pi * fade) + 1e-3
