# SPDX-License-Identifier: GPL-3.0-or-later
"""Find the driver, and write its command lines from the artist's settings.

Nothing here imports bpy: `settings` is any object with the attributes of `ui.properties.HologramSettings`.
"""

import itertools
import math
import os
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holodriver.errors import InputError
from holodriver.files.manifest import StackManifest
from holodriver.optics.display import REFERENCE, DisplayProfile, eye_blur_diameter

from .driver_process import Step
from .estimate import Work

ENVIRONMENT_VARIABLE = "HOLODRIVER_DRIVER"
"""Environment variable with the path of the driver; the preferences take precedence."""

SAMPLES = {"DRAFT": 4, "QUICK": 16, "GOOD": 64, "BEST": 256}
"""Samples per pixel of each quality."""

INSTALLED = "installed.txt"
"""Name of a file that marks the environment made by Install Driver as complete."""

REMEDY = "enter its path in the add-on's preferences, or press Install Driver there"


@dataclass(frozen=True)
class Driver:
    """A driver that can be started."""

    command: tuple[str, ...]

    def step(self, title: str, *arguments: object) -> Step:
        """Make a step that runs one command of this driver with reports as JSON lines."""
        return Step(title, (*self.command, "--progress", "json", *(str(argument) for argument in arguments)))


def find_driver(named: str, private: Path | None = None) -> Driver:
    """Find the driver to start.

    Args:
        named: path in the preferences: an executable, or a Python with holodriver; empty: search.
        private: folder of the environment that Install Driver makes.

    Raises:
        InputError: no driver was found, or the given path is not a file.
    """
    if named.strip():
        return _driver_at(Path(named).expanduser(), "the driver in the preferences")
    if from_environment := os.environ.get(ENVIRONMENT_VARIABLE):
        return _driver_at(Path(from_environment).expanduser(), ENVIRONMENT_VARIABLE)
    if private is not None and (private / INSTALLED).is_file():
        return Driver((str(environment_python(private)), "-m", "holodriver"))
    if found := shutil.which("holodriver"):
        return Driver((found,))
    raise InputError("the driver was not found", remedy=REMEDY)


def environment_python(folder: Path) -> Path:
    """Path of the Python interpreter in a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _driver_at(path: Path, source: str) -> Driver:
    if not path.is_file():
        raise InputError(f"{source} is not a file", where=path, remedy=REMEDY)
    if path.stem.lower().startswith("python"):
        return Driver((str(path), "-I", "-m", "holodriver"))
    return Driver((str(path),))


def profile_of(settings: Any, path: Path | None) -> DisplayProfile:
    """Return the display profile that the artist chose.

    Args:
        path: path of the profile's file; None for the reference display.

    Raises:
        InputError: the file is missing, is not TOML, or is not a display profile.
    """
    if settings.profile == "REFERENCE":
        return REFERENCE
    if path is None or not path.is_file():
        raise InputError("the display profile is not a file", where=path, remedy="choose one, or the reference display")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"is not TOML: {error}", where=path) from error
    values = {name: value for name, value in values.items() if name not in ("format", "version")}
    return DisplayProfile.from_dict({**REFERENCE.as_dict(), **values}, where=path)


def image_size(settings: Any, profile: DisplayProfile, render: Any) -> tuple[int, int]:
    """Size (width, height) of the rendered images, pixels; `render` holds the scene's render settings."""
    if settings.size_mode == "SCENE":
        percent = render.resolution_percentage / 100
        return max(8, int(render.resolution_x * percent)), max(8, int(render.resolution_y * percent))
    if settings.size_mode == "TYPED":
        return int(settings.width), int(settings.height)
    return profile.width, profile.height


def blur_diameter(settings: Any, profile: DisplayProfile) -> float:
    """Diameter of the blur circle between near and far plane, pixels: the display's, an eye's (Eq. 4), or custom."""
    if settings.blur_mode == "TYPED":
        return float(settings.coc_max)
    if settings.blur_mode == "EYE":
        return eye_blur_diameter(profile.pupil, profile.design_resolution, profile.field_of_view, profile.nearest_image)
    return profile.coc_max


def sample_count(settings: Any) -> int:
    """Number of samples per pixel."""
    return int(settings.samples) if settings.quality == "TYPED" else SAMPLES[settings.quality]


def work_of(settings: Any, size: tuple[int, int], *, planes: int, frames: int, views: int = 0) -> Work:
    """Amount of work of a render with these settings; `views` is the number of views of the refocus route."""
    return Work(*size, sample_count(settings), planes, frames, denoise=settings.denoise, views=views)


@dataclass(frozen=True)
class Scene:
    """The scene of a render: file, Blender, size, frames and depth range."""

    blend: Path
    """Path of the saved copy of the artist's file."""
    blender: Path
    """Path of the Blender to start as child process."""
    size: tuple[int, int]
    near: float | None
    far: float | None
    frames: tuple[int, ...]
    """Numbers of the animation frames; empty: the frame at which the file was saved."""
    device: str
    devices: tuple[str, ...]

    def source(self) -> list[object]:
        """Arguments for the file and the Blender, common to all kinds of renders."""
        given: list[object] = [self.blend, "--blender", self.blender]
        for device in [f"{self.device}={identifier}" for identifier in self.devices] or [self.device]:
            given += ["--device", device]
        return given

    def view(self) -> list[object]:
        """Arguments for size and frames, as `holodriver render` takes them."""
        given: list[object] = ["--size", f"{self.size[0]}x{self.size[1]}"]
        return given + (["--frames", in_ranges(self.frames)] if self.frames else [])

    def range(self) -> list[object]:
        """Arguments for the ends of the depth range that are known."""
        given: list[object] = []
        for name, value in (("--near", self.near), ("--far", self.far)):
            if value is not None:
                given += [name, "inf" if value == math.inf else f"{value:.9g}"]
        return given


