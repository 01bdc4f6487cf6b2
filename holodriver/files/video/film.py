"""Films: pictures of one size at one rate, as a video file or GIF, optionally with the sound of another file."""

from collections.abc import Iterable
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.atomic import scratch_folder, written_file
from holodriver.files.video.parts import PART_SUFFIX
from holodriver.files.video.video import import_av
from holodriver.files.video.writer import CodecName, VideoWriter, codec_for, join


class Film:
    """A film that is being written; a context manager. An error leaves no file.

    Args:
        path: NAME.mp4, .mov or .mkv.
        rate: mean frame rate, frames a second.
        time_base: seconds of one tick of the time stamps; None: the duration of one frame.
        codec: codec of the film; None: chosen by the size of the frames.
        sound: a file whose first sound track is copied, up to the end of the pictures.
        start: time stamp in `sound` at which the film starts, s.
        overwrite: replace an existing file.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        HolodriverError: PyAV is not installed.
    """

    def __init__(
        self,
        path: Path,
        rate: Fraction,
        *,
        time_base: Fraction | None = None,
        codec: CodecName | None = None,
        sound: Path | None = None,
        start: Fraction = Fraction(0),
        overwrite: bool = False,
    ):
        import_av()
        self.path, self.rate, self.count = path, Fraction(rate), 0
        self.time_base = time_base or 1 / self.rate
        self._codec, self._sound, self._start, self._overwrite = codec, sound, start, overwrite
        self._last = Fraction(0)
        self._writer: VideoWriter | None = None

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self._whole = self._open.enter_context(written_file(self.path, overwrite=self._overwrite))
        self._pictures = self._whole
        if self._sound is not None:
            folder = self._open.enter_context(scratch_folder(self.path))
            self._pictures = folder / f"pictures{PART_SUFFIX}"
        return self

    def add(self, pixels: NDArray[np.uint8], time: Fraction | None = None) -> None:
        """Add a frame (H, W, 3), sRGB, red first; H and W even.

        Args:
            time: time at which the frame is shown, s; None: its number divided by the film's rate.

        Raises:
            InputError: the size of the frame is odd, or differs from that of the first frame.
            HolodriverError: the disk is full, or the encoder fails.
        """
        height, width = pixels.shape[:2]
        if self._writer is None:
            codec = codec_for(width, height, self._codec)
            if height % 2 or width % 2:
                said = f"frames are {width} × {height} pixels, {codec.name} needs even sides"
                raise InputError(said, where=self.path)
            self._writer = VideoWriter(
                self._pictures,
                (width, height),
                rate=self.rate,
                time_base=self.time_base,
                codec=codec,
                part=self._sound is not None,
            )
            self._tag = codec.tag
        if self._writer.size != (width, height):
            first = "{} × {}".format(*self._writer.size)
            raise InputError(f"a frame is {width} × {height} pixels, the first was {first}", where=self.path)
        self._last = self.count / self.rate if time is None else time
        self._writer.write(pixels, self._last)
        self.count += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
            if error is None:
                self._finish()
        except BaseException as failure:
            self._open.__exit__(type(failure), failure, failure.__traceback__)
            raise
        self._open.__exit__(kind, error, trace)

    def _finish(self) -> None:
        if self._writer is None:
            raise InputError("would have no frames", where=self.path)
        if self._sound is not None:
            join(
                [self._pictures],
                self._whole,
                rate=self.rate,
                time_base=self.time_base,
                frames=self.count,
                sound=self._sound,
                start=self._start,
                end=self._last + 1 / self.rate,
                tag=self._tag,
            )


def write_film(
    path: Path,
    frames: Iterable[NDArray[np.uint8]],
    *,
    rate: Fraction,
    codec: CodecName | None = None,
    sound: Path | None = None,
    overwrite: bool = False,
) -> int:
    """Write frames (H, W, 3), red first, of even sides as a film; returns their number. See `Film`."""
    with Film(path, rate, codec=codec, sound=sound, overwrite=overwrite) as film:
        for pixels in frames:
            film.add(pixels)
    return film.count


def write_gif(path: Path, frames: Iterable[NDArray[np.uint8]], *, rate: Fraction, overwrite: bool = False) -> int:
    """Write frames (H, W, 3), red first, as an animated GIF that repeats for ever; returns their number.

    A GIF has 256 colours a frame and counts time in hundredths of a second.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: there are no frames, or more than 50 a second.
    """
    from PIL import Image

    if not 0 < rate <= 50:
        raise InputError(f"rate is {float(rate):g} frames a second, a GIF has at most 50", where=path)
    pictures = [Image.fromarray(pixels).quantize(256) for pixels in frames]
    if not pictures:
        raise InputError("would have no frames", where=path)
    with written_file(path, overwrite=overwrite) as temporary:
        first, *rest = pictures
        first.save(temporary, "GIF", save_all=True, append_images=rest, duration=round(100 / rate) * 10, loop=0)
    return len(pictures)
