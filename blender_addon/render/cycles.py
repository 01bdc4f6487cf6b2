# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Cycles for focal stacks, which replace those of the artist's file, and rendering of one image."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import BlenderError, InputError
from holodriver.scene.render_job import CPU, RenderJob

PIXEL_CENTRE_FILTER = 0.01
"""Width of the pixel filter for depth samples, pixels; the single ray of a sample goes through the pixel's centre."""

WORKING_SPACE = "Linear Rec.709"
"""Required working colour space of a file; holodriver interprets EXR colours as linear Rec. 709."""

Written = Callable[[str, int], None]
"""Function called for every complete set of raw files, with the set's kind, such as "plane", and its number."""

PREPARED = ("render.", "cycles.", "view_layers[")
"""Beginnings of the data paths of all settings that `prepare` changes in a scene."""

BLACK, REPLACED = "holodriver_depth", "holodriver_replaces"
"""Names of two custom properties of the depth material: a mark, and the material override that it replaces."""

ALPHA_THRESHOLD = 0.5
"""Smallest opacity with which a surface counts in the depth map, 0 to 1 (Cycles' default)."""


def prepare(scene: bpy.types.Scene, job: RenderJob) -> bpy.types.ViewLayer:
    """Set everything that the images depend on, whatever the artist's file says; return the view layer to render."""
    _volumes_on()
    _own_materials(scene)
    scene.timeline_markers.clear()  # a marker can bind a camera, which would replace the thin lens
    hold(scene, *PREPARED)
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
    choose_device(scene, job.device, job.devices)
    layer = next((layer for layer in scene.view_layers if layer.use), scene.view_layers[0])
    for other in scene.view_layers:
        other.use = other == layer
    layer.use_pass_combined = layer.use_pass_z = True
    layer.samples = 0  # 0: use the scene's number
    layer.pass_alpha_threshold = ALPHA_THRESHOLD
    layer.cycles.use_denoising = job.denoise
    return layer


def hold(scene: bpy.types.Scene, *starts: str) -> None:
    """Remove the scene's animation curves and drivers whose data path begins with one of `starts`.

    They would override the settings made here. Curves and drivers of custom properties stay, because other animation
    can depend on them.
    """
    animation = scene.animation_data
    if animation is None:
        return
    for curves in [animation.drivers, *_curves(animation)]:
        for curve in list(curves):
            if curve.data_path.startswith(starts) and not curve.data_path.endswith("]"):
                curves.remove(curve)


def _curves(animation: bpy.types.AnimData) -> Iterator[Any]:
    """All collections of F-curves that animate one data-block, including those of its NLA strips."""
    for user in [animation, *(strip for track in animation.nla_tracks for strip in track.strips)]:
        action = user.action
        if action is None:
            continue
        if not hasattr(user, "action_slot"):  # before 4.4
            yield action.fcurves
        elif user.action_slot is not None:
            bags = [strip.channelbag(user.action_slot) for layer in action.layers for strip in layer.strips]
            yield from (bag.fcurves for bag in bags if bag is not None)


def _prepare_exr(settings: bpy.types.ImageFormatSettings) -> None:
    if hasattr(settings, "media_type"):  # Blender 5.0 and later: must be set before the format
        settings.media_type = "MULTI_LAYER_IMAGE"
    settings.file_format = "OPEN_EXR_MULTILAYER"
    settings.color_mode = "RGBA"
    settings.color_depth = "32"
    settings.exr_codec = "ZIP"
    if hasattr(settings, "use_exr_interleave"):  # Blender 5.0 and later: otherwise each pass becomes a part of the file
        settings.use_exr_interleave = True


def _prepare_cycles(cycles: Any, job: RenderJob) -> None:
    cycles.samples = job.samples
    cycles.use_adaptive_sampling = False  # noise must not depend on the plane
    cycles.time_limit = 0.0
    if hasattr(cycles, "shading_system"):
        cycles.shading_system = False  # Open Shading Language runs programs in the .blend file, which can write files
    cycles.sample_offset = 0
    if hasattr(cycles, "use_sample_subset"):  # 4.5 and later
        cycles.use_sample_subset = False
    # clamping removes light, and removes more from sharp planes than from blurred ones
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
        except TypeError as error:  # only denoisers that were built in can be set; Debian's Blender has none
            raise BlenderError(
                "this Blender was built without OpenImageDenoise",
                where=bpy.app.binary_path or None,
                remedy="use Blender from blender.org or the bpy package, or pass --no-denoise with more samples",
            ) from error
        cycles.denoising_input_passes = "RGB_ALBEDO_NORMAL"
        cycles.denoising_prefilter = "ACCURATE"
        cycles.denoising_quality = "HIGH"


