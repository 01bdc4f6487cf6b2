"""Checks of the add-on's parts that need no render; runs inside Blender and prints a JSON object for each check.

    blender --background --python inside_source.py -- FOLDER FAKE_DRIVER

The add-on is taken from the source and registered, not installed.
"""

import json
import os
import shutil
import sys
import traceback
import types
from pathlib import Path

import bpy

# isort: split
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import blender_addon
from blender_addon.render import cycles, job
from blender_addon.ui import focus_preview, jobs, near_and_far, operators, session, snapshot
from holodriver.errors import InputError
from holodriver.scene.render_job import RenderJob

FOLDER, FAKE = (Path(text) for text in sys.argv[-2:])


def fresh() -> bpy.types.Scene:
    """An empty scene with a camera."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.camera = added(bpy.data.cameras.new("Eye"))
    return scene


def added(data: bpy.types.ID | None, name: str = "Thing") -> bpy.types.Object:
    """An object in the scene."""
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def picture(path: Path, red: float, width: int = 16) -> Path:
    """A plain picture, 16 pixels high."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("made", width, 16)
    image.pixels[:] = [red, 0.5, 0.5, 1.0] * (width * 16)
    image.filepath_raw, image.file_format = str(path), "PNG"
    image.save()
    bpy.data.images.remove(image)
    return path


def folder() -> Path:
    """A new one."""
    made = FOLDER / str(len(list(FOLDER.iterdir())))
    made.mkdir()
    return made


def refused(call, *said: str) -> None:
    """It is bad input, and says so."""
    try:
        came = call()
    except InputError as error:
        text = str(error)
    except RuntimeError as error:  # of a button: its error report
        text = str(error)
        assert "Traceback" not in text, text
    else:
        raise AssertionError(f"went through: {came}")
    for part in said:
        assert part in text, f"{part!r} is not in {text!r}"


def asked_for() -> Path:
    """Where the driver was asked to put a photo's depth; the stand-in makes none, so that the button fails."""
    refused(bpy.ops.holodriver.import_photo)
    given = json.loads(session.state.job.report.output[-1])
    return Path(given[given.index("-o") + 1])


def colours() -> set[float]:
    """Red of the pictures in the file."""
    return {round(image.pixels[0], 2) for image in bpy.data.images if image.source == "FILE"}


def check_photos_of_one_name_have_depths_of_their_own() -> None:
    settings, here = fresh().holodriver, folder()
    settings.output = str(here / "out")
    places = {}
    for name, red in (("a", 1.0), ("b", 0.0)):
        settings.photo = str(picture(here / name / "IMG_1.png", red))
        assert (places.setdefault(name, asked_for())).parent == here / "out"
        picture(places[name] / "IMG_1_depth.png", 0.5)
        picture(places[name] / "IMG_1_rgbd_lr.png", red, 32)
        assert bpy.ops.holodriver.import_photo() == {"FINISHED"}
        assert session.state.job.steps == []  # the depth is known now
    assert places["a"] != places["b"]
    assert colours() == {1.0, 0.0}


def check_a_photo_of_a_file_that_was_never_saved_goes_into_it() -> None:
    settings = fresh().holodriver
    settings.photo = str(picture(folder() / "cat.png", 1.0))
    place = asked_for()
    assert Path(bpy.app.tempdir) in place.parents
    picture(place / "cat_depth.png", 0.5)
    picture(place / "cat_rgbd_lr.png", 1.0, 32)
    assert bpy.ops.holodriver.import_photo() == {"FINISHED"}
    assert [image.packed_file is not None for image in bpy.data.images if image.source == "FILE"] == [True]


def check_what_is_no_picture_is_refused_and_not_kept() -> None:
    settings, here = fresh().holodriver, folder()
    bad = here / "bad.png"
    bad.write_text("no picture", encoding="utf-8")
    settings.photo, settings.photo_depth = str(bad), str(picture(here / "depth.png", 0.5))
    refused(bpy.ops.holodriver.import_photo, "bad.png: is not a picture")
    settings.photo = str(picture(here / "wide.png", 0.5, 64))
    refused(bpy.ops.holodriver.import_photo, "depth is 16 × 16, the picture 64 × 16")
    assert [image.name for image in bpy.data.images if image.source == "FILE"] == []


