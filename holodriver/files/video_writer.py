"""Videos written frame by frame, each frame at its own time, with the sound of the source."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, HolodriverError, InputError
from holodriver.files.atomic import scratch_folder
from holodriver.files.sound import LATER, take_sound
from holodriver.files.video import import_av

CodecName = Literal["h264", "h265", "ffv1"]

WIDEST_H264 = 4096
"""Side in pixels up to which decoders of H.264 in common hardware go (level 5.2); beyond it H.265 is taken."""

BT709, LIMITED, SRGB = 1, 1, 13
"""ITU-T H.273: colour primaries and matrix of BT.709; limited range; the transfer of sRGB."""

COMMENT = "comment"
"""The metadata field that every container keeps."""


@dataclass(frozen=True)
class Codec:
    """How frames are encoded."""

    name: CodecName
    encoder: str
    pixels: str
    """Pixel format of colour frames."""
    grey: str
    """Pixel format of grey frames."""
    suffix: str
    """Of the container that holds it."""
    options: dict[str, str] = field(default_factory=dict)
    tag: str | None = None


# Without B-frames the decoding time of a packet is its showing time, so that parts encoded one after the other join.
CODECS: dict[CodecName, Codec] = {
    "h264": Codec("h264", "libx264", "yuv420p", "yuv420p", ".mp4", {"preset": "veryfast", "crf": "16", "bf": "0"}),
    "h265": Codec(
        "h265",
        "libx265",
        "yuv420p",
        "yuv420p",
        ".mp4",
        {"preset": "veryfast", "crf": "17", "x265-params": "bframes=0:log-level=none"},
        tag="hvc1",
    ),
    "ffv1": Codec("ffv1", "ffv1", "gbrp16le", "gray16le", ".mkv", {"level": "3", "slicecrc": "1"}),
}
"""H.264, H.265, and FFV1, which keeps 16 bits exactly."""


def codec_for(width: int, height: int, name: CodecName | None = None) -> Codec:
    """The codec of that name; by the size of the frames if None."""
    if name is None:
        name = "h264" if max(width, height) <= WIDEST_H264 else "h265"
    if name not in CODECS:
        raise InputError(f"codec is {name!r}, expected one of {', '.join(CODECS)}")
    return CODECS[name]


class VideoWriter:
    """Writes one video file without sound; a context manager that finishes the file, on an error as well.

    Args:
        path: of the file; its suffix decides the container (.nut keeps every time stamp and every codec).
        size: (width, height), pixels; even for H.264 and H.265.
        rate: mean frames a second.
        time_base: seconds of one tick of the time stamps.
        codec: see `codec_for`.
        grey: whether frames are (H, W) rather than (H, W, 3).
        metadata: text fields of the file.

    Raises:
        InputError: the size is odd where the codec halves the colour resolution.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        *,
        rate: Fraction,
        time_base: Fraction,
        codec: Codec,
        grey: bool = False,
        metadata: dict[str, str] | None = None,
    ):
        width, height = size
        if codec.name != "ffv1" and (width % 2 or height % 2):
            raise InputError(f"frames are {width} × {height} pixels, {codec.name} needs even sides", where=path)
        self.path, self.size, self.time_base, self._rate = path, size, time_base, rate
        self._av = import_av()
        self._container = self._av.open(str(path), "w")
        self._container.metadata.update(metadata or {})
        self._stream = self._container.add_stream(codec.encoder, rate=rate, options=dict(codec.options))
        context = self._stream.codec_context
        context.width, context.height = size
        context.pix_fmt = self._format = codec.grey if grey else codec.pixels
        context.time_base = self._stream.time_base = time_base
        if codec.tag and path.suffix == codec.suffix:
            context.codec_tag = codec.tag
        if codec.name != "ffv1":
            context.colorspace, context.color_range = BT709, LIMITED
            context.color_primaries, context.color_trc = BT709, SRGB
        self._last = -1

    def write(self, pixels: NDArray[np.uint8] | NDArray[np.uint16], time: Fraction) -> None:
        """Append a frame.

        Args:
            pixels: (H, W, 3) red first or (H, W), 8 or 16 bits.
            time: seconds since the start; must grow.

        Raises:
            HolodriverError: the disk is full, or the encoder fails.
        """
        ticks = max(round(time / self.time_base), self._last + 1)
        self._last = ticks
        frame = self._frame(pixels)
        frame.pts, frame.time_base = ticks, self.time_base
        self._mux(frame)

    def close(self) -> None:
        """Finish the file."""
        if self._container is None:
            return
        try:
            self._mux(None)
        finally:
            container, self._container = self._container, None
            container.close()

    def __enter__(self) -> "VideoWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mux(self, frame: Any) -> None:
        try:
            for packet in self._stream.encode(frame):
                if not packet.duration:
                    packet.duration = max(1, round(1 / self._rate / packet.time_base))
                self._container.mux(packet)
        except (self._av.FFmpegError, OSError) as error:
            raise HolodriverError(
                f"cannot be written: {getattr(error, 'strerror', None) or error}", where=self.path
            ) from error

    def _frame(self, pixels: NDArray) -> Any:
        deep = self._format.endswith("16le")
        if deep and pixels.dtype == np.uint8:
            pixels = pixels.astype(np.uint16) * 257
        elif not deep and pixels.dtype == np.uint16:
            pixels = np.rint(pixels / np.float32(257)).astype(np.uint8)
        pixels = np.ascontiguousarray(pixels)
        if deep:
            return self._av.VideoFrame.from_ndarray(pixels, format=self._format)
        frame = self._av.VideoFrame.from_ndarray(pixels, format="gray" if pixels.ndim == 2 else "rgb24")
        converted = frame.reformat(
            format=self._format, dst_colorspace=BT709, src_color_range=2 if pixels.ndim == 2 else 0, dst_color_range=1
        )
        converted.colorspace, converted.color_range = BT709, LIMITED
        return converted


