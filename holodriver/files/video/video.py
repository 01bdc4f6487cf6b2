"""Videos read frame by frame: upright, in sRGB, at the times in the file."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed

SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm")
"""File name suffixes of videos that are read."""

WRITABLE = (".mp4", ".mov", ".mkv")
"""File name suffixes of videos that are written."""

HD_HEIGHT = 720
"""Smallest height, pixels, of a video that is taken for BT.709 if the file does not name its colour matrix; else
BT.601."""

FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,nut"
"""Containers that are read, by FFmpeg's names. Playlists are not among them, because they make FFmpeg open other
files."""

MAXIMUM_PIXELS = 1 << 26
"""Largest number of pixels of a frame; 8K has half as many."""

MAXIMUM_RATE = 100_000
"""Highest frame rate, frames a second."""

MAXIMUM_FRAMES = 100_000_000
"""Largest number of frames: 19 days at 60 frames a second."""

HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfer characteristics (ITU-T H.273, table 3) of high dynamic range, which are not those of sRGB."""


def is_video(path: Path) -> bool:
    """Whether the name of `path` has the suffix of a video."""
    return path.suffix.lower() in SUFFIXES


def import_av() -> Any:
    """Import PyAV.

    Raises:
        HolodriverError: PyAV is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise HolodriverError("PyAV is not installed", remedy='pip install "holodriver[depth]"') from error
    return av


def av_name(path: Path) -> str:
    """Name under which FFmpeg opens a file, even if the file name looks like a URL."""
    return f"file:{path}"


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video file."""

    width: int
    """Width as shown, upright and with square pixels; pixels."""
    height: int
    """Height as shown, upright and with square pixels; pixels."""
    turn: int
    """Counter-clockwise quarter turns that bring the stored pictures upright."""
    rate: Fraction
    """Mean frame rate, frames a second."""
    time_base: Fraction
    """Seconds of one tick of the time stamps."""
    frames: int
    """Number of frames, estimated if the file does not give it; 0 if it is unknown."""
    has_audio: bool
    start: Fraction
    """Earliest time stamp in the file, s."""
    codec: str
    """FFmpeg's name of the codec."""
    notes: tuple[str, ...] = ()
    """Notes on what was assumed, one clause each."""


@dataclass(frozen=True)
class VideoFrame:
    """One frame of a video."""

    index: int
    """Number of the frame in the file, from 0."""
    time: Fraction
    """Time since the start of the file, s; frames need not be evenly spaced."""
    pixels: NDArray[np.uint8]
    """Pixels (H, W, 3), sRGB, red first."""


class VideoReader:
    """A video file, decoded by a separate process (see `guard`); a context manager.

    Raises:
        FileFormatError: the file is missing, empty, damaged, without a video stream, or too large.
    """

    def __init__(self, path: Path):
        self.path = path
        self.info = _info(guard.read(parse_info, path).value)
        self.broken = 0
        """Number of packets so far that could not be decoded."""
        self._parts: guard.Parts | None = None

    def __enter__(self) -> "VideoReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._parts is not None:
            self._parts.close()

    def frames(self, *, stride: int = 1, limit: int | None = None, skip: int = 0) -> Iterator[VideoFrame]:
        """Give every `stride`-th frame, at most `limit` of them, each with its own time; can be called once.

        The first `skip` of these frames are left out, and count towards the limit.

        Packets that cannot be decoded are left out and counted in `broken`.
        """
        shape = self.info.height, self.info.width, 3
        self._parts = guard.Parts(
            parse_frames, self.path, info=_plain(self.info), stride=stride, limit=limit, skip=skip
        )
        with self._parts as parts:
            for part in parts:
                self.broken = int(part.value["broken"])
                if "pixels" in part.arrays:
                    pixels = part.arrays["pixels"]
                    if pixels.dtype != np.uint8 or pixels.shape != shape:
                        raise FileFormatError(f"has a frame of {pixels.shape}, expected {shape}", where=self.path)
                    yield VideoFrame(int(part.value["index"]), Fraction(part.value["time"]), pixels)


def parse_info(source: Source) -> Parsed:
    """Parse the properties of a video file, as plain values."""
    with _opened(source) as container:
        described = _described(container, source.path, 0)
    with _opened(source) as container:  # only decoded frames have the display matrix
        turn = _turn(container)
    return Parsed(_plain(replace(described, turn=turn) if turn % 2 == 0 else _lying(described, turn)), {})


def parse_frames(
    source: Source, *, info: dict[str, Any], stride: int, limit: int | None, skip: int
) -> Generator[Parsed, None, None]:
    """Parse the frames of a video file: `index`, `time` and the number of `broken` packets before; `pixels`."""
    about = _info(info)
    broken = [0]
    given = 0
    with _opened(source) as container:
        for index, frame in enumerate(_decoded(container, broken)):
            if index % stride:
                continue
            if limit is not None and given >= limit:
                return
            if given >= skip:
                said = {"index": index, "time": str(_time(frame, index, about)), "broken": broken[0]}
                yield Parsed(said, {"pixels": _upright(frame, about)})
            given += 1
    yield Parsed({"broken": broken[0]}, {})


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    """Open the container; formats that name other files, such as playlists, are refused."""
    av = import_av()
    if not source.size:
        raise FileFormatError("is empty", where=source.path)
    try:
        with source.file() as stream, av.open(stream, options={"format_whitelist": FORMATS}) as container:
            yield container
    except HolodriverError:
        raise
    except (OSError, av.FFmpegError, ValueError) as error:
        said = getattr(error, "strerror", None) or _said(error)
        raise FileFormatError(f"is not a video that can be read ({said})", where=source.path) from error


