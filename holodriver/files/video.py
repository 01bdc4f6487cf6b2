"""Videos read frame by frame: the right way up, in sRGB, at the times that the file says."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError

SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
"""Of files that are read as videos."""

HD_HEIGHT = 720
"""From this height on a video that does not say its colour matrix has that of BT.709, below that of BT.601."""

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfer characteristics (ITU-T H.273, table 3) whose light is not sRGB's."""


def is_video(path: Path) -> bool:
    """Whether `path` is named as a video."""
    return path.suffix.lower() in SUFFIXES


def import_av() -> Any:
    """PyAV.

    Raises:
        HolodriverError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise HolodriverError("PyAV is not installed", remedy='pip install "holodriver[depth]"') from error
    return av


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself."""

    width: int
    """As it is shown: turned upright, with square pixels."""
    height: int
    turn: int
    """Counter-clockwise quarter turns that bring the stored pictures upright."""
    rate: Fraction
    """Mean frames a second."""
    time_base: Fraction
    """Seconds of one tick of the time stamps."""
    frames: int
    """Number of frames, estimated where the file does not say it; 0 if nothing is known."""
    has_audio: bool
    start: Fraction
    """Seconds; the earliest time stamp in the file."""
    codec: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class VideoFrame:
    """One picture of a video."""

    index: int
    """Its number in the file, from 0."""
    time: Fraction
    """Seconds since the start of the file; frames need not be evenly spaced."""
    pixels: NDArray[np.uint8]
    """(H, W, 3), sRGB, red first."""


class VideoReader:
    """An open video file; a context manager.

    Raises:
        FileFormatError: missing, empty, damaged, or without a video stream.
    """

    def __init__(self, path: Path):
        self.path = path
        av = import_av()
        self._av = av
        try:
            if not path.is_file():
                raise FileFormatError("does not exist", where=path)
            if path.stat().st_size == 0:
                raise FileFormatError("is empty", where=path)
            self._container = av.open(str(path))
        except OSError as error:
            if isinstance(error, av.FFmpegError):
                raise FileFormatError(f"is not a video that can be read ({error.strerror})", where=path) from error
            raise FileFormatError(f"cannot be read: {error.strerror}", where=path) from error
        except (av.FFmpegError, ValueError) as error:
            raise FileFormatError(f"is not a video that can be read ({_said(error)})", where=path) from error
        self.broken = 0
        """Packets so far that could not be decoded."""
        try:
            self.info = self._described()
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def frames(self, *, stride: int = 1, limit: int | None = None, skip: int = 0) -> Iterator[VideoFrame]:
        """Every `stride`-th frame, at most `limit` of them, each at its own time; can be called once.

        The first `skip` of these are left out, and count towards the limit.

        Packets that cannot be decoded are left out and counted in `broken`.
        """
        given = 0
        for index, frame in enumerate(self._decoded()):
            if index % stride:
                continue
            if limit is not None and given >= limit:
                return
            if given >= skip:
                yield VideoFrame(index, self._time(frame, index), self._upright(frame))
            given += 1

    def _decoded(self) -> Iterator[Any]:
        stream = self._container.streams.video[0]
        stream.thread_type = "AUTO"
        packets = self._container.demux(stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except self._av.FFmpegError:  # the container ends in the middle of something
                self.broken += 1
                packet = None
            try:
                # the packet without data at the end brings out what the decoder holds back
                yield from stream.codec_context.decode(packet) if packet is None else packet.decode()
            except (self._av.FFmpegError, EOFError):
                self.broken += 1
            if packet is None:
                return

    def _described(self) -> VideoInfo:
        if not self._container.streams.video:
            raise FileFormatError("holds no video", where=self.path)
        turn = self._turn()  # opens the file anew: nothing of the container may be held across it
        stream = self._container.streams.video[0]
        context = stream.codec_context
        if context is None or not (context.width and context.height):
            raise FileFormatError("holds a video of no size, or of an unknown kind", where=self.path)
        rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
        width, height = _square(context.width, context.height, stream.sample_aspect_ratio)
        if turn % 2:
            width, height = height, width
        frames = stream.frames
        if not frames and stream.duration:
            frames = round(stream.duration * stream.time_base * rate)
        elif not frames and self._container.duration:
            frames = round(Fraction(self._container.duration, 1_000_000) * rate)
        begins = [
            other.start_time * other.time_base
            for other in self._container.streams
            if other.type in ("video", "audio") and other.start_time is not None
        ]
        transfer = int(context.color_trc or 0)
        notes: tuple[str, ...] = ()
        if transfer in HDR_TRANSFERS:
            notes = (f"is in high dynamic range ({HDR_TRANSFERS[transfer]}), and is taken as sRGB",)
        return VideoInfo(
            width=width,
            height=height,
            turn=turn,
            rate=Fraction(rate),
            time_base=Fraction(stream.time_base),
            frames=max(0, frames),
            has_audio=bool(self._container.streams.audio),
            start=min(begins, default=Fraction(0)),
            codec=context.name,
            notes=notes,
        )

    def _turn(self) -> int:
        """Quarter turns of the display matrix, which the decoder attaches to frames alone."""
        stream = self._container.streams.video[0]
        try:
            for frame in self._container.decode(stream):
                return round(frame.rotation / 90) % 4
        except (self._av.FFmpegError, EOFError):
            pass
        finally:
            self._container.close()
            self._container = self._av.open(str(self.path))
        return 0

    def _time(self, frame: Any, index: int) -> Fraction:
        if frame.pts is None:
            return index / self.info.rate
        return frame.pts * Fraction(frame.time_base) - self.info.start

    def _upright(self, frame: Any) -> NDArray[np.uint8]:
        colorspace = frame.colorspace
        if int(colorspace) in (2, 0) and "rgb" not in frame.format.name and "gbr" not in frame.format.name:
            # unspecified: by the height, as players do
            colorspace = 1 if frame.height >= HD_HEIGHT else 5
        converted = frame.reformat(format="rgb24", src_colorspace=int(colorspace), dst_colorspace=int(colorspace))
        pixels = converted.to_ndarray()
        wanted = self.info.width, self.info.height
        size = wanted if self.info.turn % 2 == 0 else wanted[::-1]
        if (pixels.shape[1], pixels.shape[0]) != size:  # pixels that are not square, or a size that changes on the way
            pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(np.rot90(pixels, self.info.turn))


def _square(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """The size of a picture whose pixels have been made square."""
    if not aspect or aspect == 1 or not Fraction(1, 8) < aspect < 8:
        return width, height
    return max(1, round(width * aspect)), height


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
