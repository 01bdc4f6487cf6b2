"""Checks of the installed extension; runs inside Blender and prints one JSON object for each check.

    blender --background --python inside_extension.py -- ZIP FOLDER DRIVER FAKE_DRIVER [CHECK ...]

Environment: BLENDER_USER_RESOURCES is an empty folder.
"""

import contextlib
import hashlib
import json
import math
import os
import sys
import threading
import traceback
from pathlib import Path

import bpy

# isort: split
import addon_utils  # the bpy package brings it, and only once it is imported
import numpy as np

ZIP, FOLDER, DRIVER, FAKE = sys.argv[sys.argv.index("--") + 1 :][:4] if "--" in sys.argv else sys.argv[1:5]
NAMES = (sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else sys.argv[1:])[4:]
PASSED_OVER = {
    "rna_type",
    "uv_sculpt",  # reading it crashes 4.2.23
    "storage_type",  # of an attribute: how it lies in memory, which saving a copy changes from 5.2 on
}
PACKAGE = "bl_ext.user_default.holodriver"


def fresh(kind: str = "PERSP") -> bpy.types.Scene:
    """A small scene: a cube and a far wall before a camera that looks along −z."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    enable()
    scene = bpy.context.scene
    data = bpy.data.cameras.new("Eye")
    data.type, data.clip_end = kind, 100.0
    if kind == "ORTHO":
        data.ortho_scale = 4.0
    data.dof.use_dof, data.dof.focus_distance, data.dof.aperture_fstop = True, 3.5, 1.4
    scene.camera = bpy.data.objects.new("Eye", data)
    scene.collection.objects.link(scene.camera)
    wall = [(-9, -9, -8), (9, -9, -8), (9, 9, -8), (-9, 9, -8)]
    card = [(-0.5, -0.5, -4), (0.5, -0.5, -4), (0.5, 0.5, -4), (-0.5, 0.5, -4)]
    for name, corners, light in (("Wall", wall, 0.3), ("Card", card, 0.8)):
        mesh = bpy.data.meshes.new(name)
        mesh.from_pydata(corners, [], [(0, 1, 2, 3)])
        paint = bpy.data.materials.new(name)
        paint.use_nodes = True
        paint.node_tree.nodes.clear()
        emission = paint.node_tree.nodes.new("ShaderNodeEmission")
        emission.inputs["Strength"].default_value = light
        output = paint.node_tree.nodes.new("ShaderNodeOutputMaterial")
        paint.node_tree.links.new(emission.outputs[0], output.inputs["Surface"])
        mesh.materials.append(paint)
        scene.collection.objects.link(bpy.data.objects.new(name, mesh))
    scene.render.resolution_x, scene.render.resolution_y = 48, 32
    settings = scene.holodriver
    settings.quality, settings.denoise, settings.planes, settings.output = "DRAFT", False, 3, str(Path(FOLDER) / "out")
    settings.blur_mode, settings.coc_max = "TYPED", 4.0
    return scene


def install() -> None:
    """Install the zip as a user does."""
    assert "FINISHED" in bpy.ops.extensions.package_install_files(
        filepath=ZIP, repo="user_default", enable_on_install=True
    )


def enable() -> None:
    """Switch it on, where loading factory settings has switched it off."""
    if not (hasattr(bpy.types.Scene, "holodriver") and PACKAGE in bpy.context.preferences.addons):
        assert addon_utils.enable(PACKAGE, default_set=True) is not None
    bpy.context.preferences.addons[PACKAGE].preferences.driver = DRIVER


def part(name: str):
    """A module of the extension."""
    import importlib

    return importlib.import_module(f"{PACKAGE}.{name}")


def digest() -> dict[str, str]:
    """What every data-block of the open file holds, property by property."""
    found = {}
    for collection in (prop.identifier for prop in bpy.data.bl_rna.properties if prop.type == "COLLECTION"):
        for block in getattr(bpy.data, collection)[:]:
            if isinstance(block, bpy.types.ID) and block.id_type not in ("WINDOWMANAGER", "SCREEN", "WORKSPACE"):
                found[f"{collection}/{block.name_full}"] = hashlib.sha256(repr(shown(block)).encode()).hexdigest()
    return found


def shown(value, depth: int = 0):
    """A value of Blender's data as plain Python; other data-blocks by name."""
    if isinstance(value, (int, float, str, bool, bytes, set, type(None))):
        return sorted(value) if isinstance(value, set) else value
    if isinstance(value, bpy.types.Depsgraph):  # is made from the data
        return None
    if isinstance(value, bpy.types.ID) and depth:
        return value.name_full
    if isinstance(value, bpy.types.bpy_struct):
        names = [prop.identifier for prop in value.bl_rna.properties if prop.identifier not in PASSED_OVER]
        return {name: shown(getattr(value, name), depth + 1) for name in names if depth < 7}
    if hasattr(value, "__len__"):
        return [shown(item, depth + 1) for item in value[:]]
    return str(value)


