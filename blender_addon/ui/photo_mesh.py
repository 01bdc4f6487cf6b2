# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a mesh of a photo with depth: each point of the picture is put at its depth on the camera's ray.

Rendered from the camera that is made with it, the mesh gives the photo and its depth again.
"""

from pathlib import Path

import bpy
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.focus import metric_depth

Floats = NDArray[np.float32]

SENSOR_MM = 36.0

SIDE_BY_SIDE = "_rgbd_lr"
"""End of the name of a picture with colour in the left half and depth in the right half."""


def read_depth(path: Path) -> Floats:
    """Read normalised depth (H, W), 0 near, top row first, from a grey picture in which white is near.

    Depth is the right half of a side-by-side picture.

    Raises:
        InputError: the file is not a picture that Blender can read.
    """
    try:
        image = bpy.data.images.load(str(path))
    except RuntimeError as error:
        raise InputError("is not a picture that Blender can read", where=path) from error
    try:
        image.colorspace_settings.name = "Non-Color"
        width, height = image.size
        if not width or not height:
            raise InputError("is not a picture that Blender can read", where=path)
        levels = np.empty(width * height * image.channels, np.float32)
        image.pixels.foreach_get(levels)
        grey = levels.reshape(height, width, image.channels)[..., 0]
    finally:
        bpy.data.images.remove(image)
    if is_side_by_side(path):
        grey = grey[:, width // 2 :]
    return np.ascontiguousarray(1 - np.clip(grey[::-1], 0, 1))


def is_side_by_side(path: Path) -> bool:
    """Whether a picture's name says that its right half is depth."""
    return path.stem.endswith(SIDE_BY_SIDE)


def sampled(depth: Floats, longest: int) -> Floats:
    """Depth at the points of a grid from edge to edge of the picture, with `longest` points along the longer side."""
    height, width = depth.shape
    scale = min(1.0, longest / max(height, width))
    rows, columns = max(2, round(height * scale)), max(2, round(width * scale))
    # the first pixel's centre is half a pixel inside the edge
    y = np.clip(np.linspace(0, 1, rows) * height - 0.5, 0, height - 1)
    x = np.clip(np.linspace(0, 1, columns) * width - 0.5, 0, width - 1)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    v, u = (y - top)[:, None], (x - left)[None]
    upper = depth[top][:, left] * (1 - u) + depth[top][:, right] * u
    lower = depth[bottom][:, left] * (1 - u) + depth[bottom][:, right] * u
    return np.asarray(upper * (1 - v) + lower * v, np.float32)


def build_photo(
    scene: bpy.types.Scene,
    photo: Path,
    depth_path: Path,
    *,
    near: float,
    far: float,
    lens: float = 50.0,
    longest: int = 512,
) -> bpy.types.Object:
    """Add a photo with depth to the scene: a mesh, and a perspective camera from which it looks like the photo.

    Args:
        photo: sRGB picture, or side-by-side picture, whose left half is used. A picture in Blender's temporary folder
            is packed into the file.
        depth_path: grey picture, white near, linear in dioptres between `near` and `far`.
        near, far: distances from the camera, scene units, both finite.
        lens: focal length of a camera with a 36 mm wide sensor, mm.
        longest: number of points of the mesh along its longer side.

    Returns:
        The mesh; the camera is its parent.

    Raises:
        InputError: a picture cannot be read, or the two differ in shape.
    """
    depth = read_depth(depth_path)
    part = 0.5 if is_side_by_side(photo) else 1.0
    image, width, height = _picture(photo, part, depth_path, depth)
    grid = sampled(depth, longest)
    name = photo.stem.removesuffix(SIDE_BY_SIDE)
    mesh = _mesh(name, grid, width / height, near, far, lens, part)
    mesh.materials.append(_material(name, image))
    placed = bpy.data.objects.new(name, mesh)
    camera = _camera(name, lens, near, far)
    placed.parent = camera
    for each in (camera, placed):
        scene.collection.objects.link(each)
    return placed


def _picture(photo: Path, part: float, depth_path: Path, depth: Floats) -> tuple[bpy.types.Image, int, int]:
    """Load the picture, packed if it lies in the temporary folder; return it and its photo part's size, pixels."""
    known = len(bpy.data.images)
    try:
        image = bpy.data.images.load(str(photo), check_existing=True)
    except RuntimeError as error:
        raise InputError("is not a picture that Blender can read", where=photo) from error
    try:
        width, height = int(image.size[0] * part), image.size[1]
        if not width or not height:
            raise InputError("is not a picture that Blender can read", where=photo)
        if abs(width / height - depth.shape[1] / depth.shape[0]) > 0.02 * width / height:
            raise InputError(
                f"depth is {depth.shape[1]} × {depth.shape[0]}, the picture {width} × {height}", where=depth_path
            )
    except InputError:
        if len(bpy.data.images) > known:
            bpy.data.images.remove(image)
        raise
    if Path(bpy.app.tempdir) in photo.parents and image.packed_file is None:
        image.pack()
    return image, width, height


def _mesh(name: str, grid: Floats, aspect: float, near: float, far: float, lens: float, part: float) -> bpy.types.Mesh:
    rows, columns = grid.shape
    z = np.asarray(metric_depth(grid, near, far, "dioptric"), np.float32)
    widest = max(1.0, aspect)
    u = np.linspace(-0.5, 0.5, columns, dtype=np.float32)[None] * (aspect / widest)
    v = np.linspace(0.5, -0.5, rows, dtype=np.float32)[:, None] / widest
    points = np.stack([u * z * (SENSOR_MM / lens), v * z * (SENSOR_MM / lens), -z], axis=-1)
    index = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    quads = np.stack([index[1:, :-1], index[1:, 1:], index[:-1, 1:], index[:-1, :-1]], axis=-1).reshape(-1, 4)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add(rows * columns)
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.ravel())
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    across, down = np.meshgrid(np.linspace(0, part, columns), np.linspace(1, 0, rows))
    places = np.stack([across, down], axis=-1).reshape(-1, 2).astype(np.float32)
    mesh.update(calc_edges=True)
    layer = mesh.uv_layers.new(name="photo")
    layer.data.foreach_set("uv", places[quads.ravel()].ravel())
    mesh.validate()
    return mesh


def _material(name: str, image: bpy.types.Image) -> bpy.types.Material:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5.0 a new material has no nodes
        material.use_nodes = True
    tree = material.node_tree
    tree.nodes.clear()
    texture = tree.nodes.new("ShaderNodeTexImage")
    texture.image, texture.extension = image, "EXTEND"
    emission = tree.nodes.new("ShaderNodeEmission")  # a photo contains its own lighting
    tree.links.new(texture.outputs["Color"], emission.inputs["Color"])
    tree.links.new(emission.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs["Surface"])
    return material


def _camera(name: str, lens: float, near: float, far: float) -> bpy.types.Object:
    data = bpy.data.cameras.new(f"{name} camera")
    data.lens, data.sensor_width, data.sensor_fit = lens, SENSOR_MM, "AUTO"
    data.clip_start, data.clip_end = near / 10, far * 10
    return bpy.data.objects.new(f"{name} camera", data)
