# SPDX-License-Identifier: GPL-3.0-or-later
"""Random scenes for evaluation and for training: many textured objects at all depths, from a seed.

The scenes follow the paper's Methods, "Generation of the training dataset": lamps of random colour, position and power
that overexpose nothing, and objects placed so that the depths of all pixels except the background are spread evenly
from t = 0 to 1. The kinds of objects and textures form two sets, and a scene uses only one of them, so that evaluation
shows no kind that was trained on.
"""

import colorsys
import math
import random
from dataclasses import dataclass

import bpy
import numpy as np
from mathutils import Matrix, Quaternion, Vector
from mathutils.bvhtree import BVHTree
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping, normalised_depth
from holodriver.scene.render_job import SPLITS

from .backdrop import FAR, NEAR, VIEW, Stage, add_camera, add_lamp, add_sky, add_wall, place
from .random_kinds import KINDS, Kind, random_material, shuffled

COVER = 0.7
"""Share of the view that objects cover, 0 to 1; the rest is background."""

FEWEST, MOST = 15, 40
"""Smallest and largest number of objects in a scene."""

_GRID = 64  # rays along a side of the view, for the depth histogram
_BINS = 10  # bins of the depth histogram
_PLACES = 10  # positions tried for each object
_SIZES = (0.68, 0.22)  # radius of the first and of the last object, scene units
_POWER = 1100.0  # power of all lamps together, W
_TARGET = Vector((0.0, 0.0, -(NEAR + FAR) / 2))


def build_random(
    scene: bpy.types.Scene, *, mapping: Mapping = "linear", aspect: float = 1.0, seed: int = 0, split: str = "test"
) -> None:
    """Fill an empty scene with random objects; the camera looks along −z from the origin, with y up.

    Args:
        scene: an empty scene.
        mapping: "linear" for the orthographic camera, "dioptric" for the perspective one.
        aspect: width over height of the image.
        seed: seed of all random choices.
        split: set of the kinds of objects and textures, "train" or "test".

    Raises:
        InputError: there is no such set.
    """
    if split not in SPLITS:
        raise InputError(f"split is {split!r}, expected 'train' or 'test'")
    chance = random.Random(f"{split} {seed}")
    stage = Stage(mapping, aspect)
    add_camera(scene, stage)
    _lights(scene, stage, chance)
    add_wall(scene, stage, random_material("background", split, chance, coarser=1.6))
    view = _View(stage)
    kinds = shuffled([name for name, kind in KINDS.items() if kind.split == split], chance)
    for number in range(MOST):
        if number >= FEWEST and view.cover > 0.97 * COVER:
            break
        name = kinds[number % len(kinds)]
        size = chance.uniform(0.75, 1.25) * (_SIZES[0] + (_SIZES[1] - _SIZES[0]) * number / MOST)
        made = KINDS[name].make(f"{name} {number}", size, chance)
        place(scene, made, random_material(str(number), split, chance))
        _settle(scene, made, KINDS[name], view, chance)


def _settle(scene: bpy.types.Scene, made: bpy.types.Object, kind: Kind, view: "_View", chance: random.Random) -> None:
    """Place an object at the one of several random positions that makes the view's depths most even."""
    solid = _Solid.of(made)
    best: tuple[float, Matrix, NDArray[np.float64]] | None = None
    for _ in range(_PLACES):
        pose = _pose(solid, kind, view.stage, chance)
        depth = view.with_thing(solid, pose)
        uneven = _unevenness(depth)
        if best is None or uneven < best[0]:
            best = uneven, pose, depth
    assert best is not None
    _, made.matrix_world, view.depth = best


def _pose(solid: "_Solid", kind: Kind, stage: Stage, chance: random.Random) -> Matrix:
    """Random pose in view; parts behind the wall are hidden, and no part is nearer than the near plane."""
    if kind.lean < 180:
        angle = chance.uniform(0, 2 * math.pi)
        lean = Quaternion((math.cos(angle), math.sin(angle), 0.0), math.radians(chance.uniform(0, kind.lean)))
        turn = lean @ Quaternion((0.0, 0.0, 1.0), math.radians(chance.uniform(-40, 40)))
    else:
        turn = Quaternion([chance.gauss(0, 1) for _ in range(4)]).normalized()
    reach = float((solid.points @ np.array(turn.to_matrix())[2]).max())
    front = chance.uniform(0, 1)  # normalised depth of the object's nearest point
    spot = stage.at(chance.uniform(-1.9, 1.9), chance.uniform(-1.9, 1.9), front)
    spot.z = max(spot.z - reach, -FAR)
    spot.z = min(spot.z, -NEAR - reach - 1e-3)
    return Matrix.Translation(spot) @ turn.to_matrix().to_4x4()


