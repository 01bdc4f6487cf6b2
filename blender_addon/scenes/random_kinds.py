# SPDX-License-Identifier: GPL-3.0-or-later
"""Kinds of objects and textures for random scenes, in two sets (train and test) without a common member."""

import colorsys
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bpy
from mathutils import Matrix, Vector

from holodriver.scene.render_job import Split

from . import shapes
from .materials import Color, patterned, textured

_FINISHES = (0.6, 0.3, 0.1)  # shares of matte, shiny and metallic objects

_Range = tuple[float, float]
_Make = Callable[[str, float, random.Random], bpy.types.Object]


@dataclass(frozen=True)
class Kind:
    """A kind of object: the function that makes it, and its largest tilt."""

    split: Split
    make: _Make
    """Function that makes the object from a name, a radius (scene units) and a random generator."""
    lean: float = 180.0
    """Largest angle between the object's front and the direction to the camera, degrees."""


@dataclass(frozen=True)
class Texture:
    """A kind of texture: a node, its settings, and the ranges of its random numbers."""

    split: Split
    node: str
    scale: _Range
    colors: int = 3
    """Number of colours of the ramp."""
    own_colors: bool = False
    """Whether the node has its own colour inputs and no ramp."""
    output: str = "Fac"
    inputs: dict[str, _Range] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    turn: float = 0.0
    """Angle of a flat texture about the object's y axis, radians."""


