"""Conversion of photos, videos and folders of them to RGB-D."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holodriver.depth.estimators import Estimator
from holodriver.depth.photos import MeasuredSettings, Warn, convert_photo, photo_outputs
from holodriver.depth.pipeline import DepthSettings
from holodriver.depth.videos import VideoSettings, convert_video, frame_size, video_outputs
from holodriver.errors import FileFormatError, InputError
from holodriver.files import photos
from holodriver.files.atomic import check_output
from holodriver.files.rgbd import DEPTH, SIDE_BY_SIDE, read_description
from holodriver.files.video import video
from holodriver.files.video.parts import parts_folder
from holodriver.progress import Progress, silent


@dataclass(frozen=True)
class Source:
    """A photo or a video, and the name and folder of its results."""

    path: Path
    name: str
    """Name of the results, without end and suffix."""
    folder: Path
    """Folder of the results."""
    is_video: bool


@dataclass(frozen=True)
class Made:
    """Result of converting a source."""

    written: tuple[Path, ...] = ()
    """Paths of the results."""
    skipped: bool = False
    """Whether the results existed already."""
    note: str = ""
    """Remark for the user; empty if there is none."""


@dataclass(frozen=True)
class Options:
    """Options of a conversion."""

    depth: DepthSettings = field(default_factory=DepthSettings)
    video: VideoSettings = field(default_factory=VideoSettings)
    measured: MeasuredSettings = field(default_factory=MeasuredSettings)
    resume: bool = False
    """Continue unfinished videos, and skip sources whose results exist; if only some results of a photo exist, those
    that holodriver made are replaced."""
    overwrite: bool = False
    """Replace existing results; with `resume`, continue an unfinished video that was started with equal options."""


def find_sources(inputs: Sequence[Path], output_folder: Path | None = None) -> list[Source]:
    """Find photos and videos among files and folders, and give each a unique name for its results.

    Args:
        inputs: files and folders; folders inside folders are not searched.
        output_folder: folder of the results; None: beside each source.

    Raises:
        InputError: no input is given or exists, or a folder holds no photo or video.
    """
    if not inputs:
        raise InputError("no input was named", remedy="name photos, videos or folders of them")
    if not any(path.exists() for path in inputs):
        raise FileFormatError("does not exist", where=", ".join(map(str, inputs)))
    files: list[Path] = []
    for path in inputs:
        if not path.is_dir():
            files.append(path)
            continue
        found = sorted(entry for entry in path.iterdir() if _is_source(entry))
        if not found:
            raise InputError("holds no photo or video", where=path)
        files += found
    sources, taken = [], set()
    for path in dict.fromkeys(files):
        folder = output_folder or path.parent
        name = path.stem
        if (folder, name) in taken:  # a.jpg beside a.png, or a file of the same name in another folder
            name = f"{path.stem}_{path.suffix.lstrip('.').lower()}"
        number = 2
        while (folder, name) in taken:
            name, number = f"{path.stem}_{number}", number + 1
        taken.add((folder, name))
        sources.append(Source(path, name, folder, path.suffix.lower() in video.SUFFIXES))
    return sources


def convert(
    source: Source,
    estimators: Sequence[Estimator],
    options: Options,
    *,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Made:
    """Make RGB-D of one source.

    Args:
        progress: called for each frame of a video.
        warn: called with one line about anything that was assumed or left out.
        cancelled: function that returns true to stop; the finished part of a video is kept.

    Raises:
        HolodriverError: the source cannot be read or converted.
        OutputExistsError: a result exists, and neither `overwrite` nor `resume` is given.
    """
    if source.is_video:
        return _video(source, estimators, options, progress, warn, cancelled)
    return _photo(source, estimators, options, warn)


def outputs_of(source: Source, options: Options) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Files that will be made of a source, and folders that exist until they are complete.

    Raises:
        FileFormatError: the source is a video that cannot be read.
    """
    if not source.is_video:
        return photo_outputs(source.name, source.folder), ()
    with video.VideoReader(source.path) as reader:
        size = frame_size(reader.info, options.video)
    pair, depth = video_outputs(source.name, source.folder, options.video, size)
    return (pair, depth) if options.video.save_depth_video else (pair,), (parts_folder(pair),)


def _is_source(path: Path) -> bool:
    made = path.stem.endswith((DEPTH, SIDE_BY_SIDE))
    known = path.suffix.lower() in photos.SUFFIXES + video.SUFFIXES
    return known and not made and not path.name.startswith(".") and path.is_file()


def _photo(
    source: Source,
    estimators: Sequence[Estimator],
    options: Options,
    warn: Warn,
) -> Made:
    if source.path.suffix.lower() not in photos.SUFFIXES and source.path.exists():
        known = ", ".join(photos.SUFFIXES + video.SUFFIXES)
        raise FileFormatError("is not of a kind that can be read", where=source.path, remedy=f"expected {known}")
    outputs = photo_outputs(source.name, source.folder)
    if options.resume and not options.overwrite:
        if all(output.exists() for output in outputs):
            return Made(outputs, skipped=True)
        for output in outputs:
            check_output(output, overwrite=_is_ours(output))
    convert_photo(
        source.path,
        outputs,
        estimators,
        options.depth,
        options.measured,
        overwrite=options.overwrite or options.resume,
        warn=warn,
    )
    return Made(outputs)


def _is_ours(path: Path) -> bool:
    """Whether the text in a depth picture says that holodriver made it."""
    try:
        return str(read_description(path).get("program", "")).startswith("holodriver")
    except FileFormatError:
        return False


def _video(
    source: Source,
    estimators: Sequence[Estimator],
    options: Options,
    progress: Progress,
    warn: Warn,
    cancelled: Callable[[], bool],
) -> Made:
    if options.measured.depth is not None:
        raise InputError("is a video, for which measured depth cannot be used", where=source.path)
    if options.resume and not options.overwrite:
        outputs, (parts,) = outputs_of(source, options)
        if all(output.exists() for output in outputs) and not parts.exists():
            return Made(outputs, skipped=True)
    outcome = convert_video(
        source.path,
        source.folder,
        source.name,
        estimators,
        options.depth,
        options.video,
        resume=options.resume,
        overwrite=options.overwrite,
        progress=progress,
        warn=warn,
        cancelled=cancelled,
    )
    note = "" if outcome.complete else f"stopped after {outcome.frames} frames; pass --resume to continue"
    return Made((outcome.path,) if outcome.frames else (), note=note)
