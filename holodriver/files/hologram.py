"""Hologram files: one HDF5 file `NAME.holo` with a wave field, its panel frames, or both.

Layout: root attributes `format`, `version`, `profile` (JSON), `provenance` (JSON); dataset `field` complex64 (C, H, W);
group `frames` with `pixels` uint8, `gains` (C,), `amplitudes` (C, 256), and where colours were moved `registrations`
(C, 3): y, x, scale. Pixels are (C, H, W) where each stands for a cell of the panel, as encoding makes them, and then
not packed, so that a player reads them at the pace of a disk; else (C, h, w) and packed, as all were in version 1. No
object types, no pickles.
"""

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import written_file
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Registration
from holodriver.panel.frames import PanelFrames, SmallFrames
from holodriver.panel.lut import AmplitudeLut

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField

FORMAT, VERSION = "holodriver hologram", 2
READABLE = (1, VERSION)

_Content = TypeVar("_Content")


@dataclass(frozen=True)
class Hologram:
    """What a `.holo` file holds.

    Raises:
        InputError: neither a field nor frames, or the two are of different displays.
    """

    field: "WaveField | None" = None
    frames: PanelFrames | None = None
    provenance: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What it was made from, with which settings, and how good it is; plain JSON values."""

    def __post_init__(self) -> None:
        if self.field is None and self.frames is None:
            raise InputError("a hologram needs a wave field, panel frames, or both")
        if self.field is not None and self.frames is not None and self.field.profile != self.frames.profile:
            raise InputError("the wave field and the panel frames of a hologram have different display profiles")

    @property
    def profile(self) -> DisplayProfile:
        """The display that the hologram is for."""
        held = self.field if self.field is not None else self.frames
        assert held is not None  # __post_init__ saw to it
        return held.profile


def write_hologram(path: Path, hologram: Hologram, *, overwrite: bool = False) -> None:
    """Write a `.holo` file under a temporary name and rename it.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    with written_file(path, overwrite=overwrite) as temporary, h5py.File(temporary, "w") as file:
        file.attrs["format"], file.attrs["version"] = FORMAT, VERSION
        file.attrs["profile"] = json.dumps(hologram.profile.as_dict())
        file.attrs["provenance"] = json.dumps(hologram.provenance)
        if hologram.field is not None:
            file.create_dataset("field", data=hologram.field.values)
        if hologram.frames is not None:
            group = file.create_group("frames")
            small = hologram.frames.small()
            if small is None:
                group.create_dataset("pixels", data=hologram.frames.pixels, compression="gzip", compression_opts=1)
            else:
                group.create_dataset("pixels", data=small.pixels)
            group.create_dataset("gains", data=np.array(hologram.frames.gains))
            group.create_dataset("amplitudes", data=np.stack([lut.amplitudes for lut in hologram.frames.luts]))
            if hologram.frames.registrations is not None:
                moves = np.array([(*one.offset, one.scale) for one in hologram.frames.registrations])
                group.create_dataset("registrations", data=moves)


def read_hologram(path: Path) -> Hologram:
    """Read a `.holo` file.

    Raises:
        FileFormatError: missing, truncated, foreign, of another version, or with a wrong field, which it names.
    """
    return _opened(path, _read)


def read_hologram_frames(path: Path) -> PanelFrames | None:
    """The panel frames alone of a `.holo` file, without its field, which is larger; None if it has none.

    Raises:
        FileFormatError: as `read_hologram`.
    """
    return _opened(path, lambda file, path: _frames(file, path, _profile(file, path)))


def read_small_frames(path: Path) -> SmallFrames | None:
    """The panel frames alone, at the hologram's size, in a quarter of the time; None if it has none.

    Raises:
        FileFormatError: as `read_hologram`, or pixels differ within what is one pixel of the hologram.
    """

    def read(file: h5py.File, path: Path) -> SmallFrames | None:
        stored = _stored_frames(file, path, _profile(file, path))
        small = stored.small() if isinstance(stored, PanelFrames) else stored
        if stored is not None and small is None:
            raise FileFormatError("has frames finer than the hologram, which cannot be read small", where=path)
        return small

    return _opened(path, read)


def _opened(path: Path, read: Callable[[h5py.File, Path], _Content]) -> _Content:
    if not path.is_file():
        raise FileFormatError("is not a file", where=path, remedy="expected a .holo file")
    try:
        with h5py.File(path, "r") as file:
            return read(file, path)
    except FileFormatError:
        raise
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise FileFormatError(f"is not a readable .holo file: {first}", where=path) from error


def _read(file: h5py.File, path: Path) -> Hologram:
    profile = _profile(file, path)
    wave = None
    if "field" in file:
        from holodriver.optics.field import WaveField  # with torch, which who only shows frames does not need

        shape = (len(profile.wavelengths), *profile.shape)
        wave = WaveField(_array(file, "field", np.complex64, shape, path), profile)
    return Hologram(wave, _frames(file, path, profile), _json(file, "provenance", path))


def _profile(file: h5py.File, path: Path) -> DisplayProfile:
    for key, readable in (("format", (FORMAT,)), ("version", READABLE)):
        found = file.attrs.get(key)
        if found not in readable:
            expected = " or ".join(repr(one) for one in readable)
            raise FileFormatError(f"field '{key}' is {found!r}, expected {expected}", where=path)
    return DisplayProfile.from_dict(_json(file, "profile", path), where=path)


def _frames(file: h5py.File, path: Path, profile: DisplayProfile) -> PanelFrames | None:
    stored = _stored_frames(file, path, profile)
    return stored.native() if isinstance(stored, SmallFrames) else stored


def _stored_frames(file: h5py.File, path: Path, profile: DisplayProfile) -> PanelFrames | SmallFrames | None:
    if "frames" not in file:
        return None
    colours = len(profile.wavelengths)
    small = getattr(file.get("frames/pixels"), "shape", None) == (colours, *profile.shape)
    shape = profile.shape if small else profile.native_shape
    pixels = _array(file, "frames/pixels", np.uint8, (colours, *shape), path)
    gains = _array(file, "frames/gains", np.float64, (colours,), path)
    tables = _array(file, "frames/amplitudes", np.float64, (colours, 256), path)
    registrations = None
    if "frames/registrations" in file:
        moves = _array(file, "frames/registrations", np.float64, (colours, 3), path)
        registrations = tuple(Registration((y, x), scale) for y, x, scale in moves.tolist())
    kind = SmallFrames if small else PanelFrames
    return kind(pixels, profile, tuple(gains), tuple(AmplitudeLut(table) for table in tables), registrations)


def _json(file: h5py.File, name: str, path: Path) -> dict[str, Any]:
    try:
        values = json.loads(file.attrs[name])
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"field '{name}' is missing or is not JSON", where=path) from error
    if not isinstance(values, dict):
        raise FileFormatError(f"field '{name}' is not a JSON object", where=path)
    return values


def _array(file: h5py.File, name: str, dtype: type, shape: tuple[int, ...], path: Path) -> NDArray:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset):
        raise FileFormatError(f"field '{name}' is missing", where=path)
    if dataset.dtype != dtype or dataset.shape != shape:
        raise FileFormatError(
            f"field '{name}' is {dataset.dtype} {dataset.shape}, expected {np.dtype(dtype)} {shape}", where=path
        )
    return dataset[()]
