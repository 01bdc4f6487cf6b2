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
from holodriver.files.video.sound import LATER, TICK, Sound, take_sound
from holodriver.files.video.video import av_name, import_av

CodecName = Literal["h264", "h265", "ffv1"]

WIDEST_H264 = 4096
"""Largest side, pixels, that common hardware decoders of H.264 support (level 5.2); larger videos are H.265."""

BT709, LIMITED, SRGB = 1, 1, 13
"""Codes of ITU-T H.273: BT.709 (colour primaries and matrix), limited range, and sRGB (transfer)."""

COMMENT = "comment"
"""Metadata field that every container keeps."""


@dataclass(frozen=True)
class Codec:
    """Encoding of frames."""

    name: CodecName
    encoder: str
    """FFmpeg's name of the encoder."""
    pixels: str
    """Pixel format of colour frames."""
    grey: str
    """Pixel format of grey frames."""
    suffix: str
    """File name suffix of the container for this codec."""
    options: dict[str, str] = field(default_factory=dict)
    tag: str | None = None
    """Four-character code of the codec in the container; None: the default."""


# Without B-frames a packet's decoding time is its display time, so that separately encoded parts can be joined.
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
"""Supported codecs: H.264, H.265, and FFV1, which keeps 16 bits exactly."""


def codec_for(width: int, height: int, name: CodecName | None = None) -> Codec:
    """Codec with the given name; None chooses by the size of the frames."""
    if name is None:
        name = "h264" if max(width, height) <= WIDEST_H264 else "h265"
    if name not in CODECS:
        raise InputError(f"codec is {name!r}, expected one of {', '.join(CODECS)}")
    return CODECS[name]


