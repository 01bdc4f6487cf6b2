# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of procedural scenes: depth range, camera, lamps, wall, and the placing of objects."""

from dataclasses import dataclass

import bpy
from mathutils import Vector

from holodriver.optics.focus import Mapping, metric_depth

from . import shapes
from .materials import Color

NEAR, FAR = 10.0, 14.0
"""Distances of the near and the far focal plane from the camera, scene units."""

VIEW = 4.0
"""Side of the square that the camera sees, scene units; for a perspective camera, at normalised depth 0.5."""

_SENSOR_MM = 36.0
WALL = 14.0  # side, scene units
_FLOOR = (-1.98, -0.55)  # height of the floor at t = 0 and t = 1, scene units


@dataclass(frozen=True)
class Stage:
    """Conversion from the view to scene coordinates: x, y as seen in a square view (−2 to 2), t normalised depth."""

    mapping: Mapping
    aspect: float
    """Width over height of the image."""

    def depth(self, t: float) -> float:
        return float(metric_depth(t, NEAR, FAR, self.mapping))

    def spread(self, t: float) -> float:
        """Length in the scene, scene units, of one unit of x or y at normalised depth t."""
        return 1.0 if self.mapping == "linear" else self.depth(t) / self.depth(0.5)

    def at(self, x: float, y: float, t: float) -> Vector:
        scale = self.spread(t)
        return Vector((x * max(1.0, self.aspect) * scale, y * max(1.0, 1 / self.aspect) * scale, -self.depth(t)))

    def floor(self, t: float) -> float:
        """Height y of the floor, as seen in the view, at normalised depth t."""
        return _FLOOR[0] + (_FLOOR[1] - _FLOOR[0]) * t

    def stands(self, x: float, above: float, t: float) -> Vector:
        """Position at height `above` (scene units) over the floor."""
        place = self.at(x, self.floor(t), t)
        place.y += above
        return place


def add_camera(scene: bpy.types.Scene, stage: Stage) -> None:
    """Add a camera at the origin that looks along −z, with y up, and sees a square of side `VIEW`."""
    data = bpy.data.cameras.new("camera")
    data.sensor_fit = "VERTICAL" if stage.aspect > 1 else "HORIZONTAL"  # the square stays in view at any aspect
    data.sensor_width = data.sensor_height = _SENSOR_MM
    if stage.mapping == "linear":
        data.type, data.ortho_scale = "ORTHO", VIEW
    else:
        data.lens = _SENSOR_MM * stage.depth(0.5) / VIEW
    data.clip_end = 100.0
    scene.camera = bpy.data.objects.new("camera", data)
    scene.collection.objects.link(scene.camera)


def add_lamp(
    scene: bpy.types.Scene, name: str, where: Vector, target: Vector, *, size: float, power: float, color: Color
) -> None:
    """Add a square lamp of side `size` (scene units) and `power` (W) at `where`, directed at `target`."""
    light = bpy.data.lights.new(name, "AREA")
    light.energy, light.size, light.color = power, size, color
    lamp = bpy.data.objects.new(name, light)
    lamp.location = where
    lamp.rotation_euler = (target - where).to_track_quat("-Z", "Y").to_euler()
    scene.collection.objects.link(lamp)


def add_sky(scene: bpy.types.Scene, color: Color, strength: float) -> None:
    """Add uniform light from all directions."""
    world = bpy.data.worlds.new("world")
    if world.node_tree is None:  # before Blender 5.0 a new world has no nodes
        world.use_nodes = True
    surface = next(node for node in world.node_tree.nodes if node.type == "BACKGROUND")
    surface.inputs["Color"].default_value = (*color, 1.0)
    surface.inputs["Strength"].default_value = strength
    scene.world = world


def add_wall(scene: bpy.types.Scene, stage: Stage, material: bpy.types.Material) -> None:
    """Add a wall wider than the view, whose face lies in the far plane."""
    wall = shapes.box("wall", (WALL * max(1.0, stage.aspect), WALL * max(1.0, 1 / stage.aspect), 0.1))
    wall.location = (0.0, 0.0, -FAR - 0.05)
    place(scene, wall, material)


def place(scene: bpy.types.Scene, made: bpy.types.Object, material: bpy.types.Material) -> None:
    """Add the object `made` to the scene and give it `material`."""
    made.data.materials.append(material)
    scene.collection.objects.link(made)
