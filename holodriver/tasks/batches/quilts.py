"""Many quilts, warped from colour and depth or rendered from an animation's frames: each quilt is a unit."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from holodriver.blender.find import known_blender
from holodriver.blender.quilt import QuiltJob, render_quilt
from holodriver.errors import InputError
from holodriver.farm.unit import Batch, Surroundings, Unit
from holodriver.files.hop import SUFFIX as HOP
from holodriver.files.photos import SUFFIXES as PHOTOS
from holodriver.files.quilt import go_sidecar
from holodriver.files.video.video import SUFFIXES as VIDEOS
from holodriver.files.video.writer import CodecName
from holodriver.lookingglass.choices import Fit
from holodriver.lookingglass.make import make_quilt_file
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.lookingglass.what_to_show import SourceOptions, files_of, is_film
from holodriver.optics.lookingglass import LookingGlass, quilt_path
from holodriver.tasks.batches.animation import settings_of
from holodriver.tasks.batches.needs import quilt_needs, rendered_quilt_needs

QUILTS, RENDERED_QUILTS = "quilts", "rendered_quilts"
"""Kinds of the two batches, as their manifests record them."""

FILES = (*PHOTOS, *VIDEOS, HOP)
"""Suffixes of file names: an output with one of them is not taken for a new folder."""


@dataclass(frozen=True)
class QuiltSettings:
    """Settings that all quilts of a batch share; `make_quilt_file` explains them."""

    display: LookingGlass
    views: ViewSettings
    options: SourceOptions
    fit: Fit = "crop"
    rate: Fraction | None = None
    codec: CodecName | None = None


def quilts_batch(sources: Sequence[Path], folder: Path, settings: QuiltSettings, *, overwrite: bool = False) -> Batch:
    """Batch that makes one quilt in `folder` for each source, named after it: .png for a picture, .mp4 for a video.

    Raises:
        InputError: `folder` cannot be a folder, or two quilts would get the same name.
    """
    _check_folder(folder)
    units: dict[Path, Unit] = {}
    for source in sources:
        film = is_film(source)
        display = settings.display.even() if film else settings.display
        asked = folder.absolute() / f"{source.stem}{'.mp4' if film else '.png'}"
        output = quilt_path(asked, display)
        if output in units:
            raise InputError(f"has the same name as {units[output].sources[0]}", where=source, remedy="rename one")
        beside = (go_sidecar(output),) if display.plays_alone and not film else ()
        units[output] = Unit(
            name=output.name,
            work=quilt_unit,
            arguments=(source.absolute(), asked, settings),
            outputs=(output, *beside),
            sources=files_of(source.absolute(), settings.options),
            needs=quilt_needs(*display.quilt, display.views),
        )
    return Batch(
        kind=QUILTS,
        folder=folder,
        settings={
            "display": asdict(settings.display),
            **asdict(settings.views),
            "near": settings.options.near,
            "side": settings.options.side,
            "fit": settings.fit,
            "rate": str(settings.rate),
            "codec": settings.codec,
        },
        units=tuple(units.values()),
        overwrite=overwrite,
        stage="warping quilts",
    )


def quilt_unit(source: Path, output: Path, settings: QuiltSettings, surroundings: Surroundings) -> dict[str, Any]:
    """Warp one quilt."""
    make_quilt_file(
        source,
        output,
        settings.options,
        settings.display,
        settings.views,
        fit=settings.fit,
        rate=settings.rate,
        codec=settings.codec,
        overwrite=True,
        progress=surroundings.progress,
        warn=lambda text: surroundings.warn(f"{source.name}: {text}"),
    )
    return {}


def rendered_quilts_batch(
    job: QuiltJob, frames: Sequence[int], folder: Path, *, blender: Path | None = None, overwrite: bool = False
) -> Batch:
    """Batch that renders ``folder/NAME_0001_qs….png`` and so on, one for each animation frame; NAME is the folder's.

    Raises:
        InputError: `folder` cannot be a folder.
    """
    _check_folder(folder)
    units = []
    request = job.request.anywhere()
    for frame in frames:
        asked = folder.absolute() / f"{folder.stem}_{frame:04d}.png"
        output = quilt_path(asked, job.display)
        beside = (go_sidecar(output),) if job.display.plays_alone else ()
        units.append(
            Unit(
                name=output.name,
                work=rendered_quilt_unit,
                arguments=(replace(job, request=replace(request, frames=(frame,))), asked, blender),
                outputs=(output, *beside),
                sources=() if request.built else (Path(request.scene),),
                needs=rendered_quilt_needs(*job.display.quilt, job.display.views),
            )
        )
    return Batch(
        kind=RENDERED_QUILTS,
        folder=folder,
        settings=settings_of(request) | {"display": asdict(job.display), "views": asdict(job.views)},
        units=tuple(units),
        overwrite=overwrite,
        stage="rendering quilts",
    )


def rendered_quilt_unit(
    job: QuiltJob, output: Path, blender: Path | None, surroundings: Surroundings
) -> dict[str, Any]:
    """Render one quilt."""
    render_quilt(
        job,
        output,
        overwrite=True,
        blender=known_blender(blender),
        progress=surroundings.progress,
        warn=lambda text: surroundings.warn(f"{output.name}: {text}"),
    )
    return {}


def _check_folder(folder: Path) -> None:
    if not folder.is_dir() and (folder.exists() or folder.suffix.lower() in FILES):
        raise InputError("is not a folder, which several quilts need", where=folder, remedy="name a folder with -o")
