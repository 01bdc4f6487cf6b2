"""Scenes with a known answer, for the tests; runs inside Blender and writes a .blend file.

    blender --background --python scenes.py -- NAME FILE ARGUMENTS

The camera stands at the origin and looks along −z with y up, so that metric depth is −z.
"""

import math
import os
import sys
from pathlib import Path

import bpy

# isort: split
import bmesh  # the bpy package brings it, and only once it is imported
from mathutils import Matrix

VIEW = 4.0
LENS, SENSOR = 50.0, 36.0
SHIFT = (0.1, -0.06)
"""Of the camera "shift", fractions of the view along the fitted axis."""


def camera(kind: str) -> None:
    data = bpy.data.cameras.new("camera")
    data.clip_start, data.clip_end = 0.01, 1e6
    if kind == "ortho":
        data.type, data.ortho_scale = "ORTHO", VIEW
    else:
        data.lens, data.sensor_width = LENS, SENSOR
    if kind == "shift":
        data.shift_x, data.shift_y = SHIFT
    bpy.context.scene.camera = bpy.data.objects.new("camera", data)
    bpy.context.scene.collection.objects.link(bpy.context.scene.camera)


def half_width(kind: str, depth: float) -> float:
    """Half of what a square view shows at a depth."""
    return VIEW / 2 if kind == "ortho" else depth * SENSOR / LENS / 2


def middle(kind: str, depth: float) -> tuple[float, float]:
    """Where the middle of the view is at a depth."""
    x, y = SHIFT if kind == "shift" else (0.0, 0.0)
    return x * 2 * half_width(kind, depth), y * 2 * half_width(kind, depth)


def material(name: str, radiance: float) -> bpy.types.Material:
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    made.node_tree.nodes.clear()
    emission = made.node_tree.nodes.new("ShaderNodeEmission")
    emission.inputs["Strength"].default_value = radiance
    output = made.node_tree.nodes.new("ShaderNodeOutputMaterial")
    made.node_tree.links.new(emission.outputs[0], output.inputs["Surface"])
    return made


def world(radiance: float) -> None:
    made = bpy.data.worlds.new("world")
    made.use_nodes = True
    background = next(node for node in made.node_tree.nodes if node.type == "BACKGROUND")
    background.inputs["Color"].default_value = (1.0, 1.0, 1.0, 1.0)
    background.inputs["Strength"].default_value = radiance
    bpy.context.scene.world = made


def mesh(name: str, points: list, faces: list, paint: bpy.types.Material) -> bpy.types.Object:
    made = bpy.data.meshes.new(name)
    made.from_pydata(points, [], faces)
    made.materials.append(paint)
    placed = bpy.data.objects.new(name, made)
    bpy.context.scene.collection.objects.link(placed)
    return placed


