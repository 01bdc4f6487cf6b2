"""Rendering through a child Blender: wrong input, a failing child, and sudden ends."""

import contextlib
import importlib.util
import json
import os
import select
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import holodriver
from holodriver.blender.child import _addon_folder, raw_renders
from holodriver.blender.find import Blender, blender_environment
from holodriver.blender.stack import render_stack
from holodriver.errors import BlenderError, InputError, OutputExistsError
from holodriver.scene.render_job import RenderJob

SCENES = Path(__file__).parents[1] / "blender_addon" / "scenes.py"
SMALL = {"width": 16, "height": 16, "planes": 2, "coc_max": 2.0, "samples": 1, "depth_samples": 1, "denoise": False}


def job(scene="demo", **changes):
    return RenderJob(scene=str(scene), **(SMALL | changes))


def left(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_existing_output_is_refused_before_blender_starts(tmp_path):
    (tmp_path / "a.stack").mkdir()
    with pytest.raises(OutputExistsError, match="--overwrite"):
        render_stack(job(), tmp_path / "a.stack", blender="/nowhere/blender")


def test_a_file_that_is_not_blenders_is_refused(blender, tmp_path):
    scene = tmp_path / "text.blend"
    scene.write_text("not a scene", encoding="utf-8")
    with pytest.raises(InputError, match=r"text\.blend: is not a Blender file"):
        render_stack(job(scene), tmp_path / "a.stack", blender=blender)
    assert left(tmp_path) == ["text.blend"]


@pytest.mark.parametrize(
    ("build", "changes", "said"),
    [
        (("blind",), {}, "has no camera"),
        (("panorama",), {}, "is of type PANO"),
        (("empty", "ortho"), {}, "sees no surface"),
        (("edge", "persp", 4.0, 6.0), {"mapping": "linear"}, "mapping 'linear' needs an orthographic camera"),
        (("edge", "ortho", 4.0, 6.0), {"near": 7.0}, "far is .* m, expected a distance above near"),
    ],
)
def test_unusable_scenes_are_refused(blender, blend_file, tmp_path, build, changes, said):
    with pytest.raises(InputError, match=said):
        render_stack(job(blend_file(*build), **changes), tmp_path / "a.stack", blender=blender)
    assert left(tmp_path) == []


def test_overwriting_replaces_the_whole_stack(blender, blend_file, tmp_path):
    path = tmp_path / "a.stack"
    path.mkdir()
    (path / "plane_20.exr").write_text("", encoding="utf-8")
    render_stack(job(blend_file("edge", "ortho", 4.0, 6.0)), path, overwrite=True, blender=blender)
    assert left(path) == ["all_in_focus.exr", "plane_00.exr", "plane_01.exr", "stack.json"]
    assert left(tmp_path) == ["a.stack"]


def test_progress_counts_images_and_depth_maps(blender, blend_file, tmp_path):
    seen = []
    render_stack(
        job(blend_file("edge", "ortho", 4.0, 6.0)),
        tmp_path / "a.stack",
        blender=blender,
        progress=lambda stage, done, total, note="": seen.append((stage, done, total)),
    )
    assert [entry for entry in seen if entry[0] == "rendering images"] == [("rendering images", n, 3) for n in range(4)]
    assert seen[-1] == ("rendering depth", 2, 2)


def test_what_is_missing_in_a_scene_is_told(blender, blend_file, tmp_path):
    told = []
    scene = job(blend_file("incomplete", "ortho", 4.0, 6.0))
    render_stack(scene, tmp_path / "a.stack", blender=blender, warn=told.append)
    assert [text.split(":")[0].rpartition("/")[2] for text in told] == [
        "incomplete_ortho_4.0_6.0.library.blend does not exist",
        *(f"gone_{number}.png does not exist" for number in range(3)),
        "2 more image files do not exist",
    ]


def test_no_script_of_a_scene_is_run(blender, blend_file, tmp_path):
    scene = blend_file("scripted", "ortho", 4.0, 6.0)
    told = []
    render_stack(job(scene), tmp_path / "a.stack", blender=blender, warn=told.append)
    assert marks(scene) == []
    assert len(told) == 2
    assert "Open Shading Language is switched off, for safety" in told[0]
    assert "was not run, for safety" in told[1]


def test_the_scripts_of_that_scene_do_run_where_it_is_trusted(blender, blend_file, tmp_path):
    """Else the test above would prove nothing: its text, its driver and its Freestyle module each leave a mark."""
    scene = tmp_path / "scripted.blend"
    build, trust = SCENES, SCENES.with_name("trusting.py")
    for command in (
        blender.command(build, ["scripted", str(scene), "ortho", "4.0", "6.0"]),
        blender.command(trust, []),
    ):
        line = [part for part in command if part != "--disable-autoexec"]
        arguments = [] if "scripted" in line else [str(scene)]
        subprocess.run([*line, *arguments], env=blender_environment(), capture_output=True, check=False)
    assert {"driver", "style", "text"} <= set(marks(scene))


def marks(scene: Path) -> list[str]:
    return sorted(path.name.rpartition("_")[2] for path in scene.parent.glob(f"{scene.name}.ran_*"))


def test_surfaces_outside_a_given_range_are_told_with_their_share(blender, blend_file, tmp_path):
    scene = blend_file("edge", "ortho", 4.0, 6.0)  # one half at 4 m, the other at 6 m
    told = []
    outside = {}
    for name, near, far in (("fits", 4.0, 6.0), ("cuts", 5.0, 5.5)):
        path = render_stack(
            job(scene, near=near, far=far), tmp_path / f"{name}.stack", blender=blender, warn=told.append
        )
        outside[name] = json.loads((path / "stack.json").read_text(encoding="utf-8"))["provenance"]["outside"]
    assert outside == {"fits": {"in_front": 0.0, "behind": 0.0}, "cuts": {"in_front": 0.5, "behind": 0.5}}
    assert len(told) == 2
    assert "50.00% of the image is nearer than the near plane at 5 m" in told[0]
    assert "give --near 4 or less" in told[0]
    assert "50.00% of the image is farther than the far plane at 5.5 m" in told[1]
    assert "give --far 6 or more" in told[1]


def test_a_name_with_braces_is_a_name(blender, blend_file, tmp_path):
    path = tmp_path / "{a} {{b}}.stack"
    render_stack(job(blend_file("edge", "ortho", 4.0, 6.0)), path, blender=blender)
    assert left(tmp_path) == [path.name]


def test_without_a_blender_nothing_is_made(tmp_path):
    with pytest.raises(BlenderError, match="does not exist"):
        render_stack(job(), tmp_path / "new" / "a.stack", blender="/nowhere/blender")
    assert left(tmp_path) == []


def test_a_scratch_folder_is_removed_from_under_a_render_that_goes_on(tmp_path):
    spec = importlib.util.spec_from_file_location("headless", _addon_folder() / "render" / "headless.py")
    assert spec is not None
    assert spec.loader is not None
    headless = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(headless)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    removed = threading.Event()

    def write():
        number = 0
        while not removed.wait(0.001):  # far faster than a render, and slower than the disk removes
            number += 1
            with contextlib.suppress(OSError):
                (scratch / f"{number}.exr").touch()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        headless._remove(scratch)
        assert not scratch.exists()
    finally:
        removed.set()
        writer.join()


class Stop(Exception):
    """Raised in a progress callback."""


def test_an_error_here_ends_the_child_and_leaves_nothing(blender, tmp_path):
    def progress(stage, done, total, note=""):
        if done == 1:
            raise Stop

    with pytest.raises(Stop):
        render_stack(job(), tmp_path / "a.stack", blender=blender, progress=progress)
    assert left(tmp_path) == []


def stand_in(tmp_path: Path, body: str) -> Blender:
    """An executable in the place of Blender."""
    path = tmp_path / "blender"
    path.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return Blender("executable", path, "5.0.1", "test")


@pytest.mark.skipif(os.name == "nt", reason="stand-ins are scripts")
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "stopped with SIGSEGV"),
        ("import sys; print('Error: no kernel', file=sys.stderr); sys.exit(7)", "exit status 7: Error: no kernel"),
        ("print('Blender quit')", "exit status 0: Blender quit"),
        ('print(\'holodriver: {"event": "prog\')', "exit status 0"),
        (
            'print(\'holodriver: {"event": "error", "type": "KeyError", "what": "KeyError: 1", '
            '"where": null, "remedy": null}\')',
            "failed: KeyError: 1",
        ),
    ],
)
def test_a_child_that_fails_is_one_line(tmp_path, body, said):
    raw = tmp_path / "raw"
    raw.mkdir()
    with (
        pytest.raises(BlenderError, match=said) as caught,
        raw_renders(stand_in(tmp_path, body), job(), raw, scratch=raw) as written,
    ):
        list(written)
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name == "nt", reason="stand-ins are scripts")
def test_a_folder_of_the_same_name_in_the_working_directory_is_not_run(tmp_path, monkeypatch):
    foreign = tmp_path / "blender_addon"
    (foreign / "render").mkdir(parents=True)
    for name in ("__init__.py", "render/__init__.py", "render/headless.py"):
        (foreign / name).write_text("", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)  # as `python -m holodriver` does
    tells = 'import json, sys; print("holodriver: " + json.dumps({"event": "warning", "what": sys.argv[1:]}))'
    raw = tmp_path / "raw"
    raw.mkdir()
    told = []
    with (
        pytest.raises(BlenderError, match="exit status 0"),
        raw_renders(stand_in(tmp_path, tells), job(), raw, scratch=raw, warn=told.append) as written,
    ):
        list(written)
    (arguments,) = told
    own = Path(holodriver.__file__).parent.parent / "blender_addon"
    assert str(own / "render" / "headless.py") in arguments
    assert str(foreign) not in " ".join(arguments)


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="waits for the end of a grandchild, which needs Linux")
@pytest.mark.parametrize(
    ("end", "status"), [(signal.SIGINT, {130}), (signal.SIGTERM, {143}), (signal.SIGKILL, {-signal.SIGKILL})]
)
def test_a_sudden_end_leaves_no_half_stack_and_no_orphan(blender, tmp_path, end, status):
    command = [sys.executable, "-m", "holodriver", "--progress", "json", "render", "stack", "demo"]
    command += [
        "-o",
        str(tmp_path / "a.stack"),
        "--size",
        "64",
        "--spp",
        "4",
        "--no-denoise",
        "--blender",
        str(blender.path),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as driver:
        assert driver.stdout is not None
        for line in driver.stdout:
            if json.loads(line).get("done", 0) >= 1:  # in the middle of the images
                break
        children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text(encoding="ascii").split()
        assert len(children) == 1
        child = os.pidfd_open(int(children[0]))
        driver.send_signal(end)
        driver.stdout.read()
    assert driver.returncode in status
    ended, _, _ = select.select([child], [], [], 60)  # readable once the process has ended
    os.close(child)
    assert ended
    assert left(tmp_path) == []
