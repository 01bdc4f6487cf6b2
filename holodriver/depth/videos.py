"""RGB-D from videos: frame by frame, in parts, in bounded memory."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.depth.estimators import Estimator
from holodriver.depth.photos import Warn, described
from holodriver.depth.pipeline import DepthSettings, estimate, finished, to_range
from holodriver.depth.size import Floats, shrunk
from holodriver.depth.temporal import Stabiliser, Stable
from holodriver.errors import FileFormatError, check, numbers
from holodriver.files.halves import joined
from holodriver.files.rgbd import DEPTH, SIDE_BY_SIDE, describe
from holodriver.files.video.parts import Track, VideoParts
from holodriver.files.video.video import VideoFrame, VideoInfo, VideoReader
from holodriver.files.video.writer import COMMENT, CodecName, codec_for, even
from holodriver.progress import Progress, silent

PART_FRAMES = 120
"""Frames of one part: what a killed run has to do again at most."""

LEAST_LONG_SIDE = 16


@dataclass(frozen=True)
class VideoSettings:
    """Which frames are taken, and how they are written.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    stride: int = 1
    """Every how many-th frame is taken."""
    resize_long: int | None = None
    """Longest side of a frame, pixels; never enlarged."""
    max_frames: int | None = None
    codec: CodecName | None = None
    """H.264 where both sides allow it, or else H.265, if None."""
    save_depth_video: bool = False
    """Whether depth is written as a video of its own as well."""
    batch: int = 4
    """Frames that the network sees at once."""

    def __post_init__(self) -> None:
        for name, least in (("stride", 1), ("max_frames", 1), ("batch", 1), ("resize_long", LEAST_LONG_SIDE)):
            check(name, getattr(self, name), numbers(least, whole=True, optional=True))


@dataclass(frozen=True)
class VideoOutcome:
    """What was written."""

    path: Path
    frames: int
    complete: bool
    """Whether nobody asked to stop before the end."""


def video_outputs(name: str, folder: Path, settings: VideoSettings, size: tuple[int, int]) -> tuple[Path, Path]:
    """Pair and depth video of the video called `name`, whose frames have `size` (width, height)."""
    suffix = codec_for(2 * size[0], size[1], settings.codec).suffix
    return folder / f"{name}{SIDE_BY_SIDE}{suffix}", folder / f"{name}{DEPTH}{suffix}"


def frame_size(info: VideoInfo, settings: VideoSettings) -> tuple[int, int]:
    """(width, height) of one half of the frames that are written: even, resized."""
    width, height = info.width, info.height
    if settings.resize_long and max(width, height) > settings.resize_long:
        scale = settings.resize_long / max(width, height)
        width, height = max(1, round(width * scale)), max(1, round(height * scale))
    return width + width % 2, height + height % 2