def even(pixels: NDArray) -> NDArray:
    """`pixels` with the last row and column repeated where a side is odd, so that nothing is lost."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), *((0, 0),) * (pixels.ndim - 2)), "edge")
    return pixels


def join(
    parts: list[Path],
    path: Path,
    *,
    sound: Path | None = None,
    start: Fraction = Fraction(0),
    end: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    tag: str | None = None,
) -> list[str]:
    """Put encoded parts one after the other into one file, unchanged, with the sound of another.

    Args:
        parts: files of one codec and size, whose time stamps go on from part to part.
        path: of the file, written at once and without care for what is there.
        sound: file whose sound is copied; what the container cannot hold becomes AAC.
        start: time stamp in `sound` that is the zero of the parts, s.
        end: where the sound ends, s of the parts.
        metadata: text fields of the file.
        tag: code of the codec that players look for.

    Returns:
        notes: what became of the sound, if not a copy.
    """
    av = import_av()
    notes: list[str] = []
    options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
    with ExitStack() as held:
        output = held.enter_context(av.open(str(path), "w", options=options))
        output.metadata.update(metadata or {})
        with av.open(str(parts[0])) as first:
            video = output.add_stream_from_template(first.streams.video[0])
            video.time_base = first.streams.video[0].time_base
            if tag:
                video.codec_context.codec_tag = tag
        packets, tracks = _video_packets(av, parts, video), iter(())
        if sound is not None:
            taken = held.enter_context(scratch_folder(path)) / "sound.nut"
            said = take_sound(sound, taken, output.supported_codecs, start=start, end=end)
            if said is not None:
                if said.encoded:
                    notes.append(f"the sound ({said.codec}) does not fit into {output.format.name} and became AAC")
                heard = held.enter_context(av.open(str(taken)))
                tracks = _sound(av, heard, output, start + LATER)
        for packet in _by_time(packets, tracks):
            output.mux(packet)
    return notes


def _video_packets(av: Any, parts: list[Path], stream: Any) -> Iterator[Any]:
    for part in parts:
        try:
            with av.open(str(part)) as container:
                for packet in container.demux(container.streams.video[0]):
                    if packet.dts is not None:
                        packet.stream = stream
                        yield packet
        except av.FFmpegError as error:
            raise FileFormatError(f"is damaged ({error.strerror})", where=part) from error


def _sound(av: Any, container: Any, output: Any, start: Fraction) -> Iterator[Any]:
    """Packets of a sound track, in the time of the parts; the stream is added at once."""
    source = container.streams.audio[0]
    return _shifted(av, container, source, output.add_stream_from_template(source), round(start / source.time_base))


def _shifted(av: Any, container: Any, source: Any, target: Any, shift: int) -> Iterator[Any]:
    try:
        for packet in container.demux(source):
            if packet.dts is not None:
                packet.dts -= shift
                packet.pts = packet.dts if packet.pts is None else packet.pts - shift
                packet.stream = target
                yield packet
    except (av.FFmpegError, EOFError):
        return  # a broken tail: what came before is kept


def _by_time(first: Iterator[Any], second: Iterator[Any]) -> Iterator[Any]:
    """Packets of two streams in the order of their decoding times, as containers like them."""
    a, b = next(first, None), next(second, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a.dts * a.time_base <= b.dts * b.time_base):
            yield a
            a = next(first, None)
        else:
            yield b
            b = next(second, None)
