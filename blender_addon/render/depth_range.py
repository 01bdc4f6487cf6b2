# SPDX-License-Identifier: GPL-3.0-or-later
"""The depth range that a camera sees, which the focal planes cover if no range is given."""

import struct
from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import BlenderError, InputError
from holodriver.scene.render_job import NO_HIT, RANGE_MARGIN, RenderJob

from .cycles import prepare, prepare_depth, render_image
from .thin_lens import camera_copy

_MAGIC, _FLOAT = 20000630, 2
_TILED, _MULTIPART = 0x200, 0x1000


def visible_range(scene: bpy.types.Scene, job: RenderJob, folder: Path) -> tuple[float, float]:
    """Find the distances along the optical axis of the nearest and the farthest surface in view.

    The distances come from a depth render of the pinhole camera, which sees exactly what the images will show: no
    hidden object, and nothing beyond the camera's clip end.

    Args:
        scene: the scene, which is changed.
        job: size of the image; near and far are ignored.
        folder: folder for the depth render, which is removed afterwards.

    Returns:
        (near, far) in scene units, with a small margin on both sides.

    Raises:
        InputError: there is no camera, no surface is in view, or all surfaces are at one distance.
        BlenderError: Blender could not write the image.
    """
    name = scene.camera.name if scene.camera else ""
    depth = _seen(scene, job, folder)
    seen = depth[depth < NO_HIT]
    if not seen.size:
        raise InputError(
            f"camera '{name}' sees no surface, so its depth range is unknown", remedy="give --near and --far"
        )
    near, far = float(seen.min()), float(seen.max())
    if far - near < 1e-6 * far:
        raise InputError(
            f"camera '{name}' sees surfaces at one distance only ({near:g}), which is no depth range",
            remedy="give --near and --far",
        )
    margin = RANGE_MARGIN * (far - near)
    return max(near - margin, near / 2), far + margin


def check_in_range(scene: bpy.types.Scene, job: RenderJob, folder: Path, near: float, far: float) -> None:
    """Refuse a range in which the camera sees nothing, before anything slow begins.

    Raises:
        InputError: all surfaces in view are nearer than near, or all are farther than far.
        BlenderError: Blender could not write the image.
    """
    name = scene.camera.name if scene.camera else ""
    depth = _seen(scene, job, folder)
    refuse_empty(depth, name, near, far)


def refuse_empty(depth: NDArray[np.float32], camera: str, near: float, far: float) -> None:
    """Refuse depths (scene units, any shape) that are all below `near` or all above `far`.

    Raises:
        InputError: no depth is in range; the message names the camera and the distances that it sees.
    """
    hit = depth[depth < NO_HIT]
    # surfaces outside of the range are moved to its ends: if all were on one side, the picture would be flat
    if hit.size and hit.min() <= far and hit.max() >= near:
        return
    instead = f"it sees surfaces at {hit.min():.4g} to {hit.max():.4g}" if hit.size else "it sees no surface at all"
    raise InputError(
        f"camera '{camera}' sees nothing between near = {near:g} and far = {far:g}: {instead}",
        remedy="move the planes, or leave them out to fit them to the view",
    )


def _seen(scene: bpy.types.Scene, job: RenderJob, folder: Path) -> NDArray[np.float32]:
    """Render the depth (H, W) of the pinhole camera's view, scene units; the scene is changed."""
    before = scene.camera
    layer = prepare(scene, job)
    camera_copy(scene).data.dof.use_dof = False
    prepare_depth(scene, layer)
    scene.render.use_persistent_data = False  # the next render has another sample count
    codec = scene.render.image_settings.exr_codec
    scene.render.image_settings.exr_codec = "NONE"
    path = folder / "depth_range.exr"
    try:
        render_image(scene, path, seed=0)
        return _read_channel(path, f"{layer.name}.Depth.Z").copy()
    finally:
        path.unlink(missing_ok=True)
        scene.render.image_settings.exr_codec = codec
        scene.camera = before  # otherwise messages would contain the copy's name


def _read_channel(path: Path, name: str) -> NDArray[np.float32]:
    """Read one channel (H, W) of an uncompressed single-part OpenEXR file with 32-bit channels.

    Blender's Python has no library for OpenEXR. Source: https://openexr.com/en/latest/OpenEXRFileLayout.html.
    """
    data = path.read_bytes()
    magic, version = struct.unpack_from("<II", data)
    attributes, at = {}, 8
    while data[at]:
        key, _, rest = data[at : at + 1024].split(b"\0", 2)
        start = at + len(data[at : at + 1024]) - len(rest)
        size = int.from_bytes(data[start : start + 4], "little")
        attributes[key] = data[start + 4 : start + 4 + size]
        at = start + 4 + size
    channels, types = [], set()
    rest = attributes[b"channels"]
    while rest[0]:
        key, rest = rest.split(b"\0", 1)
        channels.append(key.decode())
        types.add(int.from_bytes(rest[:4], "little"))
        rest = rest[16:]
    known = magic == _MAGIC and not version & (_TILED | _MULTIPART) and attributes[b"compression"] == b"\0"
    if not known or types != {_FLOAT} or name not in channels:
        raise BlenderError("is not the expected kind of OpenEXR file", where=path, remedy="give --near and --far")
    left, top, right, bottom = struct.unpack("<4i", attributes[b"dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    line = np.dtype([("y and size", "<i4", 2), ("values", "<f4", (len(channels), width))])
    first = at + 1 + 8 * height  # pixels begin after the header and the table of offsets
    values: NDArray[np.float32] = np.frombuffer(data, line, height, first)["values"][:, channels.index(name)]
    return values
