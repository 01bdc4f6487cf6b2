# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw the near and the far plane in the viewport, as two outlines joined at their corners."""

import math
from typing import Any

import bpy

from holodriver.errors import HolodriverError
from holodriver.optics.focus import metric_depth

from . import focus_preview, session
from .near_and_far import Corners, plane_outline, plane_range

NEAR_COLOUR = (0.35, 0.85, 1.0, 0.9)
FAR_COLOUR = (1.0, 0.62, 0.25, 0.9)
FOCUS_COLOUR = (1.0, 1.0, 1.0, 0.9)
JOIN_COLOUR = (0.7, 0.7, 0.7, 0.35)
BEHIND_THINGS = 0.35
"""Opacity of lines behind objects, as a fraction of the opacity of visible lines."""

WIDTH_PX = 2.0

BEYOND = 50.0
"""Distance at which a far plane at infinity is drawn, as a multiple of the near plane's distance."""

_handle: Any = None

Line = tuple[list[Any], tuple[float, float, float, float]]


def lines_of(scene: bpy.types.Scene) -> list[Line]:
    """Lines to draw, each with its end points in the world (two for each stroke) and colour; empty without planes."""
    settings, camera = scene.holodriver, scene.camera
    if camera is None or camera.type != "CAMERA" or not settings.show_planes:
        return []
    try:
        near, far = plane_range(scene, settings)
        if near is None or far is None:
            near, far = session.known_range(scene)
    except HolodriverError:
        return []
    drawn_far = far if math.isfinite(far) else BEYOND * near
    first, last = plane_outline(camera, scene, near), plane_outline(camera, scene, drawn_far)
    joins = [point for pair in zip(first, last, strict=True) for point in pair]
    lines = [(joins, JOIN_COLOUR), (_strokes(first), NEAR_COLOUR), (_strokes(last), FAR_COLOUR)]
    if settings.preview:
        try:
            lens = focus_preview.lens_of(scene)
        except HolodriverError:
            return lines
        at = float(metric_depth(settings.preview_position, lens.near, lens.far, lens.mapping))
        lines.append((_strokes(plane_outline(camera, scene, min(at, drawn_far))), FOCUS_COLOUR))
    return lines


def _strokes(corners: Corners) -> list[Any]:
    return [corners[i % 4] for step in range(4) for i in (step, step + 1)]


def _draw() -> None:
    import gpu  # missing in a Blender without a window
    from gpu_extras.batch import batch_for_shader

    context = bpy.context
    space = context.space_data
    if context.scene is None or not getattr(getattr(space, "overlay", None), "show_overlays", False):
        return
    lines = lines_of(context.scene)
    if not lines:
        return
    shader = gpu.shader.from_builtin("POLYLINE_UNIFORM_COLOR")
    gpu.state.blend_set("ALPHA")
    shader.bind()
    shader.uniform_float("viewportSize", gpu.state.viewport_get()[2:])
    shader.uniform_float("lineWidth", WIDTH_PX * context.preferences.system.ui_scale)
    batches = [
        (batch_for_shader(shader, "LINES", {"pos": [tuple(point) for point in points]}), colour)
        for points, colour in lines
    ]
    for test, opacity in (("GREATER", BEHIND_THINGS), ("LESS_EQUAL", 1.0)):
        gpu.state.depth_test_set(test)
        for batch, colour in batches:
            shader.uniform_float("color", (*colour[:3], colour[3] * opacity))
            batch.draw(shader)
    gpu.state.depth_test_set("NONE")
    gpu.state.blend_set("NONE")


def register() -> None:
    """Begin to draw in every viewport."""
    global _handle
    if not bpy.app.background:
        _handle = bpy.types.SpaceView3D.draw_handler_add(_draw, (), "WINDOW", "POST_VIEW")


def unregister() -> None:
    """Stop drawing."""
    global _handle
    if _handle is not None:
        bpy.types.SpaceView3D.draw_handler_remove(_handle, "WINDOW")
        _handle = None
