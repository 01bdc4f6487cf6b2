"""Cameras that look at a rig: one that OpenCV opens, and folders of pictures, taken before or meanwhile."""

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
"""Share of saturated pixels above which a picture, or the part of it that counts, measures nothing."""

Crop = tuple[int, int, int, int]
"""Left, top, width, height, pixels."""

PICTURES = (".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg")

NEW_PICTURE_S = 20.0
"""Longest wait for a picture that another program writes, s; less than a stage has light for one reading."""

STEADY_S = 0.1
"""A file that has not changed for as long is taken for complete, s."""

LOOK_AGAIN_S = 0.02

ENDS = {".png": b"IEND", ".jpg": b"\xff\xd9", ".jpeg": b"\xff\xd9"}
"""What stands at the end of a complete file."""

TAIL = 4096
"""How far before the end of a file its mark may stand: some programs append notes of their own, bytes."""

LINEAR_GAMMA = 100.0
"""As USB cameras have it (USB Video Class 1.5, gamma control: hundredths)."""

UNKNOWN = -1.0
"""What OpenCV gives for a property that a driver does not have."""


class Camera(ABC):
    """A camera with a linear response. A new make implements `_grab_hw`; `image` is complete and is not overridden."""

    name = "camera"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @final
    def image(self, crop: Crop | None = None) -> NDArray[np.float64]:
        """One picture, (h, w) or (h, w, 3) red, green, blue; linear, 1 is the full scale.

        Args:
            crop: the part that counts; all of it if None. What lies round it may be saturated.

        Raises:
            InputError: the crop reaches beyond the picture.
            RigError: no picture came, or it is saturated.
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
        """The next picture that was exposed after this call, 0 … 1 of the full scale."""

    def close(self) -> None:  # noqa: B027 - pictures in files need no closing
        """Let go of the device."""


class OpenCvCamera(Camera):
    """A camera that OpenCV opens. What its driver would change by itself is held still, as far as the driver lets it.

    Automatic exposure must go off: where the driver has it and keeps it, the camera is refused. Automatic white balance
    is switched off, gamma made linear, and the gain kept at what it is (whether it is automatic no driver tells); each
    is read back, and `warn` hears of what is kept, and of what the driver says nothing about.

    Args:
        name: of the camera, for errors.
        capture: of OpenCV, open.
        frames: pictures that are averaged into one.
        stale: pictures thrown away first, which the driver may have held since before.
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
        """Open a camera and hold it still.

        Args:
            device: index, or the name of a device, stream or film.
            exposure: in the driver's own unit; left as it is if None.
            frames: see the class.
            stale: see the class.
            warn: is told what is not held still.

        Raises:
            RigError: it cannot be opened, keeps its automatic exposure, or does not take `exposure`.
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
        camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # what is held all the same is stale, and thrown away
        exact = camera.getBackendName() == "V4L2"  # tells what a camera has not from what is 0
        gain = camera.get(cv2.CAP_PROP_GAIN)
        wanted = [
            ("automatic exposure", cv2.CAP_PROP_AUTO_EXPOSURE, 1.0 if exact else 0.0),  # a menu there, else a switch
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
        return np.where(full, 1.0, total / self._frames)  # an average would hide what was saturated now and then

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
        path = next(self._paths, None)
        if path is None:
            raise RigError("has no more pictures", where=self.name)
        return _light_in(path)


class LiveFolderCamera(Camera):
    """A folder into which another program writes what its camera sees: each call of `image` waits for a new picture.

    What was there before the call is never taken: nobody knows in which light it was exposed. Of what comes, the first
    picture is taken that has stayed as it is for a while and can be read to its end; or the second, once pictures have
    come that nobody had asked for: of a program that takes one after another, the first was begun before the call.
    Stored values count as linear.

    Args:
        folder: may be empty.
        wait_s: longest wait for a picture, s.

    Raises:
        RigError: it is no folder.
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
                    except FileFormatError as error:  # its writer may have paused
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
            remedy="let the camera's program write one for each reading; what lay there before does not count",
        )

    def _pause(self) -> None:
        time.sleep(LOOK_AGAIN_S)

    def _there(self) -> "dict[Path, _Stamp]":
        """The pictures that are there now; one that is taken away meanwhile is not."""
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
    """What changes when a file is written anew."""

    written_ns: int
    size: int
    inode: int


def _light_in(path: Path, *, whole: bool = False) -> NDArray[np.float64]:
    """Linear light in a picture file, 0 … 1 of its full scale.

    Args:
        whole: refuse one that breaks off, of which decoders make what they can.

    Raises:
        FileFormatError: it cannot be read.
    """
    import cv2

    if whole and not _ends(path):
        raise FileFormatError("breaks off", where=path)
    values = read_pixels(path, cv2.IMREAD_UNCHANGED)
    scaled = values / full_scale(values, path)
    return np.asarray(scaled if scaled.ndim == 2 else scaled[..., 2::-1])


def _ends(path: Path) -> bool:
    """Whether a PNG or JPEG file has its end; of others only who decodes them knows."""
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
    """Whether a driver has a setting, which it may keep in whole numbers."""
    return math.isclose(found, wanted, rel_tol=0.01) or found in (math.floor(wanted), math.ceil(wanted))


def saturated(picture: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(h, w) where any of a picture's colours is at its full scale: one laser may light but one of them."""
    full = picture >= 1 - 1e-9
    return np.asarray(full if full.ndim == 2 else full.any(axis=2))


def check_saturation(full: NDArray[np.bool_], where: str, part: str = "the picture") -> None:
    """Refuse what is saturated.

    Args:
        full: (h, w) saturated pixels of what is measured.
        where: the camera.
        part: what `full` is of.

    Raises:
        RigError: more than `SATURATED_SHARE` is.
    """
    share = float(full.mean())
    if share > SATURATED_SHARE:
        raise RigError(f"{100 * share:.1f} % of {part} is saturated", where=where, remedy="expose for a shorter time")


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder, by name.

    Raises:
        RigError: there are none.
    """
    found = sorted(path for path in folder.glob("*") if path.suffix.lower() in PICTURES)
    if not found:
        raise RigError("holds no pictures", where=folder)
    return found
