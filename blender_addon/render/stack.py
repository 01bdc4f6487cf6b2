# SPDX-License-Identifier: GPL-3.0-or-later
"""Render a focal stack as raw OpenEXR files: all varifocal images first, then the one-ray depth samples.

The scene is changed and not restored: call this only in a separate process, on a file that is not saved.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy

from holodriver.files import manifest
from holodriver.files.manifest import RawManifest
from holodriver.optics.focus import positions
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import RenderJob

from .cycles import Written, prepare, prepare_depth, render_image
from .depth_range import check_in_range, visible_range
from .refocus import SHARP_SAMPLES, render_views
from .thin_lens import ThinLens, thin_lens


def render_raw(
    scene: bpy.types.Scene,
    job: RenderJob,
    folder: Path,
    *,
    provenance: dict[str, Any] | None = None,
    progress: Progress = silent,
    written: Written = lambda kind, plane: None,
) -> None:
    """Write the manifest, then render all raw images of a focal stack into `folder`.

    Args:
        scene: the scene, which is changed; a copy replaces its camera.
        job: what to render.
        folder: existing, empty folder.
        provenance: origin of the scene, for the manifest.
        progress: called after each image.
        written: called when all images of a plane, or of the all-in-focus image, are complete.

    Raises:
        InputError: the scene has no usable camera, or the depth range does not fit it.
        BlenderError: Blender could not write an image.
    """
    near, far = job.near, job.far
    if near is None or far is None:
        nearest, farthest = visible_range(scene, job, folder)
        near, far = nearest if near is None else near, farthest if far is None else far
    else:
        check_in_range(scene, job, folder, near, far)
    sharp = replace(job, samples=SHARP_SAMPLES * job.samples) if job.route == "refocus" else job
    layer = prepare(scene, sharp)
    lens = thin_lens(scene, near=near, far=far, mapping=job.mapping, coc_max=job.coc_max)
    raw = RawManifest(
        width=job.width,
        height=job.height,
        positions=tuple(float(t) for t in positions(job.planes)),
        mapping=lens.mapping,
        near=lens.near,
        far=lens.far,
        coc_max=job.coc_max,
        camera=lens.as_dict(),
        renderer=_renderer(job),
        provenance=provenance or {},
        layer=layer.name,
        samples=sharp.samples,
        depth_samples=job.depth_samples,
    )
    raw.write(folder)
    if job.route == "refocus":
        lens.pinhole()
        render_image(scene, folder / manifest.ALL_IN_FOCUS_NAME, seed=_seed(job, 0))
        seed = _seed(job, 100_000)
        render_views(scene, layer, lens, job, folder, seed=seed, progress=progress, written=written)
    else:
        _render_colors(scene, lens, raw, job, folder, progress)
    _render_depths(scene, layer, lens, raw, job, folder, progress, written)


def _render_colors(
    scene: bpy.types.Scene, lens: ThinLens, raw: RawManifest, job: RenderJob, folder: Path, progress: Progress
) -> None:
    stage, total = "rendering images", raw.planes + 1
    progress(stage, 0, total)
    lens.pinhole()
    render_image(scene, folder / manifest.ALL_IN_FOCUS_NAME, seed=_seed(job, 0))
    progress(stage, 1, total)
    for plane, t in enumerate(raw.positions):
        lens.focus(t)
        render_image(scene, folder / manifest.raw_color_name(plane), seed=_seed(job, 1 + plane))
        progress(stage, 2 + plane, total)


def _render_depths(
    scene: bpy.types.Scene,
    layer: bpy.types.ViewLayer,
    lens: ThinLens,
    raw: RawManifest,
    job: RenderJob,
    folder: Path,
    progress: Progress,
    written: Written,
) -> None:
    prepare_depth(scene, layer)
    stage, total = "rendering depth", raw.planes
    progress(stage, 0, total)
    lens.pinhole()
    render_image(scene, folder / manifest.RAW_PINHOLE_DEPTH_NAME, seed=_seed(job, raw.planes + 1))
    written("all_in_focus", 0)
    first = raw.planes + 2
    for plane, t in enumerate(raw.positions):
        lens.focus(t)
        for sample in range(raw.depth_samples):
            seed = _seed(job, first + plane * raw.depth_samples + sample)
            render_image(scene, folder / manifest.raw_depth_name(plane, sample), seed=seed)
        written("plane", plane)
        progress(stage, plane + 1, total)


def _seed(job: RenderJob, image: int) -> int:
    """Seed of one image, different for each, so that noise is independent between planes (Cycles takes 31 bits)."""
    return (job.seed * 1_000_003 + image) % 2**31


def _renderer(job: RenderJob) -> dict[str, Any]:
    return {
        "name": "Cycles",
        "blender": bpy.app.version_string,
        "samples": job.samples,
        "depth_samples": job.depth_samples,
        "denoiser": "OpenImageDenoise" if job.denoise else "none",
        "max_bounces": job.max_bounces,
        "device": job.device,
        "route": job.route,
        "seed": job.seed,
    }
