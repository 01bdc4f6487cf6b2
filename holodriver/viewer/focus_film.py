"""Films in which the focus moves from near to far and back, with methods side by side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.images import srgb_pixels
from holodriver.files.video.film import write_film, write_gif
from holodriver.files.video.video import WRITABLE
from holodriver.optics.display import DisplayProfile
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import psnr, scored_part
from holodriver.viewer.method_pictures import RENDERED, page_size, shrunk

Pixels = NDArray[np.uint8]

SUFFIXES = (*WRITABLE, ".gif")
"""Suffixes of files that can be written as films."""

HOLD_S = 0.5
"""Time that the focus rests at each end, s."""

SMALLEST = 384
"""Approximate width, pixels, to which small pictures of a video are enlarged, so that there is room for text."""

SMALLEST_GIF = 200
"""Approximate width, pixels, to which small pictures of a GIF are enlarged; larger ones make large files."""

_GAP, _MARGIN, _STRIP = 12, 20, 92  # px
_GROUND, _INK, _QUIET, _TRACK = (18, 18, 18), (240, 238, 232), (165, 162, 154), (70, 69, 66)  # red first


@dataclass(frozen=True)
class FilmColumn:
    """Column of one method."""

    name: str
    pictures: Sequence[Pixels]
    """Picture of each focal plane, sRGB (h, w, 3), red first."""
    captions: Sequence[str]
    """Text below each picture."""


def focus_frames(
    columns: Sequence[FilmColumn], positions: Sequence[float], labels: Sequence[str], *, smallest: int = SMALLEST
) -> list[Pixels]:
    """A video frame of even sides for each focal plane: columns side by side, names, captions and the focus.

    Args:
        columns: one column or more.
        positions: normalised depth of each plane, for the marker between near and far.
        labels: text for the focus of each plane.
        smallest: approximate width, pixels, to which small pictures are enlarged.

    Raises:
        InputError: the columns differ in length, or the pictures in size.
    """
    shapes = {picture.shape for column in columns for picture in column.pictures}
    lengths = {len(positions), len(labels), *(len(c.pictures) for c in columns), *(len(c.captions) for c in columns)}
    if len(shapes) != 1 or len(lengths) != 1:
        raise InputError("a film needs one picture of the same size for each column and focal plane")
    height, width, _ = shapes.pop()
    scale = max(1, round(smallest / width))
    width, height = width * scale, height * scale
    whole = len(columns) * (width + _GAP) - _GAP + 2 * _MARGIN
    shape = (height + _MARGIN + _STRIP + (height + _MARGIN + _STRIP) % 2, whole + whole % 2, 3)
    frames = []
    for plane, (t, label) in enumerate(zip(positions, labels, strict=True)):
        frame = np.full(shape, _GROUND, np.uint8)
        for number, column in enumerate(columns):
            left = _MARGIN + number * (width + _GAP)
            picture = column.pictures[plane].repeat(scale, 0).repeat(scale, 1)
            frame[_MARGIN : _MARGIN + height, left : left + width] = picture
            _write(frame, column.name, (left, _MARGIN + height + 26), 18, _INK)
            caption = column.captions[plane]
            _write(frame, caption, (left + width - _width(caption, 15), _MARGIN + height + 26), 15, _QUIET)
        _mark(frame, t, label, _MARGIN + height + 60)
        frames.append(frame)
    return frames


def film_of(
    look: Callable[[float], NDArray[np.floating]],
    positions: Sequence[float],
    profile: DisplayProfile,
    *,
    name: str,
    against: FocalStack | None = None,
    width: int = 960,
    smallest: int = SMALLEST,
    progress: Progress = silent,
) -> list[Pixels]:
    """Video frames of a hologram at each focus, beside the rendered pictures if a focal stack is given.

    Args:
        look: function that gives the light (C, H, W) seen with the focus at a normalised depth.
        positions: normalised depths, ascending; those of `against` if it is given.
        profile: display, which gives depth in dioptres.
        name: name of the hologram.
        against: exposed focal stack; the PSNR of each plane is written below the hologram.
        width: largest width of each picture, pixels.
        smallest: approximate width, pixels, to which small pictures are enlarged.
        progress: called after each plane.

    Raises:
        InputError: the focal stack and the hologram differ in size.
    """
    if against is not None and against.shape != profile.shape:
        (h, w), (height, wide) = against.shape, profile.shape
        raise InputError(f"the focal stack has {w} × {h} pixels, the hologram {wide} × {height}")
    size = page_size(profile.shape, width)
    seen: list[Pixels] = []
    captions: list[str] = []
    for plane, t in enumerate(positions):
        light = np.asarray(look(float(t)), np.float32)
        seen.append(srgb_pixels(shrunk(light, size)))
        captions.append("")
        if against is not None:
            inside = scored_part(against.coc_max)
            captions[-1] = f"{psnr(light[inside], against.images[plane][inside]):.1f} dB"
        progress("Looking at focal planes", plane + 1, len(positions))
    columns = [FilmColumn(name, seen, captions)]
    if against is not None:
        rendered = [srgb_pixels(shrunk(light, size)) for light in against.images]
        columns.insert(0, FilmColumn(RENDERED, rendered, [""] * len(rendered)))
    labels = [f"{profile.dioptres(float(t)):.2f} D" for t in positions]
    return focus_frames(columns, positions, labels, smallest=smallest)


def there_and_back(count: int, hold: int) -> list[int]:
    """Indices from 0 to `count` − 1 and back to 1, with `hold` additional times of both ends, for a seamless loop."""
    return [*[0] * hold, *range(count), *[count - 1] * hold, *range(count - 2, 0, -1)]


def write_focus_film(
    path: Path, frames: Sequence[Pixels], *, rate: Fraction, times: int = 2, overwrite: bool = False
) -> int:
    """Write video frames of ascending focus as a film in which the focus moves there and back.

    Args:
        path: NAME.mp4, .mov or .mkv, or NAME.gif, which is repeated without end.
        frames: video frame of each focal plane; see `focus_frames`.
        rate: focal planes per second.
        times: number of sweeps there and back in a video.
        overwrite: replace an existing file.

    Returns:
        Number of video frames in the film.

    Raises:
        InputError: the suffix of `path` is not one of `SUFFIXES`.
        OutputExistsError: `path` exists and `overwrite` is false.
        HolodriverError: PyAV, which writes videos, is not installed.
    """
    order = there_and_back(len(frames), round(HOLD_S * rate))
    if path.suffix.lower() == ".gif":
        return write_gif(path, (frames[index] for index in order), rate=rate, overwrite=overwrite)
    if path.suffix.lower() not in WRITABLE:
        raise InputError(f"has no suffix of a film, expected one of {', '.join(SUFFIXES)}", where=path)
    return write_film(path, (frames[index] for index in order * times), rate=rate, overwrite=overwrite)


def _mark(frame: Pixels, t: float, label: str, y: int) -> None:
    """Draw a line from near to far with a mark at the focus, and the label of the focus."""
    left, right = _MARGIN, frame.shape[1] - _MARGIN
    start, end = left + _width("near", 14) + 12, right - _width("far", 14) - 12
    cv2.line(frame, (start, y), (end, y), _TRACK, 2, cv2.LINE_AA)
    at = round(start + t * (end - start))
    cv2.circle(frame, (at, y), 6, _INK, cv2.FILLED, cv2.LINE_AA)
    _write(frame, "near", (left, y + 5), 14, _QUIET)
    _write(frame, "far", (right - _width("far", 14), y + 5), 14, _QUIET)
    half = _width(label, 14) // 2
    _write(frame, label, (min(max(at - half, left), right - 2 * half), y + 26), 14, _QUIET)


def _width(text: str, size: int) -> int:
    box = cv2.getTextSize((4096, 256), text, (0, 128), cv2.FontFace("sans"), size, 500)
    return int(box[2])


def _write(frame: Pixels, text: str, origin: tuple[int, int], size: int, colour: tuple[int, int, int]) -> None:
    cv2.putText(frame, text, origin, colour, cv2.FontFace("sans"), size, 500)
