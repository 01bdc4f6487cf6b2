# SPDX-License-Identifier: GPL-3.0-or-later
"""Procedural materials, made of a texture node, a colour ramp and a principled shader."""

from collections.abc import Sequence
from typing import Any

import bpy

Color = tuple[float, float, float]
"""Red, green and blue in linear light, 0 to 1."""


def textured(
    name: str,
    texture: str,
    colors: Sequence[Color],
    *,
    scale: float,
    output: str = "Fac",
    inputs: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    roughness: float = 0.6,
    metallic: float = 0.0,
    specular: float = 0.5,
    bump: float = 0.0,
    shift: Sequence[float] = (0.0, 0.0, 0.0),
) -> bpy.types.Material:
    """Make a material that a texture colours through a ramp of equally spaced `colors`.

    Args:
        texture: name of the texture node without "ShaderNodeTex", such as "Noise".
        scale: scale of the texture, per scene unit of the object's coordinates.
        output: name of the texture's output that drives the ramp.
        inputs: values of further inputs of the texture node, by name.
        settings: attributes of the texture node.
        specular: specular reflection; 0 is matte and renders faster.
        bump: strength of the relief that follows the texture, 0 for none.
        shift: offset of the texture, scene units.
    """
    material, shader = _principled(name, roughness, metallic, specular)
    tree = material.node_tree
    node = _texture(tree, texture, scale, inputs, settings, shift=shift)
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    elements = ramp.color_ramp.elements
    while len(elements) < len(colors):
        elements.new(0.5)
    for place, (element, color) in enumerate(zip(elements, colors, strict=True)):
        element.position = place / (len(colors) - 1)
        element.color = (*color, 1.0)
    # the socket is called "Fac" in Blender 4 and "Factor" in Blender 5
    source = node.outputs.get(output) or node.outputs["Factor"]
    tree.links.new(source, ramp.inputs[0])
    tree.links.new(ramp.outputs[0], shader.inputs["Base Color"])
    if bump:
        relief = tree.nodes.new("ShaderNodeBump")
        relief.inputs["Strength"].default_value = bump
        relief.inputs["Distance"].default_value = 0.05
        tree.links.new(source, relief.inputs["Height"])
        tree.links.new(relief.outputs[0], shader.inputs["Normal"])
    return material


def patterned(
    name: str,
    texture: str,
    colors: Sequence[Color],
    *,
    scale: float,
    inputs: dict[str, Any] | None = None,
    settings: dict[str, Any] | None = None,
    turn: float = 0.0,
    roughness: float = 0.6,
    metallic: float = 0.0,
    specular: float = 0.5,
    shift: Sequence[float] = (0.0, 0.0, 0.0),
) -> bpy.types.Material:
    """Make a material with a texture that has its own colour inputs, such as "Brick" or "Checker".

    Args:
        colors: colours of the inputs "Color1", "Color2" and "Mortar", as far as the texture has them.
        specular: specular reflection; 0 is matte and renders faster.
        turn: angle of the texture about the object's y axis, radians; on a box, a flat texture such as "Brick" needs a
            turn, or some sides would cut it edge-on.
        shift: offset of the texture, scene units.
    """
    material, shader = _principled(name, roughness, metallic, specular)
    tree = material.node_tree
    node = _texture(tree, texture, scale, inputs, settings, turn=turn, shift=shift)
    sockets = ("Color1", "Color2", "Mortar")
    for socket, color in zip(sockets, colors, strict=False):
        node.inputs[socket].default_value = (*color, 1.0)
    tree.links.new(node.outputs["Color"], shader.inputs["Base Color"])
    return material


def plain(name: str, color: Color, *, roughness: float = 0.5, metallic: float = 0.0) -> bpy.types.Material:
    """Make a material of one colour."""
    material, shader = _principled(name, roughness, metallic)
    shader.inputs["Base Color"].default_value = (*color, 1.0)
    return material


def _principled(
    name: str, roughness: float, metallic: float, specular: float = 0.5
) -> tuple[bpy.types.Material, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    if material.node_tree is None:  # before Blender 5.0 a new material has no nodes
        material.use_nodes = True
    shader = next(node for node in material.node_tree.nodes if node.type == "BSDF_PRINCIPLED")
    shader.inputs["Roughness"].default_value = roughness
    shader.inputs["Metallic"].default_value = metallic
    shader.inputs["Specular IOR Level"].default_value = specular
    return material, shader


def _texture(
    tree: bpy.types.NodeTree,
    texture: str,
    scale: float,
    inputs: dict[str, Any] | None,
    settings: dict[str, Any] | None,
    *,
    turn: float = 0.0,
    shift: Sequence[float] = (0.0, 0.0, 0.0),
) -> bpy.types.Node:
    node = tree.nodes.new(f"ShaderNodeTex{texture}")
    for key, value in (settings or {}).items():
        setattr(node, key, value)
    node.inputs["Scale"].default_value = scale
    for key, value in (inputs or {}).items():
        node.inputs[key].default_value = value
    coordinates = tree.nodes.new("ShaderNodeTexCoord")
    mapping = tree.nodes.new("ShaderNodeMapping")
    mapping.inputs["Location"].default_value = tuple(shift)
    mapping.inputs["Rotation"].default_value = (0.0, turn, 0.0)
    tree.links.new(coordinates.outputs["Object"], mapping.inputs["Vector"])
    tree.links.new(mapping.outputs[0], node.inputs["Vector"])
    return node
