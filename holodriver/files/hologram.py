"""Hologram files: one HDF5 file `NAME.holo` with a wave field, its panel frames, or both.

Layout: root attributes `format`, `version`, `profile` (JSON), `provenance` (JSON); dataset `field` complex64 (C, H, W);
group `frames` with `pixels` uint8, `gains` (C,), `amplitudes` (C, 256), and where colours were moved `registrations`
(C, 3): y, x, scale. Pixels are (C, H, W) where each stands for a cell of the panel, as encoding makes them, and then
not packed, so that a player reads them at the pace of a disk; else (C, h, w) and packed. No object types, no pickles.
"""

import dataclasses
import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError, shown
from holodriver.files.atomic import written_file
from holodriver.files.guard import guard
from holodriver.files.guard.hdf5 import attribute, dataset, json_attribute, opened_hdf5
from holodriver.files.guard.source import Source
from holodriver.files.guard.wire import Parsed
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Registration
from holodriver.panel.frames import PanelFrames, SmallFrames
from holodriver.panel.lut import LEVELS, AmplitudeLut

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField

FORMAT, VERSION = "holodriver hologram", 2

MAXIMUM_PIXELS = 1 << 28
"""Panel pixels of all colours of one hologram (of three colours, 16,384 × 5,461)."""


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

    @property
    def padding(self) -> int:
        """Dark pixels on every side with which the field was computed, as the provenance says; 0 if it does not."""
        settings = self.provenance.get("settings")
        said = settings.get("padding") if isinstance(settings, dict) else None
        return said if isinstance(said, int) and 0 <= said <= 4096 else 0


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
    found = guard.read(parse_hologram, path, frames_only=False)
    with _named(path):
        profile = DisplayProfile.from_dict(found.value["profile"], where=path)
        wave = None
        if "field" in found.arrays:
            from holodriver.optics.field import WaveField  # with torch, which who only shows frames does not need

            wave = WaveField(found.arrays["field"], profile)
        return Hologram(wave, _frames(found, profile), found.value["provenance"])


def read_hologram_frames(path: Path) -> PanelFrames | None:
    """The panel frames alone of a `.holo` file, without its field, which is larger; None if it has none.

    Raises:
        FileFormatError: as `read_hologram`.
    """
    found = guard.read(parse_hologram, path, frames_only=True)
    with _named(path):
        return _frames(found, DisplayProfile.from_dict(found.value["profile"], where=path))


def read_small_frames(path: Path) -> SmallFrames | None:
    """The panel frames alone, at the hologram's size, in a quarter of the time; None if it has none.

    Raises:
        FileFormatError: as `read_hologram`, or pixels differ within what is one pixel of the hologram.
    """
    found = guard.read(parse_hologram, path, frames_only=True)
    with _named(path):
        stored = _stored_frames(found, DisplayProfile.from_dict(found.value["profile"], where=path))
        small = stored.small() if isinstance(stored, PanelFrames) else stored
        if stored is not None and small is None:
            raise FileFormatError("has frames finer than the hologram, which cannot be read small")
        return small


def parse_hologram(source: Source, *, frames_only: bool) -> Parsed:
    """What a `.holo` file holds.

    That is `profile` and `provenance`, and the arrays `field`, `pixels`, `gains`, `amplitudes` and `registrations`.
    """
    with _opened(source) as file:
        values, profile = _profile(file)
        colours = len(profile.wavelengths)
        arrays: dict[str, NDArray] = {}
        if "field" in file and not frames_only:
            arrays["field"] = dataset(file, "field", np.complex64, (colours, *profile.shape))
        if "frames" in file:
            small = getattr(file.get("frames/pixels"), "shape", None) == (colours, *profile.shape)
            shape = profile.shape if small else profile.native_shape
            arrays["pixels"] = dataset(file, "frames/pixels", np.uint8, (colours, *shape))
            arrays["gains"] = dataset(file, "frames/gains", np.float64, (colours,))
            arrays["amplitudes"] = dataset(file, "frames/amplitudes", np.float64, (colours, LEVELS))
            if "frames/registrations" in file:
                arrays["registrations"] = dataset(file, "frames/registrations", np.float64, (colours, 3))
        provenance = {} if frames_only else json_attribute(file, "provenance")
        return Parsed({"profile": values, "provenance": provenance}, arrays)


@contextmanager
def _opened(source: Source) -> Iterator[h5py.File]:
    with _named(source.path), opened_hdf5(source, "a .holo file") as file:
        yield file


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Has wrong values named as faults of the file."""
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(error.what, where=error.where or path, remedy=error.remedy) from error
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error


def _profile(file: h5py.File) -> tuple[dict[str, Any], DisplayProfile]:
    for key, expected in (("format", FORMAT), ("version", VERSION)):
        found = attribute(file, key)
        if found != expected:
            raise FileFormatError(f"field '{key}' is {shown(found)}, expected {expected!r}")
    values = json_attribute(file, "profile")
    profile = DisplayProfile.from_dict(values)
    pixels = len(profile.wavelengths) * math.prod(profile.native_shape)
    if pixels > MAXIMUM_PIXELS:
        height, width = profile.native_shape
        raise FileFormatError(
            f"field 'profile' is of {len(profile.wavelengths)} × {width} × {height} pixels, "
            f"more than the {MAXIMUM_PIXELS:,} that are read"
        )
    return values, profile


def _frames(found: Parsed, profile: DisplayProfile) -> PanelFrames | None:
    stored = _stored_frames(found, profile)
    return stored.native() if isinstance(stored, SmallFrames) else stored


def _stored_frames(found: Parsed, profile: DisplayProfile) -> PanelFrames | SmallFrames | None:
    if "pixels" not in found.arrays:
        return None
    pixels, gains = found.arrays["pixels"], tuple(found.arrays["gains"])
    tables = tuple(AmplitudeLut(table) for table in found.arrays["amplitudes"])
    registrations = None
    if "registrations" in found.arrays:
        moves = found.arrays["registrations"].tolist()
        registrations = tuple(Registration((y, x), scale) for y, x, scale in moves)
    kind = SmallFrames if pixels.shape[1:] == profile.shape else PanelFrames
    return kind(pixels, profile, gains, tables, registrations)
