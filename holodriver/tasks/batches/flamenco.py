"""Export a range of animation frames as a job for Flamenco 3, Blender's render farm; holodriver runs each frame's task.

Flamenco Manager accepts the job at ``POST /api/v3/jobs``; the job type written beside it is a script for the Manager.
"""

import json
import platform
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import Any

from holodriver.blender.rgbd import find_range
from holodriver.errors import InputError
from holodriver.farm.unit import Warn, unheard
from holodriver.files.atomic import check_output, written_file
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import RenderJob

JOB_TYPE = "holodriver-focal-stacks"
"""Name of the Flamenco job type and, without suffix, of the file of its script."""

PRIORITY = 50
"""Priority of the job; 50 is Flamenco's default."""


def export_frames(
    job: RenderJob,
    folder: Path,
    path: Path,
    *,
    blender: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = unheard,
) -> Path:
    """Write the job, with one depth range for all of its frames, and beside it the script of the job type.

    Args:
        folder: folder for the focal stacks, on storage that all workers share.
        path: path of the job file (.json).
        blender: Blender that finds the depth range if it is not given; the workers do not use it.

    Returns:
        Path of the script.

    Raises:
        OutputExistsError: the job exists and `overwrite` is false.
        InputError: no frames are given, or the scene is a built-in one.
    """
    if not job.frames:
        raise InputError("no frames are given, which an animation needs", where="frames")
    if job.built:
        raise InputError(f"the scene '{job.scene}' has no animation", remedy="give a .blend file")
    if path.suffix.lower() != ".json":
        raise InputError("has an unknown suffix, expected .json", where=path)
    script = path.with_name(f"{JOB_TYPE}.js")
    check_output(path, overwrite=overwrite)
    near, far = job.near, job.far
    if near is None or far is None:
        with tempfile.TemporaryDirectory(prefix="holodriver-") as scratch:
            found = find_range(job, Path(scratch), blender=blender, progress=progress, warn=warn)
        near, far = (found[0] if near is None else near), (found[1] if far is None else far)
    with written_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(submitted(job, folder, near, far), indent=1), encoding="utf-8")
    with written_file(script, overwrite=True) as temporary:  # the script does not depend on the job
        temporary.write_text(
            files("holodriver.tasks.batches").joinpath("flamenco_job_type.js").read_text(encoding="utf-8")
        )
    return script


def submitted(job: RenderJob, folder: Path, near: float, far: float) -> dict[str, Any]:
    """Describe the job in the form of Flamenco's interface (schema `SubmittedJob`)."""
    return {
        "name": f"{Path(job.scene).stem}: focal stacks of {len(job.frames)} frames",
        "type": JOB_TYPE,
        "priority": PRIORITY,
        "submitter_platform": {"Darwin": "darwin", "Windows": "windows"}.get(platform.system(), "linux"),
        "settings": {
            "program": "holodriver",
            "scene": job.anywhere().scene,
            "folder": str(folder.absolute()),
            "name": folder.stem,
            "frames": ",".join(map(str, job.frames)),
            "arguments": json.dumps(arguments_of(job, near, far)),
        },
        "metadata": {"frames": str(len(job.frames)), "project": "holodriver"},
    }


def arguments_of(job: RenderJob, near: float, far: float) -> list[str]:
    """Options of `holodriver render stack` that are equivalent to a job, without its frames."""
    said = {
        "--size": f"{job.width}x{job.height}",
        "--planes": job.planes,
        "--spp": job.samples,
        "--near": repr(near),
        "--far": repr(far),
        "--mapping": job.mapping,
        "--coc-max": repr(job.coc_max),
        "--route": job.route,
        "--seed": job.seed,
    }
    options = [str(word) for name, value in said.items() if value is not None for word in (name, value)]
    for device in [f"{job.device}={identifier}" for identifier in job.devices] or [job.device]:
        options += ["--device", device]
    return [*options, "--denoise" if job.denoise else "--no-denoise"]
