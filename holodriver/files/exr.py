"""OpenEXR images: read with every channel checked, written half or float."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError

MAGIC = b"\x76\x2f\x31\x01"
"""First four bytes of every OpenEXR file (OpenEXR file layout, "Magic Number")."""

LARGEST_HALF = 65504.0
"""Largest finite half-precision number (IEEE 754-2008 binary16)."""

MAXIMUM_PIXELS = 1 << 27
"""Pixels of one image; a damaged header that says more is refused before memory is taken for it."""


@dataclass(frozen=True)
class ExrImage:
    """Channels of one OpenEXR file, all of one size.

    Channels of all parts are held together (Blender writes one part a pass), each (H, W), float32.
    """

    channels: dict[str, NDArray[np.float32]]
    header: dict[str, Any]
    """Attributes of the first part."""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)"""
        return next(iter(self.channels.values())).shape


def read_exr(
    path: Path, channels: tuple[str, ...], *, shape: tuple[int, int] | None = None, finite: bool = True
) -> ExrImage:
    """The named channels of an OpenEXR file.

    Args:
        path: the file.
        channels: names that must be there, such as "R" or "ViewLayer.Depth.Z"; others are left out.
        shape: the (H, W) it must have, if that is known.
        finite: refuse values that are not finite.

    Raises:
        FileFormatError: the file is missing, truncated, not OpenEXR, or lacks a channel, a pixel or the size.
    """
    import OpenEXR

    _check_magic(path)
    try:
        with OpenEXR.File(str(path), separate_channels=True, header_only=True) as head:
            header = dict(head.header())
            named: list[str] = []
            for part in range(len(head.parts)):
                _check_window(path, dict(head.header(part)), shape)
                named += [channel.name for channel in head.header(part)["channels"]]
        with OpenEXR.File(str(path), separate_channels=True) as file:
            found: dict[str, Any] = {}
            for part in range(len(file.parts)):
                found.update({name: channel.pixels for name, channel in file.channels(part).items()})
    except FileFormatError:
        raise
    except MemoryError as error:
        raise FileFormatError("its header asks for more memory than there is", where=path) from error
    except Exception as error:  # the library raises RuntimeError, ValueError, TypeError, ... for damaged files
        raise FileFormatError(f"is not a whole OpenEXR file: {_first_line(error)}", where=path) from error
    if set(named) - set(found):  # the library leaves out, without an error, what it cannot decode
        raise FileFormatError("its pixels are truncated or damaged", where=path)
    values = {name: _channel(path, name, found, shape, finite) for name in channels}
    image = ExrImage(values, header)
    if any(value.shape != image.shape for value in values.values()):
        raise FileFormatError("its channels differ in size", where=path)
    return image


def write_exr(
    path: Path,
    channels: dict[str, NDArray[np.floating[Any]]],
    *,
    half: tuple[str, ...] = (),
    header: dict[str, Any] | None = None,
) -> None:
    """Write channels (H, W) as one scan-line OpenEXR file, losslessly compressed.

    Channels named in `half` are written as half precision if their values fit; everything else as float.

    Raises:
        InputError: a channel is not (H, W), differs in size, or holds values that are not finite.
    """
    import OpenEXR

    shape = next(iter(channels.values())).shape
    written = {}
    for name, values in channels.items():
        if values.ndim != 2 or values.shape != shape or not values.size:
            raise InputError(f"channel {name!r} has shape {values.shape}, expected {shape[:2]}", where=path)
        if not np.isfinite(values).all():
            raise InputError(f"channel {name!r} holds values that are not finite", where=path)
        fits = name in half and float(np.abs(values).max()) <= LARGEST_HALF
        written[name] = np.ascontiguousarray(values, dtype=np.float16 if fits else np.float32)
    attributes = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage} | (header or {})
    try:
        with OpenEXR.File(attributes, written) as file:
            file.write(str(path))
    except RuntimeError as error:
        raise InputError(f"cannot be written: {_first_line(error)}", where=path) from error


def _check_magic(path: Path) -> None:
    # asked before the library, whose message for a missing or foreign file names neither
    try:
        with open(path, "rb") as file:
            start = file.read(len(MAGIC))
    except FileNotFoundError as error:
        raise FileFormatError("does not exist", where=path) from error
    except OSError as error:
        raise FileFormatError(f"cannot be read: {os.strerror(error.errno or 0)}", where=path) from error
    if start != MAGIC:
        raise FileFormatError("is not an OpenEXR file", where=path)


def _check_window(path: Path, header: dict[str, Any], shape: tuple[int, int] | None) -> None:
    low, high = (np.asarray(corner, dtype=np.int64) for corner in header["dataWindow"])
    width, height = (int(side) for side in high - low + 1)
    if shape is not None and (height, width) != shape:
        raise FileFormatError(f"size is {width} × {height}, expected {shape[1]} × {shape[0]} pixels", where=path)
    if width < 1 or height < 1 or width * height > MAXIMUM_PIXELS:
        raise FileFormatError(f"size is {width} × {height} pixels, which is no image", where=path)


def _channel(
    path: Path, name: str, found: dict[str, Any], shape: tuple[int, int] | None, finite: bool
) -> NDArray[np.float32]:
    if name not in found:
        there = ", ".join(sorted(found)) or "none"
        raise FileFormatError(f"channel {name!r} is missing (it has {there})", where=path)
    values = np.asarray(found[name])
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.floating):
        raise FileFormatError(f"channel {name!r} is {values.dtype} {values.shape}, expected half or float", where=path)
    if shape is not None and values.shape != shape:
        raise FileFormatError(f"channel {name!r} has shape {values.shape}, expected {shape}", where=path)
    if finite and not np.isfinite(values).all():
        raise FileFormatError(f"channel {name!r} holds values that are not finite", where=path)
    return values.astype(np.float32)


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
