# SPDX-License-Identifier: GPL-3.0-or-later
"""The tab "Hologram" in the viewport's sidebar, and the same panels in the render properties."""

import textwrap
from dataclasses import replace
from typing import Any

import bpy

from holodriver.errors import HolodriverError

from ..render.refocus import REFOCUS_GAIN, view_count
from . import session
from .checks import cores, scene_frames
from .driver import blur_diameter, image_size, work_of
from .estimate import in_words, size_in_words

CHARACTER_UNITS = 7.0
"""Mean width of a character, in units of Blender's interface."""

SHORTEST_LINE = 28  # characters


def draw_main(layout: Any, context: bpy.types.Context) -> None:
    """Draw the running job, the last result, or how to begin."""
    job = session.state.job
    if job is not None and job.running:
        column = layout.column(align=True)
        column.label(text=job.report.step or job.title)
        column.progress(factor=job.report.factor, text=session.progress_text(job))
        if job.report.note:
            column.label(text=job.report.note)
        column.operator("holodriver.cancel", icon="CANCEL")
        return
    if not session.state.lines:
        layout.label(text="Ready" if context.scene.camera else "The scene has no camera", icon="INFO")
    else:
        box = layout.box()
        row = box.row()
        row.alert = session.state.failed
        row.label(text=session.state.heading, icon="ERROR" if session.state.failed else "CHECKMARK")
        row.operator("holodriver.dismiss", text="", icon="X", emboss=False)
        column = box.column(align=True)
        for line in [part for text in session.state.lines for part in _wrapped(text, context)][:24]:
            column.label(text=line)


def draw_planes(layout: Any, context: bpy.types.Context) -> None:
    """Draw the settings of the focal planes."""
    settings = context.scene.holodriver
    layout.use_property_split, layout.use_property_decorate = True, False
    layout.prop(settings, "range_mode", text="Range")
    if settings.range_mode == "PLANES":
        column = layout.column(align=True)
        for name in ("near", "far"):
            picked = getattr(settings, f"{name}_object")
            row = column.row(align=True)
            row.enabled = picked is None and not (name == "far" and settings.far_infinite)
            row.prop(settings, name)
            column.prop(settings, f"{name}_object", text="or Object")
        column.prop(settings, "far_infinite")
    layout.operator("holodriver.fit_planes", icon="VIEW_CAMERA")
    layout.prop(settings, "show_planes")
    layout.prop(settings, "planes")
    layout.prop(settings, "blur_mode")
    if settings.blur_mode == "TYPED":
        layout.prop(settings, "coc_max")
    column = layout.column(align=True)
    column.prop(settings, "preview", toggle=True)
    row = column.row(align=True)
    row.enabled = settings.preview
    row.prop(settings, "preview_position", slider=True)


def draw_quality(layout: Any, context: bpy.types.Context) -> None:
    """Draw the settings of size, quality and output folder, and the estimates."""
    scene = context.scene
    settings = scene.holodriver
    layout.use_property_split, layout.use_property_decorate = True, False
    layout.prop(settings, "profile")
    if settings.profile == "FILE":
        layout.prop(settings, "profile_file")
    layout.prop(settings, "size_mode")
    if settings.size_mode == "TYPED":
        column = layout.column(align=True)
        column.prop(settings, "width")
        column.prop(settings, "height")
    layout.prop(settings, "quality")
    if settings.quality == "TYPED":
        layout.prop(settings, "samples")
    layout.prop(settings, "denoise")
    layout.prop(settings, "device")
    layout.prop(settings, "route")
    layout.prop(settings, "animation")
    layout.prop(settings, "output")
    layout.prop(settings, "overwrite")
    column = layout.column(align=True)
    for line in estimate_lines(scene):
        column.label(text=line)


