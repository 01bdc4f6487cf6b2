# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the camera's view, sharp everywhere, and its depth: a pair of raw OpenEXR files for each animation frame.

All depth maps are rendered first, because a sequence has one depth range for all its frames; they take little time.
Depth is the distance, along the optical axis, of the first surface at the pixel's centre: the front of glass, a hair
where it covers the centre, a cut-out where its opacity is at least one half; volumes do not count.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy

from holodriver.files.manifest import RAW_FRAMES_NAME, raw_frame_color_name, raw_frame_depth_name
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import RenderJob

from .cycles import Written, drop_session, prepare, prepare_depth, render_image
from .thin_lens import camera_copy, mapping_of

_NAME = "holodriver_name"  # custom property of a copied camera: the original camera's name


def render_rgbd(
    scene: bpy.types.Scene,
    job: RenderJob,
    frames: Sequence[int],
    folder: Path,
    *,
    progress: Progress = silent,
    written: Written = lambda kind, frame: None,
) -> None:
    """Render depth and image of each animation frame into `folder`.

    Args:
        scene: the scene, which is changed; copies replace its camera.
        job: size and quality; planes, blur and range are ignored.
        frames: frame numbers, in the order of rendering.
        folder: existing folder for the raw files.
        progress: called after each image.
        written: called with "depth" or "color" and the number of the frame.

    Raises:
        InputError: there is no usable camera.
        BlenderError: Blender could not write an image.
    """
    cameras = render_depths(scene, job, frames, folder, progress=progress, written=written)
    layer = prepare(scene, job)
    drop_session(scene, layer)
    _each(scene, cameras, folder, raw_frame_color_name, "color", job, progress, written)


def render_depths(
    scene: bpy.types.Scene,
    job: RenderJob,
    frames: Sequence[int],
    folder: Path,
    *,
    progress: Progress = silent,
    written: Written = lambda kind, frame: None,
) -> dict[int, bpy.types.Object]:
    """Render only the depth maps, for example to find a depth range; see `render_rgbd` for arguments and errors.

    Returns:
        The camera of each frame, by frame number.
    """
    cameras = frozen_cameras(scene, frames)
    layer = prepare(scene, job)
    first = cameras[frames[0]]
    rate = scene.render.fps / scene.render.fps_base
    about = {"layer": layer.name, "mapping": mapping_of(first), "camera": first[_NAME], "rate": rate}
    (folder / RAW_FRAMES_NAME).write_text(json.dumps(about), encoding="utf-8")
    prepare_depth(scene, layer)
    _each(scene, cameras, folder, raw_frame_depth_name, "depth", job, progress, written)
    return cameras


def frozen_cameras(scene: bpy.types.Scene, frames: Sequence[int]) -> dict[int, bpy.types.Object]:
    """Make a pinhole copy of the scene's camera for each animation frame; markers can change the camera between frames.

    Raises:
        InputError: a frame has no usable camera.
    """
    frozen = {}
    original = scene.camera
    for frame in frames:
        scene.camera = original
        scene.frame_set(frame)  # makes the camera active that a marker binds to the frame
        name = scene.camera.name if scene.camera else ""
        copied = camera_copy(scene)
        mapping_of(copied)
        copied.data.dof.use_dof = False
        copied[_NAME] = name
        frozen[frame] = copied
    return frozen


def _each(
    scene: bpy.types.Scene,
    cameras: dict[int, bpy.types.Object],
    folder: Path,
    name: Callable[[int], str],
    kind: str,
    job: RenderJob,
    progress: Progress,
    written: Written,
) -> None:
    stage, total = {"depth": "rendering depth", "color": "rendering images"}[kind], len(cameras)
    progress(stage, 0, total)
    for number, (frame, camera) in enumerate(cameras.items()):
        scene.frame_set(frame)
        scene.camera = camera
        render_image(scene, folder / name(frame), seed=(job.seed * 1_000_003 + frame) % 2**31)
        written(kind, frame)
        progress(stage, number + 1, total)
