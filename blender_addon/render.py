# SPDX-License-Identifier: GPL-3.0-or-later
"""Renders a focal stack as raw OpenEXR files: all varifocal images first, then the one-ray depth samples.

The scene is changed and not put back: call this only in a process of its own, on a file that is not saved.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import BlenderError, InputError
from holodriver.files import manifest
from holodriver.files.manifest import RawManifest
from holodriver.optics.focus import positions
from holodriver.progress import Progress, silent

from .thin_lens import ThinLens, thin_lens

PIXEL_CENTRE_FILTER = 0.01
"""Pixel filter width (pixels) that puts the one ray of a depth sample at the pixel's centre."""

WORKING_SPACE = "Linear Rec.709"
"""The only working space in which EXR colours mean what the rest of holodriver takes them for."""

Written = Callable[[str, int], None]
"""Told of every raw file set that is complete: "all_in_focus" or "plane", and which plane."""


@dataclass(frozen=True)
class RenderJob:
    """What to render and how well."""

    width: int
    height: int
    planes: int
    coc_max: float
    """Blur circle diameter between near and far plane, pixels."""
    near: float
    far: float
    mapping: str | None = None
    """None: as the camera's type says."""
    samples: int = 16
    """Samples per pixel of each colour image."""
    depth_samples: int = 10
    """One-ray depth renders of each plane (the paper's Methods take 10)."""
    seed: int = 0
    max_bounces: int = 4
    denoise: bool = True
    device: str = "CPU"


def render_raw(
    scene: bpy.types.Scene,
    job: RenderJob,
    folder: Path,
    *,
    provenance: dict[str, Any] | None = None,
    progress: Progress = silent,
    written: Written = lambda kind, plane: None,
) -> RawManifest:
    """Render all raw images of a focal stack into `folder`, with the manifest first.

    Args:
        scene: is changed; its camera gets replaced by a copy.
        folder: exists and is empty.
        provenance: where the scene comes from, for the manifest.
        progress: called after each image.
        written: called when a plane's (or the all-in-focus) images are all there.

    Raises:
        InputError: the scene has no usable camera, or the depth range does not fit it.
        BlenderError: Blender could not write an image.
    """
    layer = _prepare(scene, job)
    lens = thin_lens(scene, near=job.near, far=job.far, mapping=job.mapping, coc_max=job.coc_max)  # type: ignore[arg-type]
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
        samples=job.samples,
        depth_samples=job.depth_samples,
    )
    raw.write(folder)
    _render_colors(scene, lens, raw, job, folder, progress)
    _render_depths(scene, layer, lens, raw, job, folder, progress, written)
    return raw


def _render_colors(
    scene: bpy.types.Scene, lens: ThinLens, raw: RawManifest, job: RenderJob, folder: Path, progress: Progress
) -> None:
    stage, total = "rendering images", raw.planes + 1
    progress(stage, 0, total)
    lens.pinhole()
    _render(scene, folder / manifest.ALL_IN_FOCUS_NAME, seed=_seed(job, 0))
    progress(stage, 1, total)
    for plane, t in enumerate(raw.positions):
        lens.focus(t)
        _render(scene, folder / manifest.raw_color_name(plane), seed=_seed(job, 1 + plane))
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
    _prepare_depth(scene, layer)
    stage, total = "rendering depth", raw.planes
    progress(stage, 0, total)
    lens.pinhole()
    _render(scene, folder / manifest.RAW_PINHOLE_DEPTH_NAME, seed=_seed(job, raw.planes + 1))
    written("all_in_focus", 0)
    first = raw.planes + 2
    for plane, t in enumerate(raw.positions):
        lens.focus(t)
        for sample in range(raw.depth_samples):
            seed = _seed(job, first + plane * raw.depth_samples + sample)
            _render(scene, folder / manifest.raw_depth_name(plane, sample), seed=seed)
        written("plane", plane)
        progress(stage, plane + 1, total)


def _prepare(scene: bpy.types.Scene, job: RenderJob) -> bpy.types.ViewLayer:
    """Set everything that the images depend on and the artist's file must not decide; returns the layer rendered."""
    space = getattr(bpy.data, "colorspace", None)  # 5.0 and later
    if space is not None and space.working_space != WORKING_SPACE:
        raise InputError(f"the file's working space is '{space.working_space}', expected '{WORKING_SPACE}'")
    render = scene.render
    render.engine = "CYCLES"
    render.resolution_x, render.resolution_y, render.resolution_percentage = job.width, job.height, 100
    render.pixel_aspect_x = render.pixel_aspect_y = 1.0
    for name in (
        "use_border",
        "use_compositing",
        "use_sequencer",
        "use_multiview",
        "use_motion_blur",
        "use_freestyle",
        "use_stamp",
        "film_transparent",
    ):
        setattr(render, name, False)
    render.dither_intensity = 0.0
    render.use_file_extension = False
    render.use_overwrite = True
    render.use_persistent_data = True
    _prepare_exr(render.image_settings)
    _prepare_cycles(scene.cycles, job)
    layer = next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0])
    for other in scene.view_layers:
        other.use = other == layer
    layer.use_pass_z = True
    layer.samples = 0  # as the scene says
    layer.material_override = None
    return layer


