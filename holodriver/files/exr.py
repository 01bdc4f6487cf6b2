"""OpenEXR images: read with every channel checked, written half or float."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError, InputError, first_line
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed

MAGIC = b"\x76\x2f\x31\x01"
"""First four bytes of every OpenEXR file (OpenEXR file layout, "Magic Number")."""

LARGEST_HALF = 65504.0
"""Largest finite half-precision number (IEEE 754-2008 binary16)."""

MAXIMUM_PIXELS = 1 << 27
"""Pixels of one image; a damaged header that says more is refused before memory is taken for it."""

MAXIMUM_VALUES = 1 << 29
"""Values of all channels of one file, which are all decoded; as above."""

MAXIMUM_CHANNELS = 1024
"""Of all parts; Blender with every pass on writes less than a hundred."""


@dataclass(frozen=True)
class ExrImage:
    """Channels of one OpenEXR file, all of one size.

    Channels of all parts are held together (Blender writes one part a pass), each (H, W), float32.
    """

    channels: dict[str, NDArray[np.float32]]
    header: dict[str, Any]
    """Attributes of the first part: those that are numbers or text."""

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)"""
        return next(iter(self.channels.values())).shape


def read_exr(
    path: Path,
    channels: tuple[str, ...],
    *,
    shape: tuple[int, int] | None = None,
    finite: bool = True,
    guarded: bool = True,
) -> ExrImage:
    """The named channels of an OpenEXR file.

    Args:
        path: the file.
        channels: names that must be there, such as "R" or "ViewLayer.Depth.Z"; others are left out.
        shape: the (H, W) it must have, if that is known.
        finite: refuse values that are not finite.
        guarded: by a process of its own; false for what a Blender that we started has just written.

    Raises:
        FileFormatError: the file is missing, truncated, not OpenEXR, or lacks a channel, a pixel or the size.
    """
    expected = None if shape is None else list(shape)
    found = guard.read(parse_channels, path, guarded=guarded, names=list(channels), shape=expected)
    values = {name: _checked(path, name, found.arrays, shape, finite) for name in channels}
    image = ExrImage(values, found.value)
    if any(value.shape != image.shape for value in values.values()):
        raise FileFormatError("its channels differ in size", where=path)
    return image


def exr_channels(path: Path) -> list[str]:
    """Names of the channels of all parts of an OpenEXR file.

    Raises:
        FileFormatError: as `read_exr`.
    """
    return list(guard.read(parse_names, path).value)


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
        raise InputError(f"cannot be written: {first_line(error)}", where=path) from error


def parse_channels(source: Source, *, names: Sequence[str], shape: Sequence[int] | None) -> Parsed:
    """The attributes of an OpenEXR file and some of its channels, as they are stored."""
    return _whole(source, lambda: _channels(source, names, None if shape is None else (shape[0], shape[1])))


def parse_names(source: Source) -> Parsed:
    """The names of all channels of an OpenEXR file."""
    return _whole(source, lambda: Parsed(_header(source, None)[1], {}))


def _channels(source: Source, names: Sequence[str], shape: tuple[int, int] | None) -> Parsed:
    import OpenEXR

    header, there = _header(source, shape)
    with source.file() as stream, OpenEXR.File(stream, separate_channels=True) as file:
        found: dict[str, Any] = {}
        for part in range(len(file.parts)):
            found.update({name: channel.pixels for name, channel in file.channels(part).items()})
    if set(there) - set(found):  # the library leaves out, without an error, what it cannot decode
        raise FileFormatError("its pixels are truncated or damaged", where=source.path)
    values = {}
    for name in names:
        if name not in found:
            listed = ", ".join(sorted(found)[:20]) or "none"
            raise FileFormatError(f"channel {name!r} is missing (it has {listed})", where=source.path)
        values[name] = np.asarray(found[name])
        if values[name].dtype not in (np.float16, np.float32):
            said = f"{values[name].dtype} {values[name].shape}"
            raise FileFormatError(f"channel {name!r} is {said}, expected half or float", where=source.path)
    return Parsed(header, values)


def _header(source: Source, shape: tuple[int, int] | None) -> tuple[dict[str, Any], list[str]]:
    """Attributes of the first part, and the channels of all; nothing is decoded yet."""
    import OpenEXR

    if source.start(len(MAGIC)) != MAGIC:  # the library's message for a foreign file does not say so
        raise FileFormatError("is not an OpenEXR file", where=source.path)
    with source.file() as stream, OpenEXR.File(stream, separate_channels=True, header_only=True) as head:
        attributes = {
            name: value for name, value in dict(head.header()).items() if isinstance(value, (str, int, float, bool))
        }
        names: list[str] = []
        count = 0
        for part in range(len(head.parts)):
            own = [channel.name for channel in head.header(part)["channels"]]
            count += _checked_size(source.path, dict(head.header(part)), shape) * len(own)
            names += own
    if count > MAXIMUM_VALUES or len(names) > MAXIMUM_CHANNELS:
        raise FileFormatError(
            f"has {len(names)} channels with {count:,} values, more than {MAXIMUM_VALUES:,}", where=source.path
        )
    return attributes, names


def _whole(source: Source, work: Callable[[], Parsed]) -> Parsed:
    try:
        return work()
    except HolodriverError:
        raise
    except MemoryError as error:
        raise FileFormatError("its header asks for more memory than there is", where=source.path) from error
    except Exception as error:  # the library raises RuntimeError, ValueError, TypeError, ... for damaged files
        raise FileFormatError(f"is not a whole OpenEXR file: {first_line(error)}", where=source.path) from error


def _checked_size(path: Path, header: dict[str, Any], shape: tuple[int, int] | None) -> int:
    """Pixels of a part."""
    low, high = (np.asarray(corner, dtype=np.int64) for corner in header["dataWindow"])
    width, height = (int(side) for side in high - low + 1)
    if shape is not None and (height, width) != shape:
        raise FileFormatError(f"size is {width} × {height}, expected {shape[1]} × {shape[0]} pixels", where=path)
    if width < 1 or height < 1 or width * height > MAXIMUM_PIXELS:
        raise FileFormatError(f"size is {width} × {height} pixels, which is no image", where=path)
    return width * height


def _checked(
    path: Path, name: str, found: Mapping[str, NDArray], shape: tuple[int, int] | None, finite: bool
) -> NDArray[np.float32]:
    values = found[name]
    if values.ndim != 2 or not values.size or (shape is not None and values.shape != shape):
        raise FileFormatError(f"channel {name!r} has shape {values.shape}, expected {shape or '(H, W)'}", where=path)
    if finite and not np.isfinite(values).all():
        raise FileFormatError(f"channel {name!r} holds values that are not finite", where=path)
    return values.astype(np.float32, copy=False)
