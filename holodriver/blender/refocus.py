"""The refocus route: pinhole views from points over an aperture, shifted and added to the image of each focal plane."""

import json
from pathlib import Path
from typing import Any, Self

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from holodriver.errors import FileFormatError
from holodriver.files.exr import read_exr
from holodriver.files.manifest import VIEWS_NAME, RawManifest, raw_view_name

Floats = NDArray[np.float32]


class Refocusing:
    """The images of all focal planes in the making, as sums of spectra.

    A view from the point p of the unit disc shows a thing at normalised depth t moved by −coc_max/2 · p · (reference
    − t) pixels; moving it back by that focuses on t. Shifts by parts of a pixel are phases in the spectrum, so that
    nothing is blurred; each view is transformed once and each plane once.

    Args:
        raw: folder of the raw views.
        manifest: of the raw renders.
        points: places of the views on the unit disc, right and up.
        margin: pixels on each side of a view that go beyond the image.
        reference: normalised depth at which the views coincide as rendered.
    """

    def __init__(
        self,
        raw: Path,
        manifest: RawManifest,
        points: NDArray[np.float64],
        margin: int,
        reference: float,
    ):
        self.raw, self.manifest = raw, manifest
        self._points, self._margin, self._reference = points, margin, reference
        height, width = manifest.shape
        self._size = (height + 2 * margin, width + 2 * margin)
        self._fast = tuple(scipy.fft.next_fast_len(side, real=True) for side in self._size)
        self._rows = np.fft.fftfreq(self._fast[0])[:, None]
        self._columns = np.fft.rfftfreq(self._fast[1])[None]
        spectrum = (3, self._fast[0], self._fast[1] // 2 + 1)
        self._sums = np.zeros((manifest.planes, *spectrum), np.complex64)
        self._added = 0

    @classmethod
    def of(cls, raw: Path, manifest: RawManifest) -> Self:
        """The images of the raw views in a folder, by what the child has written about them there.

        Raises:
            FileFormatError: the description of the views is missing or wrong.
        """
        path = raw / VIEWS_NAME
        try:
            about: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            points = np.asarray(about["points"], np.float64).reshape(-1, 2)
            return cls(raw, manifest, points, int(about["margin"]), float(about["reference"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise FileFormatError("does not describe raw views", where=path) from error

    def add(self, view: int) -> None:
        """Add a raw view to all planes, and delete it.

        Raises:
            FileFormatError: it is missing, truncated, foreign or of another size.
        """
        names = tuple(f"{self.manifest.layer}.Combined.{color}" for color in "RGB")
        path = self.raw / raw_view_name(view)
        image = read_exr(path, names, shape=self._size, guarded=False).channels
        spectrum = scipy.fft.rfft2(_filled(np.stack([image[name] for name in names]), self._fast))
        for plane, t in enumerate(self.manifest.positions):
            right, up = self._points[view] * (self.manifest.coc_max / 2 * (self._reference - t))
            down = np.exp(-2j * np.pi * self._rows * -up).astype(np.complex64)
            across = np.exp(-2j * np.pi * self._columns * right).astype(np.complex64)
            self._sums[plane] += spectrum * (down * across)
        path.unlink()
        self._added += 1

    def image(self, plane: int) -> Floats:
        """The image (3, H, W) of a focal plane, linear light.

        Raises:
            FileFormatError: a view was not added.
        """
        if self._added != len(self._points):
            raise FileFormatError(f"{self._added} of {len(self._points)} views were rendered", where=self.raw)
        height, width = self.manifest.shape
        whole = scipy.fft.irfft2(self._sums[plane], s=self._fast)
        inside = whole[:, self._margin : self._margin + height, self._margin : self._margin + width]
        # a shift by parts of a pixel rings a little at hard edges, also below zero
        return np.maximum(inside / self._added, 0).astype(np.float32)


def _filled(image: Floats, size: tuple[int, ...]) -> Floats:
    """`image` made larger, by a bridge from its end back to its beginning: no step where the transform wraps round."""
    for axis, wanted in ((1, size[0]), (2, size[1])):
        count = wanted - image.shape[axis]
        if not count:
            continue
        first, last = np.take(image, [0], axis), np.take(image, [-1], axis)
        shape = [1, 1, 1]
        shape[axis] = count
        part = (np.arange(1, count + 1, dtype=np.float32) / (count + 1)).reshape(shape)
        image = np.concatenate([image, last * (1 - part) + first * part], axis)
    return image