def _prepare_exr(settings: bpy.types.ImageFormatSettings) -> None:
    if hasattr(settings, "media_type"):  # 5.0 and later want it before the format
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"
    settings.color_mode = "RGBA"
    settings.color_depth = "32"
    settings.exr_codec = "ZIP"


def _prepare_cycles(cycles: Any, job: RenderJob) -> None:
    cycles.device = job.device
    cycles.samples = job.samples
    cycles.use_adaptive_sampling = False  # noise must not depend on the plane
    cycles.time_limit = 0.0
    cycles.sample_offset = 0
    if hasattr(cycles, "use_sample_subset"):  # 4.5 and later
        cycles.use_sample_subset = False
    # clamping takes light away, and more of it from sharp planes than from blurred ones
    cycles.sample_clamp_direct = cycles.sample_clamp_indirect = 0.0
    cycles.max_bounces = job.max_bounces
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.pixel_filter_type = "BLACKMAN_HARRIS"
    cycles.filter_width = 1.5
    cycles.use_animated_seed = False
    cycles.use_light_tree = True
    cycles.use_denoising = job.denoise
    if job.denoise:
        try:
            cycles.denoiser = "OPENIMAGEDENOISE"
        except TypeError as error:  # the choices are what was built in; Debian's Blender has none
            raise BlenderError(
                "this Blender was built without OpenImageDenoise",
                where=bpy.app.binary_path or None,
                remedy="use Blender from blender.org or the bpy package, or pass --no-denoise with more samples",
            ) from error
        cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
        cycles.denoising_prefilter = "ACCURATE"
        cycles.denoising_quality = "HIGH"


def _prepare_depth(scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:
    cycles = scene.cycles
    cycles.samples = 1
    cycles.use_denoising = False
    cycles.filter_width = PIXEL_CENTRE_FILTER
    cycles.max_bounces = 0
    if all(_shape_only(material) for material in bpy.data.materials if material.users):
        layer.material_override = _black()
    # 5.0.1 keeps the old sample count in its persistent session, so that session is dropped
    scene.render.use_persistent_data = False
    layer.update()
    scene.render.use_persistent_data = True


def _shape_only(material: bpy.types.Material) -> bool:
    """Whether the depth of what wears this material stays the same under an opaque black one."""
    return not material.node_tree or all(_opaque(node) for node in _nodes(material.node_tree))


def _nodes(tree: bpy.types.NodeTree) -> Iterator[bpy.types.Node]:
    for node in tree.nodes:
        yield node
        if node.type == "GROUP" and node.node_tree:
            yield from _nodes(node.node_tree)


def _opaque(node: bpy.types.Node) -> bool:
    if node.type == "OUTPUT_MATERIAL":
        return not any(node.inputs[name].is_linked for name in ("Volume", "Displacement"))
    if node.type in ("BSDF_TRANSPARENT", "HOLDOUT", "SCRIPT"):
        return False
    alpha = node.inputs.get("Alpha") if node.type == "BSDF_PRINCIPLED" else None
    return alpha is None or not (alpha.is_linked or alpha.default_value < 1)


def _black() -> bpy.types.Material:
    material = bpy.data.materials.new("holodriver depth")
    if material.node_tree is None:  # before 5.0 a new material has no nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    emission = tree.nodes.new("ShaderNodeEmission")
    emission.inputs["Strength"].default_value = 0.0
    tree.links.new(emission.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material


def _render(scene: bpy.types.Scene, path: Path, *, seed: int) -> None:
    scene.cycles.seed = seed
    scene.render.filepath = str(path)
    try:
        outcome = bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise BlenderError(f"Blender could not render: {error}", where=path) from error
    if "FINISHED" not in outcome or not path.is_file():
        raise BlenderError("Blender wrote no image", where=path, remedy="is the disk full?")


def _seed(job: RenderJob, image: int) -> int:
    """A seed of its own for each image, so that noise is independent between planes (Cycles takes 31 bits)."""
    return (job.seed * 1_000_003 + image) % 2**31


def _renderer(job: RenderJob) -> dict[str, Any]:
    return {
        "name": "Cycles",
        "blender": bpy.app.version_string,
        "device": job.device,
        "samples": job.samples,
        "depth_samples": job.depth_samples,
        "denoiser": "OpenImageDenoise" if job.denoise else "none",
        "max_bounces": job.max_bounces,
        "seed": job.seed,
    }
