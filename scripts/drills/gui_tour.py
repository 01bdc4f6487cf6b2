"""Press every button of the extension in a Blender with a window, and measure how long the window does not respond.

    blender --factory-startup --enable-event-simulate --python scripts/drills/gui_tour.py -- \\
        ZIP DRIVER FOLDER [PHOTO DEPTH] [--record]

ZIP is the file that scripts/build_extension.py makes, DRIVER the path of the `holodriver` program, FOLDER an existing
folder for results. Set BLENDER_USER_RESOURCES to an empty folder, because the extension gets installed. For each button
the drill prints the longest gap between two timer events of the window while the job ran. It sends `Esc` to the window
in the middle of a render, and then quits Blender. A gap includes everything that the window draws: drawing a changed
viewport with software OpenGL takes most of a second.
"""

import importlib
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import record

PACKAGE = "bl_ext.user_default.holodriver"
TICK_S = 0.05
SETTLE_S = 10.0  # time within which a changed viewport is drawn, even by software OpenGL
COMMAND = (
    "blender --factory-startup --enable-event-simulate --python scripts/drills/gui_tour.py -- "
    "ZIP DRIVER FOLDER PHOTO DEPTH"
)


class Clock:
    """Measures the longest gap between two calls of a timer while it watches."""

    def __init__(self) -> None:
        self.last, self.longest, self.watching = time.monotonic(), 0.0, False
        bpy.app.timers.register(self.tick, persistent=True)

    def tick(self) -> float:
        """Record the time; Blender's window calls this function."""
        now = time.monotonic()
        if self.watching:
            self.longest = max(self.longest, now - self.last)
        self.last = now
        return TICK_S

    def watch(self, wanted: bool) -> None:
        """Begin or end the measurement."""
        self.last = time.monotonic()
        if wanted:
            self.longest = 0.0
        self.watching = wanted


clock = Clock()


def part(name: str) -> Any:
    """Import a module of the installed extension."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def press(name: str) -> None:
    """Press a button as the panel does."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(window=window, screen=window.screen, area=area, region=region):
        getattr(bpy.ops.holodriver, name)("INVOKE_DEFAULT")


def job(name: str, rows: list[tuple[str, ...]]) -> Iterator[float]:
    """Press a button, wait for the job, and add a row to the table."""
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
    rows.append((name, outcome, f"{pressed:.2f}", f"{clock.longest:.2f}"))
    print(f"{name}: {outcome}: {text}", flush=True)


def tour(results: record.Section, archive: str, driver: str, folder: str, *photo: str) -> Iterator[float]:
    """Press all buttons; yield the times to wait, s."""
    rows: list[tuple[str, ...]] = []
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
    for name in ("fit_planes", "render_stack", "export_rgbd", "make_hologram", "show_on_panel"):
        yield from job(name, rows)
    settings.quality, settings.samples = "TYPED", 1
    yield from job("render_quilt", rows)
    settings.quality = "DRAFT"
    settings.preview = True
    yield SETTLE_S
    clock.watch(True)
    for step in range(21):
        settings.preview_position = step / 20
        yield TICK_S
    clock.watch(False)
    distance = scene.camera.data.dof.focus_distance
    slider = (
        f"The focus slider redraws the viewport with gaps of at most {clock.longest:.2f} s; its last focus distance is "
        f"{distance:.3f} m (far plane: {settings.far:.3f} m)."
    )
    settings.preview = False
    if photo:
        settings.photo, settings.photo_depth = photo
        yield from job("import_photo", rows)
    yield from job("check_driver", rows)
    title = f"Blender {bpy.app.version_string}, demo scene at 128 × 96"
    results.table(("button", "outcome", "pressing it, s", "longest gap, s"), rows, title=title)
    results.say(slider)
    yield from cancelled(path, results)


def cancelled(path: Path, results: record.Section) -> Iterator[float]:
    """Send Esc in the middle of a render."""
    on_disk, session = path.read_bytes(), part("ui.session")
    before = sorted(entry.name for entry in path.parent.iterdir())
    yield SETTLE_S
    press("render_stack")
    while session.state.job.report.done < 5:
        yield TICK_S
    from holodriver.system.children import descendants  # part of the extension

    below = descendants(session.state.job._process.pid)
    window = bpy.context.window_manager.windows[0]
    begun = time.monotonic()
    window.event_simulate(type="ESC", value="PRESS", x=window.width // 3, y=window.height // 2)
    while session.running():
        yield TICK_S
    took = time.monotonic() - begun
    alive = [pid for pid in below if Path(f"/proc/{pid}").exists()]
    same = path.read_bytes() == on_disk and sorted(entry.name for entry in path.parent.iterdir()) == before
    results.say(
        f"Esc in the middle of a render ended it after {took:.2f} s; {len(alive)} of {len(below)} processes were left, "
        f"and the files were {'as before' if same else 'CHANGED'}."
    )


def recorded(given: list[str], *, write: bool) -> Iterator[float]:
    """Run the tour and write its table at the end; yield the times to wait, s."""
    about = "The longest time for which Blender's window did not respond while a job ran."
    with record.section("gui_tour", "The extension in a window", about=about, write=write, command=COMMAND) as results:
        yield from tour(results, *given)
    bpy.ops.wm.quit_blender()


def main() -> None:
    """Run the tour from a timer, as steps of the window's event loop."""
    given = sys.argv[sys.argv.index("--") + 1 :]
    steps = recorded([one for one in given if one != "--record"], write="--record" in given)

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