def check_planes_are_moved_in_the_scene_in_which_they_were_asked_for() -> None:
    first, second = fresh(), bpy.data.scenes.new("Second")
    report = types.SimpleNamespace(tables=[{"columns": ["near m", "far m"], "rows": [[2.0, 5.0]]}])
    done = types.SimpleNamespace(report=report)
    button = types.SimpleNamespace(make_job=lambda context: done)
    button.scene = types.MethodType(jobs.JobOperator.scene, button)
    finish, later = operators.HOLODRIVER_OT_fit_planes.finish, types.SimpleNamespace(scene=second)
    jobs.JobOperator._begin(button, types.SimpleNamespace(scene=first))
    finish(button, later, done)
    assert (first.holodriver.near, first.holodriver.far) == (2.0, 5.0)
    assert second.holodriver.range_mode == "VIEW"
    first.name = "Renamed"
    assert session.known_range(first) == (2.0, 5.0)
    refused(lambda: session.known_range(second), "not known yet")
    bpy.data.scenes.remove(first)
    refused(lambda: finish(button, later, done), "was removed")
    session.state.job = None


def check_the_last_render_is_the_source_until_another_file_is_opened() -> None:
    settings, here = fresh().holodriver, folder()
    pair = picture(here / "a_rgbd_lr.png", 0.5)
    done = types.SimpleNamespace(report=types.SimpleNamespace(messages=[f"wrote {pair}"]))
    button = types.SimpleNamespace(output=here, work=None, _measure=lambda *_: None)
    source = lambda: operators.HOLODRIVER_OT_make_hologram._source(button, settings)  # noqa: E731
    operators.HOLODRIVER_OT_render_stack.finish(button, bpy.context, done)
    assert source() == here
    operators.HOLODRIVER_OT_export_rgbd.finish(button, bpy.context, done)
    assert source() == pair
    session.state.results["frames"] = here
    settings = fresh().holodriver
    refused(source, "there is no source")
    assert session.state.results == {}


def check_the_preview_gives_each_camera_its_own_focus_back() -> None:
    scene = fresh()
    settings, first = scene.holodriver, scene.camera
    second = added(bpy.data.cameras.new("Second"))
    target = added(None, "Target")
    for camera, distance in ((first, 3.25), (second, 2.5)):
        camera.data.dof.focus_distance = distance
    first.data.dof.focus_object = target
    second.data.dof.use_dof = True
    settings.range_mode, settings.near, settings.far = "PLANES", 2.0, 8.0
    settings.preview, settings.preview_position = True, 0.5
    target.name = "Renamed"
    scene.camera, settings.preview_position = second, 0.8
    assert (first.data.dof.use_dof, first.data.dof.focus_distance) == (False, 3.25)
    assert first.data.dof.focus_object == target
    assert second.data.dof.focus_distance != 2.5
    settings.preview = False
    assert (second.data.dof.use_dof, second.data.dof.focus_distance) == (True, 2.5)


def check_a_save_that_fails_leaves_the_preview_whole() -> None:
    scene = fresh()
    settings, dof = scene.holodriver, scene.camera.data.dof
    dof.focus_distance = 3.25
    settings.range_mode, settings.near, settings.far = "PLANES", 2.0, 8.0
    settings.preview = True
    refused(lambda: bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "nowhere" / "a.blend"), copy=True))
    assert settings.preview_kept
    settings.preview_position = 0.6
    settings.preview = False
    assert (dof.use_dof, dof.focus_distance) == (False, 3.25)


