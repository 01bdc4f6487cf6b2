"""Render a focal stack: a child Blender renders raw images, which are assembled while it works."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from holodriver.blender.child import Warn, raw_renders
from holodriver.blender.find import Blender, find_blender
from holodriver.blender.refocus import Refocusing
from holodriver.errors import BlenderError
from holodriver.files.atomic import check_output_folder, written_folder
from holodriver.files.stack import HOLDS, Assembly, Outside
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import RenderJob


def render_stack(
    job: RenderJob,
    path: Path,
    *,
    overwrite: bool = False,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> Path:
    """Render the focal stack of a scene into the folder `path`.

    Raw renders and the unfinished stack lie in one hidden folder beside `path`, which is always removed: by this
    process after an error or Ctrl-C, by the child if this process was killed.

    Args:
        job: what to render.
        path: path of the focal stack, usually NAME.stack.
        blender: a Blender that was found, or a Blender executable or Python with bpy; None: see `find_blender`.
        progress: called for each image and depth map rendered.
        warn: called with a one-line text for each reason why the stack differs from the scene.

    Returns:
        `path`.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: the scene cannot be opened, has no usable camera, or the depth range does not fit it.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    check_output_folder(path, overwrite=overwrite, holds=HOLDS)
    found = find_blender(blender)
    with written_folder(path, overwrite=overwrite, holds=HOLDS) as folder:
        raw = folder / "raw"
        raw.mkdir()
        assembly: Assembly | None = None
        refocusing: Refocusing | None = None
        with raw_renders(found, job, raw, scratch=folder, progress=progress, warn=warn) as written:
            for kind, number in written:
                assembly = assembly or Assembly.of(raw, folder)
                if kind == "view":
                    refocusing = refocusing or Refocusing.of(raw, assembly.manifest)
                    refocusing.add(number)
                elif kind == "plane":
                    assembly.add_plane(number, refocusing.image(number) if refocusing else None)
                else:
                    assembly.add_all_in_focus()
        if assembly is None:
            raise BlenderError("wrote no images", where=found.path)
        assembly.finish()
        for text in _outside(job, assembly.outside):
            warn(text)
        shutil.rmtree(raw)
    return path


def _outside(job: RenderJob, outside: Outside) -> Iterator[str]:
    # no warning for a range that was fitted to the scene: what it leaves out is little
    if job.near is not None and outside.in_front > 0:
        yield (
            f"{outside.in_front:.2%} of the image is nearer than the near plane at {job.near:g} m and moved onto it: "
            f"give --near {outside.nearest:.4g} or less, or leave out --near"
        )
    if job.far is not None and outside.behind > 0:
        yield (
            f"{outside.behind:.2%} of the image is farther than the far plane at {job.far:g} m and moved onto it: "
            f"give --far {outside.farthest:.4g} or more, or leave out --far"
        )
