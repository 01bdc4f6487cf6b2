# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo scene: a still life that fills the whole depth range and is difficult for holograms.

The scene has textured objects at every depth, occlusions, holes, thin rods and leaves, a highlight, a floor through all
depths and a patterned wall at the far plane. Everything is generated from a seed.
"""

import math
import random

import bpy
from mathutils import Matrix, Vector

from holodriver.optics.focus import Mapping

from . import shapes
from .backdrop import WALL, Stage, add_camera, add_lamp, add_sky, add_wall, place
from .materials import patterned, plain, textured

_UPRIGHT = Matrix.Rotation(math.radians(-90), 4, "X")  # z up becomes y up


def build_demo(scene: bpy.types.Scene, *, mapping: Mapping = "linear", aspect: float = 1.0, seed: int = 0) -> None:
    """Fill an empty scene with the demo; the camera looks along −z from the origin, with y up.

    Args:
        scene: an empty scene.
        mapping: "linear" for the orthographic camera, "dioptric" for the perspective one.
        aspect: width over height of the image; objects move apart along its longer side.
        seed: seed of the positions and angles of small objects.
    """
    stage = Stage(mapping, aspect)
    chance = random.Random(seed)
    add_camera(scene, stage)
    _lights(scene)
    _room(scene, stage)
    _front(scene, stage)
    _middle(scene, stage, chance)
    _back(scene, stage, chance)


def _lights(scene: bpy.types.Scene) -> None:
    target = Vector((0.0, -0.2, -12.0))
    for name, where, size, power, color in (
        ("key", (-5.0, 4.6, -5.5), 4.0, 1500.0, (1.0, 0.84, 0.66)),
        ("spark", (-2.6, 3.4, -6.4), 0.6, 70.0, (1.0, 0.95, 0.88)),
        ("fill", (6.0, 1.5, -5.0), 5.0, 650.0, (0.62, 0.78, 1.0)),
        ("rim", (3.6, 4.6, -12.8), 2.0, 420.0, (0.70, 0.86, 1.0)),
    ):
        add_lamp(scene, name, Vector(where), target, size=size, power=power, color=color)
    add_sky(scene, (0.55, 0.68, 0.9), 0.5)


def _room(scene: bpy.types.Scene, stage: Stage) -> None:
    add_wall(
        scene,
        stage,
        textured(
            "wall",
            "Voronoi",
            ((0.01, 0.05, 0.09), (0.03, 0.20, 0.26), (0.12, 0.45, 0.48), (0.62, 0.80, 0.70)),
            scale=3.6,
            output="Distance",
            settings={"feature": "DISTANCE_TO_EDGE"},
            roughness=0.8,
        ),
    )
    front, back = stage.at(0.0, stage.floor(0.0), 0.0), stage.at(0.0, stage.floor(1.0), 1.0)
    along = back - front
    floor = shapes.box("floor", (WALL * max(1.0, stage.aspect), 0.06, along.length * 1.3))
    floor.location = (front + back) / 2 - Vector((0.0, 0.03, 0.0))
    floor.rotation_euler = (-along).to_track_quat("Z", "Y").to_euler()
    place(
        scene,
        floor,
        patterned("floor tiles", "Checker", ((0.55, 0.47, 0.36), (0.20, 0.13, 0.09)), scale=3.6, roughness=0.35),
    )


def _front(scene: bpy.types.Scene, stage: Stage) -> None:
    plate = shapes.perforated_plate("perforated plate", 6, 5, 0.23, 0.078)
    plate.location = stage.stands(-1.25, 0.60, 0.05)
    plate.rotation_euler = (0.0, math.radians(8), 0.0)
    place(scene, plate, plain("brass", (0.83, 0.55, 0.20), roughness=0.5, metallic=0.8))

    ring = shapes.torus("ring", 0.56, 0.13)
    ring.location = stage.stands(1.12, 0.69, 0.15)
    ring.rotation_euler = (math.radians(6), math.radians(-14), 0.0)
    wood = ((0.16, 0.055, 0.018), (0.45, 0.19, 0.06), (0.66, 0.36, 0.14))
    place(
        scene,
        ring,
        textured(
            "wood",
            "Wave",
            wood,
            scale=5.0,
            inputs={"Distortion": 5.0, "Detail": 3.0, "Detail Scale": 2.0},
            roughness=0.4,
        ),
    )

    rail = plain("steel", (0.75, 0.77, 0.80), roughness=0.5, metallic=0.6)
    start, end = stage.at(1.93, 0.42, 0.0), stage.at(-1.90, 0.86, 1.0)
    place(scene, shapes.rods("long rod", [(start, end)], 0.022), rail)


def _middle(scene: bpy.types.Scene, stage: Stage, chance: random.Random) -> None:
    ball = shapes.sphere("glossy ball", 0.43)
    ball.location = stage.stands(-0.12, 0.43, 0.30)
    place(
        scene,
        ball,
        textured(
            "lacquer",
            "Noise",
            ((0.30, 0.004, 0.006), (0.62, 0.02, 0.015), (0.80, 0.10, 0.04)),
            scale=6.0,
            output="Color",
            roughness=0.15,
        ),
    )

    leaf = textured(
        "leaf", "Noise", ((0.03, 0.16, 0.02), (0.16, 0.42, 0.06), (0.46, 0.62, 0.14)), scale=9.0, output="Color"
    )
    for number in range(7):
        turn = -0.75 + 1.5 * number / 6 + chance.uniform(-0.08, 0.08)
        green = shapes.blade(f"leaf {number}", chance.uniform(1.15, 1.55), 0.13, chance.uniform(0.15, 0.5))
        green.location = stage.stands(1.62 + chance.uniform(-0.06, 0.06), -0.02, 0.40 + 0.02 * (number % 3))
        green.rotation_euler = (0.0, chance.uniform(-0.5, 0.5), -turn * 0.6)
        place(scene, green, leaf)

    cube = shapes.box("brick cube", (0.86, 0.86, 0.86), bevel=0.02)
    cube.location = stage.stands(-1.22, 0.46, 0.50)
    cube.rotation_euler = (0.12, math.radians(32 + chance.uniform(-6, 6)), 0.0)
    place(
        scene,
        cube,
        patterned(
            "brick",
            "Brick",
            ((0.52, 0.13, 0.06), (0.70, 0.26, 0.12), (0.72, 0.68, 0.60)),
            scale=7.0,
            inputs={"Mortar Size": 0.03},
            turn=math.radians(45),
        ),
    )

    head = shapes.monkey("monkey", 0.52)
    head.location = stage.stands(0.28, 1.35, 0.56)
    head.rotation_euler = (math.radians(4), math.radians(-18), 0.0)
    head.data.transform(_UPRIGHT)
    place(
        scene,
        head,
        textured(
            "glaze",
            "Voronoi",
            ((0.02, 0.10, 0.32), (0.05, 0.40, 0.62), (0.55, 0.80, 0.82)),
            scale=11.0,
            output="Distance",
            roughness=0.3,
        ),
    )
    pedestal = shapes.cone("pedestal", 0.30, 0.24, 0.86)
    pedestal.data.transform(_UPRIGHT)
    pedestal.location = stage.stands(0.28, 0.43, 0.58)
    place(scene, pedestal, plain("plaster", (0.72, 0.69, 0.63), roughness=0.7))


def _back(scene: bpy.types.Scene, stage: Stage, chance: random.Random) -> None:
    drum = shapes.cone("checkered drum", 0.36, 0.36, 1.05)
    drum.data.transform(_UPRIGHT)
    drum.location = stage.stands(1.10, 0.52, 0.70)
    place(scene, drum, patterned("checks", "Checker", ((0.86, 0.80, 0.62), (0.05, 0.05, 0.07)), scale=8.0))

    peak = shapes.cone("magic cone", 0.44, 0.0, 1.35)
    peak.data.transform(_UPRIGHT)
    peak.location = stage.stands(-0.55, 0.66, 0.80)
    place(
        scene,
        peak,
        textured(
            "magic",
            "Magic",
            ((0.30, 0.04, 0.38), (0.80, 0.25, 0.45), (0.98, 0.78, 0.35)),
            scale=3.4,
            inputs={"Distortion": 1.6},
            settings={"turbulence_depth": 3},
        ),
    )

    title = shapes.text("letters", "HOLO", 0.62, 0.05)
    title.location = stage.at(-0.95, 1.50, 0.88)
    place(scene, title, plain("ivory", (0.90, 0.80, 0.55), roughness=0.45))
    small = shapes.text("small letters", "near  0 1 2 3 4 5 6 7 8 9  far", 0.15, 0.01)
    small.location = stage.at(-0.95, 1.10, 0.90)
    place(scene, small, plain("chalk", (0.92, 0.92, 0.88), roughness=0.8))

    thread = plain("thread", (0.85, 0.82, 0.75), roughness=0.6)
    glass = textured(
        "ornament", "Wave", ((0.85, 0.62, 0.10), (0.98, 0.92, 0.70)), scale=9.0, roughness=0.4, metallic=0.7
    )
    for x, y, t in ((-1.72, 0.35, 0.20), (0.95, 0.95, 0.36), (1.55, 1.25, 0.78)):
        y += chance.uniform(-0.05, 0.05)
        bead = shapes.sphere("ornament", 0.15)
        bead.location = stage.at(x, y, t)
        place(scene, bead, glass)
        top = stage.at(x, 2.3, t)
        place(scene, shapes.rods("thread", [(bead.location, top)], 0.010), thread)
