# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a job of the driver: open the scene, report its faults, and render."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import InputError
from holodriver.progress import Progress
from holodriver.scene.render_job import DEMO, RANDOM, QuiltViews, RenderJob

from ..scenes.backdrop import FAR, NEAR
from ..scenes.demo_scene import build_demo
from ..scenes.random_scene import build_random
from .cycles import Written, forget_volumes
from .quilt import plain_colours, render_quilt_views
from .rgbd import render_depths, render_rgbd
from .stack import render_raw
from .thin_lens import camera_of, mapping_of

FLAWS_SAID = 3
"""Largest number of missing files of one kind that are listed by name."""


Warn = Callable[[str], None]
"""Function called with a one-line text for each reason why the images differ from what the artist sees."""


def run_job(job: dict[str, Any], *, progress: Progress, written: Written, warn: Warn = lambda text: None) -> None:
    """Render a job into its folder.

    Args:
        job: a dictionary with `kind` ("stack", "rgbd", "depth" for the raw depths of an RGB-D image only, or "quilt"
            for the views of a quilt), `request` (`RenderJob.as_dict`), `quilt` (for a quilt: the fields of
            `QuiltViews`), `folder`, and `threads` (number of threads to compute with; None: one for each core).
        progress: called after each image.
        written: called when a set of raw files is complete.
        warn: called with a text for each fault of the scene.

    Raises:
        InputError: the scene cannot be opened or has no usable camera.
        BlenderError: Blender could not write an image.
    """
    request, kind, folder = RenderJob.from_dict(job["request"]), job["kind"], Path(job["folder"])
    if request.built:
        provenance = _build(request)
        request = replace(request, near=request.near or NEAR, far=request.far or FAR)
    else:
        provenance = _open_blend(Path(request.scene))
    for text in _flaws():
        warn(text)
    scene = bpy.context.scene
    if job["threads"]:
        scene.render.threads_mode, scene.render.threads = "FIXED", job["threads"]
    frames = request.frames or (scene.frame_current,)
    if request.frames and kind in ("stack", "quilt"):
        scene.frame_set(frames[0])
    if kind == "quilt":
        if request.built:
            plain_colours(scene)
        render_quilt_views(scene, request, QuiltViews(**job["quilt"]), folder, progress=progress, written=written)
    elif kind == "stack":
        provenance |= {"frame": frames[0]} if request.frames else {}
        render_raw(scene, request, folder, provenance=provenance, progress=progress, written=written)
    elif kind == "rgbd":
        render_rgbd(scene, request, frames, folder, progress=progress, written=written)
    else:
        render_depths(scene, request, frames, folder, progress=progress, written=written)


def _build(job: RenderJob) -> dict[str, Any]:
    forget_volumes()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, seed = bpy.context.scene, job.seed
    mapping, aspect = job.mapping or "linear", job.width / job.height
    if job.scene == DEMO:
        build_demo(scene, mapping=mapping, aspect=aspect, seed=seed)
        return {"scene": DEMO, "seed": seed}
    build_random(scene, mapping=mapping, aspect=aspect, seed=seed, split=job.split)
    return {"scene": RANDOM, "seed": seed, "split": job.split}


def _open_blend(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError("does not exist", where=path)
    forget_volumes()
    try:
        # scripts in a file are somebody else's code: they must not run
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise InputError("is not a Blender file that this Blender can open", where=path) from error
    scene = bpy.context.scene
    # makes the camera active that a marker binds to this animation frame, as the artist's own render does
    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
    mapping_of(camera_of(scene, path))
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"scene": path.name, "sha256": digest.hexdigest(), "frame": scene.frame_current}


def _flaws() -> Iterator[str]:
    """Describe faults that Blender does not report: missing files, and scripts and drivers that must not run."""
    # a library's path is relative to the open file, even if another library links it
    libraries = [library.filepath for library in bpy.data.libraries if _missing(library)]
    used = [image for image in bpy.data.images if image.source == "FILE" and image.users]
    images = [image.filepath for image in used if _missing(image, image.library)]
    for kind, effect, paths in (
        ("linked file", "its objects are left out", libraries),
        ("image file", "its surfaces are magenta", images),
    ):
        for path in paths[:FLAWS_SAID]:
            yield f"{kind} {path} does not exist: {effect}"
        if len(paths) > FLAWS_SAID:
            yield f"{len(paths) - FLAWS_SAID} more {kind}s do not exist"
    layers = [layer.name for layer in bpy.context.scene.view_layers if layer.use]
    if len(layers) > 1:
        yield f"only the first of {len(layers)} view layers, '{layers[0]}', is rendered"
    if getattr(bpy.context.scene.cycles, "shading_system", False):
        yield "Open Shading Language is switched off, for safety: script nodes have no effect"
    if bpy.app.autoexec_fail:
        yield f"a Python script or driver in the file was not run, for safety: {bpy.app.autoexec_fail_message}"


def _missing(data: bpy.types.ID, beside: bpy.types.Library | None = None) -> bool:
    """Whether the file of an image or a library is missing; its path is relative to the library `beside`."""
    return data.packed_file is None and not Path(bpy.path.abspath(data.filepath, library=beside)).is_file()
