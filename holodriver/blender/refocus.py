"""The refocus route: pinhole views from points of an aperture, shifted and summed into the image of each plane."""

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
    """Sums of spectra, one for each focal plane, from which the images of the planes are made.

    In the view from point p of the unit disc, an object at normalised depth t appears moved by −coc_max/2 · p ·
    (reference − t) pixels; moving the view back by this shift focuses on t. Shifts by fractions of a pixel are phases
    in the spectrum, so that nothing is blurred. Each view and each plane is transformed once.

    Args:
        raw: folder of the raw views.
        manifest: manifest of the raw renders.
        points: positions of the views on the unit disc (views, 2), right and up.
        margin: border of a view beyond the image on each side, pixels.
        reference: normalised depth at which the unshifted views coincide.
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
        """Begin with the description of the raw views that the child has written into the folder `raw`.

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
            FileFormatError: the view's file is missing, truncated, of another format or of another size.
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
        """Image (3, H, W) of a focal plane, linear light.

        Raises:
            FileFormatError: a view was not added.
        """
        if self._added != len(self._points):
            raise FileFormatError(f"{self._added} of {len(self._points)} views were rendered", where=self.raw)
        height, width = self.manifest.shape
        whole = scipy.fft.irfft2(self._sums[plane], s=self._fast)
        inside = whole[:, self._margin : self._margin + height, self._margin : self._margin + width]
        # a shift by a fraction of a pixel makes hard edges ring a little, even below zero
        return np.maximum(inside / self._added, 0).astype(np.float32)


def _filled(image: Floats, size: tuple[int, ...]) -> Floats:
    """Enlarge `image` by a smooth transition from its end to its beginning, so that its transform wraps smoothly."""
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
