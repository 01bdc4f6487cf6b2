"""Videos: read frame by frame, written frame by frame with the sound of another file. Uses PyAV (FFmpeg)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.files.atomic import written_file

SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi")

CodecName = Literal["h264", "h265"]

WIDEST_H264 = 4096
"""Side in pixels up to which common decoders take H.264; larger videos are H.265 unless told otherwise."""

_ENCODERS = {
    "h264": ("libx264", {"preset": "veryfast", "crf": "18"}),
    "h265": ("libx265", {"preset": "veryfast", "crf": "20", "x265-params": "log-level=none"}),
}
_BT709, _LIMITED, _SRGB = 1, 1, 13  # ITU-T H.273

Bytes = NDArray[np.uint8]


def is_video(path: Path) -> bool:
    """Whether `path` is named as a video."""
    return path.suffix.lower() in SUFFIXES


@dataclass(frozen=True)
class VideoInfo:
    """What a video file says about itself."""

    width: int
    height: int
    rate: Fraction
    """Frames a second."""
    frames: int
    """Estimated where the file does not say it; 0 if nothing is known."""
    has_audio: bool


class VideoReader:
    """An open video file; a context manager.

    Raises:
        FileFormatError: missing, damaged, or without a video stream.
    """

    def __init__(self, path: Path) -> None:
        self.path, self._av = path, import_av()
        try:
            if not path.is_file():
                raise FileFormatError("does not exist", where=path)
            self._container = self._av.open(str(path))
        except (self._av.FFmpegError, OSError, ValueError) as error:
            raise FileFormatError(f"is not a video that can be read ({_said(error)})", where=path) from error
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

    def frames(self) -> Iterator[Bytes]:
        """All frames (H, W, 3), red first; can be called once.

        Raises:
            FileFormatError: the file ends within a frame, or is damaged.
        """
        try:
            for frame in self._container.decode(video=0):
                yield frame.to_ndarray(format="rgb24")
        except (self._av.FFmpegError, OSError, ValueError, MemoryError) as error:
            raise FileFormatError(f"is damaged ({_said(error)})", where=self.path) from error

    def _described(self) -> VideoInfo:
        streams = self._container.streams
        if not streams.video:
            raise FileFormatError("holds no video", where=self.path)
        stream = streams.video[0]
        if stream.codec_context is None or not (stream.width and stream.height):
            raise FileFormatError("is not a video that can be read (its codec or size is unknown)", where=self.path)
        stream.thread_type = "AUTO"
        rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
        length = self._container.duration  # microseconds
        frames = stream.frames or (round(length / 1e6 * rate) if length else 0)
        return VideoInfo(stream.width, stream.height, rate, frames, bool(streams.audio))


def codec_for(width: int, height: int) -> CodecName:
    """The codec that players of a video of that size expect."""
    return "h264" if max(width, height) <= WIDEST_H264 else "h265"


def write_video(
    path: Path,
    frames: Iterable[Bytes],
    *,
    rate: Fraction,
    codec: CodecName | None = None,
    sound: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Write frames (H, W, 3), red first, of even sides as a video; returns their number.

    Args:
        path: .mp4, .mov or .mkv.
        rate: frames a second.
        codec: by the size of the frames if None.
        sound: a file whose first sound track is copied, where it has one that fits.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: a frame has an odd side, or there is none.
        HolodriverError: the disk is full, or the encoder fails.
    """
    av = import_av()
    count = 0
    with written_file(path, overwrite=overwrite) as temporary:
        try:
            with av.open(str(temporary), "w") as container:
                stream = audio = None
                for pixels in frames:
                    if stream is None:
                        stream = _video_stream(container, pixels, rate, codec, path)
                        audio = _sound_stream(av, container, sound)
                    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
                    frame = frame.reformat(format="yuv420p", dst_colorspace=_BT709, dst_color_range=_LIMITED)
                    frame.pts, frame.time_base = count, 1 / rate
                    container.mux(stream.encode(frame))
                    count += 1
                if stream is None:
                    raise InputError("would have no frames", where=path)
                container.mux(stream.encode(None))
                if audio is not None:
                    _copy_sound(container, *audio, until=count / rate)
        except (av.FFmpegError, OSError) as error:
            raise HolodriverError(f"cannot be written: {_said(error)}", where=path) from error
    return count


def import_av() -> Any:
    """PyAV.

    Raises:
        HolodriverError: it is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise HolodriverError(
            "the package av, which reads and writes videos, is missing", remedy="pip install 'holodriver[lookingglass]'"
        ) from error
    return av


def _video_stream(container: Any, pixels: Bytes, rate: Fraction, codec: CodecName | None, path: Path) -> Any:
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        raise InputError(f"frames are {width} × {height} pixels, videos need even sides", where=path)
    encoder, options = _ENCODERS[codec or codec_for(width, height)]
    stream = container.add_stream(encoder, rate=rate, options=dict(options))
    context = stream.codec_context
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base = 1 / rate
    context.colorspace, context.color_range = _BT709, _LIMITED
    context.color_primaries, context.color_trc = _BT709, _SRGB
    if encoder == "libx265" and path.suffix.lower() in (".mp4", ".mov", ".m4v"):
        context.codec_tag = "hvc1"  # the only one that Apple's players take
    return stream


def _sound_stream(av: Any, container: Any, source: Path | None) -> tuple[Any, Any, Any] | None:
    if source is None:
        return None
    opened = av.open(str(source))
    if not opened.streams.audio:
        opened.close()
        return None
    try:
        return opened, opened.streams.audio[0], container.add_stream_from_template(opened.streams.audio[0])
    except (ValueError, av.FFmpegError):  # a codec that this container does not take
        opened.close()
        return None


def _copy_sound(container: Any, source: Any, stream: Any, target: Any, *, until: Fraction) -> None:
    with source:
        for packet in source.demux(stream):
            if packet.dts is None or (packet.pts is not None and packet.pts * stream.time_base >= until):
                continue
            packet.stream = target
            container.mux(packet)


def _said(error: BaseException) -> str:
    if said := getattr(error, "strerror", None):
        return str(said)
    return (str(error).strip() or type(error).__name__).splitlines()[0]
