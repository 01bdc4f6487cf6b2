"""Cameras that look at a rig: one that OpenCV opens, and a folder of pictures that somebody took."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError
from holodriver.files.images import full_scale, read_pixels

SATURATED_SHARE = 1e-3
"""Share of saturated pixels above which a picture measures nothing."""

PICTURES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")


class Camera(ABC):
    """A camera with a linear response. A new make implements `_grab_hw`; `image` is complete and is not overridden."""

    name = "camera"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @final
    def image(self) -> NDArray[np.float64]:
        """One picture, (h, w) or (h, w, 3) red, green, blue; linear, 1 is the full scale.

        Raises:
            RigError: no picture came, or it is saturated.
        """
        picture = np.asarray(self._grab_hw(), np.float64)
        share = float((picture >= 1 - 1e-9).mean())
        if share > SATURATED_SHARE:
            raise RigError(
                f"{100 * share:.1f} % of the picture is saturated", where=self.name, remedy="expose for a shorter time"
            )
        return picture

    def focus(self, t: float) -> None:  # noqa: B027 - most cameras are focused by hand, or stay where they are
        """Focus on normalised depth `t`."""

    @abstractmethod
    def _grab_hw(self) -> NDArray:
        """The next picture that was exposed after this call, 0 … 1 of the full scale."""

    def close(self) -> None:  # noqa: B027 - pictures in files need no closing
        """Let go of the device."""


class OpenCvCamera(Camera):
    """A camera that OpenCV opens. Automatic exposure, gain and white balance are switched off.

    Args:
        device: index, or the name of a device, stream or film.
        exposure: in the driver's own unit; left as it is if None.
        frames: pictures that are averaged into one.
        stale: pictures thrown away first, which the driver may have held since before.

    Raises:
        RigError: it cannot be opened.
    """

    def __init__(self, device: int | str, *, exposure: float | None = None, frames: int = 4, stale: int = 4):
        import cv2

        self.name = f"camera {device}"
        self._frames, self._stale = frames, stale
        self._capture = cv2.VideoCapture(device)
        if not self._capture.isOpened():
            raise RigError("cannot be opened", where=self.name, remedy="is it plugged in, and does nobody else use it?")
        # drivers differ in what they take; what one does not know it refuses, which harms nothing
        for setting, value in (
            (cv2.CAP_PROP_AUTO_EXPOSURE, 1),  # V4L2: 1 is manual
            (cv2.CAP_PROP_AUTO_WB, 0),
            (cv2.CAP_PROP_GAMMA, 100),  # V4L2: 100 is linear
            (cv2.CAP_PROP_BUFFERSIZE, 1),
        ):
            self._capture.set(setting, value)
        if exposure is not None and not self._capture.set(cv2.CAP_PROP_EXPOSURE, exposure):
            self.close()
            raise RigError(f"does not take the exposure {exposure:g}", where=self.name)

    def _grab_hw(self) -> NDArray:
        for _ in range(self._stale):
            self._capture.grab()
        total: NDArray[np.float64] | None = None
        for _ in range(self._frames):
            came, pixels = self._capture.read()
            if not came:
                raise RigError("gives no picture any more", where=self.name, remedy="is it still plugged in?")
            values = pixels[..., ::-1] / full_scale(pixels, Path(self.name))
            if float((values >= 1).mean()) > SATURATED_SHARE:
                return values  # `image` refuses it; an average would hide it
            total = values if total is None else total + values
        assert total is not None  # there is one frame at least
        return total / self._frames

    def close(self) -> None:
        self._capture.release()


class FolderCamera(Camera):
    """Pictures in a folder, in the order of their names, each taken for one call of `image`.

    Stored values are taken as linear: cameras for measurements have no gamma.

    Raises:
        RigError: there are none.
    """

    def __init__(self, folder: Path):
        self.name = str(folder)
        self._paths: Iterator[Path] = iter(pictures_in(folder))

    def _grab_hw(self) -> NDArray:
        import cv2

        path = next(self._paths, None)
        if path is None:
            raise RigError("has no more pictures", where=self.name)
        values = read_pixels(path, cv2.IMREAD_UNCHANGED)
        scaled = values / full_scale(values, path)
        return scaled if scaled.ndim == 2 else scaled[..., 2::-1]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, by name.

    Raises:
        RigError: there are none.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)
    if not found:
        raise RigError("holds no pictures", where=folder)
    return found
