# SPDX-License-Identifier: GPL-3.0-or-later
"""Meshes of simple shapes, made without operators, which would need a window and a selection."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import bpy

# isort: split
import bmesh  # part of the bpy package; can be imported only after bpy
from mathutils import Matrix, Vector, noise

Point = Sequence[float]


def box(name: str, size: Point, *, bevel: float = 0.0) -> bpy.types.Object:
    """A box with side lengths `size`, centred on its origin, with rounded edges if `bevel` is above 0."""

    def build(mesh: bmesh.types.BMesh) -> None:
        bmesh.ops.create_cube(mesh, size=1.0, matrix=Matrix.Diagonal((*size, 1.0)))
        if bevel:
            bmesh.ops.bevel(mesh, geom=mesh.edges[:], offset=bevel, segments=3, profile=0.5, affect="EDGES")

    return _mesh_object(name, build, smooth=False)


def sphere(name: str, radius: float) -> bpy.types.Object:
    """A sphere centred on its origin."""
    return _mesh_object(name, lambda mesh: bmesh.ops.create_uvsphere(mesh, u_segments=64, v_segments=32, radius=radius))


def monkey(name: str, radius: float) -> bpy.types.Object:
    """Blender's monkey, smoothed, about `radius` from its origin; it looks along −y, with z up."""
    made = _mesh_object(name, lambda mesh: bmesh.ops.create_monkey(mesh, matrix=Matrix.Scale(radius, 4)))
    smoothing = made.modifiers.new("smooth", "SUBSURF")
    smoothing.levels = smoothing.render_levels = 2
    return made


def cone(name: str, radius: float, top: float, height: float, *, sides: int = 64) -> bpy.types.Object:
    """A cone along z, centred on its origin; a cylinder if `top` equals `radius`."""

    def build(mesh: bmesh.types.BMesh) -> None:
        bmesh.ops.create_cone(mesh, cap_ends=True, segments=sides, radius1=radius, radius2=top, depth=height)

    return _mesh_object(name, build, smooth=False)


def rods(name: str, ends: Sequence[tuple[Point, Point]], radius: float) -> bpy.types.Object:
    """Thin straight rods as one object, one rod between each pair of points."""

    def build(mesh: bmesh.types.BMesh) -> None:
        for start, end in ends:
            along = Vector(end) - Vector(start)
            turn = along.to_track_quat("Z", "Y").to_matrix().to_4x4()
            pose = Matrix.Translation((Vector(start) + Vector(end)) / 2) @ turn
            bmesh.ops.create_cone(
                mesh, cap_ends=True, segments=12, radius1=radius, radius2=radius, depth=along.length, matrix=pose
            )

    return _mesh_object(name, build)


def torus(name: str, radius: float, thickness: float) -> bpy.types.Object:
    """A ring round the z axis; `radius` is that of the centre line, `thickness` the radius of the tube."""
    around, across = 96, 32
    points = []
    for i in range(around):
        u = 2 * math.pi * i / around
        for j in range(across):
            v = 2 * math.pi * j / across
            reach = radius + thickness * math.cos(v)
            points.append((reach * math.cos(u), reach * math.sin(u), thickness * math.sin(v)))
    faces = [
        (
            i * across + j,
            (i + 1) % around * across + j,
            (i + 1) % around * across + (j + 1) % across,
            i * across + (j + 1) % across,
        )
        for i in range(around)
        for j in range(across)
    ]
    return _faces_object(name, points, faces)


def blade(name: str, length: float, width: float, bend: float) -> bpy.types.Object:
    """A leaf that rises along y from its origin, narrows to a tip and bends towards +z by `bend` (scene units)."""
    steps = 24
    points: list[Point] = []
    for i in range(steps + 1):
        s = i / steps
        half = width / 2 * math.sin(math.pi * min(1.0, 0.12 + 0.88 * s)) ** 0.8
        for side in (-1.0, 0.0, 1.0):
            points.append((side * half, length * s * (1 - 0.2 * s), bend * s**2 - abs(side) * half * 0.3))
    faces = [(3 * i + k, 3 * i + k + 1, 3 * i + k + 4, 3 * i + k + 3) for i in range(steps) for k in (0, 1)]
    return _faces_object(name, points, faces)


