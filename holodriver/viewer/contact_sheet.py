"""Contact sheets: pictures of several methods side by side at several focal planes, with enlarged details."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from holodriver.errors import InputError
from holodriver.optics.colour import srgb_encode

Pixels = NDArray[np.uint8]

_TILE = 384  # px, side to which small pictures are enlarged
_GAP, _MARGIN, _HEADING, _SIDE = 10, 24, 40, 96  # px
_DETAIL = 0.22  # side of a detail, fraction of the picture's
_GROUND, _INK, _QUIET = (250, 250, 250), (30, 30, 30), (110, 110, 110)  # BGR
_FRAMES = ((40, 150, 255), (255, 160, 40))  # BGR, the two details


@dataclass(frozen=True)
class Column:
    """Column of one method."""

    heading: str
    pictures: Sequence[NDArray[np.floating]]
    """Picture for each row, linear light (3, H, W)."""
    captions: Sequence[str]
    """Text below each picture."""


def contact_sheet(rows: Sequence[str], columns: Sequence[Column], title: str) -> Pixels:
    """Contact sheet (h, w, 3) in blue, green, red: a row for each focus, a column for each method, two details below
    each picture.

    The details are the two places of the first column whose sharpness changes most between the first and the last row;
    they are the same in all cells.

    Args:
        rows: heading of each row.
        columns: columns of the methods.
        title: title of the sheet.

    Raises:
        InputError: a column does not have one picture for each row, or the pictures differ in size.
    """
    shapes = {np.shape(picture) for column in columns for picture in column.pictures}
    if len(shapes) != 1 or any(len(c.pictures) != len(rows) or len(c.captions) != len(rows) for c in columns):
        raise InputError("a contact sheet needs one picture of the same size for each row and column")
    _, height, width = shapes.pop()
    boxes = details(columns[0].pictures[0], columns[0].pictures[-1])
    scale = max(1, round(_TILE / max(height, width)))
    cell_w, cell_h = width * scale, height * scale
    detail_w = (cell_w - _GAP) // 2
    step_x, step_y = cell_w + _MARGIN, cell_h + _GAP + detail_w + _HEADING
    sheet = np.full(
        (2 * _HEADING + _MARGIN + step_y * len(rows) + _GAP, _SIDE + step_x * len(columns), 3), _GROUND, np.uint8
    )
    _write(sheet, title, (_MARGIN, _HEADING - 8), 22)
    for i, column in enumerate(columns):
        left = _SIDE + i * step_x
        _write(sheet, column.heading, (left, 2 * _HEADING - 4), 20)
        for j, (picture, caption) in enumerate(zip(column.pictures, column.captions, strict=True)):
            top = 2 * _HEADING + _GAP + j * step_y
            tile = _tile(picture, boxes, scale, detail_w)
            sheet[top : top + tile.shape[0], left : left + cell_w] = tile
            _write(sheet, caption, (left, top + tile.shape[0] + 20), 15, _QUIET)
    for j, row in enumerate(rows):
        _write(sheet, row, (_MARGIN // 2, 2 * _HEADING + _GAP + j * step_y + cell_h // 2), 18)
    return sheet


def details(first: NDArray[np.floating], last: NDArray[np.floating]) -> list[tuple[int, int, int]]:
    """Two squares (top, left, side), pixels, in which `first` is most sharper than `last`, and least so."""
    side = max(8, round(min(first.shape[-2:]) * _DETAIL))
    sharpness = [np.abs(cv2.Laplacian(srgb_encode(p).mean(0, dtype=np.float64), cv2.CV_64F)) for p in (first, last)]
    gain = uniform_filter(sharpness[0] - sharpness[1], side)
    inside = slice(side // 2, -(side // 2) or None)
    boxes = []
    for signed in (gain, -gain):
        y, x = np.unravel_index(int(signed[inside, inside].argmax()), signed[inside, inside].shape)
        boxes.append((int(y), int(x), side))
    return boxes


def _tile(picture: NDArray[np.floating], boxes: Sequence[tuple[int, int, int]], scale: int, detail_w: int) -> Pixels:
    """The picture with frames round the boxes, and the enlarged boxes below it."""
    pixels = np.rint(srgb_encode(picture) * 255).astype(np.uint8).transpose(1, 2, 0)[..., ::-1]
    large = np.ascontiguousarray(pixels.repeat(scale, 0).repeat(scale, 1))
    zooms = []
    for (top, left, side), colour in zip(boxes, _FRAMES, strict=True):
        corner, opposite = (left * scale, top * scale), ((left + side) * scale, (top + side) * scale)
        cv2.rectangle(large, corner, opposite, colour, 2)
        crop = np.ascontiguousarray(pixels[top : top + side, left : left + side])
        zoom = cv2.resize(crop, (detail_w, detail_w), interpolation=cv2.INTER_CUBIC)
        cv2.rectangle(zoom, (0, 0), (detail_w - 1, detail_w - 1), colour, 3)
        zooms.append(zoom)
    width = large.shape[1]
    strip = np.full((detail_w + _GAP, width, 3), _GROUND, np.uint8)
    strip[_GAP:, :detail_w] = zooms[0]
    strip[_GAP:, width - detail_w :] = zooms[1]
    return np.concatenate([large, strip])


def _write(sheet: Pixels, text: str, origin: tuple[int, int], size: int, colour: tuple[int, ...] = _INK) -> None:
    cv2.putText(sheet, text, origin, colour, cv2.FontFace("sans"), size, 500)
