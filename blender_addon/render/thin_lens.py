# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera whose blur is linear between two focal planes: depth of field set by the formulas of `optics.focus`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import BlenderError, InputError
from holodriver.optics.focus import (
    Mapping,
    check_range,
    metric_depth,
    orthographic_aperture,
    orthographic_f_number,
    perspective_aperture,
    perspective_f_number,
)

FARTHEST_FOCUS = 1e7
"""Focus distance that stands for infinity, m: beyond it all lens rays of a pixel are parallel in single precision."""

_MAPPING_OF_CAMERA: dict[str, Mapping] = {"PERSP": "dioptric", "ORTHO": "linear"}
_MILLIMETRE = 1e-3  # scene units in a millimetre of focal length: Cycles ignores the scene's unit scale here


@dataclass(frozen=True)
class ThinLens:
    """A copy of a scene's camera, and the depth range of its focal planes.

    Distances are measured along the optical axis in scene units, which stand for metres.
    """

    camera: bpy.types.Object
    near: float
    far: float
    mapping: Mapping
    coc_max: float
    """Blur circle diameter between near and far plane, pixels."""
    pixels: int
    """Size of the image along the axis to which the sensor is fitted, pixels."""

    def focus(self, t: float) -> None:
        """Focus on normalised depth `t` and set the aperture so that blur stays linear.

        Raises:
            BlenderError: Blender did not accept a value.
        """
        data = self.camera.data
        distance = min(float(metric_depth(t, self.near, self.far, self.mapping)), FARTHEST_FOCUS)
        if data.type == "ORTHO":
            aperture = orthographic_aperture(distance, self.near, self.far, self.coc_max, data.ortho_scale, self.pixels)
            f_number = orthographic_f_number(aperture)
        else:
            aperture = perspective_aperture(
                self.near, self.far, self.coc_max, data.lens, fitted_sensor(data), self.pixels
            )
            f_number = perspective_f_number(aperture, data.lens * _MILLIMETRE)
        dof = data.dof
        dof.use_dof = True
        dof.focus_object = None  # it would override the distance
        dof.focus_distance = distance
        dof.aperture_fstop = f_number
        dof.aperture_blades = 0
        dof.aperture_rotation = 0.0
        dof.aperture_ratio = 1.0
        for name, wanted in (("focus_distance", distance), ("aperture_fstop", f_number)):
            if abs(getattr(dof, name) / wanted - 1) > 1e-5:
                raise BlenderError(f"the camera's {name} stays {getattr(dof, name):g}, {wanted:g} was set")

    def pinhole(self) -> None:
        """Switch depth of field off, so that everything is sharp."""
        self.camera.data.dof.use_dof = False

    def as_dict(self) -> dict[str, Any]:
        """Description of the camera for the manifest; `lens` and `sensor` are in mm, other lengths in scene units."""
        data = self.camera.data
        described: dict[str, Any] = {
            "type": "orthographic" if data.type == "ORTHO" else "perspective",
            "matrix_world": [[float(value) for value in row] for row in self.camera.matrix_world],
            "shift_x": data.shift_x,
            "shift_y": data.shift_y,
            "pixels": self.pixels,
        }
        if data.type == "ORTHO":
            return described | {"ortho_scale": data.ortho_scale}
        return described | {"lens": data.lens, "sensor": fitted_sensor(data)}


def camera_of(scene: bpy.types.Scene, where: Path | None = None) -> bpy.types.Object:
    """Return the scene's active camera.

    Args:
        where: the scene's file, for the message.

    Raises:
        InputError: the scene has no camera, or its active camera is an object of another type.
    """
    camera = scene.camera
    if camera is None or camera.type != "CAMERA":
        raise InputError(
            f"scene '{scene.name}' has no camera", where=where, remedy="add one, or make one the active camera"
        )
    return camera


def mapping_of(camera: bpy.types.Object) -> Mapping:
    """The depth mapping in which the camera's blur can be made linear.

    Raises:
        InputError: the camera is neither perspective nor orthographic.
    """
    try:
        return _MAPPING_OF_CAMERA[camera.data.type]
    except KeyError:
        raise InputError(
            f"camera '{camera.name}' is of type {camera.data.type}, expected a perspective or an orthographic one"
        ) from None


def fitted_sensor(data: bpy.types.Camera) -> float:
    """Sensor size along the axis to which it is fitted, mm."""
    return data.sensor_height if data.sensor_fit == "VERTICAL" else data.sensor_width


def fitted_pixels(data: bpy.types.Camera, width: int, height: int) -> int:
    """Number of pixels along the axis to which the sensor is fitted."""
    return {"HORIZONTAL": width, "VERTICAL": height}.get(data.sensor_fit, max(width, height))


def camera_copy(scene: bpy.types.Scene) -> bpy.types.Object:
    """Copy the scene's camera as it stands in this frame, without parent, constraints, animation or drivers.

    The copy becomes the scene's active camera.

    Raises:
        InputError: the scene has no camera.
    """
    camera = camera_of(scene)
    evaluated = camera.evaluated_get(bpy.context.evaluated_depsgraph_get())
    pose = evaluated.matrix_world.copy()
    data = evaluated.data.original.copy()
    for name in (
        "lens",
        "sensor_width",
        "sensor_height",
        "ortho_scale",
        "shift_x",
        "shift_y",
        "clip_start",
        "clip_end",
    ):
        setattr(data, name, getattr(evaluated.data, name))  # as animated, at this frame
    data.animation_data_clear()
    copied = bpy.data.objects.new("holodriver camera", data)
    copied.matrix_world = pose
    scene.collection.objects.link(copied)
    scene.camera = copied
    return copied


def thin_lens(scene: bpy.types.Scene, *, near: float, far: float, mapping: Mapping | None, coc_max: float) -> ThinLens:
    """Replace the scene's camera by a thin lens.

    Raises:
        InputError: there is no camera, or the range or the mapping does not suit it.
    """
    camera = camera_copy(scene)
    fitting = mapping_of(camera)
    if mapping not in (None, fitting):
        kind = "an orthographic" if mapping == "linear" else "a perspective"
        raise InputError(
            f"mapping '{mapping}' needs {kind} camera, the scene's is {camera.data.type}",
            remedy=f"use mapping '{fitting}', or change the camera",
        )
    check_range(near, far, fitting)
    pixels = fitted_pixels(camera.data, scene.render.resolution_x, scene.render.resolution_y)
    return ThinLens(camera=camera, near=near, far=far, mapping=fitting, coc_max=coc_max, pixels=pixels)