class VideoWriter:
    """Writer of one video file without sound; a context manager that finishes the file, on an error as well.

    Args:
        path: path of the file; its suffix decides the container.
        size: (width, height), pixels; even for H.264 and H.265.
        rate: mean frame rate, frames a second.
        time_base: seconds of one tick of the time stamps.
        codec: see `codec_for`.
        grey: whether frames are (H, W) rather than (H, W, 3).
        part: whether it is a part for `join`, in Matroska, whose milliseconds then stand for ticks of `time_base`.

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
        part: bool = False,
    ):
        width, height = size
        if codec.name != "ffv1" and (width % 2 or height % 2):
            raise InputError(f"frames are {width} × {height} pixels, {codec.name} needs even sides", where=path)
        self.path, self.size, self.time_base, self._rate, self._part = path, size, time_base, rate, part
        self._av = import_av()
        self._container = self._av.open(av_name(path), "w")
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
            time: seconds since the start; must increase.

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
                if self._part:
                    packet.time_base = TICK
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
    """Repeat the last row and column of `pixels` if a side is odd, so that both sides become even."""
    height, width = pixels.shape[:2]
    if height % 2 or width % 2:
        pixels = np.pad(pixels, ((0, height % 2), (0, width % 2), *((0, 0),) * (pixels.ndim - 2)), "edge")
    return pixels


def join(
    parts: list[Path],
    path: Path,
    *,
    rate: Fraction,
    time_base: Fraction,
    frames: int,
    sound: Path | None = None,
    start: Fraction = Fraction(0),
    end: Fraction | None = None,
    metadata: dict[str, str] | None = None,
    tag: str | None = None,
) -> list[str]:
    """Join encoded parts into one file without a second encoding, with the sound of another file.

    Args:
        parts: parts of one codec and size (see `VideoWriter`), whose time stamps increase from part to part.
        path: path of the file, which is replaced if it exists.
        rate, time_base: frame rate of the parts, frames a second, and seconds of one tick of their time stamps.
        frames: number of frames in all parts.
        sound: file whose sound is copied; a codec that the container cannot hold becomes AAC.
        start: time stamp in `sound` at which the parts start, s.
        end: end of the sound, s after the start of the parts.
        metadata: text fields of the file.
        tag: four-character code of the codec in the file.

    Returns:
        notes about the sound, if it is not a copy.

    Raises:
        FileFormatError: a part is damaged, the parts hold another number of frames, or the sound cannot be read.
        HolodriverError: the file cannot be written.
    """
    av = import_av()
    film = _Joined(parts, path, rate, time_base, frames, metadata or {}, tag)
    if sound is None:
        film.write()
        return []
    with scratch_folder(path) as folder:
        taken = folder / "sound.mkv"
        with av.open(av_name(path), "w") as output:
            kept = output.supported_codecs
        try:
            said = take_sound(sound, taken, kept, start=start, end=end)
            film.write(taken, said, start + LATER)
        except (_SoundError, FileFormatError):  # the container does not hold this sound after all
            said = take_sound(sound, taken, (), start=start, end=end)
            film.write(taken, said, start + LATER)
    if said is None or not said.encoded:
        return []
    return [f"the sound ({said.codec}) does not fit into {path.suffix} and became AAC"]


class _SoundError(HolodriverError):
    """Raised if sound could not be put beside the pictures."""


@dataclass(frozen=True)
class _Joined:
    """Description of the file into which parts are joined."""

    parts: list[Path]
    path: Path
    rate: Fraction
    time_base: Fraction
    frames: int
    metadata: dict[str, str]
    tag: str | None

    def write(self, taken: Path | None = None, sound: Sound | None = None, shift: Fraction = Fraction(0)) -> None:
        """Write the file, with the sound in `taken`, if given, whose time stamps are later by `shift`."""
        av = import_av()
        options = {"movflags": "+faststart"} if self.path.suffix == ".mp4" else {}
        try:
            with ExitStack() as held:
                output = held.enter_context(av.open(av_name(self.path), "w", options=options))
                output.metadata.update(self.metadata)
                with av.open(av_name(self.parts[0])) as first:
                    video = output.add_stream_from_template(first.streams.video[0])
                    video.time_base = self.time_base
                    if self.tag:
                        video.codec_context.codec_tag = self.tag
                packets, tracks = self._pictures(av, video), iter(())
                if taken is not None and sound is not None:
                    heard = held.enter_context(av.open(av_name(taken)))
                    tracks = self._sound(av, heard, output, sound, shift)
                for packet in _by_time(packets, tracks):
                    output.mux(packet)
        except (av.FFmpegError, OSError, ValueError) as error:
            kind = HolodriverError if sound is None or sound.encoded else _SoundError
            said = getattr(error, "strerror", None) or error
            raise kind(f"cannot be written: {said}", where=self.path) from error

    def _pictures(self, av: Any, target: Any) -> Iterator[Any]:
        last = max(1, round(1 / self.rate / self.time_base))
        yield from _lasting(self._encoded(av, target), last)

    def _encoded(self, av: Any, target: Any) -> Iterator[Any]:
        found = 0
        for part in self.parts:
            try:
                with av.open(av_name(part)) as container:
                    for packet in container.demux(container.streams.video[0]):
                        if packet.pts is not None:
                            yield _timed(packet, target, self.time_base)
                            found += 1
            except av.FFmpegError as error:
                raise FileFormatError(f"is damaged ({error.strerror})", where=part) from error
        if found != self.frames:
            said = f"has parts with {found} frames, expected {self.frames}"
            raise FileFormatError(said, where=self.parts[0].parent, remedy="start again with --overwrite")

    def _sound(self, av: Any, container: Any, output: Any, sound: Sound, shift: Fraction) -> Iterator[Any]:
        """Packets of the sound track, in the time of the parts; the output stream is added immediately."""
        source = container.streams.audio[0]
        target = output.add_stream_from_template(source)
        if sound.layout:  # Matroska stores only the number of channels
            target.codec_context.layout = sound.layout
        return _lasting(self._heard(container, source, target, sound, round(shift / sound.time_base)))

    def _heard(self, container: Any, source: Any, target: Any, sound: Sound, shift: int) -> Iterator[Any]:
        found = 0
        for packet in container.demux(source):
            if packet.pts is not None:
                yield _timed(packet, target, sound.time_base, shift)
                found += 1
        if found != sound.packets:
            raise _SoundError(f"{found} of {sound.packets} packets of its sound were copied", where=self.path)


def _timed(packet: Any, target: Any, time_base: Fraction, shift: int = 0) -> Any:
    """Move a packet to `target`, with milliseconds read as ticks; without B-frames it is decoded when it is shown."""
    packet.pts = packet.dts = packet.pts - shift
    packet.time_base, packet.stream = time_base, target
    return packet


def _lasting(packets: Iterator[Any], last: int | None = None) -> Iterator[Any]:
    """Packets that last until the next one; the final packet lasts `last` ticks, or as long as the one before."""
    held, ticks = None, 1
    for packet in packets:
        if held is not None:
            held.duration = ticks = max(1, packet.dts - held.dts)
            yield held
        held = packet
    if held is not None:
        held.duration = last or ticks
        yield held


def _by_time(first: Iterator[Any], second: Iterator[Any]) -> Iterator[Any]:
    """Packets of two streams in the order of their decoding times, as containers expect them."""
    a, b = next(first, None), next(second, None)
    while a is not None or b is not None:
        if b is None or (a is not None and a.dts * a.time_base <= b.dts * b.time_base):
            yield a
            a = next(first, None)
        else:
            yield b
            b = next(second, None)
