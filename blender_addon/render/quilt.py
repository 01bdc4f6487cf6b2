# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the views of a Looking Glass quilt, each from its own camera position.

The positions lie on a line through the scene's camera, and all views look in the same direction. Each view's frustum is
shifted off its axis so that all views show the same part of the focal plane, which then appears in the plane of the
display.
"""

import math
from pathlib import Path

import bpy
from mathutils import Vector

from holodriver.errors import InputError, check, numbers
from holodriver.files.manifest import quilt_view_name
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import Look, QuiltViews, RenderJob

from .cycles import Written, hold, prepare, render_image
from .depth_range import visible_range
from .thin_lens import camera_copy, fitted_sensor


def render_quilt_views(
    scene: bpy.types.Scene,
    job: RenderJob,
    quilt: QuiltViews,
    folder: Path,
    *,
    progress: Progress = silent,
    written: Written = lambda kind, view: None,
) -> None:
    """Render the views of a quilt into `folder` as 16-bit PNG files, view 0 the leftmost.

    The scene is changed and not restored: call this only in a separate process, on a file that is not saved.

    Args:
        scene: the scene; its active camera stands in the middle of the line.
        job: size and quality of each view; the aspect ratio is the display's.
        quilt: number, angle, focus and colours of the views.
        folder: existing folder for the views.
        progress: called after each view.
        written: called with "view" and the view's number when its file is complete.

    Raises:
        InputError: there is no camera, it is not a perspective camera, or its focus lies behind it.
        BlenderError: Blender could not write an image.
    """
    camera = scene.camera
    if camera is None or camera.type != "CAMERA":
        raise InputError(f"scene '{scene.name}' has no camera", remedy="add one, or make one the active camera")
    if camera.data.type != "PERSP":
        raise InputError(
            f"camera '{camera.name}' is of type {camera.data.type}; the views of a quilt need a perspective one"
        )
    focus = quilt.focus if quilt.focus is not None else _camera_focus(camera)
    if focus is None:
        near, far = visible_range(scene, job, folder)
        focus = 2 / (1 / near + 1 / far)
    check("focus", focus, numbers(above=0, kind="metres"))
    prepare(scene, job)
    _prepare_picture(scene, quilt.look)
    moved = camera_copy(scene)
    moved.data.dof.use_dof = False
    start, right = moved.matrix_world.translation.copy(), _right(moved)
    shift = moved.data.shift_x
    seen = focus * fitted_sensor(moved.data) / moved.data.lens  # along the axis that the sensor is fitted to
    stage = "rendering views"
    progress(stage, 0, quilt.views, f"focal plane at {focus:.4g}")
    for view in range(quilt.views):
        angle = (view / (quilt.views - 1) - 0.5) * quilt.view_cone
        offset = focus * math.tan(math.radians(angle))
        moved.matrix_world.translation = start + right * offset
        moved.data.shift_x = shift - offset / seen
        # a different seed for each view: noise common to all views would look like dirt in the plane of the display
        render_image(scene, folder / quilt_view_name(view), seed=(job.seed * 1_000_003 + view) % 2**31)
        written("view", view)
        progress(stage, view + 1, quilt.views)


def _camera_focus(camera: bpy.types.Object) -> float | None:
    """Focus distance of the camera along its optical axis, scene units; None if it has no depth of field."""
    evaluated = camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    dof = evaluated.data.dof
    if not dof.use_dof:
        return None
    if dof.focus_object is None:
        return float(dof.focus_distance)
    target = dof.focus_object.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.translation
    backward = evaluated.matrix_world.to_quaternion() @ Vector((0.0, 0.0, 1.0))
    return float(-(target - evaluated.matrix_world.translation).dot(backward))


def _right(camera: bpy.types.Object) -> Vector:
    return camera.matrix_world.to_quaternion() @ Vector((1.0, 0.0, 0.0))


def _prepare_picture(scene: bpy.types.Scene, look: Look) -> None:
    """Let the scene write pictures with display colours instead of linear light."""
    image = scene.render.image_settings
    if hasattr(image, "media_type"):  # Blender 5.0 and later: must be set before the format
        image.media_type = "IMAGE"
    image.file_format = "PNG"
    image.color_mode = "RGB"
    image.color_depth = "16"
    image.compression = 15  # these files live for seconds
    image.color_management = "FOLLOW_SCENE"
    if look == "standard":
        plain_colours(scene)


def plain_colours(scene: bpy.types.Scene) -> None:
    """Convert light to sRGB directly, without the film-like curve that is Blender's default."""
    hold(scene, "display_settings.", "view_settings.")
    scene.display_settings.display_device = "sRGB"
    view = scene.view_settings
    view.view_transform = "Standard"
    view.look = "None"
    view.exposure, view.gamma = 0.0, 1.0
    view.use_curve_mapping = False