def _box(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    return shapes.box(name, [size * chance.uniform(0.6, 1.5) for _ in range(3)], bevel=0.06 * size)


def _ball(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    return shapes.sphere(name, 0.85 * size)


def _cylinder(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    radius = size * chance.uniform(0.25, 0.8)
    return shapes.cone(name, radius, radius, size * chance.uniform(0.8, 1.8))


def _cone(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    return shapes.cone(name, 0.8 * size, 0.0, size * chance.uniform(1.2, 1.9), sides=chance.choice((3, 4, 6, 48)))


def _crystal(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    return shapes.boulder(name, 0.9 * size, 0.5, facets=True, seed=chance.randrange(10_000))


def _vase(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    neck, waves, phase = chance.uniform(0.25, 0.6), chance.uniform(0.7, 1.6), chance.uniform(0, 2 * math.pi)
    heights = [i / 20 for i in range(21)]
    wide = [neck + (0.8 - neck) * (0.5 + 0.5 * math.sin(phase + 2 * math.pi * waves * h)) for h in heights]
    return shapes.turned(
        name, [(0.0, -size), *((size * w, size * (2 * h - 1)) for w, h in zip(wide, heights, strict=True))]
    )


def _spring(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    turns, radius = chance.randint(3, 6), size * chance.uniform(0.4, 0.7)
    steps = 24 * turns
    path = [
        (radius * math.cos(2 * math.pi * i / 24), radius * math.sin(2 * math.pi * i / 24), size * (2 * i / steps - 1))
        for i in range(steps + 1)
    ]
    return shapes.tube(name, path, size * chance.uniform(0.06, 0.14))


def _fence(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    count = chance.randint(3, 6)
    bars = [(2 * i / (count - 1) - 1) * size for i in range(count)]
    ends = [((x, -size, 0.0), (x, size, 0.0)) for x in bars] + [((-size, y, 0.0), (size, y, 0.0)) for y in bars]
    return shapes.rods(name, ends, size * chance.uniform(0.04, 0.09))


def _gear(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    teeth = chance.randint(7, 14)
    corners = [
        (size * (1.0 if k % 4 in (0, 1) else 0.78), 2 * math.pi * (k + 0.5) / (4 * teeth)) for k in range(4 * teeth)
    ]
    outline = [(radius * math.cos(angle), radius * math.sin(angle)) for radius, angle in corners]
    return shapes.prism(name, outline, 0.3 * size)


def _stairs(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    steps = chance.randint(3, 6)
    outline = [(-size, -size), (size, -size)]
    for i in range(steps):
        x, y = size * (1 - 2 * i / steps), size * (2 * (i + 1) / steps - 1)
        outline += [(x, y), (x - 2 * size / steps, y)]
    return shapes.prism(name, [(0.8 * x, 0.8 * y) for x, y in outline[:-1]] + [(-0.8 * size, 0.8 * size)], size)


def _monkey(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    made = shapes.monkey(name, 0.85 * size)
    made.data.transform(Matrix.Rotation(math.radians(90), 4, "X"))  # z up becomes y up
    return made


def _ring(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    return shapes.torus(name, 0.8 * size, size * chance.uniform(0.1, 0.3))


def _plate(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    columns = chance.randint(4, 7)
    pitch = 2 * size / columns
    return shapes.perforated_plate(name, columns, chance.randint(3, columns), pitch, pitch * chance.uniform(0.26, 0.42))


def _sticks(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    ends = []
    for _ in range(chance.randint(3, 7)):
        along, aside = _direction(chance) * 1.6 * size, _direction(chance) * 0.5 * size
        ends.append((aside - along, aside + along))
    return shapes.rods(name, ends, size * chance.uniform(0.03, 0.08))


def _letters(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    body = chance.choice(("DEPTH", "focus 21", "WAVE", "nm 638", "Lens", "HOLO", "z 0.35", "LIGHT"))
    return shapes.text(name, body, 2.6 * size / len(body) ** 0.7, 0.08 * size)


def _knot(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    winds = chance.choice((3, 5, 7))
    path = []
    for i in range(160):
        u = 4 * math.pi * i / 160
        reach = 0.58 + 0.28 * math.cos(winds / 2 * u)
        path.append(tuple(size * c for c in (reach * math.cos(u), reach * math.sin(u), 0.28 * math.sin(winds / 2 * u))))
    return shapes.tube(name, path, size * chance.uniform(0.07, 0.14), closed=True)


def _star(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    points, waist = chance.randint(4, 9), chance.uniform(0.4, 0.7)
    outline = [
        (size * (waist if k % 2 else 1.0) * math.cos(angle), size * (waist if k % 2 else 1.0) * math.sin(angle))
        for k in range(2 * points)
        for angle in (math.pi * k / points,)
    ]
    return shapes.prism(name, outline, 0.35 * size)


def _leaf(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    made = shapes.blade(name, 2 * size, size * chance.uniform(0.4, 0.9), size * chance.uniform(0.2, 0.9))
    made.data.transform(Matrix.Translation((0.0, -0.8 * size, 0.0)))
    return made


def _boulder(name: str, size: float, chance: random.Random) -> bpy.types.Object:
    return shapes.boulder(name, 0.85 * size, chance.uniform(0.3, 0.6), seed=chance.randrange(10_000))


KINDS: dict[str, Kind] = {
    "box": Kind("train", _box),
    "ball": Kind("train", _ball),
    "cylinder": Kind("train", _cylinder),
    "cone": Kind("train", _cone),
    "crystal": Kind("train", _crystal),
    "vase": Kind("train", _vase),
    "spring": Kind("train", _spring),
    "fence": Kind("train", _fence, 60.0),
    "gear": Kind("train", _gear, 65.0),
    "stairs": Kind("train", _stairs),
    "monkey": Kind("test", _monkey, 70.0),
    "ring": Kind("test", _ring, 75.0),
    "perforated plate": Kind("test", _plate, 60.0),
    "sticks": Kind("test", _sticks),
    "letters": Kind("test", _letters, 35.0),
    "knot": Kind("test", _knot),
    "star": Kind("test", _star, 65.0),
    "leaf": Kind("test", _leaf, 60.0),
    "boulder": Kind("test", _boulder),
}
"""All kinds of objects by name, with the set of each."""

TEXTURES: dict[str, Texture] = {
    "clouds": Texture("train", "Noise", (3, 9), 4, inputs={"Detail": (2, 6)}, settings={"noise_type": "FBM"}),
    "checks": Texture("train", "Checker", (4, 12), 2, own_colors=True),
    "stripes": Texture("train", "Wave", (2, 7), inputs={"Distortion": (0, 6)}, settings={"wave_type": "BANDS"}),
    "spots": Texture("train", "Voronoi", (4, 12), output="Distance", settings={"feature": "F1"}),
    "mosaic": Texture(
        "train", "Voronoi", (6, 16), 4, output="Color", settings={"feature": "F1", "distance": "MANHATTAN"}
    ),
    "fade": Texture("train", "Wave", (0.3, 0.8), 4, settings={"wave_type": "BANDS", "wave_profile": "SAW"}),
    "bricks": Texture("test", "Brick", (4, 9), own_colors=True, inputs={"Mortar Size": (0.02, 0.06)}, turn=math.pi / 4),
    "magic": Texture("test", "Magic", (2, 6), 4, inputs={"Distortion": (0.8, 2)}, settings={"turbulence_depth": 3}),
    "crackle": Texture("test", "Voronoi", (4, 10), output="Distance", settings={"feature": "DISTANCE_TO_EDGE"}),
    "rings": Texture("test", "Wave", (2, 7), inputs={"Distortion": (0, 6)}, settings={"wave_type": "RINGS"}),
    "marble": Texture(
        "test", "Noise", (2, 6), 4, inputs={"Detail": (3, 8)}, settings={"noise_type": "RIDGED_MULTIFRACTAL"}
    ),
    "speckle": Texture(
        "test",
        "Noise",
        (8, 20),
        5,
        inputs={"Detail": (8, 12), "Roughness": (0.6, 0.8)},
        settings={"noise_type": "HETERO_TERRAIN"},
    ),
}
"""All kinds of textures by name, with the set of each."""


def random_material(name: str, split: str, chance: random.Random, *, coarser: float = 1.0) -> bpy.types.Material:
    """Make a material with a random texture of a set in random colours; the texture's kind begins the material's name.

    Args:
        name: end of the material's name.
        split: the set, "train" or "test".
        chance: random generator.
        coarser: size of the texture's features as a multiple of the size on objects.
    """
    kind = chance.choice([name for name, texture in TEXTURES.items() if texture.split == split])
    texture = TEXTURES[kind]
    make = patterned if texture.own_colors else textured
    options: dict[str, Any] = {"turn": texture.turn} if texture.own_colors else {"output": texture.output}
    specular, metallic = chance.choices(((0.0, 0.0), (0.5, 0.0), (0.5, 0.5)), _FINISHES)[0]
    return make(
        f"{kind} {name}",
        texture.node,
        _palette(texture.colors, chance),
        scale=chance.uniform(*texture.scale) / coarser,
        inputs={key: chance.uniform(*bounds) for key, bounds in texture.inputs.items()},
        settings=texture.settings,
        roughness=chance.uniform(0.4, 0.9),
        metallic=metallic,
        specular=specular,
        shift=[chance.uniform(-1, 1) for _ in range(3)],
        **options,
    )


def _palette(count: int, chance: random.Random) -> list[Color]:
    """Draw matching colours from dark to bright, in random order."""
    hue, spread = chance.random(), chance.uniform(0.05, 0.5)
    values = shuffled([0.03 + 0.75 * (k / (count - 1)) ** 1.5 for k in range(count)], chance)
    return [
        colorsys.hsv_to_rgb((hue + chance.uniform(0, spread)) % 1, chance.uniform(0.1, 0.9), value) for value in values
    ]


def _direction(chance: random.Random) -> Vector:
    return Vector([chance.gauss(0, 1) for _ in range(3)]).normalized()


def shuffled(values: list[Any], chance: random.Random) -> list[Any]:
    """Return `values` in random order."""
    return chance.sample(values, len(values))
