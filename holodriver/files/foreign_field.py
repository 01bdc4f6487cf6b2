"""Wave fields of other programs: arrays of NumPy and MATLAB, and pictures of amplitude and phase.

Grey levels of a phase picture are a share of one turn: 0 is 0 and the highest level is 2π, as odak and the
neural-holography code write them. The latter writes 2π − φ by default, which `conjugate` undoes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files import arrays
from holodriver.files.exr import exr_channels, read_exr
from holodriver.files.images import read_pixels
from holodriver.files.photos import SUFFIXES as PHOTOS
from holodriver.optics.array_layout import Layout, Meaning, to_colours

SUFFIXES = (*arrays.SUFFIXES, *PHOTOS, ".exr")
"""Ends of the names of files that are read here."""


@dataclass(frozen=True)
class FieldOptions:
    """How files of another program are understood."""

    meaning: Meaning | None = None
    """What the numbers are; if None, complex numbers are a field, grey levels are phase, and other numbers are
    refused."""
    amplitude: tuple[Path, ...] = ()
    """Files with the amplitude that belongs to a phase; if empty, the amplitude is 1 everywhere."""
    variable: str | None = None
    """Name of the variable in a `.mat` file that holds several."""
    layout: Layout | None = None
    """Order of the axes, needed only where the shape leaves it open."""


@dataclass(frozen=True)
class ForeignField:
    """A wave field as it was read."""

    values: NDArray[np.complex64]
    """(C, H, W) complex amplitudes."""
    assumed: str
    """What was assumed about the files, as one line."""


def read_foreign_field(paths: Sequence[Path], colours: int, options: FieldOptions | None = None) -> ForeignField:
    """Read a wave field that another program computed.

    Args:
        paths: one file with all colours, or one file for each colour in the order of the wavelengths: `.npy`, `.mat`,
            a picture of 8 or 16 bits, or `.exr`.
        colours: number of wavelengths.
        options: how the files are understood.

    Raises:
        FileFormatError: a file cannot be read, or does not hold what is expected.
        InputError: the shapes do not fit the wavelengths or each other, or it is not known what the numbers are.
    """
    options = options or FieldOptions()
    raw, read_as = _read(paths, colours, options)
    where = paths[0]
    meaning = options.meaning or ("complex" if np.iscomplexobj(raw) else "phase" if raw.dtype.kind == "u" else None)
    if meaning is None:
        raise InputError(
            "holds real numbers, which may be phase or amplitude", where=where, remedy="say which: phase or amplitude"
        )
    if np.iscomplexobj(raw) != (meaning == "complex"):
        kind = "complex" if np.iscomplexobj(raw) else "real"
        raise FileFormatError(f"holds {kind} numbers, which are not {meaning} values", where=where)
    if options.amplitude and meaning != "phase":
        raise InputError(f"amplitude belongs to a phase, and {where.name} is {meaning}", where=options.amplitude[0])
    assumed = [read_as]
    if meaning == "complex":
        values = raw
    elif meaning == "amplitude":
        values = _scaled(raw, 1.0, where)
        assumed.append(f"amplitude, {_scale(raw, '1')}, and phase 0")
    else:
        values = np.exp(1j * _scaled(raw, 2 * np.pi, where))
        assumed.append(f"phase, {_scale(raw, '2π')}")
        if options.amplitude:
            amplitude, amplitude_as = _read(options.amplitude, colours, options)
            if np.iscomplexobj(amplitude):
                raise FileFormatError("holds complex numbers, expected amplitude", where=options.amplitude[0])
            if amplitude.shape != raw.shape:
                raise InputError(
                    f"amplitude has shape {amplitude.shape}, and the phase {raw.shape}", where=options.amplitude[0]
                )
            values = _scaled(amplitude, 1.0, options.amplitude[0]) * values
            assumed += [amplitude_as, f"amplitude, {_scale(amplitude, '1')}"]
        else:
            assumed.append("amplitude 1 everywhere")
    return ForeignField(values.astype(np.complex64), "; ".join(assumed))


def _read(paths: Sequence[Path], colours: int, options: FieldOptions) -> tuple[NDArray, str]:
    """The numbers (C, H, W) as they stand in files, and how they were read."""
    if not paths:
        raise InputError("no file of a wave field was named")
    if len(paths) not in (1, colours):
        raise InputError(f"{len(paths)} files for {colours} wavelengths", remedy="give one file, or one a wavelength")
    read = [_load(path, options.variable) for path in paths]
    if len(paths) == 1:
        array, name = read[0]
        array = _one_grey(array, colours)
        try:
            values, layout = to_colours(array, colours, options.layout)
        except InputError as error:
            raise InputError(error.what, where=paths[0], remedy=error.remedy) from error
        return values, f"{paths[0].name}{name}: axes ({', '.join(layout)})"
    planes = [_one_grey(array, 1) for array, _ in read]
    for path, plane in zip(paths, planes, strict=True):
        if plane.ndim != 2 or plane.shape != planes[0].shape or plane.dtype != planes[0].dtype:
            raise InputError(
                f"holds {plane.dtype} {plane.shape}, expected one colour (H, W) as {paths[0].name} "
                f"({planes[0].dtype} {planes[0].shape})",
                where=path,
            )
    return np.stack(planes), f"{', '.join(path.name for path in paths)}: one colour each"


def _load(path: Path, variable: str | None) -> tuple[NDArray, str]:
    """The numbers of one file, red first, and the name of its variable for people."""
    suffix = path.suffix.lower()
    if suffix in arrays.SUFFIXES:
        values, name = arrays.read_array(path, variable if suffix == ".mat" else None)
        return values, "" if name is None else f", variable {name}"
    if suffix == ".exr":
        there = exr_channels(path)
        names = tuple("RGB") if {"R", "G", "B"} <= set(there) else tuple(there)
        if len(names) not in (1, 3):
            raise FileFormatError(f"has channels {', '.join(there)}, expected one, or R, G and B", where=path)
        planes = [read_exr(path, names).channels[name] for name in names]
        return planes[0] if len(planes) == 1 else np.stack(planes, axis=-1), ""
    if suffix not in PHOTOS:
        raise FileFormatError(f"is no wave field that can be read, expected {', '.join(SUFFIXES)}", where=path)
    pixels = read_pixels(path, cv2.IMREAD_UNCHANGED)
    if pixels.dtype not in (np.uint8, np.uint16):
        raise FileFormatError(f"holds {pixels.dtype} values, expected 8 or 16 bits", where=path)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        if pixels[..., 3].min() < np.iinfo(pixels.dtype).max:
            raise FileFormatError("is transparent in places, expected opaque pixels", where=path)
        pixels = pixels[..., :3]
    return pixels[..., ::-1] if pixels.ndim == 3 else pixels, ""


def _one_grey(array: NDArray, colours: int) -> NDArray:
    """A grey picture that was stored as three equal colours, as (H, W); all else as it is."""
    stored = colours == 1 and array.ndim == 3 and array.shape[2] == 3 and array.dtype.kind == "u"
    return array[..., 0] if stored and (array == array[..., :1]).all() else array


def _scaled(raw: NDArray, most: float, where: Path) -> NDArray[np.float64]:
    """Grey levels as a share of `most`; other numbers as they are."""
    if not np.isfinite(raw).all():
        raise FileFormatError("holds values that are not finite", where=where)
    if raw.dtype.kind == "u":
        return raw.astype(np.float64) * (most / np.iinfo(raw.dtype).max)
    return raw.astype(np.float64)


def _scale(raw: NDArray, most: str) -> str:
    """How the numbers of a file are scaled, for people."""
    if raw.dtype.kind == "u":
        return f"levels 0 to {np.iinfo(raw.dtype).max} are 0 to {most}"
    return "in radians" if most == "2π" else "as it stands"