def fails(operator, *said: str) -> None:
    """The button refuses, and says why."""
    try:
        outcome = operator()
    except Exception as error:  # of a button: its error report, as a RuntimeError
        text = str(error)
    else:
        raise AssertionError(f"went through: {outcome}")
    for part_of in said:
        assert part_of in text, f"{part_of!r} is not in {text!r}"


@contextlib.contextmanager
def faking(kind: str):
    """A driver that misbehaves."""
    os.environ["HOLODRIVER_FAKE"] = kind
    bpy.context.preferences.addons[PACKAGE].preferences.driver = FAKE
    try:
        yield
    finally:
        bpy.context.preferences.addons[PACKAGE].preferences.driver = DRIVER


def registered() -> set[str]:
    """Names of classes, properties and handlers of the extension that Blender knows."""
    names = {name for name in dir(bpy.types) if "HOLODRIVER" in name.upper()}
    names |= set(dir(bpy.ops.holodriver)) if "holodriver" in dir(bpy.ops) else set()
    names |= {"Scene.holodriver"} if hasattr(bpy.types.Scene, "holodriver") else set()
    for kind in dir(bpy.app.handlers):
        handlers = getattr(bpy.app.handlers, kind)
        if isinstance(handlers, list):
            names |= {f"{kind}:{handler.__name__}" for handler in handlers if PACKAGE in handler.__module__}
    return names


def check_switching_off_leaves_nothing() -> None:
    fresh()
    on = registered()
    assert {"Scene.holodriver", "HOLODRIVER_PT_view3d_main", "HOLODRIVER_OT_render_stack"} <= on, on
    for _ in range(3):
        addon_utils.disable(PACKAGE, default_set=True)
        assert registered() == set(), registered()
        addon_utils.enable(PACKAGE, default_set=True)
        assert registered() == on


def check_the_carried_wheel_is_used() -> None:
    import holodriver

    assert "extensions" in holodriver.__file__, holodriver.__file__
    assert part("ui.preferences").carried_wheel().is_file()
    assert not {"torch", "scipy", "cv2", "h5py", "OpenEXR"} & set(sys.modules)


def check_panels_draw_in_every_state() -> None:
    class Layout:
        """Takes every call of a layout, and checks that properties and operators exist."""

        def __getattr__(self, name):
            if name == "prop":
                return self.prop
            return lambda *a, **k: Layout()

        def prop(self, owner, name, **options):
            assert name in owner.bl_rna.properties, name

        def operator(self, name, **options):
            space, own = name.split(".")
            assert own in dir(getattr(bpy.ops, space)), name
            return Layout()

    scene = fresh()
    panels, session, process = part("ui.panels"), part("ui.session"), part("ui.driver_process")
    settings = scene.holodriver
    for mode in ("VIEW", "PLANES"):
        settings.range_mode = mode
        settings.quality, settings.size_mode, settings.blur_mode = "TYPED", "TYPED", "EYE"
        for draw in (
            panels.draw_main,
            panels.draw_planes,
            panels.draw_quality,
            panels.draw_make,
            panels.draw_looking_glass,
        ):
            draw(Layout(), bpy.context)
    session.tell("one\ntwo")
    panels.draw_main(Layout(), bpy.context)
    session.state.job = process.Job("Test", [])
    panels.draw_main(Layout(), bpy.context)
    session.state.job = None
    bpy.context.preferences.addons[PACKAGE].preferences.bl_rna  # noqa: B018
    lines = panels.estimate_lines(scene)
    assert any("Focal stack: about" in line for line in lines), lines


