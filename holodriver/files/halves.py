"""RGB-D in one picture: colour in one half, depth in the other, as a Looking Glass takes it (near is white).

By the end of its name: ``_rgbd_lr`` has colour left and depth right, ``_rgbd_rl`` depth left, ``_rgbd_tb`` depth at the
bottom, ``_rgbd_bt`` depth on top.
"""

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError
from holodriver.files.images import full_scale, read_levels
from holodriver.optics.colour import srgb_decode, srgb_encode
from holodriver.scene.rgbd import RgbdImage

Side = Literal["right", "left", "bottom", "top"]
"""Where depth is."""

ENDS: dict[Side, str] = {"right": "_rgbd_lr", "left": "_rgbd_rl", "bottom": "_rgbd_tb", "top": "_rgbd_bt"}
"""Ends of names, where colour and where depth is."""


GREY_TOLERANCE = 0.02
"""Mean difference between the colours of a depth picture, of full scale, that lossy compression explains."""


def side_of(path: Path) -> Side | None:
    """Where depth is by a file's name; None if it does not say."""
    return next((side for side, end in ENDS.items() if path.stem.lower().endswith(end)), None)


def read_halves(path: Path, side: Side) -> RgbdImage:
    """Read a picture with colour and depth in its halves.

    Raises:
        FileFormatError: no picture, of odd size, or its depth is in colour.
    """
    pixels = read_levels(path)
    return split(pixels[..., ::-1], side, where=path, scale=full_scale(pixels, path))


def split(pixels: NDArray, side: Side, *, where: Path, scale: int = 255, strict: bool = True) -> RgbdImage:
    """Colour and depth of a picture (H, W, 3), red first, whose values go up to `scale`.

    Args:
        strict: refuse depth in colour; video leaves traces of it.

    Raises:
        FileFormatError: the size is odd, or the depth in colour.
    """
    color, depth = halves(pixels, side, where=where)
    spread = float(np.ptp(depth[::4, ::4].astype(np.float32), axis=2).mean()) / scale
    if strict and spread > GREY_TOLERANCE:
        raise FileFormatError(
            "the half that should be depth is in colour", where=where, remedy="say with --side where depth is"
        )
    levels = _decoded()[color] if scale == 255 else srgb_decode(color / np.float32(scale)).astype(np.float32)
    near = depth.mean(2, dtype=np.float32) / np.float32(scale)
    return RgbdImage(levels.transpose(2, 0, 1), 1 - near, provenance={"source": where.name})


def join(image: RgbdImage, side: Side, *, bits: int = 8) -> NDArray:
    """The picture (H, W, 3), red first, of 8 or 16 bits, with depth at `side`, white where it is near."""
    scale = (1 << bits) - 1
    kind = np.uint8 if bits == 8 else np.uint16
    color = np.rint(srgb_encode(image.color) * scale).astype(kind).transpose(1, 2, 0)
    return joined(color, 1 - image.depth, side)


def halves(pixels: NDArray, side: Side, *, where: Path) -> tuple[NDArray, NDArray]:
    """The colour half and the depth half of a picture (H, W, ...).

    Raises:
        FileFormatError: it cannot be halved.
    """
    axis = _axis(side)
    if pixels.shape[axis] % 2:
        name = "width" if axis else "height"
        raise FileFormatError(f"{name} is {pixels.shape[axis]}, expected two halves of the same {name}", where=where)
    first, second = np.split(pixels, 2, axis)
    return (first, second) if side in ("right", "bottom") else (second, first)


def joined(color: NDArray, levels: NDArray[np.floating], side: Side = "right") -> NDArray:
    """Colour (H, W, 3) of 8 or 16 bits and depth (H, W), 0 … 1 as it is to be seen, as one picture of as many bits."""
    full = np.iinfo(color.dtype).max
    grey = np.rint(np.clip(levels, 0, 1) * np.float32(full)).astype(color.dtype)
    both = [color, np.repeat(grey[..., None], 3, 2)]
    return np.concatenate(both if side in ("right", "bottom") else both[::-1], axis=_axis(side))


def _axis(side: Side) -> int:
    return 1 if side in ("right", "left") else 0


def _decoded() -> NDArray[np.float32]:
    """Linear light of the 8-bit sRGB levels."""
    return srgb_decode(np.arange(256) / 255).astype(np.float32)
