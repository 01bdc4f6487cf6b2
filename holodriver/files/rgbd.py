"""RGB-D pictures: colour with a depth picture beside it, side by side in one picture, or in one OpenEXR file.

- ``NAME.png`` (.jpg, .tif, .webp) with ``NAME_depth.png`` or ``NAME_depth.exr``: near is black unless said otherwise;
- ``NAME_rgbd_lr.png``: colour left, depth right, as a Looking Glass expects it: near is white unless said otherwise;
- ``NAME.exr``: channels R, G, B in linear light, and Z: near is 0 unless said otherwise.

Depth is normalised depth; its levels are stored unchanged, never sRGB-encoded or stretched. A text field
that `write_depth` and `write_pair` write says which end is near and what depth is linear in; it replaces the defaults.
"""

import json
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import check_output, written_file
from holodriver.files.exr import read_exr, write_exr
from holodriver.files.halves import ENDS, GREY_TOLERANCE, halves, joined
from holodriver.files.images import full_scale, read_pixels, read_png_text, write_pixels, write_png
from holodriver.files.photos import read_picture
from holodriver.files.text import json_object
from holodriver.optics.colour import srgb_encode
from holodriver.optics.focus import Mapping
from holodriver.scene.rgbd import RgbdImage

Near = Literal["black", "white"]

SIDE_BY_SIDE = ENDS["right"]
"""End of the file name of a picture with colour in its left half and depth in its right half."""

DEPTH = "_depth"
"""End of the file name of a depth picture, before the suffix."""

FULL_SCALE = 65535

KEYWORD = "holodriver"
"""Name of the text field of a PNG file that describes the depth, as JSON."""

FORMAT, VERSION = "holodriver rgbd", 1

Floats = NDArray[np.float32]


def read_rgbd(
    color_path: Path,
    depth_path: Path | None = None,
    *,
    near: Near | None = None,
    mapping: Mapping | None = None,
) -> RgbdImage:
    """Read a picture with its depth.

    Args:
        color_path: photo (see `read_photo`), both halves side by side (its name ends in ``_rgbd_lr``), or OpenEXR.
        depth_path: 8- or 16-bit grey picture, or OpenEXR with a channel Z; by default the right half, the channel Z of
            the same OpenEXR file, or the file beside the picture whose name ends in ``_depth``.
        near: which end of the scale of the depth is near; if None, as the file's text field says, or else "white" side
            by side and "black" elsewhere.
        mapping: what depth is linear in; if None, as the file's text field says, or else "dioptric".

    Raises:
        FileFormatError: a file is missing or not a picture, the sizes differ, or a value is out of range; the message
            names the file and the field.
    """
    if near not in (None, "black", "white"):
        raise InputError(f"argument 'near' is {near!r}, expected 'black' or 'white'")
    if depth_path is None and color_path.stem.endswith(SIDE_BY_SIDE):
        color, depth = _read_halves(color_path)
        depth_path = color_path
        said = read_description(depth_path)
        near = near or said.get("near", "white")
    else:
        color = _read_color(color_path)
        depth_path = depth_path or depth_beside(color_path)
        depth = _read_depth(depth_path)
        said = read_description(depth_path)
        near = near or said.get("near", "black")
    if depth.shape != color.shape[1:]:
        (h, w), (ch, cw) = depth.shape, color.shape[1:]
        raise FileFormatError(
            f"depth is {w} × {h} pixels, expected {cw} × {ch} as in {color_path.name}", where=depth_path
        )
    if depth.min() < 0 or depth.max() > 1:
        raise FileFormatError(
            f"depth spans {depth.min():.4g} to {depth.max():.4g}, expected normalised depth, 0 to 1", where=depth_path
        )
    provenance = {"color": color_path.name, "depth": depth_path.name, "near": near, **({"made": said} if said else {})}
    try:
        kind: Mapping = mapping or said.get("mapping", "dioptric")
        return RgbdImage(color, 1 - depth if near == "white" else depth, kind, provenance)
    except InputError as error:
        raise FileFormatError(error.what, where=color_path) from error


def depth_beside(path: Path) -> Path:
    """File with the depth of a picture: the picture itself if it is OpenEXR.

    Raises:
        FileFormatError: no such file exists.
    """
    if path.suffix.lower() == ".exr":
        return path
    candidates = [path.with_name(f"{path.stem}{DEPTH}{suffix}") for suffix in (".png", ".exr")]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise FileFormatError(
        f"has no {candidates[0].name} beside it",
        where=path,
        remedy=f"name the depth with --depth, or estimate it: holodriver rgbd {path.name}",
    )