@dataclass(frozen=True)
class _Solid:
    """Surface of an object in its local coordinates, for intersection with rays."""

    points: NDArray[np.float64]
    tree: BVHTree

    @classmethod
    def of(cls, made: bpy.types.Object) -> "_Solid":
        evaluated = made.evaluated_get(bpy.context.evaluated_depsgraph_get())
        mesh = evaluated.to_mesh()
        points = np.empty((len(mesh.vertices), 3), np.float32)
        mesh.vertices.foreach_get("co", points.ravel())
        tree = BVHTree.FromPolygons(points.tolist(), [tuple(face.vertices) for face in mesh.polygons])
        evaluated.to_mesh_clear()
        return cls(points.astype(np.float64), tree)


class _View:
    """Normalised depth of the objects placed so far, as the camera sees them, on a coarse grid; 1 is the background."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.depth = np.ones((_GRID, _GRID))
        self._near, self._far = stage.at(1.0, 1.0, 0.0), stage.at(1.0, 1.0, 1.0)

    @property
    def cover(self) -> float:
        """Share of the view that is not background, 0 to 1."""
        return float((self.depth < 1).mean())

    def with_thing(self, solid: _Solid, pose: Matrix) -> NDArray[np.float64]:
        """Normalised depths of the grid after adding one object."""
        depth = self.depth.copy()
        rows, columns = self._extent(solid, pose)
        back = pose.inverted()
        turn = back.to_3x3()
        hits = []
        for row in rows:
            for column in columns:
                spot = Vector((_centre(column), _centre(row), 1.0))  # argument of `Stage.at`, which is linear in it
                start = self._near * spot
                hit = solid.tree.ray_cast(back @ start, turn @ (self._far * spot - start))[0]
                if hit is not None:
                    hits.append((row, column, -(pose @ hit).z))
        if hits:
            i, j, z = np.array(hits).T
            t = np.minimum(normalised_depth(z, NEAR, FAR, self.stage.mapping), 1)
            cells = i.astype(int), j.astype(int)
            depth[cells] = np.minimum(depth[cells], t)
        return depth

    def _extent(self, solid: _Solid, pose: Matrix) -> tuple[range, range]:
        """Rows and columns of the grid that an object may cover."""
        points = solid.points @ np.array(pose.to_3x3()).T + np.array(pose.translation)
        scale = 1.0 if self.stage.mapping == "linear" else -points[:, 2] / self.stage.depth(0.5)
        found = []
        for axis, wide in ((1, max(1.0, 1 / self.stage.aspect)), (0, max(1.0, self.stage.aspect))):
            cells = (points[:, axis] / (wide * scale) / VIEW + 0.5) * _GRID
            low, high = math.floor(cells.min()), math.ceil(cells.max())
            found.append(range(min(max(low, 0), _GRID), min(max(high, 0), _GRID)))
        return found[0], found[1]


def _centre(index: int) -> float:
    """Coordinate of a row or column of the grid in the view, −2 to 2."""
    return ((index + 0.5) / _GRID - 0.5) * VIEW


def _unevenness(depth: NDArray[np.float64]) -> float:
    """Deviation of the depth histogram from an even one, without the background."""
    share = np.histogram(depth[depth < 1], bins=_BINS, range=(0, 1))[0] / depth.size
    return float(((share - COVER / _BINS) ** 2).sum())


def _lights(scene: bpy.types.Scene, stage: Stage, chance: random.Random) -> None:
    shares = [chance.uniform(0.3, 1.0) for _ in range(chance.randint(2, 3))]
    for number, share in enumerate(shares):
        around, up = chance.uniform(0, 2 * math.pi), chance.uniform(0.3, 0.75)  # z of the direction to the lamp
        aside = math.sqrt(1 - up**2)
        way = Vector((aside * math.cos(around), aside * math.sin(around), up))
        where = _TARGET + 8.0 * way
        where.x *= max(1.0, stage.aspect)  # out of view
        where.y *= max(1.0, 1 / stage.aspect)
        color = colorsys.hsv_to_rgb(chance.random(), chance.uniform(0, 0.5), 1.0)
        # lamps have a size: reflections of small lamps would be far brighter than everything else
        size, power = chance.uniform(2.0, 3.5), _POWER * chance.uniform(0.8, 1.0) * share / sum(shares)
        add_lamp(scene, f"lamp {number}", where, _TARGET, size=size, power=power, color=color)
    add_sky(scene, colorsys.hsv_to_rgb(chance.random(), chance.uniform(0, 0.4), 1.0), chance.uniform(0.08, 0.2))
