# SPDX-License-Identifier: GPL-3.0-or-later
"""The depth range that a camera sees: where the focal planes go when nobody says."""

import bpy
from mathutils import Vector

from holodriver.errors import InputError

RAYS = 48
"""Rays along the longer side of the image."""

MARGIN = 0.01
"""Added to the range at both ends, as a fraction of its length: a coarse grid of rays misses the very nearest point."""


def visible_range(scene: bpy.types.Scene, width: int, height: int) -> tuple[float, float]:
    """Distances along the optical axis of the nearest and the farthest surface in view, found with a grid of rays.

    Args:
        width, height: pixels of the image, for its shape.

    Returns:
        (near, far) in scene units, a little wider than what was hit.

    Raises:
        InputError: no surface is in view, or all of it at one distance.
    """
    camera = scene.camera
    graph = bpy.context.evaluated_depsgraph_get()
    pose = camera.evaluated_get(graph).matrix_world.copy()
    render = scene.render
    render.resolution_x, render.resolution_y = width, height
    corners = [Vector(corner) for corner in camera.data.view_frame(scene=scene)]
    right_top, right_bottom, left_bottom, _ = corners
    across, up = right_bottom - left_bottom, right_top - right_bottom
    parallel = camera.data.type == "ORTHO"
    axis = (pose.to_3x3() @ Vector((0.0, 0.0, -1.0))).normalized()
    place = pose.to_translation()
    turn = pose.to_3x3().normalized()
    step = max(width, height) / RAYS
    columns, rows = max(1, round(width / step)), max(1, round(height / step))
    depths = []
    for i in range(columns):
        for j in range(rows):
            point = left_bottom + across * ((i + 0.5) / columns) + up * ((j + 0.5) / rows)
            seen = Vector((point.x, point.y, 0.0)) if parallel else Vector((0.0, 0.0, 0.0))
            direction = Vector((0.0, 0.0, -1.0)) if parallel else point.normalized()
            start = direction * (camera.data.clip_start / -direction.z)
            hit, where, *_ = scene.ray_cast(graph, place + turn @ (seen + start), turn @ direction)
            if hit:
                depths.append((where - place).dot(axis))
    if not depths:
        raise InputError(
            f"camera '{camera.name}' sees no surface, so that its depth range is unknown",
            remedy="give --near and --far",
        )
    near, far = min(depths), max(depths)
    if far - near < 1e-6 * far:
        raise InputError(
            f"camera '{camera.name}' sees one flat surface at {near:g}, which has no depth range",
            remedy="give --near and --far",
        )
    margin = MARGIN * (far - near)
    return max(near - margin, near / 2), far + margin
