"""Focal stacks of an animation's frames: each frame is a unit, rendered by its own Blender."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from holodriver.blender.find import known_blender
from holodriver.blender.rgbd import RANGE, find_range
from holodriver.blender.stack import render_stack
from holodriver.errors import InputError
from holodriver.farm.unit import Batch, Surroundings, Unit, Warn
from holodriver.files.atomic import remove_leftovers
from holodriver.files.manifest import StackManifest
from holodriver.progress import Progress
from holodriver.scene.render_job import RenderJob
from holodriver.tasks.batches.needs import stack_needs

FRAMES = "frames"
"""Kind of the batch, as its manifest records it."""

_NOT_OF_THE_RESULT = ("frames", "device", "devices")
"""Fields of a job that differ from unit to unit, or do not influence the result."""


def frames_batch(job: RenderJob, folder: Path, *, blender: Path | None = None, overwrite: bool = False) -> Batch:
    """Batch that renders ``folder/NAME_0001.stack`` and so on, one for each of the job's frames; NAME is the folder's.

    An end of the depth range that is not given is found once, from all frames together, so that depth does not jump
    between frames; frames added later get the same range.

    Raises:
        InputError: no frames are given.
    """
    if not job.frames:
        raise InputError("no frames are given, which an animation needs", where="frames")
    paths = {frame: folder / f"{folder.stem}_{frame:04d}.stack" for frame in job.frames}
    units = [stack_unit(replace(job, frames=(frame,)), path, blender) for frame, path in paths.items()]

    def prepare(progress: Progress, warn: Warn) -> dict[str, Any]:
        remove_leftovers(folder / RANGE)  # of an earlier run that was killed
        near, far = find_range(job, folder, blender=blender, progress=progress, warn=warn)
        return {"near": near if job.near is None else job.near, "far": far if job.far is None else job.far}

    return Batch(
        kind=FRAMES,
        folder=folder,
        settings=settings_of(job),
        units=tuple(units),
        overwrite=overwrite,
        stage="rendering frames",
        prepare=prepare if job.near is None or job.far is None else None,
    )


def render_unit(job: RenderJob, path: Path, blender: Path | None, surroundings: Surroundings) -> dict[str, Any]:
    """Render one stack, in the depth range of the whole batch."""
    job = replace(job, **surroundings.facts)
    render_stack(
        job,
        path,
        overwrite=True,
        blender=known_blender(blender),
        progress=surroundings.progress,
        warn=lambda text: surroundings.warn(f"{path.name}: {text}"),
    )
    return {}


def stack_unit(job: RenderJob, path: Path, blender: Path | None) -> Unit:
    """One focal stack, as a unit of a batch."""
    path, job = path.absolute(), job.anywhere()
    return Unit(
        name=path.name,
        work=render_unit,
        arguments=(job, path, blender),
        outputs=(path,),
        proofs=(path / StackManifest.FILE_NAME,),
        sources=() if job.built else (Path(job.scene),),
        needs=stack_needs(job.width, job.height, job.planes, job.depth_samples),
    )


def settings_of(job: RenderJob) -> dict[str, Any]:
    """Fields of a job that influence the results, as the batch's manifest records them."""
    values = {name: value for name, value in job.as_dict().items() if name not in _NOT_OF_THE_RESULT}
    return values | {"scene": Path(job.scene).name}  # the file may move
