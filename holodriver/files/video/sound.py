"""The sound of a video as a separate file, which a guarded process extracts (see `guard`)."""

import io
from collections.abc import Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.errors import FileFormatError, HolodriverError
from holodriver.files.guard import guard
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed
from holodriver.files.video.video import FORMATS, import_av

CONTAINER = "matroska"
"""Container of the sound file: it takes nearly every codec, and keeps every non-negative whole number as a time
stamp."""

TICK = Fraction(1, 1000)
"""Unit of time stamps in Matroska, s; one stands for one tick of `Sound.time_base`."""

LATER = Fraction(60)
"""Seconds that are added to time stamps, so that none is negative: encoders begin before zero."""

_BLOCK = 1 << 20

_MOST_RATE = 768_000
"""Highest sample rate that is encoded, samples a second."""


@dataclass(frozen=True)
class Sound:
    """Result of extracting a sound track."""

    codec: str
    """Name of the codec in the video."""
    encoded: bool
    """Whether the sound was encoded again because the container does not take its codec."""
    layout: str
    """FFmpeg's name of the channel layout; empty if it is unknown."""
    time_base: Fraction
    """Duration that each millisecond of the time stamps stands for, s."""
    packets: int
    """Number of packets in the file."""


def take_sound(
    path: Path, into: Path, codecs: Collection[str], *, start: Fraction, end: Fraction | None
) -> Sound | None:
    """Write the first sound track of a video, copied or as AAC; None if the track is missing or empty.

    Args:
        path: the video.
        into: the file to be written, in `CONTAINER`; its time stamps are later by `LATER`.
        codecs: names of the codecs that are copied.
        start, end: time stamps of the video between which sound is taken, s.

    Raises:
        FileFormatError: the video cannot be read.
    """
    asked: dict[str, Any] = {"codecs": sorted(codecs), "end": None if end is None else str(start + end)}
    with guard.Parts(parse_sound, path, **asked) as parts:
        first = next(parts, None)
        if first is None:
            return None
        packets = 0
        with open(into, "wb") as file:
            for part in parts:
                file.write(part.arrays["block"].data)
                packets = int(part.value)
    if not packets:
        return None
    said = first.value
    base = Fraction(said["time_base"])
    return Sound(str(said["codec"]), bool(said["encoded"]), str(said["layout"]), base, packets)


def parse_sound(source: Source, *, codecs: list[str], end: str | None) -> Generator[Parsed, None, None]:
    """Parse a sound track: first its description (nothing if there is none); then blocks of the file, each with the
    number of packets so far."""
    av = import_av()
    written = _Blocks()
    with _opened(source) as container:
        if not container.streams.audio:
            return
        track = container.streams.audio[0]
        codec = track.codec_context.name if track.codec_context is not None else ""
        encoded = codec not in codecs
        rate = getattr(track, "rate", None) or 0  # a track of an unknown kind has no rate
        if encoded and not 0 < rate <= _MOST_RATE:
            raise FileFormatError(f"has sound of {rate} samples a second", where=source.path)
        base = Fraction(1, rate) if encoded else Fraction(track.time_base)
        layout = "" if encoded or track.codec_context is None else _layout(track.codec_context)
        yield Parsed({"codec": codec, "encoded": encoded, "layout": layout, "time_base": str(base)}, {})
        count = 0
        with av.open(written, "w", format=CONTAINER) as output:
            if encoded:
                packets = _encoded(av, container, track, output.add_stream("aac", rate=rate))
            else:
                packets = _copied(av, container, track, output.add_stream_from_template(track))
            last = None if end is None else Fraction(end)
            for packet in packets:
                if last is not None and packet.pts * packet.time_base >= last:
                    break
                packet.dts = packet.pts = round((packet.pts * packet.time_base + LATER) / base)
                packet.time_base = TICK
                output.mux(packet)
                count += 1
                if written.tell() >= _BLOCK:
                    yield Parsed(count, {"block": written.taken()})
    yield Parsed(count, {"block": written.taken()})


def _layout(context: Any) -> str:
    try:
        return str(context.layout.name)
    except (AttributeError, ValueError):
        return ""


class _Blocks(io.RawIOBase):
    """A file in memory whose written bytes are taken away in blocks; it cannot be rewound."""

    def __init__(self) -> None:
        super().__init__()
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._data += data
        return len(data)

    def tell(self) -> int:
        return len(self._data)

    def taken(self) -> Any:
        data = np.frombuffer(bytes(self._data), np.uint8)
        self._data.clear()
        return data


@contextmanager
def _opened(source: Source) -> Iterator[Any]:
    av = import_av()
    try:
        with source.file() as stream, av.open(stream, options={"format_whitelist": FORMATS}) as container:
            yield container
    except HolodriverError:
        raise
    except (OSError, av.FFmpegError, ValueError) as error:
        raise FileFormatError("has sound that cannot be read", where=source.path) from error


def _copied(av: Any, container: Any, track: Any, target: Any) -> Iterator[Any]:
    try:
        for packet in container.demux(track):
            if packet.dts is not None:
                packet.pts = packet.dts if packet.pts is None else packet.pts
                packet.stream = target
                yield packet
    except (av.FFmpegError, EOFError):
        return  # the end of the file is broken; the packets before it are kept


def _encoded(av: Any, container: Any, track: Any, target: Any) -> Iterator[Any]:
    try:
        for frame in container.decode(track):
            yield from target.encode(frame)
    except (av.FFmpegError, EOFError):
        pass
    yield from target.encode(None)
