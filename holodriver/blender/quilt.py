"""Render a Looking Glass quilt of true views: Blender as a child process, its views laid out while it works."""

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
"""Most bounces of light in pictures that are looked at by themselves."""


@dataclass(frozen=True, kw_only=True)
class QuiltJob:
    """The request for a quilt; `QuiltJob.of` finds what a display needs."""

    display: LookingGlass
    """Display that the quilt is laid out for."""
    views: QuiltViews
    """Views that the display shows."""
    request: RenderJob
    """How each view is rendered."""

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
        """The quilt of a scene for a display: views of the tile's height, and of the aspect that the display shows.

        Args:
            scene: "demo", "random", or the path of a .blend file.
            focus: distance of the plane that stands in the display, m (scene units); None: where the camera focuses if
                it has depth of field, else the middle of what it sees.
            view_cone: angle between the first and the last view, degrees; None: the display's.
            look: colours of the views.
            samples: samples per pixel of each view.
            more: other fields of `RenderJob`.

        Raises:
            InputError: a field is out of range; the message names it.
        """
        cone = display.view_cone if view_cone is None else view_cone
        height = display.tile[1]
        request = RenderJob(
            scene=scene,
            width=max(round(height * display.aspect), 1),
            height=height,
            samples=samples,
            max_bounces=MAXIMUM_BOUNCES,
            mapping="dioptric",  # the built scenes get the perspective camera, which has views
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