def perforated_plate(name: str, columns: int, rows: int, pitch: float, hole: float) -> bpy.types.Object:
    """A thin plate in x, y with a grid of round holes of radius `hole`, centred on its origin."""
    sides = 32  # a multiple of 8, so that a point of the hole faces each corner of its cell
    points: list[Point] = []
    faces: list[tuple[int, ...]] = []
    for column in range(columns):
        for row in range(rows):
            x, y = (column - (columns - 1) / 2) * pitch, (row - (rows - 1) / 2) * pitch
            first = len(points)
            for k in range(sides):
                angle = 2 * math.pi * k / sides
                c, s = math.cos(angle), math.sin(angle)
                reach = pitch / 2 / max(abs(c), abs(s))
                points += [(x + hole * c, y + hole * s, 0.0), (x + reach * c, y + reach * s, 0.0)]
            for k in range(sides):
                a, b = first + 2 * k, first + 2 * ((k + 1) % sides)
                faces.append((a, a + 1, b + 1, b))
    plate = _faces_object(name, points, faces)
    thickness = plate.modifiers.new("thickness", "SOLIDIFY")
    thickness.thickness, thickness.offset = pitch * 0.12, 0.0
    return plate


def tube(name: str, path: Sequence[Point], radius: float, *, closed: bool = False) -> bpy.types.Object:
    """A round wire of `radius` along the points of `path`; if `closed`, the end joins the start."""
    curve = bpy.data.curves.new(name, "CURVE")
    curve.dimensions = "3D"
    curve.bevel_depth, curve.bevel_resolution = radius, 3
    curve.use_fill_caps = True
    line = curve.splines.new("POLY")
    line.points.add(len(path) - 1)
    for knot, place in zip(line.points, path, strict=True):
        knot.co = (*place, 1.0)
    line.use_cyclic_u = closed
    line.use_smooth = True
    return bpy.data.objects.new(name, curve)


def turned(name: str, profile: Sequence[tuple[float, float]]) -> bpy.types.Object:
    """A body of rotation round the z axis; `profile` lists (radius, height) from end to end."""
    around = 48
    points = [
        (radius * math.cos(2 * math.pi * i / around), radius * math.sin(2 * math.pi * i / around), height)
        for radius, height in profile
        for i in range(around)
    ]
    faces = [
        (
            row * around + i,
            row * around + (i + 1) % around,
            (row + 1) * around + (i + 1) % around,
            (row + 1) * around + i,
        )
        for row in range(len(profile) - 1)
        for i in range(around)
    ]
    return _faces_object(name, points, faces)


def prism(name: str, outline: Sequence[tuple[float, float]], depth: float) -> bpy.types.Object:
    """A flat shape with the corners `outline` in x and y and the thickness `depth`, centred on its origin in z."""
    count = len(outline)
    points = [(x, y, z) for z in (-depth / 2, depth / 2) for x, y in outline]
    sides = [(i, (i + 1) % count, count + (i + 1) % count, count + i) for i in range(count)]
    made = _faces_object(name, points, [tuple(range(count))[::-1], tuple(range(count, 2 * count)), *sides])
    made.data.shade_flat()
    return made


def boulder(name: str, radius: float, roughness: float, *, facets: bool = False, seed: int = 0) -> bpy.types.Object:
    """A ball of about `radius` with a random relief.

    Args:
        roughness: approximate height of the relief, as a fraction of the radius.
        facets: make a few flat faces, like a crystal, instead of a smooth surface.
        seed: seed of the relief.
    """

    def build(mesh: bmesh.types.BMesh) -> None:
        bmesh.ops.create_icosphere(mesh, subdivisions=2 if facets else 4, radius=1.0)
        shift = Vector((seed * 7.13 % 97, seed * 3.71 % 89, seed * 1.37 % 83))  # somewhere else in the noise
        for vertex in mesh.verts:
            relief = noise.fractal(vertex.co * 1.3 + shift, 0.8, 2.1, 4)
            vertex.co *= radius * max(0.2, 1 + roughness * relief)

    return _mesh_object(name, build, smooth=not facets)


def text(name: str, body: str, size: float, depth: float) -> bpy.types.Object:
    """Raised letters in x, y, centred on their origin."""
    curve = bpy.data.curves.new(name, "FONT")
    curve.body = body
    curve.size, curve.extrude = size, depth
    curve.bevel_depth = depth * 0.15
    curve.align_x, curve.align_y = "CENTER", "CENTER"
    return bpy.data.objects.new(name, curve)


def _mesh_object(name: str, build: Callable[[bmesh.types.BMesh], Any], *, smooth: bool = True) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    work = bmesh.new()
    try:
        build(work)
        for face in work.faces:
            face.smooth = smooth
        work.to_mesh(mesh)
    finally:
        work.free()
    return bpy.data.objects.new(name, mesh)


def _faces_object(name: str, points: Sequence[Point], faces: Sequence[tuple[int, ...]]) -> bpy.types.Object:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([tuple(point) for point in points], [], list(faces))
    for face in mesh.polygons:
        face.use_smooth = True
    mesh.update()
    return bpy.data.objects.new(name, mesh)