def convert_video(
    source: Path,
    folder: Path,
    name: str,
    estimators: Sequence[Estimator],
    settings: DepthSettings,
    video: VideoSettings,
    *,
    resume: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> VideoOutcome:
    """Make a side-by-side video of a video.

    Args:
        source: video, see `VideoReader`.
        folder, name: the outputs are called as `video_outputs` says.
        estimators: one or more.
        settings, video: how.
        resume: go on with an unfinished run.
        overwrite: replace what is there.
        progress: told of every frame.
        warn: told in one line of what was assumed or left out.
        cancelled: asked at every frame whether somebody wants to stop; then what is done is a playable file.

    Raises:
        FileFormatError: the video cannot be read or holds no frames.
        OutputExistsError: an output or an unfinished run exists, and neither `resume` nor `overwrite` is given.
    """
    with VideoReader(source) as reader:
        info = reader.info
        for note in info.notes:
            warn(f"{source}: {note}")
        size = frame_size(info, video)
        pair, depth = video_outputs(name, folder, video, size)
        codec = codec_for(2 * size[0], size[1], video.codec)
        tracks = [Track(pair, (2 * size[0], size[1]), codec)]
        if video.save_depth_video:
            tracks.append(Track(depth, size, codec, grey=True))
        parts = VideoParts(
            tracks,
            _identity(source, estimators, settings, video),
            rate=info.rate / video.stride,
            time_base=info.time_base,
            resume=resume,
            overwrite=overwrite,
        )
        job = _Job(reader, parts, estimators, settings, video, size)
        try:
            complete = job.run(progress=progress, cancelled=cancelled)
        except BaseException:
            parts.abandon()
            if not parts.frames:
                parts.remove()
            raise
        if not parts.frames:
            parts.remove()
            if not complete:
                return VideoOutcome(pair, 0, complete=False)
            raise FileFormatError("holds no frames that can be decoded", where=source)
        if reader.broken:
            warn(f"{source}: {reader.broken} damaged places were left out")
        text = {COMMENT: describe(described(source, estimators, settings))}
        cut = not complete or (video.max_frames is not None and parts.frames >= video.max_frames)
        sound = source if info.has_audio else None
        for note in parts.join(sound=sound, start=info.start, metadata=text, cut_sound=cut):
            warn(f"{source}: {note}")
        if complete:
            parts.remove()
        return VideoOutcome(pair, parts.frames, complete)


def _identity(
    source: Path, estimators: Sequence[Estimator], settings: DepthSettings, video: VideoSettings
) -> dict[str, Any]:
    """What an unfinished run must have in common with the one that goes on with it."""
    facts = source.stat()
    return {
        "source": source.name,
        "size of the source": facts.st_size,
        "models": [estimator.name for estimator in estimators],
        **settings.as_dict(),
        "stride": video.stride,
        "resize_long": video.resize_long,
        "max_frames": video.max_frames,
        "codec": video.codec,
        "save_depth_video": video.save_depth_video,
    }


class _Job:
    """One video on its way: frames in, depth estimated, stabilised, refined and written."""

    def __init__(
        self,
        reader: VideoReader,
        parts: VideoParts,
        estimators: Sequence[Estimator],
        settings: DepthSettings,
        video: VideoSettings,
        size: tuple[int, int],
    ):
        self.reader, self.parts, self.size = reader, parts, size
        self.estimators, self.settings, self.video = estimators, settings, video
        state = parts.state()
        self.stabiliser = Stabiliser.restored(state) if state else Stabiliser()
        self.colors: deque[VideoFrame] = deque()
        """Frames whose depth waits in the stabiliser."""
        self.total = self._expected()
        self.stage = f"Depth of {reader.path.name}"

    def run(self, *, progress: Progress, cancelled: Callable[[], bool]) -> bool:
        """Write all frames that are not yet written; whether it got to the end."""
        if self.parts.finished:
            return True
        written = self.parts.frames  # by a run before
        frames = self.reader.frames(stride=self.video.stride, limit=self.video.max_frames, skip=written)
        self.colors.extend(islice(frames, self.stabiliser.waiting))
        self._tell(progress)
        for frame, inverse in self._estimated(frames):
            self.colors.append(frame)
            for stable in self.stabiliser.push(self._seen(frame), inverse):
                self._write(stable)
                self._tell(progress)
            if self.parts.open_frames >= PART_FRAMES:
                self.parts.commit(self.stabiliser.state())
            if cancelled():
                self.parts.commit(self.stabiliser.state())
                return False
        for stable in self.stabiliser.finish():
            self._write(stable)
            self._tell(progress)
        self.parts.commit({}, finished=True)
        return True

    def _estimated(self, frames: Iterator[VideoFrame]) -> Iterator[tuple[VideoFrame, Floats]]:
        while some := list(islice(frames, self.video.batch)):
            pictures = [self._seen(frame) for frame in some]
            yield from zip(some, estimate(pictures, self.estimators, self.settings), strict=True)

    def _seen(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """A frame as it is written, without what makes its sides even."""
        long = self.video.resize_long
        height, width = frame.pixels.shape[:2]
        if long and max(height, width) > long:
            scale = long / max(height, width)
            return shrunk(frame.pixels, (max(1, round(height * scale)), max(1, round(width * scale))))
        return frame.pixels

    def _write(self, stable: Stable) -> None:
        frame = self.colors.popleft()
        pixels = self._seen(frame)
        unit = to_range(stable.low, stable.high, invert=self.settings.invert)
        nearness = finished(stable.inverse, pixels, self.settings, unit)
        color: NDArray[Any] = even(pixels)
        deep = self.parts.tracks[0].codec.name == "ffv1"
        if deep:
            color = color.astype(np.uint16) * 257
        pair = joined(color, even(nearness))
        written = [pair]
        if self.video.save_depth_video:
            written.append(np.ascontiguousarray(pair[:, self.size[0] :, 0]))
        self.parts.write(written, max(frame.time, Fraction(0)))

    def _expected(self) -> int:
        """How many frames there will be; 0 if nobody knows."""
        total = -(-self.reader.info.frames // self.video.stride)
        return min(total, self.video.max_frames) if self.video.max_frames and total else total

    def _tell(self, progress: Progress) -> None:
        done = self.parts.frames + self.parts.open_frames
        progress(self.stage, done, max(self.total, done) if self.total else 0)