def _decoded(container: Any, broken: list[int]) -> Iterator[Any]:
    av = import_av()
    stream = container.streams.video[0]
    stream.thread_type = "AUTO"
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except StopIteration:
            return
        except av.FFmpegError:  # the file ends in the middle of a packet
            broken[0] += 1
            packet = None
        try:
            # the final packet without data flushes the decoder
            yield from stream.codec_context.decode(packet) if packet is None else packet.decode()
        except (av.FFmpegError, EOFError):
            broken[0] += 1
        if packet is None:
            return


def _described(container: Any, path: Path, turn: int) -> VideoInfo:
    if not container.streams.video:
        raise FileFormatError("holds no video", where=path)
    stream = container.streams.video[0]
    context = stream.codec_context
    if context is None or not (context.width and context.height):
        raise FileFormatError("holds a video without a size, or of an unknown kind", where=path)
    if not stream.time_base:
        raise FileFormatError("holds a video whose time stamps have no unit", where=path)
    rate = stream.average_rate or stream.guessed_rate or stream.base_rate or Fraction(25)
    width, height = _square(context.width, context.height, stream.sample_aspect_ratio)
    frames = stream.frames
    if not frames and stream.duration:
        frames = round(stream.duration * stream.time_base * rate)
    elif not frames and container.duration:
        frames = round(Fraction(container.duration, 1_000_000) * rate)
    for what, found, most in (
        ("pixels a frame", width * height, MAXIMUM_PIXELS),
        ("frames a second", rate, MAXIMUM_RATE),
        ("frames", frames, MAXIMUM_FRAMES),
    ):
        if not 0 <= found <= most:
            raise FileFormatError(f"claims {float(found):,.0f} {what}, expected at most {most:,}", where=path)
    begins = [
        other.start_time * other.time_base
        for other in container.streams
        if other.type in ("video", "audio") and other.start_time is not None and other.time_base
    ]
    transfer = int(context.color_trc or 0)
    notes: tuple[str, ...] = ()
    if transfer in HDR_TRANSFERS:
        notes = (f"is in high dynamic range ({HDR_TRANSFERS[transfer]}), and is taken as sRGB",)
    return VideoInfo(
        width=width,
        height=height,
        turn=turn,
        rate=Fraction(rate) or Fraction(25),
        time_base=Fraction(stream.time_base),
        frames=frames,
        has_audio=bool(container.streams.audio),
        start=min(begins, default=Fraction(0)),
        codec=context.name,
        notes=notes,
    )


def _turn(container: Any) -> int:
    """Quarter turns in the display matrix, counter-clockwise."""
    av = import_av()
    try:
        for frame in container.decode(container.streams.video[0]):
            return round(frame.rotation / 90) % 4
    except (av.FFmpegError, EOFError):
        pass
    return 0


def _lying(info: VideoInfo, turn: int) -> VideoInfo:
    return replace(info, turn=turn, width=info.height, height=info.width)


def _plain(info: VideoInfo) -> dict[str, Any]:
    """Properties as JSON values."""
    values = asdict(info)
    return values | {name: str(values[name]) for name in _FRACTIONS} | {"notes": list(info.notes)}


def _info(values: dict[str, Any]) -> VideoInfo:
    fractions = {name: Fraction(values[name]) for name in _FRACTIONS}
    return VideoInfo(**{**values, **fractions, "notes": tuple(values["notes"])})


_FRACTIONS = ("rate", "time_base", "start")


def _time(frame: Any, index: int, info: VideoInfo) -> Fraction:
    if frame.pts is None or not frame.time_base:  # a damaged file can lack either
        return index / info.rate
    return frame.pts * Fraction(frame.time_base) - info.start


def _upright(frame: Any, info: VideoInfo) -> NDArray[np.uint8]:
    colorspace = frame.colorspace
    if int(colorspace) in (2, 0) and "rgb" not in frame.format.name and "gbr" not in frame.format.name:
        # unspecified: chosen by the height, as players do
        colorspace = 1 if frame.height >= HD_HEIGHT else 5
    converted = frame.reformat(format="rgb24", src_colorspace=int(colorspace), dst_colorspace=int(colorspace))
    pixels = converted.to_ndarray()
    wanted = info.width, info.height
    size = wanted if info.turn % 2 == 0 else wanted[::-1]
    if (
        pixels.shape[1],
        pixels.shape[0],
    ) != size:  # pixels that are not square, or a size that changes within the video
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(np.rot90(pixels, info.turn))


def _square(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Size of a picture after its pixels have been made square."""
    if not aspect or aspect == 1 or not Fraction(1, 8) < aspect < 8:
        return width, height
    return max(1, round(width * aspect)), height


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__
