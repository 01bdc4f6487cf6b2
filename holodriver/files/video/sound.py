"""The sound of a video as a file of its own, which a process of its own took out of it (see `guard`)."""

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
"""It takes nearly every codec, and keeps every whole number as a time stamp that is not negative."""

TICK = Fraction(1, 1000)
"""What Matroska takes for the unit of time stamps, s; it stands for the unit that they have."""

LATER = Fraction(60)
"""Seconds by which time stamps are moved, so that none is negative: encoders begin before zero."""

_BLOCK = 1 << 20

_MOST_RATE = 768_000
"""Samples a second."""


@dataclass(frozen=True)
class Sound:
    """What became of a sound track."""

    codec: str
    """As it was."""
    encoded: bool
    """Whether it was encoded anew, because the container does not take that codec."""
    layout: str
    """FFmpeg's name of the order of its channels; empty if it is not known."""
    time_base: Fraction
    """Seconds for which each millisecond of the time stamps stands."""
    packets: int


def take_sound(
    path: Path, into: Path, codecs: Collection[str], *, start: Fraction, end: Fraction | None
) -> Sound | None:
    """Write the first sound track of a video, as it is or as AAC; None if there is none, or nothing in it.

    Args:
        path: the video.
        into: the file to be written, in `CONTAINER`, all time stamps `LATER`.
        codecs: names of those that may stay as they are.
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
    """What the track is (nothing if there is none); then `block`, again and again: the file, and its packets so far."""
    av = import_av()
    written = _Blocks()
    with _opened(source) as container:
        if not container.streams.audio:
            return
        track = container.streams.audio[0]
        codec = track.codec_context.name if track.codec_context is not None else ""
        encoded = codec not in codecs
        rate = getattr(track, "rate", None) or 0  # a track of an unknown kind has none
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
    """What was written and not yet taken; nothing can be written again, as into a pipe."""

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
        return  # a broken tail: what came before is kept


def _encoded(av: Any, container: Any, track: Any, target: Any) -> Iterator[Any]:
    try:
        for frame in container.decode(track):
            yield from target.encode(frame)
    except (av.FFmpegError, EOFError):
        pass
    yield from target.encode(None)
