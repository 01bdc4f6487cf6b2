# SPDX-License-Identifier: GPL-3.0-or-later
"""The artist's near and far plane: their distances, and the corners of their outlines in space."""

import math
from typing import Any

import bpy
from mathutils import Matrix, Vector

from holodriver.errors import InputError
from holodriver.optics.focus import check_range

from ..render.thin_lens import camera_of, mapping_of

Corners = tuple[Vector, Vector, Vector, Vector]


def depth_along_axis(camera: bpy.types.Object, point: Vector) -> float:
    """Distance of a point from the camera along the optical axis, scene units; negative behind the camera."""
    return float(-(camera.matrix_world.normalized().inverted() @ point).z)


def plane_range(scene: bpy.types.Scene, settings: Any) -> tuple[float | None, float | None]:
    """Distances (near, far) that the artist set, scene units; both None if the range is fitted to the view.

    If an object was picked for a plane, the plane goes through the object's origin.

    Raises:
        InputError: there is no camera, an object is behind the camera, or the planes are in the wrong order.
    """
    if settings.range_mode == "VIEW":
        return None, None
    camera = camera_of(scene)
    near = _plane(camera, settings.near_object, settings.near)
    far = math.inf if settings.far_infinite else _plane(camera, settings.far_object, settings.far)
    check_range(near, far, mapping_of(camera))
    return near, far


def _plane(camera: bpy.types.Object, target: bpy.types.Object | None, typed: float) -> float:
    if target is None:
        return float(typed)
    depth = depth_along_axis(camera, target.matrix_world.translation)
    if depth <= 0:
        raise InputError(f"object '{target.name}' is behind the camera", remedy="pick another one for the plane")
    return depth


def plane_outline(camera: bpy.types.Object, scene: bpy.types.Scene, distance: float) -> Corners:
    """World coordinates of the corners of the camera's view at a distance (scene units), in order round the frame."""
    frame = camera.data.view_frame(scene=scene)  # at a depth that Blender chooses; includes shift and aspect
    if camera.data.type == "ORTHO":
        corners = [Vector((corner.x, corner.y, -distance)) for corner in frame]
    else:
        corners = [corner * (distance / -corner.z) for corner in frame]
    pose: Matrix = camera.matrix_world.normalized()
    first, second, third, fourth = (pose @ corner for corner in corners)
    return first, second, third, fourth
