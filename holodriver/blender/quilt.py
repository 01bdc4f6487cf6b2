"""Render a Looking Glass quilt of true views: Blender as a child process, its views laid out while it works."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holodriver.blender.find import Blender, find_blender
from holodriver.blender.stack import BUILT, SPLITS, child_reports
from holodriver.errors import BlenderError, InputError
from holodriver.files.atomic import check_output, scratch_folder
from holodriver.files.images import read_levels
from holodriver.files.quilt import QuiltCanvas, check_quilt_suffix, go_sidecar, write_go_sidecar
from holodriver.optics.lookingglass import LookingGlass, quilt_path
from holodriver.progress import Progress, silent

LOOKS = ("scene", "standard")
"""Colours as the scene's view transform makes them, or plain sRGB."""


@dataclass(frozen=True, kw_only=True)
class QuiltJob:
    """Which quilt to render.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    scene: str
    """"demo", "random", or the path of a .blend file."""
    display: LookingGlass
    focus: float | None = None
    """Distance of the plane that stands in the display, m (scene units); None: where the camera focuses if it has
    depth of field, else the middle of what it sees."""
    view_cone: float | None = None
    """Angle between the first and the last view, degrees; None: the display's."""
    samples: int = 64
    """Samples per pixel of each view."""
    seed: int = 0
    denoise: bool = True
    look: str = "scene"
    split: str = "test"
    """Of a random scene: "test" or "train"."""
    device: str = "CPU"
    """"CPU", or a type of GPU as Cycles names it."""
    devices: tuple[str, ...] = ()
    """Cycles' identifiers of the devices of that type to use; none: all of them."""
    frame: int | None = None
    """Of the scene's animation; None: the one that the file was saved at."""

    def __post_init__(self) -> None:
        for name, least, most in (("samples", 1, 1_000_000), ("seed", 0, 2**31 - 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise InputError(f"{name} is {value!r}, expected a whole number from {least} to {most}")
        if self.focus is not None and not (self.focus > 0 and math.isfinite(self.focus)):
            raise InputError(f"focus is {self.focus:g} m, expected a distance above 0")
        if self.view_cone is not None and not 0 < self.view_cone < 180:
            raise InputError(f"view_cone is {self.view_cone:g} degrees, expected above 0, below 180")
        if self.look not in LOOKS:
            raise InputError(f"look is {self.look!r}, expected 'scene' or 'standard'")
        if self.split not in SPLITS:
            raise InputError(f"split is {self.split!r}, expected 'train' or 'test'")
        if self.scene not in BUILT and not Path(self.scene).is_file():
            raise InputError("does not exist", where=self.scene, remedy="give a .blend file, demo or random")

    @property
    def view_size(self) -> tuple[int, int]:
        """(width, height) to render each view in: of the tile's height, and of the aspect that the display shows."""
        height = self.display.tile[1]
        return max(round(height * self.display.aspect), 1), height


def render_quilt(
    job: QuiltJob,
    path: Path,
    *,
    overwrite: bool = False,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] = lambda text: None,
) -> Path:
    """Render the quilt of a scene into a picture whose name says how it is laid out.

    At most one view is held beside the quilt. Scratch files lie in a hidden folder beside `path`, which is gone
    afterwards, whatever happens.

    Args:
        job: what to render.
        path: of the quilt, .png or .jpg; gets the suffix ``_qs{columns}x{rows}a{aspect}``.
        blender: one that was found, or a Blender executable or Python with bpy; None: see `find_blender`.
        progress: called for each view.
        warn: told in one line of each thing that makes the quilt other than its scene.

    Returns:
        the path of the quilt; beside that of a Looking Glass Go lies the JSON by which it plays it on its own.

    Raises:
        OutputExistsError: the quilt exists and `overwrite` is false.
        InputError: the scene cannot be opened, or has no perspective camera.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    check_quilt_suffix(path)
    output = quilt_path(path, job.display)
    check_output(output, overwrite=overwrite)
    if job.display.plays_alone:
        check_output(go_sidecar(output), overwrite=overwrite)
    found = blender if isinstance(blender, Blender) else find_blender(blender)
    canvas = QuiltCanvas(job.display)
    with scratch_folder(output) as scratch:
        raw = scratch / "raw"
        raw.mkdir()
        with child_reports(found, _values(job), raw, scratch=scratch) as reports:
            for report in reports:
                if report["event"] == "progress":
                    progress(report["stage"], report["done"], report["total"], report["note"])
                elif report["event"] == "warning":
                    warn(report["what"])
                elif report["event"] == "written":
                    view = raw / f"view_{report['plane']:04d}.png"  # as blender_addon/render/quilt.py names it
                    canvas.add(report["plane"], read_levels(view, guarded=False))
                    view.unlink()
        if canvas.missing:
            raise BlenderError(
                f"wrote {job.display.views - canvas.missing} views of {job.display.views}", where=found.path
            )
        canvas.write(output, overwrite=overwrite)
        if job.display.plays_alone:
            write_go_sidecar(output, job.display, overwrite=overwrite)
    return output


def _values(job: QuiltJob) -> dict[str, object]:
    width, height = job.view_size
    return {
        "kind": "quilt",
        "scene": job.scene,
        "split": job.split,
        "frames": [] if job.frame is None else [job.frame],
        "width": width,
        "height": height,
        "seed": job.seed,
        "near": None,
        "far": None,
        "mapping": "dioptric",  # the built scenes get the perspective camera, which has views
        "quilt": {
            "views": job.display.views,
            "width": width,
            "height": height,
            "view_cone": job.view_cone or job.display.view_cone,
            "focus": job.focus,
            "samples": job.samples,
            "seed": job.seed,
            "denoise": job.denoise,
            "look": job.look,
            "device": job.device,
            "devices": job.devices,
        },
    }
