"""Render a focal stack: Blender as a child process, its raw images assembled while it works."""

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

    Raw renders and the unfinished stack lie in one hidden folder beside `path`, which is gone afterwards, whatever
    happens: on an error and on Ctrl-C this process removes it, after its own sudden death the child does.

    Args:
        job: what to render.
        path: of the focal stack, by custom NAME.stack.
        blender: one that was found, or a Blender executable or Python with bpy; None: see `find_blender`.
        progress: called for images and depth maps rendered.
        warn: told in one line of each thing that makes the stack other than its scene.

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
    # a range that was not given is the scene's own: nothing is told of what little it leaves out
    if job.near is not None and outside.in_front > 0:
        yield (
            f"{outside.in_front:.2%} of the image is nearer than the near plane at {job.near:g} m and put on it: "
            f"give --near {outside.nearest:.4g} or less, or leave it out"
        )
    if job.far is not None and outside.behind > 0:
        yield (
            f"{outside.behind:.2%} of the image is farther than the far plane at {job.far:g} m and put on it: "
            f"give --far {outside.farthest:.4g} or more, or leave it out"
        )
