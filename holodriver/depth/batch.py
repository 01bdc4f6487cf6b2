"""RGB-D of everything that was asked for: photos, videos and folders of them; what fails does not stop the rest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holodriver.depth.estimators import Estimator
from holodriver.depth.photos import MeasuredSettings, Warn, convert_photo, photo_outputs
from holodriver.depth.pipeline import DepthSettings
from holodriver.depth.videos import VideoSettings, convert_video, frame_size, video_outputs
from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.files import photos, video
from holodriver.files.rgbd import DEPTH, SIDE_BY_SIDE
from holodriver.files.video_parts import parts_folder
from holodriver.progress import Progress, silent

STAGE = "RGB-D"


@dataclass(frozen=True)
class Source:
    """A photo or a video, and what its results are called."""

    path: Path
    name: str
    folder: Path
    is_video: bool


@dataclass(frozen=True)
class Outcome:
    """What became of a source."""

    source: Source
    written: tuple[Path, ...] = ()
    error: Exception | None = None
    skipped: bool = False
    """Whether it was there already."""
    note: str = ""

    @property
    def reason(self) -> str:
        """Why it failed, in one line."""
        said = " ".join(str(self.error).split())
        return said if isinstance(self.error, HolodriverError) else f"{type(self.error).__name__}: {said}"


@dataclass(frozen=True)
class Options:
    """How everything is converted."""

    depth: DepthSettings = field(default_factory=DepthSettings)
    video: VideoSettings = field(default_factory=VideoSettings)
    measured: MeasuredSettings = field(default_factory=MeasuredSettings)
    resume: bool = False
    """Go on with unfinished videos, and leave out what is there."""
    overwrite: bool = False


def find_sources(inputs: Sequence[Path], output_folder: Path | None = None) -> list[Source]:
    """Photos and videos that were named or lie in folders that were, each with names of its own for the results.

    Args:
        inputs: files and folders; folders are not searched below.
        output_folder: where the results go; beside each source if None.

    Raises:
        InputError: nothing was named, nothing that was named exists, or a folder holds nothing that can be read.
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
        if (folder, name) in taken:  # a.jpg beside a.png, or of the same name in another folder
            name = f"{path.stem}_{path.suffix.lstrip('.').lower()}"
        number = 2
        while (folder, name) in taken:
            name, number = f"{path.stem}_{number}", number + 1
        taken.add((folder, name))
        sources.append(Source(path, name, folder, path.suffix.lower() in video.SUFFIXES))
    return sources


def convert_each(
    sources: Sequence[Source],
    estimators: Sequence[Estimator],
    options: Options,
    *,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[Outcome]:
    """Convert one source after the other; one that fails does not keep the others from being made.

    Args:
        progress: told of the whole and of the frames of each video.
        warn: told in one line of what was assumed or left out.
        cancelled: asked now and then whether somebody wants to stop; sources not reached have no outcome.
    """
    outcomes: list[Outcome] = []
    shown = len(sources) > 1 or not sources[0].is_video  # a video alone has a bar of its own
    for index, source in enumerate(sources):
        if cancelled():
            return outcomes
        if shown:
            progress(STAGE, index, len(sources), source.path.name)
        try:
            convert = _video if source.is_video else _photo
            outcomes.append(convert(source, estimators, options, progress, warn, cancelled))
        except Exception as error:  # whatever it is, a night's work on the others is not lost for it
            outcomes.append(Outcome(source, error=error))
    if shown:
        progress(STAGE, len(sources), len(sources))
    return outcomes


def failures(outcomes: Sequence[Outcome]) -> HolodriverError | None:
    """The error with which a run over many ends, if any of them failed: wrong input if all that failed was that."""
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if not failed:
        return None
    if len(outcomes) == 1 and isinstance(failed[0].error, HolodriverError):
        return failed[0].error
    kind = InputError if all(isinstance(outcome.error, InputError) for outcome in failed) else HolodriverError
    names = ", ".join(outcome.source.path.name for outcome in failed)
    return kind(f"{len(failed)} of {len(outcomes)} failed: {names}")


def _is_source(path: Path) -> bool:
    made = path.stem.endswith((DEPTH, SIDE_BY_SIDE))
    known = path.suffix.lower() in photos.SUFFIXES + video.SUFFIXES
    return known and not made and not path.name.startswith(".") and path.is_file()


def _photo(
    source: Source,
    estimators: Sequence[Estimator],
    options: Options,
    progress: Progress,
    warn: Warn,
    cancelled: Callable[[], bool],
) -> Outcome:
    if source.path.suffix.lower() not in photos.SUFFIXES and source.path.exists():
        known = ", ".join(photos.SUFFIXES + video.SUFFIXES)
        raise FileFormatError("is of a kind that is not read", where=source.path, remedy=f"expected {known}")
    outputs = photo_outputs(source.name, source.folder)
    if options.resume and all(output.exists() for output in outputs):
        return Outcome(source, outputs, skipped=True)
    convert_photo(
        source.path,
        outputs,
        estimators,
        options.depth,
        options.measured,
        overwrite=options.overwrite or options.resume,
        warn=warn,
    )
    return Outcome(source, outputs)


def _video(
    source: Source,
    estimators: Sequence[Estimator],
    options: Options,
    progress: Progress,
    warn: Warn,
    cancelled: Callable[[], bool],
) -> Outcome:
    if options.measured.depth is not None:
        raise InputError("is a video, for which depth from elsewhere is not taken", where=source.path)
    if options.resume:
        with video.VideoReader(source.path) as reader:
            size = frame_size(reader.info, options.video)
        pair = video_outputs(source.name, source.folder, options.video, size)[0]
        if pair.exists() and not parts_folder(pair).exists():
            return Outcome(source, (pair,), skipped=True)
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
    note = "" if outcome.complete else f"stopped after {outcome.frames} frames; --resume goes on"
    return Outcome(source, (outcome.path,) if outcome.frames else (), note=note)
