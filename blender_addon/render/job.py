# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of the driver: opens the scene, says what is wrong with it, renders."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping
from holodriver.progress import Progress

from ..scenes.backdrop import FAR, NEAR
from ..scenes.demo_scene import build_demo
from ..scenes.random_scene import build_random
from .cycles import RenderJob, forget_volumes
from .quilt import QuiltSettings, plain_colours, render_quilt_views
from .rgbd import render_depths, render_rgbd
from .stack import Written, render_raw
from .thin_lens import camera_of, mapping_of

DEMO, RANDOM = "demo", "random"
"""Names of the scenes that are built rather than opened."""

FLAWS_SAID = 3
"""Missing files of a kind that are told one by one."""


Warn = Callable[[str], None]
"""Told in one clause of each thing that makes the images other than the artist sees them."""


def run_job(job: dict[str, Any], *, progress: Progress, written: Written, warn: Warn = lambda text: None) -> None:
    """Render what `job` says into its folder.

    Args:
        job: `kind` ("stack", "rgbd", "depth" for the raw depths of an RGB-D image alone, or "quilt" for its views),
            `scene` ("demo", "random" or the path of a .blend file), `split` for the random one, `frames` (numbers; None
            or empty: the file's own), `folder`, and the fields of `RenderJob`, of which `near`, `far` and `mapping` may
            be None: then the scene decides. `quilt` holds the fields of `QuiltSettings`. `threads` is how many to
            compute with, None for as many as there are cores.

    Raises:
        InputError: the scene cannot be opened or has no usable camera.
        BlenderError: Blender could not write an image.
    """
    settings = {field.name: job[field.name] for field in fields(RenderJob) if field.name in job}
    settings["far"] = float("inf") if settings["far"] == "infinity" else settings["far"]
    built = job["scene"] in (DEMO, RANDOM)
    provenance = _build(job, settings) if built else _open_blend(Path(job["scene"]))
    if built:
        settings["near"] = NEAR if settings["near"] is None else settings["near"]
        settings["far"] = FAR if settings["far"] is None else settings["far"]
    for text in _flaws():
        warn(text)
    scene, folder = bpy.context.scene, Path(job["folder"])
    if job.get("threads"):
        scene.render.threads_mode, scene.render.threads = "FIXED", job["threads"]
    kind = job.get("kind", "stack")
    if kind == "quilt":
        if built:
            plain_colours(scene)
        for frame in job.get("frames") or []:
            scene.frame_set(frame)
        settings_of_quilt = QuiltSettings(**job["quilt"])
        render_quilt_views(
            scene, settings_of_quilt, folder, progress=progress, written=lambda view: written("view", view)
        )
        return
    settings["devices"] = tuple(settings.get("devices", ()))
    frames = job.get("frames") or [scene.frame_current]
    if kind == "stack":
        if job.get("frames"):
            provenance["frame"] = frames[0]
            scene.frame_set(frames[0])
        render_raw(scene, RenderJob(**settings), folder, provenance=provenance, progress=progress, written=written)
        return
    render = {"rgbd": render_rgbd, "depth": render_depths}[kind]
    render(scene, RenderJob(**settings), frames, folder, progress=progress, written=written)


def _build(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    forget_volumes()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene, seed = bpy.context.scene, settings["seed"]
    mapping: Mapping = settings["mapping"] or "linear"
    aspect = settings["width"] / settings["height"]
    if job["scene"] == DEMO:
        build_demo(scene, mapping=mapping, aspect=aspect, seed=seed)
        return {"scene": DEMO, "seed": seed}
    build_random(scene, mapping=mapping, aspect=aspect, seed=seed, split=job["split"])
    return {"scene": RANDOM, "seed": seed, "split": job["split"]}


def _open_blend(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError("does not exist", where=path)
    forget_volumes()
    try:
        # scripts in a file are somebody else's code; they stay off
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise InputError("is not a Blender file that this Blender can open", where=path) from error
    scene = bpy.context.scene
    # as the artist's own render does: it takes the camera that a marker binds to this frame
    scene.frame_set(scene.frame_current, subframe=scene.frame_subframe)
    mapping_of(camera_of(scene, path))
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"scene": path.name, "sha256": digest.hexdigest(), "frame": scene.frame_current}


def _flaws() -> Iterator[str]:
    """What Blender passes over in silence: files that are not there, and drivers that it must not run."""
    # a library's path is relative to the open file, also where another library brings it in
    libraries = [library.filepath for library in bpy.data.libraries if _missing(library)]
    used = [image for image in bpy.data.images if image.source == "FILE" and image.users]
    images = [image.filepath for image in used if _missing(image, image.library)]
    for kind, effect, paths in (
        ("linked file", "what it holds is left out", libraries),
        ("image file", "its surfaces are magenta", images),
    ):
        for path in paths[:FLAWS_SAID]:
            yield f"{kind} {path} does not exist: {effect}"
        if len(paths) > FLAWS_SAID:
            yield f"{len(paths) - FLAWS_SAID} more {kind}s do not exist"
    layers = [layer.name for layer in bpy.context.scene.view_layers if layer.use]
    if len(layers) > 1:
        yield f"of {len(layers)} view layers to render only '{layers[0]}' is rendered"
    if getattr(bpy.context.scene.cycles, "shading_system", False):
        yield "its Open Shading Language is switched off, for safety: script nodes have no effect"
    if bpy.app.autoexec_fail:
        yield f"a Python script or driver of the file was not run, for safety: {bpy.app.autoexec_fail_message}"


def _missing(data: bpy.types.ID, beside: bpy.types.Library | None = None) -> bool:
    """Whether the file of an image or a library is not there; `beside` is what its path is relative to."""
    return data.packed_file is None and not Path(bpy.path.abspath(data.filepath, library=beside)).is_file()
