"""Focal stacks of an animation's frames, and of a data set's random scenes: each a unit, with a Blender of its own."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from holodriver.blender.find import known_blender
from holodriver.blender.rgbd import RANGE, find_range
from holodriver.blender.stack import BUILT, RenderJob, render_stack
from holodriver.errors import InputError
from holodriver.farm.unit import Batch, Surroundings, Unit, Warn
from holodriver.files.atomic import remove_leftovers
from holodriver.files.manifest import StackManifest
from holodriver.progress import Progress
from holodriver.tasks.batches.needs import stack_needs

FRAMES, DATASET = "frames", "dataset"
"""Kinds of batches."""

_NOT_OF_THE_RESULT = ("frames", "device", "devices", "seed")
"""Fields of a job that either differ from unit to unit or do not decide what it looks like."""


def frames_batch(job: RenderJob, folder: Path, *, blender: Path | None = None, overwrite: bool = False) -> Batch:
    """``folder/NAME_0001.stack`` and so on, NAME that of the folder, for each of the job's frames.

    What is not given of the depth range is found once, from all frames together, so that depth does not jump, and
    stays so for frames that are asked for later.

    Raises:
        InputError: no frames are given.
    """
    if not job.frames:
        raise InputError("no frames are given, which an animation has", where="frames")
    paths = {frame: folder / f"{folder.stem}_{frame:04d}.stack" for frame in job.frames}
    units = [_unit(replace(job, frames=(frame,)), path, blender) for frame, path in paths.items()]

    def prepare(progress: Progress, warn: Warn) -> dict[str, Any]:
        remove_leftovers(folder / RANGE)  # of a run that was killed here
        near, far = find_range(job, folder, blender=blender, progress=progress, warn=warn)
        return {"near": near if job.near is None else job.near, "far": far if job.far is None else job.far}

    return Batch(
        kind=FRAMES,
        folder=folder,
        settings=_settings(job) | {"seed": job.seed},
        units=tuple(units),
        overwrite=overwrite,
        stage="rendering frames",
        prepare=prepare if job.near is None or job.far is None else None,
    )


def dataset_batch(
    jobs: dict[Path, RenderJob], folder: Path, *, blender: Path | None = None, overwrite: bool = False
) -> Batch:
    """One focal stack for each scene of a data set; the jobs differ in their seeds alone.

    Raises:
        InputError: there are no scenes.
    """
    if not jobs:
        raise InputError("no scenes are asked for", where=folder)
    first = next(iter(jobs.values()))
    return Batch(
        kind=f"{DATASET}_{first.split}",
        folder=folder,
        settings=_settings(first),
        units=tuple(_unit(job, path, blender) for path, job in jobs.items()),
        overwrite=overwrite,
        stage="rendering scenes",
    )


def render_unit(job: RenderJob, path: Path, blender: Path | None, surroundings: Surroundings) -> dict[str, Any]:
    """Render one stack, in the range that holds for all."""
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


def _unit(job: RenderJob, path: Path, blender: Path | None) -> Unit:
    path = path.absolute()
    scene = job.scene if job.scene in BUILT else str(Path(job.scene).absolute())
    return Unit(
        name=path.name,
        work=render_unit,
        arguments=(replace(job, scene=scene), path, blender),
        outputs=(path,),
        proofs=(path / StackManifest.FILE_NAME,),
        sources=() if job.scene in BUILT else (Path(scene),),
        needs=stack_needs(job.width, job.height, job.planes, job.depth_samples),
    )


def _settings(job: RenderJob) -> dict[str, Any]:
    values = {name: value for name, value in asdict(job).items() if name not in _NOT_OF_THE_RESULT}
    # JSON has no infinity
    values["far"] = str(job.far) if job.far is not None else None
    if job.scene not in BUILT:
        values["scene"] = Path(job.scene).name
    return values