def points(kind: str, columns: str, rows: str, radius_px: str, width: str, *depths: str) -> None:
    """Small emissive spheres, one a cell of a grid over the view, at the given depths, row by row from the top left.

    `width` counts the pixels of the longer side.
    """
    camera(kind)
    world(0.0)
    n, m, pixels = int(columns), int(rows), int(width)
    light = material("light", 1.0)
    for number, depth in enumerate(float(text) for text in depths):
        half = half_width(kind, depth)
        cell = 2 * half / max(n, m)
        x, y = middle(kind, depth)
        x += (number % n + 0.5 - n / 2) * cell
        y += (m / 2 - number // n - 0.5) * cell
        made, work = bpy.data.meshes.new("point"), bmesh.new()
        bmesh.ops.create_icosphere(work, subdivisions=3, radius=float(radius_px) * 2 * half / pixels)
        work.to_mesh(made)
        work.free()
        made.materials.append(light)
        placed = bpy.data.objects.new("point", made)
        placed.location = (x, y, -depth)
        bpy.context.scene.collection.objects.link(placed)


def ladder(kind: str, focus: str, *depths: str) -> None:
    """Small emissive spheres on the camera's vertical plane of symmetry at the given depths, from the top downwards."""
    camera(kind)
    dof = bpy.context.scene.camera.data.dof
    dof.use_dof, dof.focus_distance = True, float(focus)
    world(0.0)
    light = material("light", 1.0)
    for number, depth in enumerate(float(text) for text in depths):
        half = half_width(kind, depth)
        made, work = bpy.data.meshes.new("point"), bmesh.new()
        bmesh.ops.create_icosphere(work, subdivisions=3, radius=0.02 * half)
        work.to_mesh(made)
        work.free()
        made.materials.append(light)
        placed = bpy.data.objects.new("point", made)
        placed.location = (0.0, half * (1 - (2 * number + 1) / len(depths)), -depth)
        bpy.context.scene.collection.objects.link(placed)


def cards(kind: str, margin: str, *depths: str) -> None:
    """Four bright cards of other colours at the given depths, none nearer to the border than `margin` (of the view)."""
    camera(kind)
    world(0.0)
    for number, depth in enumerate(float(text) for text in depths):
        view = 2 * half_width(kind, depth)
        side = (0.5 - float(margin)) * view * 0.8
        x, y = middle(kind, depth)
        x, y = x + ((number % 2) - 0.5) * view * 0.4, y + ((number // 2) - 0.5) * view * 0.4
        low, high = -side / 2, side / 2
        corners = [(x + a, y + b, -depth) for a, b in ((low, low), (high, low), (high, high), (low, high))]
        mesh("card", corners, [(0, 1, 2, 3)], material("light", 0.4 + 0.3 * number))


def slope(kind: str, depth: str, rise: str) -> None:
    """A slanted plane on the left half of the view, with depth = `depth` + `rise` · y; nothing on the right."""
    camera(kind)
    world(1.0)
    d, s = float(depth), float(rise)
    low, high = -5.0, 5.0  # past the view at all depths that it has there
    corners = [(x, y, -(d + s * y)) for x, y in ((-20.0, low), (0.0, low), (0.0, high), (-20.0, high))]
    mesh("slope", corners, [(0, 1, 2, 3)], material("grey", 0.5))


def edge(kind: str, near: str, far: str) -> None:
    """A dark half plane on the left at `near`, in front of a bright wall at `far`."""
    camera(kind)
    world(0.0)
    for name, depth, right, radiance in (("front", float(near), 0.0, 0.1), ("wall", float(far), 50.0, 1.0)):
        corners = [(-50.0, -50.0, -depth), (right, -50.0, -depth), (right, 50.0, -depth), (-50.0, 50.0, -depth)]
        mesh(name, corners, [(0, 1, 2, 3)], material(name, radiance))


def silhouette(kind: str, depth: str) -> None:
    """A black half plane on the left at `depth`, under a white sky."""
    camera(kind)
    world(1.0)
    d = float(depth)
    corners = [(-50.0, -50.0, -d), (0.0, -50.0, -d), (0.0, 50.0, -d), (-50.0, 50.0, -d)]
    mesh("front", corners, [(0, 1, 2, 3)], material("black", 0.0))


def hostile(kind: str, near: str, far: str) -> None:
    """The edge scene from an artist who has changed everything that could spoil a focal stack.

    The camera hangs on a turned and scaled parent, is driven and animated, and focuses on an object; a marker binds it
    to the frame, while another one is the scene's.
    """
    edge(kind, near, far)
    scene = bpy.context.scene
    eye = scene.camera
    target = bpy.data.objects.new("target", None)
    target.location = (0.0, 0.0, -0.5)
    scene.collection.objects.link(target)
    data = eye.data
    data.dof.use_dof, data.dof.focus_object = True, target
    data.dof.aperture_blades, data.dof.aperture_ratio, data.dof.aperture_fstop = 3, 2.0, 0.1
    data.dof.driver_add("focus_distance").driver.expression = "0.7"
    data.dof.keyframe_insert("aperture_fstop", frame=1)
    parent = bpy.data.objects.new("parent", None)
    parent.matrix_world = Matrix.Rotation(math.radians(90), 4, "Y") @ Matrix.Scale(3.0, 4)
    scene.collection.objects.link(parent)
    eye.parent = parent
    eye.matrix_parent_inverse = parent.matrix_world.inverted()
    render = scene.render
    render.resolution_percentage = 50
    render.pixel_aspect_x = 2.0
    render.use_border = render.use_crop_to_border = render.use_motion_blur = render.use_multiview = True
    render.film_transparent = render.use_stamp = render.use_simplify = True
    render.border_max_x = 0.5
    render.image_settings.file_format = "PNG"
    scene.cycles.use_adaptive_sampling = True
    scene.cycles.sample_clamp_direct = 0.01
    scene.cycles.samples = 2
    scene.view_settings.exposure, scene.view_settings.gamma = 2.0, 1.7
    scene.view_layers[0].samples = 3
    scene.view_layers[0].use_pass_combined = scene.view_layers[0].cycles.use_denoising = False
    for path, value in (("cycles.seed", "frame"), ("cycles.samples", "2")):
        scene.driver_add(path).driver.expression = value
    scene.cycles.filter_width = 3.0
    scene.keyframe_insert("cycles.filter_width", frame=scene.frame_current)
    scene.timeline_markers.new("cut", frame=scene.frame_current).camera = eye
    decoy = bpy.data.objects.new("decoy", data.copy())
    decoy.location = (30.0, 0.0, 0.0)
    scene.collection.objects.link(decoy)
    scene.camera = decoy
    scene.view_layers[0].name = "A layer, nämed.oddly"


def cutout(kind: str, near: str, far: str) -> None:
    """The edge scene, with a front that is wholly transparent."""
    edge(kind, near, far)
    tree = bpy.data.materials["front"].node_tree
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    output = next(node for node in tree.nodes if node.type == "OUTPUT_MATERIAL")
    tree.links.new(clear.outputs[0], output.inputs["Surface"])


def unseen(kind: str, near: str, far: str) -> None:
    """The edge scene among things that the viewport shows and the render does not, in front of it and behind it."""
    edge(kind, near, far)
    paint = material("unseen", 1.0)
    whole = ((-50.0, -50.0), (50.0, -50.0), (50.0, 50.0), (-50.0, 50.0))
    things = [mesh("thing", [(x, y, -d) for x, y in whole], [(0, 1, 2, 3)], paint) for d in (1.0, 2.0)]
    things[0].hide_render = True
    things[1].visible_camera = False
    bpy.data.objects["wall"].data.transform(Matrix.Translation((51.0, 0.0, 0.0)))  # leaves a gap beside the front
    mesh("beyond", [(x, y, -20.0) for x, y in whole], [(0, 1, 2, 3)], paint)
    bpy.context.scene.camera.data.clip_end = 10.0


def scripted(kind: str, near: str, far: str) -> None:
    """The edge scene with everything in it that can run code or write files, each leaving a mark beside the file."""
    edge(kind, near, far)
    scene = bpy.context.scene

    def mark(what: str) -> str:
        return f"__import__('pathlib').Path({own[1] + '.ran_' + what!r}).touch()"

    text = bpy.data.texts.new("start.py")
    text.write(mark("text"))
    text.use_module = True
    bpy.data.objects["wall"].driver_add("location", 0).driver.expression = f"{mark('driver')} or 0"
    scene.render.use_freestyle = True
    style = bpy.data.texts.new("style.py")
    style.write(mark("style"))
    settings = scene.view_layers[0].freestyle_settings
    settings.mode = "SCRIPT"
    settings.modules.new().script = style
    scene.cycles.shading_system = True
    shader = bpy.data.texts.new("shader.osl")
    written = own[1] + ".ran_shader"
    shader.write(f'shader mark(output color out = 0) {{ fprintf("{written}", "x"); out = color(1, 1, 1); }}')
    tree = bpy.data.materials["wall"].node_tree
    script = tree.nodes.new("ShaderNodeScript")
    script.script = shader
    if script.outputs:  # where it could be compiled
        emission = next(node for node in tree.nodes if node.type == "EMISSION")
        tree.links.new(script.outputs[0], emission.inputs["Color"])


def incomplete(kind: str, near: str, far: str) -> None:
    """The edge scene with five images that are not there, and a linked file that is gone."""
    edge(kind, near, far)
    for number in range(5):
        node = bpy.data.materials["wall"].node_tree.nodes.new("ShaderNodeTexImage")
        node.image = bpy.data.images.new("image", 4, 4)
        node.image.source, node.image.filepath = "FILE", f"//gone_{number}.png"
    library = Path(own[1]).with_suffix(".library.blend")
    linked = bpy.data.meshes.new("linked")
    bpy.data.libraries.write(str(library), {bpy.data.objects.new("linked", linked)})
    with bpy.data.libraries.load(str(library), link=True) as (_, wanted):
        wanted.objects = ["linked"]
    bpy.context.scene.collection.objects.link(wanted.objects[0])
    library.unlink()


def moving(kind: str, frames: str) -> None:
    """A grey card that comes from depth 5 to depth 3 over the frames, before a wall at 6; a marker changes cameras."""
    camera(kind)
    world(0.0)
    scene = bpy.context.scene
    for name, depth, side in (("card", 0.0, 0.5), ("wall", 6.0, 20.0)):
        corners = [(-side, -side, -depth), (side, -side, -depth), (side, side, -depth), (-side, side, -depth)]
        made = mesh(name, corners, [(0, 1, 2, 3)], material(name, 0.5 if name == "card" else 0.2))
        if name == "card":
            for frame, z in ((1, -5.0), (int(frames), -3.0)):
                made.location.z = z
                made.keyframe_insert("location", frame=frame)
            animation = made.animation_data.action
            layers = animation.layers if hasattr(animation, "layers") and animation.layers else None
            curves = layers[0].strips[0].channelbags[0].fcurves if layers else animation.fcurves
            for curve in curves:
                for key in curve.keyframe_points:
                    key.interpolation = "LINEAR"
    scene.frame_start, scene.frame_end = 1, int(frames)
    scene.render.fps, scene.render.fps_base = 24, 1.001
    other = scene.camera.copy()
    other.data = scene.camera.data.copy()
    other.location.z = -1.0  # a unit nearer
    scene.collection.objects.link(other)
    scene.timeline_markers.new("first", frame=1).camera = scene.camera
    scene.timeline_markers.new("cut", frame=int(frames)).camera = other


def driven(kind: str, *depths: str) -> None:
    """A card whose depth in each frame follows a property of the scene, which is animated."""
    camera(kind)
    world(0.0)
    scene = bpy.context.scene
    for name, side in (("card", 0.5), ("wall", 20.0)):
        corners = [(-side, -side, 0.0), (side, -side, 0.0), (side, side, 0.0), (-side, side, 0.0)]
        mesh(name, corners, [(0, 1, 2, 3)], material(name, 0.5)).location.z = -6.0
    scene["z"] = 0.0
    for frame, depth in enumerate(depths, 1):
        scene["z"] = -float(depth)
        scene.keyframe_insert('["z"]', frame=frame)
    driver = bpy.data.objects["card"].driver_add("location", 2).driver
    driver.type = "SUM"
    target = driver.variables.new().targets[0]
    target.id_type, target.id, target.data_path = "SCENE", scene, '["z"]'


def glass(kind: str) -> None:
    """A glass pane at 3, fog at 4, a card half cut out by alpha at 5, and a wall at 6, each in its own quarter."""
    camera(kind)
    world(1.0)
    whole = 10.0
    wall = [(-whole, -whole, -6.0), (whole, -whole, -6.0), (whole, whole, -6.0), (-whole, whole, -6.0)]
    mesh("wall", wall, [(0, 1, 2, 3)], material("wall", 0.5))

    def pane(name: str, x: float, y: float, depth: float) -> bpy.types.Object:
        half = half_width(kind, depth)
        corners = [
            (x * half, y * half),
            ((x + 1) * half, y * half),
            ((x + 1) * half, (y + 1) * half),
            (x * half, (y + 1) * half),
        ]
        return mesh(name, [(a, b, -depth) for a, b in corners], [(0, 1, 2, 3)], material(name, 0.0))

    def shader(name: str, kind_of: str, socket: str) -> bpy.types.Node:
        tree = bpy.data.materials[name].node_tree
        tree.nodes.clear()
        node = tree.nodes.new(kind_of)
        tree.links.new(node.outputs[0], tree.nodes.new("ShaderNodeOutputMaterial").inputs[socket])
        return node

    pane("glass", -1, 0, 3.0)
    shader("glass", "ShaderNodeBsdfGlass", "Surface")
    fog = pane("fog", 0, 0, 4.0)
    solid = fog.modifiers.new("thick", "SOLIDIFY")
    solid.thickness = 0.5
    shader("fog", "ShaderNodeVolumeScatter", "Volume")
    pane("leaf", -1, -1, 5.0)
    leaf = shader("leaf", "ShaderNodeBsdfPrincipled", "Surface")
    tree = bpy.data.materials["leaf"].node_tree
    place, split = tree.nodes.new("ShaderNodeTexCoord"), tree.nodes.new("ShaderNodeSeparateXYZ")
    step = tree.nodes.new("ShaderNodeMath")
    step.operation, step.inputs[1].default_value = "GREATER_THAN", 0.5
    tree.links.new(place.outputs["Generated"], split.inputs[0])
    tree.links.new(split.outputs["X"], step.inputs[0])
    tree.links.new(step.outputs[0], leaf.inputs["Alpha"])


def blind() -> None:
    """No camera."""


def panorama() -> None:
    """A camera that has no focal planes."""
    camera("persp")
    bpy.context.scene.camera.data.type = "PANO"


def empty(kind: str) -> None:
    """Nothing in view."""
    camera(kind)


if __name__ == "__main__":
    own = sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.engine = "CYCLES"
    globals()[own[0]](*own[2:])
    bpy.ops.wm.save_as_mainfile(filepath=own[1])
    for made in Path(own[1]).parent.glob(Path(own[1]).name + ".ran_*"):
        made.unlink()
    sys.stdout.flush()
    os._exit(0)  # tearing Blender down can hang after all is written (seen once with bpy 4.5.15)
