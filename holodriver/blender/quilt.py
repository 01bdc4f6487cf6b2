"""Render a Looking Glass quilt: a child Blender renders the views, and each view is put into the quilt when ready."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from holodriver.blender.child import Warn, raw_renders
from holodriver.blender.find import Blender, find_blender
from holodriver.errors import BlenderError
from holodriver.files.atomic import check_output, scratch_folder
from holodriver.files.images import read_levels
from holodriver.files.manifest import quilt_view_name
from holodriver.files.quilt import QuiltCanvas, check_quilt_suffix, go_sidecar, write_go_sidecar
from holodriver.optics.lookingglass import LookingGlass, quilt_path
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import Look, QuiltViews, RenderJob

MAXIMUM_BOUNCES = 12
"""Largest number of light bounces in pictures that people look at directly."""


@dataclass(frozen=True, kw_only=True)
class QuiltJob:
    """Request for a quilt; `QuiltJob.of` derives it from a display."""

    display: LookingGlass
    """Display that the quilt is made for."""
    views: QuiltViews
    """Number, angle, focus and colours of the views."""
    request: RenderJob
    """Scene, size and quality of each view."""

    @classmethod
    def of(
        cls,
        display: LookingGlass,
        *,
        scene: str,
        focus: float | None = None,
        view_cone: float | None = None,
        look: Look = "scene",
        samples: int = 64,
        **more: Any,
    ) -> Self:
        """Request the quilt of a scene: views as high as the quilt's tiles, with the aspect ratio of the display.

        Args:
            scene: "demo", "random", or the path of a .blend file.
            focus: distance from the camera of the plane that appears in the plane of the display, m (scene units);
                None: the camera's focus if it has depth of field, otherwise the middle of what it sees.
            view_cone: angle between the first and the last view, degrees; None: the display's.
            look: colours of the views.
            samples: samples per pixel of each view.
            more: other fields of `RenderJob`.

        Raises:
            InputError: a field is out of range; the message names the field.
        """
        cone = display.view_cone if view_cone is None else view_cone
        height = display.tile[1]
        request = RenderJob(
            scene=scene,
            width=max(round(height * display.aspect), 1),
            height=height,
            samples=samples,
            max_bounces=MAXIMUM_BOUNCES,
            mapping="dioptric",  # gives the built-in scenes a perspective camera, which views need
            **more,
        )
        return cls(
            display=display,
            views=QuiltViews(views=display.views, view_cone=cone, focus=focus, look=look),
            request=request,
        )


def render_quilt(
    job: QuiltJob,
    path: Path,
    *,
    overwrite: bool = False,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Path:
    """Render the quilt of a scene into a picture whose file name states the layout.

    Memory holds the quilt and at most one view. Temporary files lie in a hidden folder beside `path`, which is removed
    in any case, after errors too.

    Args:
        job: what to render.
        path: path of the quilt, .png or .jpg; the suffix ``_qs{columns}x{rows}a{aspect}`` is added to the name.
        blender: a Blender that was found, or a Blender executable or Python with bpy; None: see `find_blender`.
        progress: called for each view.
        warn: called with a one-line text for each reason why the quilt differs from the scene.

    Returns:
        Path of the quilt. For a Looking Glass Go, the JSON file for stand-alone play is written beside the quilt.

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
    found = find_blender(blender)
    canvas = QuiltCanvas(job.display)
    with scratch_folder(output) as scratch:
        raw = scratch / "raw"
        raw.mkdir()
        with raw_renders(
            found, job.request, raw, scratch=scratch, kind="quilt", quilt=job.views, progress=progress, warn=warn
        ) as written:
            for _, number in written:
                view = raw / quilt_view_name(number)
                canvas.add(number, read_levels(view, guarded=False))
                view.unlink()
        if canvas.missing:
            raise BlenderError(
                f"wrote {job.display.views - canvas.missing} views of {job.display.views}", where=found.path
            )
        canvas.write(output, overwrite=overwrite)
        if job.display.plays_alone:
            write_go_sidecar(output, job.display, overwrite=overwrite)
    return output