def write_rgbd(image: RgbdImage, path: Path, *, near: Near | None = None, overwrite: bool = False) -> list[Path]:
    """Write a picture with its depth; `read_rgbd` reads it back.

    PNG files have 16 bits: light outside 0 … 1 is clipped, and sRGB and depth are exact to 1/65535.

    Args:
        image: what to write.
        path: ``NAME.png`` gets ``NAME_depth.png`` beside it, ``NAME_rgbd_lr.png`` holds both, ``NAME.exr`` too.
        near: which end of the scale is near, as in `read_rgbd`.
        overwrite: replace existing files.

    Returns:
        paths of the files written.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        InputError: `path` ends in neither .png nor .exr.
    """
    side_by_side = path.stem.endswith(SIDE_BY_SIDE)
    depth = 1 - image.depth if (near or ("white" if side_by_side else "black")) == "white" else image.depth
    if path.suffix.lower() == ".exr" and not side_by_side:
        with written_file(path, overwrite=overwrite) as temporary:
            channels = dict(zip("RGB", image.color, strict=True))
            write_exr(temporary, {**channels, "Z": depth})
        return [path]
    if path.suffix.lower() != ".png":
        raise InputError("has no suffix that keeps depth, expected .png or .exr", where=path)
    color = _levels(srgb_encode(image.color)).transpose(1, 2, 0)[..., ::-1]
    grey = _levels(depth)
    if side_by_side:
        write_pixels(path, joined(color, depth), overwrite=overwrite)
        return [path]
    beside = path.with_name(f"{path.stem}{DEPTH}.png")
    for output in (path, beside):
        check_output(output, overwrite=overwrite)
    write_pixels(beside, grey, overwrite=overwrite)
    write_pixels(path, np.ascontiguousarray(color), overwrite=overwrite)
    return [path, beside]


def write_depth(
    path: Path, nearness: NDArray[np.floating], description: dict[str, Any], *, overwrite: bool = False
) -> None:
    """Write a 16-bit grey depth picture, near white.

    Args:
        nearness: (H, W), 0 far … 1 near.
        description: how the depth was made; plain JSON values.
    """
    write_png(path, _levels(nearness), text=_described(description), overwrite=overwrite)


def write_pair(
    path: Path,
    color: NDArray[np.uint8],
    nearness: NDArray[np.floating],
    description: dict[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write colour (left) and depth (right, near white) side by side with 8 bits, as a Looking Glass expects it.

    Args:
        color: (H, W, 3) sRGB, red first.
        nearness: (H, W), 0 far … 1 near.
        description: how the depth was made; plain JSON values.
    """
    write_png(path, joined(color, nearness), text=_described(description), overwrite=overwrite)


def describe(description: dict[str, Any]) -> str:
    """Description of a file's depth as JSON text: see `read_description`."""
    head = {"format": FORMAT, "version": VERSION, "near": "white", "mapping": "dioptric"}
    return json.dumps(head | description, ensure_ascii=False)


def read_description(path: Path) -> dict[str, Any]:
    """Read the description in a depth picture's text field; empty if there is none.

    Raises:
        FileFormatError: the text field holds something else.
    """
    text = read_png_text(path, KEYWORD)
    if text is None:
        return {}
    try:
        said = json_object(text, path)
        known = said["format"] == FORMAT and said["version"] == VERSION
        known = known and said["near"] in ("black", "white") and said["mapping"] in ("dioptric", "linear")
    except (FileFormatError, TypeError, KeyError):
        known = False
    if not known:
        raise FileFormatError(
            f"has a text field '{KEYWORD}' that is not that of {FORMAT}, version {VERSION}", where=path
        )
    return said


def _described(description: dict[str, Any]) -> dict[str, str]:
    return {KEYWORD: describe(description)}


def _read_color(path: Path) -> Floats:
    if path.suffix.lower() != ".exr":
        return read_picture(path)
    image = read_exr(path, ("R", "G", "B"))
    return np.stack([image.channels[name] for name in "RGB"])


def _read_depth(path: Path) -> Floats:
    if path.suffix.lower() == ".exr":
        return read_exr(path, ("Z",)).channels["Z"]
    levels = _read_levels(path, cv2.IMREAD_UNCHANGED)
    return _grey(levels[..., :3], path) if levels.ndim == 3 else levels


def _read_halves(path: Path) -> tuple[Floats, Floats]:
    color = read_picture(path)
    levels = _read_levels(path, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    left, _ = halves(color.transpose(1, 2, 0), "right", where=path)
    _, right = halves(levels, "right", where=path)
    return np.ascontiguousarray(left.transpose(2, 0, 1)), _grey(right, path)


def _read_levels(path: Path, flags: int) -> Floats:
    values = read_pixels(path, flags)
    return values.astype(np.float32) / np.float32(full_scale(values, path))


def _grey(levels: Floats, path: Path) -> Floats:
    spread = float(np.ptp(levels, axis=2).mean())
    if spread > GREY_TOLERANCE:
        raise FileFormatError("depth is in colour, expected grey levels", where=path)
    return levels.mean(2, dtype=np.float32)


def _levels(values: NDArray[np.floating]) -> NDArray[np.uint16]:
    return np.rint(np.clip(values, 0, 1) * FULL_SCALE).astype(np.uint16)
