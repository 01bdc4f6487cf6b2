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
from .random_scene import build_random
from .render import RenderJob, Written, render_raw
from .thin_lens import mapping_of

DEMO, RANDOM = "demo", "random"
"""Names of the scenes that are built rather than opened."""


def run_job(job: dict[str, Any], *, progress: Progress, written: Written) -> None:
    """Render what `job` says into its folder.

    Args:
        job: `scene` ("demo", "random" or the path of a .blend file), `split` for the random one, `folder`, and the
            fields of `RenderJob`, of which `near`, `far` and `mapping` may be None: then the scene decides.

    Raises:
        InputError: the scene cannot be opened or has no usable camera.
        BlenderError: Blender could not write an image.
    """
    settings = {field.name: job[field.name] for field in fields(RenderJob) if field.name in job}
    settings["far"] = float("inf") if settings["far"] == "infinity" else settings["far"]
    built = job["scene"] in (DEMO, RANDOM)
    provenance = _build(job, settings) if built else _open_blend(Path(job["scene"]))
    scene = bpy.context.scene
    if settings["near"] is None or settings["far"] is None:
        near, far = (NEAR, FAR) if built else visible_range(scene, settings["width"], settings["height"])
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


def _build(job: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
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