def check_a_focal_stack_is_rendered_and_the_scene_is_as_it_was() -> None:
    scene = fresh()
    path = Path(FOLDER) / "my scene.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    scene = bpy.context.scene
    scene.frame_current = 3  # not saved
    on_disk, dirty, before = path.read_bytes(), bpy.data.is_dirty, digest()
    assert bpy.ops.holodriver.render_stack() == {"FINISHED"}
    after = digest()
    assert after == before, [name for name in after if after[name] != before.get(name)]
    assert path.read_bytes() == on_disk
    assert (bpy.data.filepath, bpy.data.is_dirty) == (str(path), dirty)
    stack = Path(FOLDER) / "out" / "my scene.stack"
    manifest = json.loads((stack / "stack.json").read_text(encoding="utf-8"))
    assert (manifest["width"], manifest["height"], manifest["planes"], manifest["mapping"]) == (48, 32, 3, "dioptric")
    assert abs(manifest["near"] - 4) < 0.1, manifest["near"]
    assert abs(manifest["far"] - 8) < 0.1, manifest["far"]
    assert manifest["provenance"]["scene"] == "my scene.blend"
    assert bpy.ops.holodriver.render_stack() == {"FINISHED"}  # again: under another name
    assert (Path(FOLDER) / "out" / "my scene_2.stack" / "stack.json").is_file()
    bpy.data.cameras["Eye"].lens += 1.0
    assert digest() != before  # it would have been seen
    left = [entry.name for entry in (Path(FOLDER) / "out").iterdir() if entry.name.startswith(".")]
    assert left == [], left


def check_errors_leave_the_scene_as_it_was() -> None:
    fresh()
    path = Path(FOLDER) / "errors.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    on_disk, before = path.read_bytes(), digest()
    for kind, said in (
        ("error", "is no scene (choose another)"),
        ("crash", "about to fall"),
        ("garbage", "exit status 3"),
    ):
        with faking(kind):
            fails(bpy.ops.holodriver.render_stack, said)
    assert digest() == before
    assert path.read_bytes() == on_disk


def check_a_cancelled_render_leaves_the_scene_and_the_folder_as_they_were() -> None:
    scene = fresh()
    from holodriver.system.children import descendants  # the extension brings it

    path = Path(FOLDER) / "cancel.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    scene = bpy.context.scene
    scene.holodriver.planes, scene.holodriver.output = 200, str(Path(FOLDER) / "cancelled")
    on_disk, dirty, before = path.read_bytes(), bpy.data.is_dirty, digest()
    state, found = part("ui.session").state, []

    def stop_when_it_renders() -> None:
        while state.job is None or not state.job.report.done:
            pause.wait(0.02)
        found.append(descendants(state.job._process.pid))
        state.job.cancel()

    pause = threading.Event()
    watcher = threading.Thread(target=stop_when_it_renders)
    state.job = None
    watcher.start()
    assert bpy.ops.holodriver.render_stack() == {"CANCELLED"}
    watcher.join()
    assert found[0], "no child Blender"
    assert not any(Path(f"/proc/{child}").exists() for child in found[0]), "the child Blender still runs"
    assert digest() == before
    assert path.read_bytes() == on_disk
    assert (bpy.data.filepath, bpy.data.is_dirty) == (str(path), dirty)
    assert list((Path(FOLDER) / "cancelled").iterdir()) == []
    assert not state.job.scratch.exists()


def check_rgbd_of_a_range_has_one_depth_range() -> None:
    scene = fresh()
    card = bpy.data.objects["Card"]
    for frame, z in ((1, 0.0), (2, 2.0)):
        card.location.z = z
        card.keyframe_insert("location", frame=frame)
    scene.frame_start, scene.frame_end = 1, 2
    settings = scene.holodriver
    settings.animation, settings.formats = True, {"SIDE_BY_SIDE", "EXR"}
    settings.output = str(Path(FOLDER) / "range")
    assert bpy.ops.holodriver.export_rgbd() == {"FINISHED"}
    names = sorted(path.name for path in (Path(FOLDER) / "range").iterdir())
    expected = [f"untitled_000{n}{end}" for n in (1, 2) for end in (".exr", "_rgbd_lr.png")]
    assert names == expected, names
    # dioptres between the card's nearest place (z = 2) and the wall (z = 8), within the margin of 1 %
    grey = side_by_side_depth(Path(FOLDER) / "range" / "untitled_0001_rgbd_lr.png")
    expected_level = 1 - (1 / 2 - 1 / 4) / (1 / 2 - 1 / 8)
    assert abs(grey[16, 24] - expected_level) < 0.02, grey[16, 24]
    grey = side_by_side_depth(Path(FOLDER) / "range" / "untitled_0002_rgbd_lr.png")
    assert grey[16, 24] > 0.96, grey[16, 24]


