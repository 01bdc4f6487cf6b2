"""Render the focal stacks of an animation, one folder a frame, all over one depth range."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from holodriver.errors import InputError
from holodriver.files.manifest import StackManifest
from holodriver.progress import Progress, silent
from holodriver.rendering.blender import Blender, find_blender
from holodriver.rendering.render import RenderJob, render_stack
from holodriver.rendering.rgbd import find_range

STAGE = "rendering frames"


def render_stacks(
    job: RenderJob,
    folder: Path,
    *,
    overwrite: bool = False,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Callable[[str], None] = lambda text: None,
) -> list[Path]:
    """Render ``folder/NAME_0001.stack`` and so on, NAME that of the folder, for each of the job's frames.

    Frames that are there already are left out unless `overwrite`, so that a stopped run goes on. Each frame has a
    Blender of its own: a long animation must not fill the memory. What is not given of the depth range is found from
    all frames together, so that depth does not jump.

    Returns:
        the focal stacks of all frames.

    Raises:
        InputError: no frames are given, or as for `render_stack`.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    if not job.frames:
        raise InputError("no frames are given, which an animation has", where="frames")
    found = blender if isinstance(blender, Blender) else find_blender(blender)
    paths = {frame: folder / f"{folder.stem}_{frame:04d}.stack" for frame in job.frames}
    todo = [frame for frame, path in paths.items() if overwrite or not (path / StackManifest.FILE_NAME).exists()]
    if todo and (job.near is None or job.far is None):
        near, far = find_range(job, folder, blender=found, progress=progress, warn=warn)
        job = replace(job, near=near if job.near is None else job.near, far=far if job.far is None else job.far)
    for number, frame in enumerate(todo):
        progress(STAGE, number, len(todo), f"frame {frame}")
        each = replace(job, frames=(frame,))
        render_stack(each, paths[frame], overwrite=overwrite, blender=found, progress=progress, warn=warn)
    progress(STAGE, len(todo), len(todo))
    return list(paths.values())
