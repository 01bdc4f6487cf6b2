# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of the driver: opens the scene, finds the depth range, renders."""

import hashlib
from dataclasses import fields
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping
from holodriver.progress import Progress

from .demo_scene import FAR, NEAR, build_demo
from .depth_range import visible_range
from .render import RenderJob, Written, render_raw
from .thin_lens import mapping_of

DEMO = "demo"
"""Name of the scene that is built rather than opened."""


def run_job(job: dict[str, Any], *, progress: Progress, written: Written) -> None:
    """Render what `job` says into its folder.

    Args:
        job: `scene` ("demo" or the path of a .blend file), `folder`, and the fields of `RenderJob`, of which
            `near`, `far` and `mapping` may be None: then the scene decides.

    Raises:
        InputError: the scene cannot be opened or has no usable camera.
        BlenderError: Blender could not write an image.
    """
    settings = {field.name: job[field.name] for field in fields(RenderJob) if field.name in job}
    settings["far"] = float("inf") if settings["far"] == "infinity" else settings["far"]
    demo = job["scene"] == DEMO
    provenance = _build_demo(settings) if demo else _open_blend(Path(job["scene"]))
    scene = bpy.context.scene
    if settings["near"] is None or settings["far"] is None:
        near, far = (NEAR, FAR) if demo else visible_range(scene, settings["width"], settings["height"])
        settings["near"] = near if settings["near"] is None else settings["near"]
        settings["far"] = far if settings["far"] is None else settings["far"]
    render_raw(
        scene,
        RenderJob(**settings),
        Path(job["folder"]),
        provenance=provenance,
        progress=progress,
        written=written,
    )


def _build_demo(settings: dict[str, Any]) -> dict[str, Any]:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mapping: Mapping = settings["mapping"] or "linear"
    build_demo(bpy.context.scene, mapping=mapping, aspect=settings["width"] / settings["height"], seed=settings["seed"])
    return {"scene": DEMO, "seed": settings["seed"]}


def _open_blend(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise InputError("does not exist", where=path)
    try:
        # scripts in a file are somebody else's code; they stay off
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    except RuntimeError as error:
        raise InputError("is not a Blender file that this Blender can open", where=path) from error
    scene = bpy.context.scene
    if scene.camera is None:
        raise InputError(
            f"scene '{scene.name}' has no camera", where=path, remedy="add one, or make one the active camera"
        )
    mapping_of(scene.camera)
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return {"scene": path.name, "sha256": digest.hexdigest(), "frame": scene.frame_current}