def in_ranges(frames: Sequence[int]) -> str:
    """Write frame numbers in the form of the option `--frames`, such as "1-24:2"."""
    steps = {b - a for a, b in itertools.pairwise(frames)}
    if len(frames) > 2 and len(steps) == 1:
        step = steps.pop()
        return f"{frames[0]}-{frames[-1]}" + (f":{step}" if step > 1 else "")
    return ",".join(str(frame) for frame in frames)


def _quality(settings: Any) -> list[object]:
    given: list[object] = ["--spp", sample_count(settings)]
    return given if settings.denoise else [*given, "--no-denoise"]


def stack_steps(driver: Driver, scene: Scene, settings: Any, coc_max: float, output: Path) -> list[Step]:
    """Steps that render a focal stack, or a folder of focal stacks for several frames."""
    arguments: list[object] = ["render", "stack", *scene.source(), *scene.view(), *scene.range(), *_quality(settings)]
    arguments += ["-o", output, "--planes", settings.planes]
    arguments += ["--coc-max", f"{coc_max:.9g}", "--route", settings.route.lower(), *_overwrite(settings)]
    return [driver.step("Rendering the focal stack", *arguments)]


def rgbd_steps(driver: Driver, scene: Scene, settings: Any, output: Path) -> list[Step]:
    """Steps that render RGB-D images in the chosen formats."""
    names = {"SIDE_BY_SIDE": "side-by-side", "DEPTH": "depth", "EXR": "exr", "VIDEO": "video"}
    arguments: list[object] = ["render", "rgbd", *scene.source(), *scene.view(), *scene.range(), *_quality(settings)]
    arguments += ["-o", output, *_overwrite(settings)]
    for name, option in names.items():
        if name in settings.formats:
            arguments += ["--format", option]
    return [driver.step("Rendering RGB-D", *arguments)]


def range_steps(driver: Driver, scene: Scene) -> list[Step]:
    """Steps that find the depth range that the camera sees."""
    return [driver.step("Looking at the scene", "render", "range", *scene.source(), *scene.view())]


def stacks_in(source: Path) -> list[Path]:
    """Focal stacks of an animation in the folder `source`, by name; empty if `source` is a focal stack or a picture."""
    if not source.is_dir() or (source / StackManifest.FILE_NAME).exists():
        return []
    return sorted(path for path in source.glob("*.stack") if not path.name.startswith("."))


def hologram_steps(
    driver: Driver, source: Path, output: Path, settings: Any, profile: Path | None, *, preview: Path
) -> list[Step]:
    """Steps that compute holograms and panel frames, and simulate the camera's view of the first hologram.

    Args:
        source: a focal stack, an RGB-D picture, or a folder with the focal stacks of an animation.
        output: NAME.holo; for an animation, the folder for the holograms.
    """
    chosen = ["--profile", profile] if profile is not None else []
    synth = ["synth", source, "-o", output, "--method", settings.method, *chosen, *_overwrite(settings)]
    if settings.method == "opt":
        synth += ["--iterations", settings.iterations]
    frames = stacks_in(source)
    holos = [output / f"{stack.stem}.holo" for stack in frames] or [output]
    pictures = [] if frames else ["--frames", output.with_suffix(".frames")]
    return [
        driver.step("Computing the hologram" + ("s" if frames else ""), *synth),
        driver.step("Encoding frames", "encode", *holos, *pictures, *_overwrite(settings)),
        driver.step("Simulating the view", "reconstruct", holos[0], "-o", preview, *_overwrite(settings)),
    ]


def play_steps(driver: Driver, frames: Path, settings: Any) -> list[Step]:
    """Steps that play a folder of panel frames, or of an animation's holograms; arming lasers is up to the rig."""
    shown = sorted(frames.glob("*.holo")) or [frames]
    arguments = ["play", *shown, "--rig", settings.rig, "--duration", f"{settings.play_seconds:g}"]
    return [driver.step("Showing on the panel", *arguments)]


def photo_steps(driver: Driver, photo: Path, folder: Path) -> list[Step]:
    """Steps that estimate the depth of a photo; no other photo may use `folder`."""
    return [driver.step("Estimating depth", "rgbd", photo, "-o", folder, "--overwrite")]


def quilt_steps(driver: Driver, scene: Scene, settings: Any, output: Path) -> list[Step]:
    """Steps that render a quilt for a Looking Glass."""
    arguments: list[object] = ["render", "quilt", *scene.source(), *_quality(settings)]
    arguments += ["--display", settings.quilt_device, "-o", output, *_overwrite(settings)]
    return [driver.step("Rendering the quilt", *arguments)]


def _overwrite(settings: Any) -> list[object]:
    return ["--overwrite"] if settings.overwrite else []