def estimate_lines(scene: bpy.types.Scene) -> list[str]:
    """Describe image size and blur, and the estimated time and disk space of each kind of render, a line for each."""
    settings = scene.holodriver
    try:
        profile = session.profile(settings)
        size = image_size(settings, profile, scene.render)
        frames = len(scene_frames(scene))
        diameter = blur_diameter(settings, profile)
    except HolodriverError as error:
        return [str(error)]
    lines = [f"{size[0]} × {size[1]} px, blur {diameter:.3g} px"]
    if settings.planes <= diameter:
        lines.append("Set more planes than pixels of blur")
    views = view_count(diameter)
    jobs = [("Focal stack", settings.planes, 0), ("By refocus", settings.planes, views), ("RGB-D", 0, 0)]
    camera = scene.camera
    if camera is None or camera.type != "CAMERA" or camera.data.type != "PERSP":
        del jobs[1]
    for name, planes, count in jobs:
        work = work_of(settings, size, planes=planes, frames=frames, views=count)
        seconds = work.seconds(cores(), session.state.pace)
        lines.append(f"{name}: about {in_words(seconds)}, {size_in_words(work.disk_bytes())} on disk")
    if len(jobs) == 3 and settings.route == "PLANES":
        whole = work_of(settings, size, planes=settings.planes, frames=frames)
        alike = replace(whole, samples=max(1, whole.samples // REFOCUS_GAIN), views=views)
        if alike.processor_seconds() < whole.processor_seconds():
            lines.append(f"Refocus is faster for equal noise: {in_words(alike.seconds(cores(), session.state.pace))}")
    return lines


def draw_make(layout: Any, context: bpy.types.Context) -> None:
    """Draw the buttons that render and make holograms."""
    settings = context.scene.holodriver
    layout.use_property_split, layout.use_property_decorate = True, False
    layout.operator("holodriver.render_stack", icon="RENDER_STILL")
    column = layout.column()
    column.prop(settings, "formats")
    column.operator("holodriver.export_rgbd", icon="IMAGE_ZDEPTH")
    column = layout.column()
    column.prop(settings, "source")
    column.prop(settings, "method")
    if settings.method == "opt":
        column.prop(settings, "iterations")
    column.operator("holodriver.make_hologram", icon="LIGHT_AREA")
    column = layout.column()
    column.prop(settings, "rig")
    column.prop(settings, "play_seconds")
    column.operator("holodriver.show_on_panel", icon="PLAY")


def draw_looking_glass(layout: Any, context: bpy.types.Context) -> None:
    """Draw the settings and buttons for photos and quilts."""
    settings = context.scene.holodriver
    layout.use_property_split, layout.use_property_decorate = True, False
    layout.prop(settings, "quilt_device")
    layout.operator("holodriver.render_quilt", icon="MESH_GRID")
    layout.prop(settings, "photo")
    layout.prop(settings, "photo_depth")
    layout.prop(settings, "photo_resolution")
    layout.operator("holodriver.import_photo", icon="IMAGE_REFERENCE")


def _wrapped(text: str, context: bpy.types.Context) -> list[str]:
    """Break `text` into lines that fit into the panel."""
    width = context.region.width if context.region is not None else 0
    fitting = int(width / (context.preferences.system.ui_scale or 1.0) / CHARACTER_UNITS) - 4
    return textwrap.wrap(text, max(fitting, SHORTEST_LINE)) or [""]


_PARTS: tuple[tuple[str, str, Any, set[str]], ...] = (
    ("main", "Hologram", draw_main, set()),
    ("make", "Make", draw_make, set()),
    ("planes", "Focal Planes", draw_planes, set()),
    ("quality", "Quality and Output", draw_quality, set()),
    ("photo", "Looking Glass and Photos", draw_looking_glass, {"DEFAULT_CLOSED"}),
)


def _panel(space: str, region: str, name: str, label: str, draw: Any, options: set[str]) -> type:
    where = {"VIEW_3D": "VIEW3D", "PROPERTIES": "RENDER"}[space]
    identifier = f"HOLODRIVER_PT_{where.lower()}_{name}"
    members: dict[str, Any] = {
        "__doc__": f"{label}, in the {space.lower()} editor.",
        "bl_idname": identifier,
        "bl_label": label,
        "bl_space_type": space,
        "bl_region_type": region,
        "bl_options": options if space == "VIEW_3D" or name != "main" else {"DEFAULT_CLOSED"},
        "draw": lambda self, context: draw(self.layout, context),
    }
    if space == "VIEW_3D":
        members["bl_category"] = "Hologram"
    else:
        members["bl_context"] = "render"
        if name != "main":
            members["bl_parent_id"] = "HOLODRIVER_PT_render_main"
    return type(identifier, (bpy.types.Panel,), members)


CLASSES = tuple(
    _panel(space, region, *part) for space, region in (("VIEW_3D", "UI"), ("PROPERTIES", "WINDOW")) for part in _PARTS
)
