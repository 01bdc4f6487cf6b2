"""Depth from depth cameras, phones and renderers; pixels without depth stay empty."""

from pathlib import Path
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files.exr import exr_channels, read_exr
from holodriver.files.images import full_scale, read_pixels
from holodriver.files.photos import EmbeddedDepth, read_photo
from holodriver.files.rgbd import read_description
from holodriver.scene.rgbd import MeasuredDepth

Kind = Literal["auto", "distance", "inverse"]

MILLIMETRE = 1e-3
"""Unit of 16-bit depth pictures, m, in recordings of OpenNI, Kinect, RealSense and Azure Kinect."""

EXR_CHANNELS = ("Z", "ViewLayer.Depth.Z", "depth.Z", "Y", "R")
"""Channel names of depth in OpenEXR files, the most likely first."""

FARTHEST = 1e9
"""Distance beyond which a renderer means "nothing there", m."""


def read_measured(path: Path, kind: Kind = "auto") -> MeasuredDepth:
    """Read depth that was measured or rendered by another program.

    Args:
        path: a 16-bit picture (distance in millimetres, 0 where nothing was measured), an 8-bit one (disparity, 0 where
            nothing was measured), a depth picture that holodriver made, OpenEXR (distance in metres along the axis), or
            a phone's HEIC photo with depth inside.
        kind: whether the values are distance or inverse depth; "auto" decides as listed for `path`.

    Raises:
        FileFormatError: the file is missing, damaged, in colour, or holds no measured depth.
    """
    if kind not in get_args(Kind):
        raise InputError(f"depth kind is {kind!r}, expected one of {', '.join(get_args(Kind))}")
    try:
        if path.suffix.lower() in (".heic", ".heif"):
            return _of_phone(path, kind)
        if path.suffix.lower() == ".exr":
            return _of_exr(path, kind)
        return _of_picture(path, kind)
    except FileFormatError:
        raise
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error


def measured_from(depth: EmbeddedDepth, kind: Kind = "auto") -> MeasuredDepth:
    """Measured depth from the depth picture inside a phone's photo; zero means that the phone measured nothing there.

    Raises:
        InputError: the picture holds no measured depth.
    """
    near_is_high = depth.near_is_high if kind == "auto" else kind == "inverse"
    levels = np.where(depth.levels > 0, depth.levels, np.nan)
    return _measured(levels, inverse=near_is_high)


def _measured(values: NDArray, *, inverse: bool, metric: bool = False) -> MeasuredDepth:
    return MeasuredDepth(np.asarray(values if inverse else 1 / values, np.float32), metric)


def _of_phone(path: Path, kind: Kind) -> MeasuredDepth:
    photo = read_photo(path)
    if photo.depth is None:
        raise FileFormatError("has no depth inside", where=path)
    return measured_from(photo.depth, kind)


def _of_exr(path: Path, kind: Kind) -> MeasuredDepth:
    values = read_exr(path, (_depth_channel(path),), finite=False)
    (depth,) = values.channels.values()
    good = np.isfinite(depth) & (depth > 0) & (depth < FARTHEST)
    depth = np.where(good, depth, np.nan)
    return _measured(depth, inverse=kind == "inverse", metric=True)


def _depth_channel(path: Path) -> str:
    names = set(exr_channels(path))
    found = [name for name in EXR_CHANNELS if name in names]
    found += sorted(name for name in names if name.endswith(".Z"))
    if not found:
        there = ", ".join(sorted(names)) or "none"
        raise FileFormatError(f"has no channel of depth (it has {there})", where=path, remedy="name it Z")
    return found[0]


def _of_picture(path: Path, kind: Kind) -> MeasuredDepth:
    said: dict[str, Any] = read_description(path)
    values: NDArray = read_pixels(path, cv2.IMREAD_UNCHANGED)
    if values.dtype == np.float32 and values.ndim == 2:
        depth = np.where(np.isfinite(values) & (values > 0) & (values < FARTHEST), values, np.nan)
        return _measured(depth, inverse=kind == "inverse", metric=True)
    if values.ndim == 3:
        if np.ptp(values[..., :3].astype(np.int32), axis=2).max() > 0:
            raise FileFormatError("depth is in colour, expected grey levels", where=path)
        values = values[..., 0]
    levels = values.astype(np.float32) / np.float32(full_scale(values, path))
    if said:
        return _measured(levels if said["near"] == "white" else 1 - levels, inverse=True)
    levels = np.where(values > 0, levels, np.nan)
    if kind == "inverse" or (kind == "auto" and values.dtype == np.uint8):
        return _measured(levels, inverse=True)
    scale = 65535 * MILLIMETRE if values.dtype == np.uint16 else 1.0
    return _measured(levels * np.float32(scale), inverse=False, metric=values.dtype == np.uint16)
