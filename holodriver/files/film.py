"""A film of rendered frames: pictures of one size at one rate, as MP4."""

import importlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import HolodriverError, InputError
from holodriver.files.atomic import written_file

QUALITY = "16"
"""Constant rate factor of H.264: depth shows its steps earlier than colour does."""


class Film:
    """A film that is being written; a context manager. What an error stops leaves nothing.

    Args:
        path: NAME.mp4.
        rate: frames a second.
        overwrite: replace what is there.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        HolodriverError: PyAV is not installed.
    """

    def __init__(self, path: Path, rate: Fraction, *, overwrite: bool = False):
        try:
            self._av = importlib.import_module("av")
        except ImportError as error:
            raise HolodriverError("PyAV is not installed", remedy='pip install "holodriver[depth]"') from error
        self.path, self.rate = path, rate
        self._file = written_file(path, overwrite=overwrite)
        self._container: Any = None
        self._stream: Any = None

    def __enter__(self) -> Self:
        self._temporary = self._file.__enter__()
        self._container = self._av.open(str(self._temporary), "w", format="mp4")
        return self

    def add(self, pixels: NDArray[np.uint8]) -> None:
        """Add a frame (H, W, 3), sRGB, red first; H and W even.

        Raises:
            InputError: its size is odd or another than that of the first frame.
        """
        height, width = pixels.shape[:2]
        if self._stream is None:
            if height % 2 or width % 2:
                raise InputError(f"frames are {width} × {height} pixels, expected even numbers", where=self.path)
            self._stream = self._container.add_stream("libx264", rate=self.rate)
            self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
            self._stream.options = {"crf": QUALITY}
            context = self._stream.codec_context
            context.colorspace, context.color_range = 1, 1  # BT.709, limited range (ITU-T H.273)
            context.color_primaries, context.color_trc = 1, 13  # those of BT.709, and sRGB's curve
        if (self._stream.width, self._stream.height) != (width, height):
            raise InputError(f"a frame is {width} × {height} pixels, the first one was not", where=self.path)
        frame = self._av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
        self._container.mux(self._stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._stream is not None:
                self._container.mux(self._stream.encode(None))
            self._container.close()
        finally:
            self._file.__exit__(kind, error, trace)


def evened(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture (H, W, 3) with its last row or column repeated where its size is odd."""
    height, width = pixels.shape[:2]
    return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
