"""Cameras that look at a rig: a camera that OpenCV opens, and folders of pictures, finished or still growing."""

import math
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, Self, final

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError, RigError
from holodriver.files.images import full_scale, read_pixels

SATURATED_SHARE = 1e-3
"""Largest share of saturated pixels in a valid picture, or in the cropped part of it."""

Crop = tuple[int, int, int, int]
"""Left, top, width and height of a part of a picture, pixels."""

PICTURES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")

NEW_PICTURE_S = 20.0
"""Longest wait for a picture that another program writes, s; shorter than a stage's light for one reading."""

STEADY_S = 0.1
"""Time without changes after which a file counts as complete, s."""

LOOK_AGAIN_S = 0.02
"""Time between two looks into a folder, s."""

ENDS = {".png": b"IEND", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
"""Bytes that mark the end of a complete file, by extension."""

TAIL = 4096
"""Number of bytes at the end of a file that are searched for the mark: some programs append notes."""

LINEAR_GAMMA = 100.0
"""Gamma setting of USB cameras for a linear response (USB Video Class 1.5, gamma control: hundredths)."""

UNKNOWN = -1.0
"""Value that OpenCV returns for a property that a driver does not have."""


class Camera(ABC):
    """A camera with a linear response. A new make implements `_grab_hw`; `image` is complete and is not overridden."""

    name = "camera"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @final
    def image(self, crop: Crop | None = None) -> NDArray[np.float64]:
        """Take one picture.

        Args:
            crop: part of the picture to return; None for the whole picture. Pixels outside the crop may be saturated.

        Returns:
            Linear light, (h, w) or (h, w, 3) for red, green and blue; 1 is the full scale.

        Raises:
            InputError: the crop reaches beyond the picture.
            RigError: no picture came, or the picture is saturated.
        """
        picture = np.asarray(self._grab_hw(), np.float64)
        if crop is not None:
            left, top, width, height = crop
            whole, picture = picture, picture[top : top + height, left : left + width]
            if picture.shape[:2] != (height, width) or min(crop) < 0:
                raise InputError(
                    f"has {whole.shape[1]} × {whole.shape[0]} pixels, the crop reaches beyond", where=self.name
                )
        check_saturation(saturated(picture), self.name)
        return picture

    def focus(self, t: float) -> None:  # noqa: B027 - most cameras are focused by hand, or stay where they are
        """Focus on normalised depth `t`."""

    @abstractmethod
    def _grab_hw(self) -> NDArray:
        """Take a picture that is exposed after this call; light as a share of the full scale, 0 to 1."""

    def close(self) -> None:  # noqa: B027 - pictures in files need no closing
        """Close the device."""


class OpenCvCamera(Camera):
    """A camera that OpenCV opens, with all automatic changes switched off as far as the driver allows.

    A camera that keeps its automatic exposure is refused. Automatic white balance is switched off, gamma is made
    linear, and the gain is fixed at its current value (drivers do not tell whether it is automatic). Each setting is
    read back; `warn` receives the settings that the driver keeps or does not report.

    Args:
        name: name of the camera in errors.
        capture: open capture of OpenCV.
        frames: number of pictures that are averaged into one.
        stale: number of pictures thrown away first: the driver may have taken them before the call.
    """

    def __init__(self, name: str, capture: Any, *, frames: int = 4, stale: int = 4):
        self.name, self._capture = name, capture
        self._frames, self._stale = frames, stale

    @classmethod
    def open(
        cls,
        device: int | str,
        *,
        exposure: float | None = None,
        frames: int = 4,
        stale: int = 4,
        warn: Callable[[str], None] = lambda text: None,
    ) -> Self:
        """Open a camera and switch its automatic changes off.

        Args:
            device: index of the camera, or name of a device, stream or film.
            exposure: exposure in the driver's own unit; None leaves it unchanged.
            frames: number of pictures that are averaged into one.
            stale: number of pictures thrown away before each averaged picture.
            warn: receives the settings that cannot be fixed.

        Raises:
            RigError: the camera cannot be opened, keeps its automatic exposure, or does not accept `exposure`.
        """
        import cv2

        camera = cls(f"camera {device}", cv2.VideoCapture(device), frames=frames, stale=stale)
        if not camera._capture.isOpened():
            raise RigError(
                "cannot be opened", where=camera.name, remedy="is it plugged in, and does nobody else use it?"
            )
        try:
            camera._hold_still(exposure, warn)
        except BaseException:
            camera.close()
            raise
        return camera

    def _hold_still(self, exposure: float | None, warn: Callable[[str], None]) -> None:
        import cv2

        camera = self._capture
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # pictures that the driver holds all the same are thrown away
        exact = camera.getBackendName() == "V4L2"  # this backend tells a missing property from the value 0
        gain = camera.get(cv2.CAP_PROP_GAIN)
        wanted = [
            ("automatic exposure", cv2.CAP_PROP_AUTO_EXPOSURE, 1.0 if exact else 0.0),  # a menu in V4L2, else a switch
            ("automatic white balance", cv2.CAP_PROP_AUTO_WB, 0.0),
            ("gamma", cv2.CAP_PROP_GAMMA, LINEAR_GAMMA),
        ]
        wanted += [("gain", cv2.CAP_PROP_GAIN, gain)] * (gain != UNKNOWN)
        if exposure is not None:
            wanted.append(("exposure", cv2.CAP_PROP_EXPOSURE, exposure))
        silent = ["gain"] * (gain == UNKNOWN)
        for what, setting, value in wanted:
            taken = camera.set(setting, value)
            found = camera.get(setting)
            if what == "exposure" and not taken:
                raise RigError(f"does not take the exposure {value:g}", where=self.name)
            if _same_setting(found, value) and (taken or exact):
                continue
            if found == UNKNOWN or (found == 0 and not taken and not exact):
                silent.append(what)
            elif what == "automatic exposure":
                raise RigError(
                    "keeps its automatic exposure, with which no picture can be compared with another",
                    where=self.name,
                    remedy="switch it off in the camera's own program",
                )
            else:
                kept = what if what.startswith("automatic") else f"{what} at {found:g}, not {value:g}"
                warn(f"{self.name} keeps its {kept}")
        if silent:
            warn(
                f"{self.name}: its driver says nothing about {', '.join(silent)}; see in the camera's own program that "
                "nothing changes by itself"
            )

    def _grab_hw(self) -> NDArray:
        for _ in range(self._stale):
            self._capture.grab()
        total: NDArray[np.float64] | None = None
        full: NDArray[np.bool_] | None = None
        for _ in range(self._frames):
            came, pixels = self._capture.read()
            if not came:
                raise RigError("gives no picture any more", where=self.name, remedy="is it still plugged in?")
            values = pixels[..., ::-1] / full_scale(pixels, Path(self.name))
            total = values if total is None else total + values
            full = values >= 1 if full is None else full | (values >= 1)
        assert total is not None  # there is one frame at least
        assert full is not None
        return np.where(full, 1.0, total / self._frames)  # an average would hide pixels that were saturated once

    def close(self) -> None:
        self._capture.release()


class FolderCamera(Camera):
    """A folder of finished pictures; each call of `image` returns the next, in the order of names.

    Stored values count as linear: cameras for measurements have no gamma.

    Raises:
        RigError: the folder holds no pictures.
    """

    def __init__(self, folder: Path):
        self.name = str(folder)
        self._paths: Iterator[Path] = iter(pictures_in(folder))

    def _grab_hw(self) -> NDArray:
        path = next(self._paths, None)
        if path is None:
            raise RigError("has no more pictures", where=self.name)
        return _light_in(path)


class LiveFolderCamera(Camera):
    """A folder into which another program writes its camera's pictures; each call of `image` waits for a new picture.

    Pictures from before the call are never returned, since their light is unknown. The first new picture counts that
    has not changed for `STEADY_S` and can be read to its end. If pictures have come without a call, the other program
    takes one after another; the first new picture may then have begun before the call, and the second one counts.
    Stored values count as linear.

    Args:
        folder: folder of the pictures, which may be empty.
        wait_s: longest wait for a picture, s.

    Raises:
        RigError: the path is no folder.
    """

    def __init__(self, folder: Path, *, wait_s: float = NEW_PICTURE_S):
        self.name, self._folder, self._wait_s = str(folder), folder, wait_s
        if not folder.is_dir():
            raise RigError("is no folder", where=folder, remedy="make it, and have the camera's program write into it")
        self._known, self._unasked = self._there(), False

    def _grab_hw(self) -> NDArray:
        before = self._there()
        self._unasked |= any(self._known.get(path) != stamp for path, stamp in before.items())
        since: dict[Path, tuple[_Stamp, float]] = {}
        skipped: tuple[Path, _Stamp] | None = None
        begun_s = time.monotonic()
        torn: FileFormatError | None = None
        while True:
            now_s, there = time.monotonic(), self._there()
            for path in sorted(there, key=lambda path: (there[path].written_ns, path)):
                stamp = there[path]
                if stamp == before.get(path) or (path, stamp) == skipped:
                    continue
                if path not in since or since[path][0] != stamp:
                    since[path] = stamp, now_s
                elif now_s - since[path][1] >= STEADY_S:
                    try:
                        picture = _light_in(path, whole=True)
                    except FileFormatError as error:  # the other program may have paused while writing
                        torn = error
                        continue
                    if skipped is None and self._unasked:
                        skipped = path, stamp
                        continue
                    self._known = self._there()
                    return picture
            if now_s - begun_s > self._wait_s:
                raise self._late(bool(since), torn, skipped is not None)
            self._pause()

    def _late(self, came: bool, torn: FileFormatError | None, skipped: bool) -> RigError:
        within = f"within {self._wait_s:g} s"
        if skipped:
            what = f"pictures come unasked, so that the first may be of other light, and no second one came {within}"
        elif torn is not None:
            what = f"no new picture that can be read came {within}: {torn}"
        elif came:
            what = f"no new picture came {within} that stays as it is for {STEADY_S:g} s"
        else:
            what = f"no new picture came {within}"
        return RigError(
            what,
            where=self.name,
            remedy="let the camera's program write one picture for each reading; older pictures do not count",
        )

    def _pause(self) -> None:
        time.sleep(LOOK_AGAIN_S)

    def _there(self) -> "dict[Path, _Stamp]":
        """List the pictures in the folder with their stamps; a picture that is deleted meanwhile is left out."""
        found = {}
        try:
            with os.scandir(self._folder) as entries:
                for entry in entries:
                    path = Path(entry.path)
                    if path.suffix.lower() in PICTURES and not entry.name.startswith("."):
                        with suppress(FileNotFoundError):
                            status = path.stat()
                            found[path] = _Stamp(status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as error:
            raise RigError(f"cannot be looked into: {error}", where=self.name) from error
        return found


class _Stamp(NamedTuple):
    """Properties of a file that change when the file is written anew."""

    written_ns: int
    size: int
    inode: int


def _light_in(path: Path, *, whole: bool = False) -> NDArray[np.float64]:
    """Read the linear light in a picture file, as a share of the full scale, 0 to 1.

    Args:
        path: picture file.
        whole: refuse an incomplete file, which decoders would read in part.

    Raises:
        FileFormatError: the file cannot be read.
    """
    import cv2

    if whole and not _ends(path):
        raise FileFormatError("breaks off", where=path)
    values = read_pixels(path, cv2.IMREAD_UNCHANGED)
    scaled = values / full_scale(values, path)
    return np.asarray(scaled if scaled.ndim == 2 else scaled[..., 2::-1])


def _ends(path: Path) -> bool:
    """Whether a PNG or JPEG file is complete; true for other formats, where only the decoder can tell."""
    mark = ENDS.get(path.suffix.lower())
    if mark is None:
        return True
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            return mark in file.read()
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error}", where=path) from error


def _same_setting(found: float, wanted: float) -> bool:
    """Whether two values of a driver's setting agree; drivers may round to whole numbers."""
    return math.isclose(found, wanted, rel_tol=0.01) or found in (math.floor(wanted), math.ceil(wanted))


def saturated(picture: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Mask (h, w) of pixels with any colour at its full scale, since one laser may light only one colour."""
    full = picture >= 1 - 1e-9
    return np.asarray(full if full.ndim == 2 else full.any(axis=2))


def check_saturation(full: NDArray[np.bool_], where: str, part: str = "the picture") -> None:
    """Refuse a saturated picture.

    Args:
        full: mask (h, w) of saturated pixels in the measured part.
        where: name of the camera.
        part: name of the measured part in the error.

    Raises:
        RigError: more than `SATURATED_SHARE` of the pixels is saturated.
    """
    share = float(full.mean())
    if share > SATURATED_SHARE:
        raise RigError(f"{100 * share:.1f} % of {part} is saturated", where=where, remedy="expose for a shorter time")


def pictures_in(folder: Path) -> list[Path]:
    """List the pictures in a folder, sorted by name.

    Raises:
        RigError: the folder holds no pictures.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)
    if not found:
        raise RigError("holds no pictures", where=folder)
    return found