def side_by_side_depth(path: Path) -> np.ndarray:
    """Right half of a picture, as stored, top row first."""
    image = bpy.data.images.load(str(path))
    image.colorspace_settings.name = "Non-Color"
    width, height = image.size
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(height, width, 4)[::-1, width // 2 :, 0]


def check_holograms_of_an_animation_are_made_and_played() -> None:
    scene = fresh()
    settings = scene.holodriver
    settings.output, settings.animation, settings.iterations = str(Path(FOLDER) / "film"), True, 3
    scene.frame_start, scene.frame_end = 1, 2
    assert bpy.ops.holodriver.render_stack() == {"FINISHED"}
    assert bpy.ops.holodriver.make_hologram() == {"FINISHED"}
    made = sorted(path.name for path in (Path(FOLDER) / "film" / "untitled.holos").glob("*.holo"))
    assert made == ["untitled_0001.holo", "untitled_0002.holo"], made
    previews = [image for image in bpy.data.images if image.name.startswith("Hologram Preview")]
    assert [tuple(image.size) for image in previews] == [(48, 32)] * 3
    settings.animation, settings.play_seconds = False, 0.1
    assert bpy.ops.holodriver.render_stack() == {"FINISHED"}
    assert bpy.ops.holodriver.make_hologram() == {"FINISHED"}
    assert (Path(FOLDER) / "film" / "untitled_2.holo").is_file()  # untitled.preview is the animation's
    assert bpy.ops.holodriver.show_on_panel() == {"FINISHED"}
    assert "Shown" in part("ui.session").state.lines[0]


def check_planes_are_fitted_picked_and_typed() -> None:
    scene = fresh()
    settings = scene.holodriver
    assert bpy.ops.holodriver.fit_planes() == {"FINISHED"}
    assert settings.range_mode == "PLANES"
    assert abs(settings.near - 4) < 0.1, settings.near
    assert abs(settings.far - 8) < 0.1, settings.far
    planes = part("ui.near_and_far")
    target = bpy.data.objects.new("Target", None)
    target.location = (1.0, 0.5, -6.0)
    scene.collection.objects.link(target)
    scene.camera.scale = (2.0, 2.0, 2.0)  # which a render does not look at
    bpy.context.view_layer.update()
    settings.far_object = target
    _near, far = planes.plane_range(scene, settings)
    assert abs(far - 6.0) < 1e-5, far
    settings.far_object, settings.far_infinite = None, True
    assert planes.plane_range(scene, settings)[1] == math.inf
    outline = planes.plane_outline(scene.camera, scene, 5.0)
    width = 5.0 * scene.camera.data.sensor_width / scene.camera.data.lens
    assert abs(max(corner.x for corner in outline) - width / 2) < 1e-4
    assert all(abs(corner.z + 5.0) < 1e-5 for corner in outline)
    assert len(part("ui.outlines").lines_of(scene)) == 3


def check_what_cannot_be_rendered_is_refused_first() -> None:
    with_stack = lambda: bpy.ops.holodriver.render_stack()  # noqa: E731
    scene = fresh("PANO")
    fails(with_stack, "type PANO")
    scene = fresh()
    scene.camera = None
    fails(with_stack, "has no camera")
    scene = fresh()
    settings = scene.holodriver
    settings.range_mode, settings.near, settings.far = "PLANES", 5.0, 4.0
    fails(with_stack, "far is 4 m")
    settings.near, settings.far = 20.0, 30.0
    fails(with_stack, "sees nothing between near = 20 and far = 30")
    fails(bpy.ops.holodriver.export_rgbd, "sees nothing between near and far")
    settings.near, settings.far = 3.0, 9.0
    settings.output = "//there"
    fails(with_stack, "never saved")
    blocked = Path(FOLDER) / "a file"
    blocked.touch()
    settings.output = str(blocked / "out")
    fails(with_stack, "cannot be written to")
    settings.output = str(Path(FOLDER) / "out")
    import shutil
    import types

    real = shutil.disk_usage
    shutil.disk_usage = lambda path: types.SimpleNamespace(free=1000)
    try:
        fails(with_stack, "the disk has 1 kB free")
    finally:
        shutil.disk_usage = real
    bpy.context.preferences.addons[PACKAGE].preferences.driver = "/nowhere/driver"
    fails(with_stack, "is not a file", "Install Driver")
    settings.source = "/nowhere/a.stack"
    bpy.context.preferences.addons[PACKAGE].preferences.driver = DRIVER
    fails(bpy.ops.holodriver.make_hologram, "does not exist")


def check_the_focus_slider_moves_the_camera_and_puts_it_back() -> None:
    scene = fresh()
    settings, dof = scene.holodriver, scene.camera.data.dof
    focus = bpy.data.objects["Card"]
    dof.focus_object = focus
    settings.preview = True
    assert settings.preview is False  # the range is not known
    settings.range_mode, settings.near, settings.far = "PLANES", 4.0, 8.0
    settings.preview = True
    assert abs(dof.focus_distance - 4.0) < 1e-5
    settings.preview_position = 0.5
    assert abs(dof.focus_distance - 1 / (0.5 / 4 + 0.5 / 8)) < 1e-5
    assert dof.focus_object is None
    path = Path(FOLDER) / "preview.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    assert abs(scene.camera.data.dof.focus_distance - 16 / 3) < 1e-5  # still previewing
    other = path.with_name("copy.blend")
    other.write_bytes(path.read_bytes())
    with bpy.data.libraries.load(str(other)) as (_, wanted):
        wanted.cameras = ["Eye"]
    saved = wanted.cameras[0].dof
    assert (saved.focus_distance, round(saved.aperture_fstop, 3)) == (3.5, 1.4)
    bpy.data.cameras.remove(wanted.cameras[0])
    settings.preview = False
    assert (dof.use_dof, dof.focus_distance, round(dof.aperture_fstop, 3), dof.focus_object) == (True, 3.5, 1.4, focus)
    settings.preview = True
    addon_utils.disable(PACKAGE, default_set=True)
    assert (dof.focus_distance, dof.focus_object) == (3.5, focus)
    addon_utils.enable(PACKAGE, default_set=True)


def check_a_photo_comes_in_and_renders_as_itself() -> None:
    scene = fresh()
    for each in list(bpy.data.objects):
        bpy.data.objects.remove(each)
    width, height = 64, 48
    y, x = np.mgrid[:height, :width].astype(np.float32)
    near_white = 0.5 + 0.3 * np.sin(x / 9) * np.cos(y / 7)
    color = np.stack([x / width, y / height, 0.5 + 0 * x], axis=-1)
    photo, depth = Path(FOLDER) / "photo.png", Path(FOLDER) / "photo_depth.png"
    for path, values in ((photo, color), (depth, np.repeat(near_white[..., None], 3, 2))):
        image = bpy.data.images.new(path.name, width, height, float_buffer=True)
        image.colorspace_settings.name = "Non-Color"
        image.pixels.foreach_set(
            np.concatenate([values[::-1], np.ones((height, width, 1))], axis=2).astype(np.float32).ravel()
        )
        image.file_format, image.filepath_raw = "PNG", str(path)
        image.save()
        bpy.data.images.remove(image)
    settings = scene.holodriver
    settings.photo, settings.photo_depth = str(photo), str(depth)
    settings.range_mode, settings.near, settings.far = "PLANES", 2.0, 10.0
    assert bpy.ops.holodriver.import_photo() == {"FINISHED"}
    mesh = bpy.data.objects["photo"]
    scene.camera = mesh.parent
    scene.render.resolution_x, scene.render.resolution_y = width, height
    settings.output, settings.formats = str(Path(FOLDER) / "photo"), {"SIDE_BY_SIDE"}
    settings.quality, settings.samples = "TYPED", 16
    assert bpy.ops.holodriver.export_rgbd() == {"FINISHED"}
    written = Path(FOLDER) / "photo" / "untitled_rgbd_lr.png"
    inside = (slice(1, -1), slice(1, -1))
    seen = side_by_side_depth(written)
    worst = np.abs(seen - near_white)[inside].max()
    assert worst < 0.02, worst
    image = bpy.data.images.load(str(written))
    pixels = np.empty(width * 2 * height * 4, np.float32)
    image.colorspace_settings.name = "Non-Color"
    image.pixels.foreach_get(pixels)
    shown_color = pixels.reshape(height, width * 2, 4)[::-1, :width, :3]
    worst = np.abs(shown_color - color)[inside].mean()
    assert worst < 0.02, worst


def check_a_side_by_side_picture_comes_in_with_its_own_depth() -> None:
    scene = fresh()
    settings = scene.holodriver
    settings.output, settings.formats = str(Path(FOLDER) / "pair"), {"SIDE_BY_SIDE"}
    assert bpy.ops.holodriver.export_rgbd() == {"FINISHED"}
    made = Path(FOLDER) / "pair" / "untitled_rgbd_lr.png"
    first = side_by_side_depth(made)
    for each in list(bpy.data.objects):
        bpy.data.objects.remove(each)
    settings.photo, settings.photo_depth = str(made), ""
    settings.range_mode, settings.near, settings.far = "PLANES", 4.0, 8.0
    assert bpy.ops.holodriver.import_photo() == {"FINISHED"}
    scene.camera = bpy.data.objects["untitled"].parent
    settings.overwrite = True
    assert bpy.ops.holodriver.export_rgbd() == {"FINISHED"}
    again = side_by_side_depth(made)
    assert np.median(np.abs(again - first)) < 0.005
    assert np.abs(again - first).mean() < 0.02  # the card's edge is a slope of one cell now


def check_the_buttons_hand_over_what_was_set() -> None:
    scene = fresh()
    settings = scene.holodriver
    settings.range_mode, settings.near, settings.far_infinite = "PLANES", 3.0, True
    settings.quality, settings.planes = "GOOD", 31
    with faking("arguments"):
        assert bpy.ops.holodriver.render_stack() == {"FINISHED"}
    given = json.loads(part("ui.session").state.job.report.output[-1])
    wanted = {
        "--size": "48x32",
        "--near": "3",
        "--far": "inf",
        "--spp": "64",
        "--planes": "31",
        "--coc-max": "4",
        "--device": "CPU",
    }
    for name, value in wanted.items():
        assert given[given.index(name) + 1] == value, (name, given)
    assert "--no-denoise" in given
    assert given[:4] == ["--progress", "json", "render", "stack"]


def check_the_driver_is_checked() -> None:
    fresh()
    assert bpy.ops.holodriver.check_driver() == {"FINISHED"}
    names = {finding["name"] for finding in part("ui.preferences")._findings}
    assert {"PyTorch", "Blender"} <= names, names
    with faking("garbage"):
        fails(bpy.ops.holodriver.check_driver, "exit status 3")
    bpy.context.preferences.system.use_online_access = False
    fails(bpy.ops.holodriver.install_driver, "needs online access")


def check_a_driver_is_looked_for_in_order() -> None:
    driver, folder = part("ui.driver"), Path(FOLDER) / "private"
    os.environ.pop(driver.ENVIRONMENT_VARIABLE, None)
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").touch()
    path, os.environ["PATH"] = os.environ.get("PATH", ""), ""
    try:
        fails(lambda: driver.find_driver("", folder), "was not found")  # what is half installed is not taken
        (folder / driver.INSTALLED).touch()
        assert driver.find_driver("", folder).command == (str(folder / "bin" / "python"), "-m", "holodriver")
        os.environ[driver.ENVIRONMENT_VARIABLE] = FAKE
        assert driver.find_driver("", folder).command == (FAKE,)
        assert driver.find_driver(sys.executable, folder).command[1:] == ("-I", "-m", "holodriver")
    finally:
        os.environ["PATH"] = path
        os.environ.pop(driver.ENVIRONMENT_VARIABLE, None)


def check_a_quilt_is_asked_for() -> None:
    scene = fresh()
    settings = scene.holodriver
    settings.quilt_device = "go"
    with faking("arguments"):
        assert bpy.ops.holodriver.render_quilt() == {"FINISHED"}
    given = json.loads(part("ui.session").state.job.report.output[-1])
    assert given[given.index("--display") + 1] == "go"
    assert Path(given[given.index("-o") + 1]).name == "untitled.png"
    assert part("ui.session").state.lines[0].endswith("untitled_qs11x6a0.5625.png")


def check_photos_go_to_the_driver() -> None:
    scene = fresh()
    settings = scene.holodriver
    photo = Path(FOLDER) / "unknown.png"
    photo.touch()
    settings.photo, settings.photo_depth = str(photo), ""
    with faking("arguments"):
        fails(bpy.ops.holodriver.import_photo, "unknown_depth.png")
    given = json.loads(part("ui.session").state.job.report.output[-1])
    assert given[2:4] == ["rgbd", str(photo)]


def main() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    install()
    enable()
    checks = {name: check for name, check in globals().items() if name.startswith("check_") and callable(check)}
    for name, check in checks.items():
        if NAMES and name not in NAMES:
            continue
        try:
            check()
            outcome = ""
        except BaseException:
            outcome = traceback.format_exc()
        print("\ncheck: " + json.dumps({"name": name, "failure": outcome}), flush=True)
        with contextlib.suppress(Exception):
            part("ui.session").end()


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
