# SPDX-License-Identifier: GPL-3.0-or-later
"""The depth range that a camera sees: where the focal planes go when nobody says."""

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
    """Distances along the optical axis of the nearest and the farthest surface in view.

    They are taken from a render of the pinhole camera's depth, which sees just what the images will show: no hidden
    object, and nothing beyond the camera's clip end.

    Args:
        scene: is changed.
        job: size of the image; near and far are not looked at.
        folder: for the render, which is removed.

    Returns:
        (near, far) in scene units, a little wider than what was seen.

    Raises:
        InputError: there is no camera, no surface is in view, or all of it at one distance.
        BlenderError: Blender could not write the image.
    """
    name = scene.camera.name if scene.camera else ""
    depth = _seen(scene, job, folder)
    seen = depth[depth < NO_HIT]
    if not seen.size:
        raise InputError(
            f"camera '{name}' sees no surface, so that its depth range is unknown", remedy="give --near and --far"
        )
    near, far = float(seen.min()), float(seen.max())
    if far - near < 1e-6 * far:
        raise InputError(
            f"camera '{name}' sees one flat surface at {near:g}, which has no depth range",
            remedy="give --near and --far",
        )
    margin = RANGE_MARGIN * (far - near)
    return max(near - margin, near / 2), far + margin


def check_in_range(scene: bpy.types.Scene, job: RenderJob, folder: Path, near: float, far: float) -> None:
    """Refuse a range in which the camera sees nothing, before anything slow begins.

    Raises:
        InputError: what is in view stands all before near or all behind far.
        BlenderError: Blender could not write the image.
    """
    name = scene.camera.name if scene.camera else ""
    depth = _seen(scene, job, folder)
    refuse_empty(depth, name, near, far)


def refuse_empty(depth: NDArray[np.float32], camera: str, near: float, far: float) -> None:
    """Refuse depths (metric, any shape) that all lie before `near` or all behind `far`.

    Raises:
        InputError: names the camera and what it sees instead.
    """
    hit = depth[depth < NO_HIT]
    # things on both sides of a range are put on its ends; all on one side there would be one flat picture
    if hit.size and hit.min() <= far and hit.max() >= near:
        return
    instead = f"what it sees is {hit.min():.4g} to {hit.max():.4g} away" if hit.size else "it sees no surface at all"
    raise InputError(
        f"camera '{camera}' sees nothing between near = {near:g} and far = {far:g}: {instead}",
        remedy="move the planes, or leave them out to fit them to the view",
    )


def _seen(scene: bpy.types.Scene, job: RenderJob, folder: Path) -> NDArray[np.float32]:
    """Depth (H, W) of the pinhole camera's view; changes the scene as `visible_range` does."""
    before = scene.camera
    layer = prepare(scene, job)
    camera_copy(scene).data.dof.use_dof = False
    prepare_depth(scene, layer)
    scene.render.use_persistent_data = False  # what comes next has another sample count
    codec = scene.render.image_settings.exr_codec
    scene.render.image_settings.exr_codec = "NONE"
    path = folder / "depth_range.exr"
    try:
        render_image(scene, path, seed=0)
        return _read_channel(path, f"{layer.name}.Depth.Z").copy()
    finally:
        path.unlink(missing_ok=True)
        scene.render.image_settings.exr_codec = codec
        scene.camera = before  # the copy's name would stand in messages


def _read_channel(path: Path, name: str) -> NDArray[np.float32]:
    """One channel of an uncompressed OpenEXR in one part, all of it 32-bit: Blender's Python has no library for it.

    By the file layout of https://openexr.com/en/latest/OpenEXRFileLayout.html.
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
        raise BlenderError("is not the OpenEXR that was asked for", where=path, remedy="give --near and --far")
    left, top, right, bottom = struct.unpack("<4i", attributes[b"dataWindow"])
    width, height = right - left + 1, bottom - top + 1
    line = np.dtype([("y and size", "<i4", 2), ("values", "<f4", (len(channels), width))])
    first = at + 1 + 8 * height  # behind the end of the header and the table of offsets
    values: NDArray[np.float32] = np.frombuffer(data, line, height, first)["values"][:, channels.index(name)]
    return values