def check_simulations_beside_the_file_come_with_the_copy() -> None:
    fresh()
    here = folder()
    bpy.ops.wm.save_as_mainfile(filepath=str(here / "cloth.blend"))
    kept = here / "blendcache_cloth"
    kept.mkdir()
    (kept / "c_000001_00.bphys").touch()
    baked = snapshot.save_snapshot().parent / kept.name
    assert baked.is_symlink() or os.name == "nt"
    assert [path.name for path in baked.iterdir()] == ["c_000001_00.bphys"]
    cloth = added(bpy.data.meshes.new("Cloth")).modifiers.new("Cloth", "CLOTH")
    cloth.point_cache.use_disk_cache = True
    loose = snapshot.save_snapshot().parent / kept.name
    assert not loose.is_symlink()  # its child may write there
    assert [path.name for path in loose.iterdir()] == ["c_000001_00.bphys"]
    for copy in (baked, loose):
        shutil.rmtree(copy.parent)
    assert [path.name for path in kept.iterdir()] == ["c_000001_00.bphys"]


def check_files_that_linked_files_link_are_looked_for_where_they_are() -> None:
    here = folder()
    (here / "lib" / "sub").mkdir(parents=True)
    lowest, middle, top = here / "lib" / "sub" / "b.blend", here / "lib" / "a.blend", here / "top.blend"
    fresh()
    added(bpy.data.meshes.new("Lowest"), "Lowest")
    bpy.ops.wm.save_as_mainfile(filepath=str(lowest))
    for path, below, kind in ((middle, lowest, "meshes"), (top, middle, "objects")):
        fresh()
        bpy.ops.wm.save_as_mainfile(filepath=str(path))
        with bpy.data.libraries.load(str(below), link=True, relative=True) as (_, wanted):
            setattr(wanted, kind, ["Lowest" if kind == "meshes" else "Middle"])
        (linked,) = getattr(wanted, kind)
        if kind == "meshes":
            added(linked, "Middle")
        else:
            bpy.context.scene.collection.objects.link(linked)
        bpy.ops.wm.save_mainfile()
    bpy.ops.wm.open_mainfile(filepath=str(top))
    assert len(bpy.data.libraries) == 2
    assert list(job._flaws()) == []
    lowest.unlink()
    assert ["b.blend does not exist" in text for text in job._flaws()] == [True]


def check_an_artists_material_override_is_rendered_and_a_layer_left_out_is_told() -> None:
    scene = fresh()
    layer = scene.view_layers[0]
    layer.material_override = override = bpy.data.materials.new("Clay")
    settings = RenderJob(scene="demo", width=16, height=16, denoise=False)
    assert cycles.prepare(scene, settings).material_override == override
    cycles.prepare_depth(scene, layer)
    assert layer.material_override.name == "holodriver depth"
    assert cycles.prepare(scene, settings).material_override == override
    assert list(job._flaws()) == []
    scene.view_layers.new("Smoke").use = True
    assert list(job._flaws()) == [f"only the first of 2 view layers, '{layer.name}', is rendered"]


def check_a_camera_that_is_none_is_refused() -> None:
    scene = fresh()
    scene.camera = added(None)
    scene.holodriver.range_mode = "PLANES"
    refused(lambda: near_and_far.plane_range(scene, scene.holodriver), "has no camera")
    scene.holodriver.range_mode = "VIEW"
    session.state.ranges[scene.session_uid] = (1.0, 2.0)
    refused(lambda: focus_preview.lens_of(scene), "has no camera")
    path = FOLDER / "empty.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    refused(lambda: job._open_blend(path), "empty.blend: scene 'Scene' has no camera")


def main() -> None:
    blender_addon.register()
    os.environ |= {"HOLODRIVER_DRIVER": str(FAKE), "HOLODRIVER_FAKE": "arguments"}
    for name, check in list(globals().items()):
        if not name.startswith("check_"):
            continue
        try:
            check()
            outcome = ""
        except BaseException:
            outcome = traceback.format_exc()
        print("\ncheck: " + json.dumps({"name": name, "failure": outcome}), flush=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)
