"""Press every button of the extension in a Blender with a window, and measure how long the window waits.

    blender --factory-startup --enable-event-simulate --python scripts/gui_tour.py -- ZIP DRIVER FOLDER [PHOTO DEPTH]

ZIP is what scripts/build_extension.py makes, DRIVER the `holodriver` to use, FOLDER an existing one for results. Give
Blender settings of its own (BLENDER_USER_RESOURCES=…): the extension gets installed. Prints one line a button with the
longest gap between two ticks of the window while its job ran, and quits; `Esc` is sent to the window in the middle of a
render. Gaps hold whatever else the window draws: with software OpenGL a viewport that changes takes most of a second.
"""

import importlib
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

PACKAGE = "bl_ext.user_default.holodriver"
TICK_S = 0.05
SETTLE_S = 10.0  # until a viewport that has changed is drawn, also by software


class Clock:
    """The longest gap between two calls of a timer, while something is watched."""

    def __init__(self) -> None:
        self.last, self.longest, self.watching = time.monotonic(), 0.0, False
        bpy.app.timers.register(self.tick, persistent=True)

    def tick(self) -> float:
        """Called by Blender's window."""
        now = time.monotonic()
        if self.watching:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        return TICK_S

    def watch(self, wanted: bool) -> None:
        """Begin or end to measure."""
        self.last = time.monotonic()
        if wanted:
            self.longest = 0.0
        self.watching = wanted


clock = Clock()


def part(name: str) -> Any:
    """A module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def press(name: str) -> None:
    """Press a button, as the panel does."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        getattr(bpy.ops.holodriver, name)("INVOKE_DEFAULT")


def job(name: str) -> Iterator[float]:
    """Press a button, wait for its job, print a line."""
    yield SETTLE_S
    clock.watch(True)
    begun = time.monotonic()
    press(name)
    pressed = time.monotonic() - begun
    state = part("ui.session").state
    while part("ui.session").running():
        yield TICK_S
    clock.watch(False)
    outcome = "FAILED" if state.failed else "ok"
    text = " / ".join(state.lines[:2])
    print(f"{name}: {outcome}, press {pressed:.2f} s, longest gap {clock.longest:.2f} s: {text}", flush=True)


def tour(archive: str, driver: str, folder: str, *photo: str) -> Iterator[float]:
    """All of it; yields how long to wait, s."""
    yield 2.0
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
    bpy.context.preferences.addons[PACKAGE].preferences.driver = driver
    for each in list(bpy.data.objects):
        bpy.data.objects.remove(each)
    scene = bpy.context.scene
    part("scenes.demo_scene").build_demo(scene, mapping="dioptric", aspect=4 / 3)
    scene.render.resolution_x, scene.render.resolution_y = 128, 96
    settings = scene.holodriver
    settings.quality, settings.denoise, settings.iterations, settings.play_seconds = "DRAFT", False, 15, 1.0
    settings.output = folder
    path = Path(folder) / "still life.blend"
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    area = next(area for area in bpy.context.window_manager.windows[0].screen.areas if area.type == "VIEW_3D")
    area.spaces.active.region_3d.view_perspective = "CAMERA"
    area.spaces.active.show_region_ui = True
    print(f"Blender {bpy.app.version_string}", flush=True)
    for name in ("fit_planes", "render_stack", "export_rgbd", "make_hologram", "show_on_panel"):
        yield from job(name)
    settings.quality, settings.samples = "TYPED", 1
    yield from job("render_quilt")
    settings.quality = "DRAFT"
    settings.preview = True
    yield SETTLE_S
    clock.watch(True)
    for step in range(21):
        settings.preview_position = step / 20
        yield TICK_S
    clock.watch(False)
    distance = scene.camera.data.dof.focus_distance
    print(
        f"focus slider: longest gap {clock.longest:.2f} s, ends at {distance:.3f} of {settings.far:.3f} m", flush=True
    )
    settings.preview = False
    if photo:
        settings.photo, settings.photo_depth = photo
        yield from job("import_photo")
    yield from job("check_driver")
    yield from cancelled(path)
    bpy.ops.wm.quit_blender()


def cancelled(path: Path) -> Iterator[float]:
    """Send Esc in the middle of a render."""
    on_disk, session = path.read_bytes(), part("ui.session")
    before = sorted(entry.name for entry in path.parent.iterdir())
    yield SETTLE_S
    press("render_stack")
    while session.state.job.report.done < 5:
        yield TICK_S
    from holodriver.system.children import descendants  # the extension brings it

    below = descendants(session.state.job._process.pid)
    window = bpy.context.window_manager.windows[0]
    begun = time.monotonic()
    window.event_simulate(type="ESC", value="PRESS", x=window.width // 3, y=window.height // 2)
    while session.running():
        yield TICK_S
    took = time.monotonic() - begun
    alive = [pid for pid in below if Path(f"/proc/{pid}").exists()]
    same = path.read_bytes() == on_disk and sorted(entry.name for entry in path.parent.iterdir()) == before
    print(
        f"Esc: ended after {took:.2f} s, {len(alive)} of {len(below)} processes left, files as before: {same}",
        flush=True,
    )


def main() -> None:
    """Run the tour from a timer, as steps of the window's own loop."""
    steps = tour(*sys.argv[sys.argv.index("--") + 1 :])

    def step() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            return None
        except Exception:
            traceback.print_exc()
            bpy.ops.wm.quit_blender()
            return None

    bpy.app.timers.register(step, first_interval=1.0, persistent=True)


main()