def choose_device(scene: bpy.types.Scene, device: str, devices: tuple[str, ...] = ()) -> None:
    """Let Cycles compute on the CPU or on GPUs, independent of the preferences of this Blender.

    Args:
        device: "CPU" or a type of GPU.
        devices: identifiers of the GPUs; empty: all GPUs of that type.

    Raises:
        InputError: there is no such device.
    """
    scene.cycles.device = CPU
    if device == CPU:
        return
    preferences = bpy.context.preferences.addons["cycles"].preferences
    remedy = "choose the CPU, or a device that Blender's preferences list under System"
    try:
        preferences.compute_device_type = device
    except TypeError as error:  # only types that this Blender and machine have can be set
        raise InputError(f"this Blender cannot compute on '{device}'", where="device", remedy=remedy) from error
    preferences.refresh_devices()
    for entry in preferences.devices:
        entry.use = entry.id in devices if devices else entry.type == device
    if not any(entry.use and entry.type == device for entry in preferences.devices):
        raise InputError(f"there is no {device} device with that identifier", where="device", remedy=remedy)
    scene.cycles.device = "GPU"


def prepare_depth(scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:
    """Set the scene, after `prepare`, for depth maps: one ray through each pixel's centre, no volumes."""
    cycles = scene.cycles
    cycles.samples = 1
    cycles.use_denoising = False
    cycles.filter_width = PIXEL_CENTRE_FILTER
    cycles.max_bounces = 0
    if all(_shape_only(material) for material in bpy.data.materials if material.users):
        layer.material_override = _black(layer.material_override)
    _volumes_off(scene)
    drop_session(scene, layer)


def _own_materials(scene: bpy.types.Scene) -> None:
    """Remove the black depth material: each view layer gets back the artist's material override."""
    for layer in scene.view_layers:
        black = layer.material_override
        if black is not None and BLACK in black:
            layer.material_override = black.get(REPLACED)


_volumes: list[tuple[bpy.types.NodeTree, bpy.types.NodeSocket, bpy.types.NodeSocket, bpy.types.Node | None]] = []
"""Volume links that `_volumes_off` removed: node tree, both sockets, and the surface node that it added, if any."""


def _volumes_off(scene: bpy.types.Scene) -> None:
    """Remove all volumes from the scene: since Blender 5.2 a ray that is scattered in a volume gives no depth."""
    used = [material.node_tree for material in bpy.data.materials if material.users and material.node_tree]
    if scene.world is not None and scene.world.node_tree is not None:
        used.append(scene.world.node_tree)
    for tree in used:
        for output in [node for node in tree.nodes if node.type in ("OUTPUT_MATERIAL", "OUTPUT_WORLD")]:
            for link in list(output.inputs["Volume"].links):
                clear = None
                if output.type == "OUTPUT_MATERIAL" and not output.inputs["Surface"].is_linked:
                    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
                    tree.links.new(clear.outputs[0], output.inputs["Surface"])
                _volumes.append((tree, link.from_socket, link.to_socket, clear))
                tree.links.remove(link)


def forget_volumes() -> None:
    """Forget the removed volume links, which belong to a file that is no longer open."""
    _volumes.clear()


def _volumes_on() -> None:
    while _volumes:
        tree, source, target, clear = _volumes.pop()
        tree.links.new(source, target)
        if clear is not None:
            tree.nodes.remove(clear)


def drop_session(scene: bpy.types.Scene, layer: bpy.types.ViewLayer) -> None:
    """Let the next render begin afresh: Blender 5.0.1 keeps the old sample count in its persistent session."""
    scene.render.use_persistent_data = False
    layer.update()
    scene.render.use_persistent_data = True


def _shape_only(material: bpy.types.Material) -> bool:
    """Whether an object with this material keeps its depth if an opaque black material replaces it."""
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


def _black(replaced: bpy.types.Material | None) -> bpy.types.Material:
    """Make the black depth material, which records the material that it replaces in the file itself."""
    material = bpy.data.materials.new("holodriver depth")
    material[BLACK] = True
    if replaced is not None:
        material[REPLACED] = replaced
    if material.node_tree is None:  # before 5.0 a new material has no nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    emission = tree.nodes.new("ShaderNodeEmission")
    emission.inputs["Strength"].default_value = 0.0
    tree.links.new(emission.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material


def render_image(scene: bpy.types.Scene, path: Path, *, seed: int) -> None:
    """Render the scene to `path`.

    Raises:
        BlenderError: Blender could not render or write the image.
    """
    scene.cycles.seed = seed
    # since Blender 4.5 braces in a path enclose variables, unless they are doubled
    templates = bpy.app.version >= (4, 5, 0)
    scene.render.filepath = str(path).replace("{", "{{").replace("}", "}}") if templates else str(path)
    try:
        outcome = bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        raise BlenderError(f"Blender could not render: {error}", where=path) from error
    if "FINISHED" not in outcome or not path.is_file():
        raise BlenderError("Blender wrote no image", where=path, remedy="is the disk full?")
