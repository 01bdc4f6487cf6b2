"""Sources of Looking Glass pictures: a focal stack, a hologram, a picture with depth, a video or a folder of these."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path

import numpy as np

from holodriver.errors import FileFormatError, InputError
from holodriver.files.halves import Side, read_halves, side_of, split
from holodriver.files.hologram import read_hologram
from holodriver.files.manifest import StackManifest
from holodriver.files.rgbd import Near, depth_beside, read_rgbd
from holodriver.files.stack import read_all_in_focus
from holodriver.files.video.video import VideoFrame, VideoReader, is_video
from holodriver.lookingglass.parallax import Geometry, stack_geometry
from holodriver.optics.colour import srgb_decode
from holodriver.progress import Progress, silent
from holodriver.scene.focus_depth import rgbd_of_field
from holodriver.scene.rgbd import RgbdImage

FRAMES = (".stack", ".holo", ".exr", ".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")
"""File name suffixes that count as frames in a folder."""


@dataclass(frozen=True)
class SourceOptions:
    """Options for reading a picture or a video with depth."""

    depth: Path | None = None
    """File with the depth of a picture or a video; None: the file beside it, or its other half."""
    near: Near | None = None
    """End of the scale of separate depth that is near; None: the default of `files.rgbd`, and white for video."""
    side: Side | None = None
    """Half that holds depth in a picture with both; None: from its name."""


@dataclass(frozen=True)
class Source:
    """One picture with depth."""

    image: RgbdImage
    geometry: Geometry | None = None
    """Geometry of the picture's camera; None if it is unknown."""
    note: str | None = None
    """Remark about the picture for the user."""
    time: Fraction | None = None
    """Time since the start of the picture's video, s; None if it is not from a video."""


@dataclass(frozen=True)
class Film:
    """A sequence of pictures with depth."""

    frames: Iterator[Source]
    rate: Fraction
    """Mean frame rate, frames a second."""
    count: int
    """Estimated number of frames; 0 if it is unknown."""
    sound: Path | None
    """File that may have sound; None: no sound."""
    time_base: Fraction | None = None
    """Duration of one tick of the time stamps, s; None if all frames last equally long."""
    start: Fraction = Fraction(0)
    """Time stamp in `sound` at which the frames start, s."""


def is_film(path: Path) -> bool:
    """Whether `path` gives many pictures: a video, or a folder of pictures or focal stacks."""
    if path.is_dir():
        return not (path / StackManifest.FILE_NAME).exists()
    return is_video(path)


def files_of(path: Path, options: SourceOptions = SourceOptions()) -> tuple[Path, ...]:
    """Files that are read for `path`: itself, its depth, and the frames of a folder, as far as they exist."""
    try:
        if path.is_dir() and is_film(path):
            return (path, *(file for frame in frames_in(path) for file in files_of(frame, options)))
        if options.depth is not None:
            return path, options.depth
        alone = path.is_dir() or path.suffix.lower() == ".holo" or is_video(path) or options.side or side_of(path)
        return (path,) if alone else tuple(dict.fromkeys((path, depth_beside(path))))
    except FileFormatError:  # reading the file reports what is wrong with it
        return (path,)


def read_source(path: Path, options: SourceOptions = SourceOptions(), *, progress: Progress = silent) -> Source:
    """Read one picture with depth.

    Args:
        path: a focal stack, a .holo file, an .exr file with channel Z, a picture with depth beside it, or a picture
            with both in its halves.

    Raises:
        FileFormatError: the file cannot be read; the message says why.
    """
    if path.is_dir():
        image, manifest = read_all_in_focus(path)
        geometry = stack_geometry(manifest.near, manifest.far, manifest.mapping, manifest.camera, manifest.shape)
        return Source(image, geometry)
    if path.suffix.lower() == ".holo":
        hologram = read_hologram(path)
        if hologram.field is None:
            raise FileFormatError("holds panel frames but no wave field", where=path)
        note = f"{path}: depth was measured from the hologram's own blur; in areas without detail it is a guess"
        return Source(rgbd_of_field(hologram.field, padding=hologram.padding, progress=progress), note=note)
    if not path.is_file():
        raise FileFormatError("does not exist", where=path)
    side = options.side or (None if options.depth else side_of(path))
    if side is not None:
        return Source(read_halves(path, side))
    return Source(read_rgbd(path, options.depth, near=options.near))


@contextmanager
def open_film(path: Path, options: SourceOptions, *, rate: Fraction | None = None) -> Iterator[Film]:
    """Open a video (with depth in its other half or in a second video) or a folder of pictures.

    Args:
        rate: frame rate for a folder, frames a second; None: 24. A video has its own.

    Raises:
        FileFormatError: a file cannot be read.
        InputError: the place of depth is unknown, or the two videos differ in size or length.
    """
    with ExitStack() as opened:
        if path.is_dir():
            names = frames_in(path)
            yield Film((read_source(name, options) for name in names), rate or Fraction(24), len(names), None)
            return
        video = opened.enter_context(VideoReader(path))
        if options.depth is not None:
            deep = opened.enter_context(VideoReader(options.depth))
            frames = _two_videos(video, deep, options.near or "white")
        else:
            side = options.side or side_of(path)
            if side is None:
                raise InputError(
                    "does not say where its depth is",
                    where=path,
                    remedy="give its depth video with --depth, or the half that holds depth with --side",
                )
            frames = (
                Source(split(frame.pixels, side, where=path, strict=False), time=frame.time) for frame in _frames(video)
            )
        info = video.info
        yield Film(frames, info.rate, info.frames, path, info.time_base, info.start)


def frames_in(folder: Path) -> list[Path]:
    """Pictures, holograms and focal stacks in a folder, by name, without the depth pictures that belong to them.

    Raises:
        FileFormatError: the folder has no such files.
    """
    found = [
        entry
        for entry in sorted(folder.iterdir())
        if entry.suffix.lower() in FRAMES and not entry.name.startswith(".") and not entry.stem.endswith("_depth")
    ]
    if not found:
        raise FileFormatError("holds neither focal stacks nor pictures", where=folder)
    return found


def _frames(video: VideoReader) -> Iterator[VideoFrame]:
    """Frames of a video in their order.

    Raises:
        FileFormatError: the file is damaged, so that frames are missing.
    """
    yield from video.frames()
    if video.broken:
        raise FileFormatError(f"is damaged: {video.broken} packets cannot be decoded", where=video.path)


def _two_videos(color: VideoReader, depth: VideoReader, near: Near) -> Iterator[Source]:
    for name in ("width", "height"):
        ours, theirs = getattr(color.info, name), getattr(depth.info, name)
        if ours != theirs:
            raise FileFormatError(f"{name} is {theirs}, expected {ours} as in {color.path.name}", where=depth.path)
    decoded = srgb_decode(np.arange(256) / 255).astype(np.float32)
    for number, (picture, deep) in enumerate(zip_longest(_frames(color), _frames(depth))):
        if picture is None or deep is None:
            shorter = color if picture is None else depth
            raise FileFormatError(f"ends after {number} frames, before the other video", where=shorter.path)
        level = deep.pixels.mean(2, dtype=np.float32) / np.float32(255)
        image = RgbdImage(decoded[picture.pixels].transpose(2, 0, 1), 1 - level if near == "white" else level)
        yield Source(image, time=picture.time)
