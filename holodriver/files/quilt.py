"""Quilts: all views of a Looking Glass display as tiles of one picture, whose name says how they lie."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.files.atomic import check_output, written_file
from holodriver.files.images import read_pixels
from holodriver.optics.lookingglass import LookingGlass, parse_quilt_name

SUFFIXES = (".png", ".jpg", ".jpeg")
JPEG_QUALITY = 95

Bytes = NDArray[np.uint8]


def check_quilt_suffix(path: Path) -> None:
    """Refuse a name that no quilt has.

    Raises:
        InputError: it ends in neither .png nor .jpg.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError("has no suffix of a quilt, expected .png or .jpg", where=path)


class QuiltCanvas:
    """A quilt in the making: views are added in any order; each may be of any size and is fitted to its tile."""

    def __init__(self, display: LookingGlass) -> None:
        self.display = display
        width, height = display.used
        self.pixels: Bytes = np.zeros((height, width, 3), np.uint8)
        """Blue, green, red. Pixels that the display's quilt size leaves over are left out, so that every reader finds
        the tiles: some divide the picture's size, others the size of the quilt."""
        self._there: set[int] = set()

    @property
    def missing(self) -> int:
        """Views that were not added yet."""
        return self.display.views - len(self._there)

    def tile(self, view: int) -> Bytes:
        """The pixels (h, w, 3) of a view, to be written into; counts as added."""
        if not 0 <= view < self.display.views:
            raise InputError(f"view is {view}, expected 0 to {self.display.views - 1}", where=self.display.name)
        self._there.add(view)
        rows, columns = self.display.place(view)
        return self.pixels[rows, columns]

    def add(self, view: int, pixels: NDArray) -> None:
        """Put a view (h, w, 3), blue, green, red, sRGB of 8 or 16 bits, into its tile."""
        tile = self.tile(view)
        height, width = tile.shape[:2]
        if pixels.shape[:2] != (height, width):
            smaller = pixels.shape[0] * pixels.shape[1] >= height * width
            method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
            pixels = cv2.resize(pixels, (width, height), interpolation=method)
        if pixels.dtype == np.uint16:
            pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        tile[:] = pixels

    def write(self, path: Path, *, overwrite: bool = False) -> None:
        """Write the quilt as .png or .jpg."""
        write_quilt(path, self.pixels, overwrite=overwrite)


def write_quilt(path: Path, pixels: Bytes, *, overwrite: bool = False) -> None:
    """Write the pixels (H, W, 3), blue, green, red, of a whole quilt.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: `path` ends in neither .png nor .jpg.
    """
    check_quilt_suffix(path)
    jpeg = path.suffix.lower() != ".png"
    flags = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if jpeg else [cv2.IMWRITE_PNG_COMPRESSION, 3]
    if jpeg:
        flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    with written_file(path, overwrite=overwrite) as temporary:
        if not cv2.imwrite(str(temporary), pixels, flags):
            raise HolodriverError("could not be written", where=path, remedy="is the disk full?")


def read_quilt(path: Path) -> tuple[Bytes, LookingGlass]:
    """The pixels (H, W, 3), blue, green, red, of a quilt, and how its views lie by its name.

    Raises:
        FileFormatError: no picture, or its name does not end in ``_qs{columns}x{rows}a{aspect}``.
    """
    said = parse_quilt_name(path)
    if said is None:
        raise FileFormatError("has no name of a quilt, expected NAME_qs{columns}x{rows}a{aspect}", where=path)
    pixels = read_pixels(path, cv2.IMREAD_COLOR)
    height, width = pixels.shape[:2]
    try:
        layout = LookingGlass(path.stem, path.name, "", None, said.columns, said.rows, (width, height), said.aspect)
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error
    return pixels, layout


def go_sidecar(quilt: Path) -> Path:
    """The JSON beside a quilt by which a Looking Glass Go plays it on its own."""
    return quilt.with_name(quilt.name + ".json")


def write_go_sidecar(quilt: Path, display: LookingGlass, *, overwrite: bool = False) -> Path:
    """Write ``QUILT.json``, by which a Looking Glass Go plays a quilt on its own; returns its path.

    Raises:
        OutputExistsError: it exists and `overwrite` is false.
    """
    path = go_sidecar(quilt)
    check_output(path, overwrite=overwrite)
    with written_file(path, overwrite=overwrite) as temporary:
        text = json.dumps(go_settings(display), indent=1)
        temporary.write_text(text + "\n", encoding="utf-8")
    return path


def go_settings(display: LookingGlass, *, focus: float = 0.0, zoom: float = 1.0) -> dict[str, object]:
    """What a Looking Glass is told about a quilt, as JSON beside it or in a .hop file."""
    return {
        "mediaType": "quilt",
        "quilt_settings": {
            "viewX": display.columns,
            "viewY": display.rows,
            "viewTotal": display.views,
            "aspect": display.aspect,
            "invertViews": False,
        },
        "focus": focus,
        "zoom": zoom,
        "duration": 10.0,  # seconds in a playlist
    }
