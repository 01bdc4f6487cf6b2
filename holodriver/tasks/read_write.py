"""The verbs `read` and `write`: any file that holodriver writes, and wave fields of other programs."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack, overload

import numpy as np

from holodriver.errors import FileFormatError, InputError
from holodriver.files import calibration, frames, profile, quilt, readings, rgbd, stack
from holodriver.files.foreign_field import SUFFIXES as FIELDS
from holodriver.files.foreign_field import FieldOptions, read_foreign_field
from holodriver.files.halves import read_halves, side_of
from holodriver.files.hologram import Hologram, read_hologram, write_hologram
from holodriver.files.images import write_picture
from holodriver.files.manifest import StackManifest
from holodriver.files.photos import SUFFIXES as PHOTOS
from holodriver.files.quilt import QuiltCanvas
from holodriver.files.text import read_json, read_toml
from holodriver.optics.array_layout import Layout, Meaning
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.lookingglass import parse_quilt_name, quilt_path
from holodriver.panel.calibration import Calibration
from holodriver.panel.frames import PanelFrames
from holodriver.rig import settings as rig
from holodriver.rig.simulated import recording
from holodriver.scene.rgbd import RgbdImage
from holodriver.scene.stack import FocalStack

Place = str | PathLike[str]
Kind = TypeVar("Kind")

READABLE = (
    "a focal stack (NAME.stack), a hologram (NAME.holo), panel frames (NAME.frames), a picture with depth "
    "(NAME.png with NAME_depth.png, NAME_rgbd_lr.png, NAME.exr), a quilt (NAME_qs8x6a0.75.png), a calibration or an "
    "evaluation (.json), a display profile or a rig (.toml), what a meter read (.csv), the recording of a play; and "
    "with pitch and wavelengths a wave field (.npy, .mat, phase pictures)"
)
"""Names of everything that `read` understands, for errors."""


class Reading(TypedDict, total=False):
    """The options of `read`."""

    depth: Place | None
    near: rgbd.Near | None
    pitch: float | None
    wavelengths: Sequence[float] | None
    display: DisplayProfile | None
    meaning: Meaning | None
    amplitude: Place | Sequence[Place]
    variable: str | None
    layout: Layout | None
    conjugate: bool


@overload
def read(path: Place | Sequence[Place], expect: type[Kind], **options: Unpack[Reading]) -> Kind: ...


@overload
def read(path: Place | Sequence[Place], expect: None = None, **options: Unpack[Reading]) -> Any: ...


def read(
    path: Place | Sequence[Place],
    expect: type | None = None,
    *,
    depth: Place | None = None,
    near: rgbd.Near | None = None,
    pitch: float | None = None,
    wavelengths: Sequence[float] | None = None,
    display: DisplayProfile | None = None,
    meaning: Meaning | None = None,
    amplitude: Place | Sequence[Place] = (),
    variable: str | None = None,
    layout: Layout | None = None,
    conjugate: bool = False,
) -> Any:
    """Read any file that holodriver writes, or the wave field of another program.

    With `pitch` and `wavelengths`, or with `display`, the file is a wave field of another program and becomes a
    `WaveField`, whose `provenance` says what was assumed about the file. Otherwise the result is a `FocalStack`,
    `Hologram`, `PanelFrames`, `RgbdImage`, `Calibration`, `DisplayProfile`, a quilt, the settings of a rig, the
    exposures of a play, the readings of a meter, or the values of an evaluation.

    Args:
        path: file or folder; for a wave field also a list of files, one for each colour.
        expect: type that the result must have, such as `FocalStack`; type checkers then know the type, too.
        depth: file with the depth of a picture; looked for beside the picture if None.
        near: end of the depth's grey scale that is near, "black" or "white"; the file decides if None.
        pitch: distance of the samples of a wave field, metres.
        wavelengths: wavelengths of the colours of a wave field, metres.
        display: display of the wave field, in place of `pitch` and `wavelengths`.
        meaning: kind of the numbers of a wave field: "complex", "phase" (radians, or grey levels from 0 to 2π) or
            "amplitude"; needed only for real numbers.
        amplitude: files with the amplitude that belongs to a phase; 1 everywhere if there are none.
        variable: name of the variable in a `.mat` file that holds several.
        layout: order of the axes, "HW", "CHW" or "HWC"; needed only where the shape leaves it open.
        conjugate: whether the wave field is for light that gains the phase −kz, or the phase picture is inverted.

    Raises:
        FileFormatError: the file is missing, damaged, or of a kind that cannot be read.
        InputError: the shape of a wave field does not fit the wavelengths, or the result is not of the expected type.
    """
    if pitch is not None or wavelengths is not None or display is not None:
        options = FieldOptions(meaning, _paths(amplitude), variable, layout)
        found: Any = _field(_paths(path), options, pitch, wavelengths, display, conjugate)
    elif isinstance(path, (str, PathLike)):
        found = _read(Path(path), None if depth is None else Path(depth), near)
    else:
        raise InputError(
            "several files are a wave field, whose pitch and wavelengths must be given",
            where=", ".join(str(one) for one in path),
        )
    if expect is not None and not isinstance(found, expect):
        raise InputError(f"holds a {type(found).__name__}, expected a {expect.__name__}", where=path)
    return found


def write(path: Place, *things: Any, overwrite: bool = False) -> list[Path]:
    """Write to a file of the kind that its name says; `read` reads the file back.

    Args:
        path: `NAME.holo` for a `WaveField`, `PanelFrames` or both, or a `Hologram`; `NAME.stack` for a `FocalStack`;
            `NAME.frames` for `PanelFrames`; `NAME.png`, `NAME_rgbd_lr.png` or `NAME.exr` for an `RgbdImage`;
            `NAME.json` for a `Calibration`; `NAME.toml` for a `DisplayProfile`; `NAME.png` or `.jpg` for a quilt, to
            whose name the layout of the views is added; `NAME.png` or `.jpg` for a picture (C, H, W) of linear light,
            which is clipped to 0 … 1.
        things: what to write.
        overwrite: whether existing files are replaced.

    Returns:
        The files or folders written.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        InputError: things of this type are not written to a file of that name.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix == ".holo":
        write_hologram(target, _hologram(things, target), overwrite=overwrite)
        return [target]
    match things, suffix:
        case (FocalStack() as made,), ".stack":
            stack.write_stack(made, target, overwrite=overwrite)
        case (PanelFrames() as made,), ".frames":
            frames.write_frames(target, made, overwrite=overwrite)
        case (Calibration() as made,), ".json":
            calibration.write_calibration(target, made, overwrite=overwrite)
        case (DisplayProfile() as made,), ".toml":
            profile.write_profile(target, made, overwrite=overwrite)
        case (RgbdImage() as made,), _:
            return rgbd.write_rgbd(made, target, overwrite=overwrite)
        case (QuiltCanvas() as made,), _:
            target = quilt_path(target, made.display)
            made.write(target, overwrite=overwrite)
            if made.display.plays_alone:
                return [target, quilt.write_go_sidecar(target, made.display, overwrite=overwrite)]
        case (np.ndarray() as made,), ".png" | ".jpg" | ".jpeg":
            write_picture(target, made, overwrite=overwrite)
        case _:
            named = ", ".join(type(thing).__name__ for thing in things) or "nothing"
            raise InputError(
                f"{named} is not written to a file of this name", where=target, remedy="see help(holodriver.write)"
            )
    return [target]


def heard(text: str) -> None:
    """Show a warning as one of Python's own: the default of `warn` in the verbs."""
    warnings.warn(text, stacklevel=3)


def read_shown(path: Path) -> Hologram:
    """Read a hologram, or a folder of panel frames as a hologram without a field.

    Raises:
        FileFormatError: the file or folder cannot be read.
    """
    return Hologram(frames=frames.read_frames_folder(path)) if path.is_dir() else read_hologram(path)


def read_exposed(path: Path) -> FocalStack:
    """Read a focal stack and expose it.

    Raises:
        FileFormatError: the focal stack cannot be read.
        InputError: the focal stack is black.
    """
    try:
        return stack.read_stack(path).exposed()
    except InputError as error:
        raise InputError(error.what, where=error.where or path, remedy=error.remedy) from error


def _read(path: Path, depth: Path | None, near: rgbd.Near | None) -> Any:
    """Read a file or a folder that holodriver writes."""
    if not path.exists():
        raise FileFormatError("does not exist", where=path)
    if path.is_dir():
        for manifest, folder_reader in _FOLDERS.items():
            if (path / manifest).is_file():
                return folder_reader(path)
    elif reader := _FILES.get(path.suffix.lower()):
        return reader(path)
    elif path.suffix.lower() in (*PHOTOS, ".exr"):
        if depth is None and parse_quilt_name(path) is not None:
            return _quilt(path)
        side = None if depth is not None else side_of(path)
        if side not in (None, "right"):
            return read_halves(path, side)
        return rgbd.read_rgbd(path, depth, near=near)
    if path.suffix.lower() in FIELDS:
        raise InputError("may be a wave field, whose pitch and wavelengths are not in it", where=path,
                         remedy="give pitch and wavelengths, in metres")  # fmt: skip
    raise FileFormatError(f"is nothing that can be read; expected {READABLE}", where=path)


def _field(
    paths: tuple[Path, ...],
    options: FieldOptions,
    pitch: float | None,
    wavelengths: Sequence[float] | None,
    display: DisplayProfile | None,
    conjugate: bool,
) -> WaveField:
    """Read the wave field of another program."""
    lengths = wavelengths if wavelengths is not None else display.wavelengths if display is not None else None
    if lengths is None:
        raise InputError("the wavelengths of the wave field must be given, in metres", where=paths[0])
    made = read_foreign_field(paths, len(lengths), options)
    field = WaveField.from_array(
        made.values, pitch=pitch, wavelengths=wavelengths, display=display, layout="CHW", conjugate=conjugate
    )
    shown = field.profile
    assumed = [made.assumed]
    if conjugate:
        assumed.append("conjugated")
    assumed.append(
        f"{shown.pixel_pitch * 1e6:.4g} µm, {', '.join(f'{w * 1e9:.4g}' for w in shown.wavelengths)} nm, in the plane "
        f"of the panel, light gains +kz; focal planes from {shown.z(0) * 1e3:.3g} to {shown.z(1) * 1e3:.3g} mm"
        f"{'' if display is not None else ', as in the reference display'}"
    )
    about = {"files": [path.name for path in paths], "assumed": "; ".join(assumed), "conjugate": conjugate}
    if options.amplitude:
        about["amplitude"] = [path.name for path in options.amplitude]
    return replace(field, provenance={"imported": about})


def _hologram(things: Sequence[Any], path: Path) -> Hologram:
    """One hologram made of a field and frames, in any order, or of a hologram and one of them."""
    held: dict[str, Any] = {}
    provenance: dict[str, Any] = {}
    for thing in things:
        match thing:
            case WaveField():
                parts: dict[str, Any] = {"field": thing}
                provenance |= thing.provenance
            case PanelFrames():
                parts = {"frames": thing}
            case Hologram():
                parts = {"field": thing.field, "frames": thing.frames}
                provenance |= thing.provenance
            case _:
                raise InputError(
                    f"a {type(thing).__name__} is no part of a hologram, expected a wave field or panel frames",
                    where=path,
                )
        for name, part in parts.items():
            if part is not None and held.setdefault(name, part) is not part:
                raise InputError(f"{name} were given twice, and a hologram holds them once", where=path)
    return Hologram(**held, provenance=provenance)


def _json(path: Path) -> Any:
    kind = read_json(path).get("format")
    if kind == calibration.FORMAT:
        return calibration.read_calibration(path)
    if isinstance(kind, str) and kind.startswith("holodriver"):
        return read_json(path)
    raise FileFormatError(f"is nothing that can be read; expected {READABLE}", where=path)


def _toml(path: Path) -> DisplayProfile | rig.Rig:
    return rig.read_rig(path) if read_toml(path).get("format") == rig.FORMAT else profile.read_profile(path)


def _quilt(path: Path) -> QuiltCanvas:
    pixels, display = quilt.read_quilt(path)
    canvas = QuiltCanvas(display)
    for view in range(display.views):
        canvas.add(view, pixels[display.place(view)])
    return canvas


def _paths(given: Place | Sequence[Place]) -> tuple[Path, ...]:
    return (Path(given),) if isinstance(given, (str, PathLike)) else tuple(Path(one) for one in given)


_FOLDERS: dict[str, Callable[[Path], Any]] = {
    StackManifest.FILE_NAME: stack.read_stack,
    frames.MANIFEST: frames.read_frames_folder,
    recording.MANIFEST: recording.read_recording,
}
"""Reader of each kind of folder, by the name of the manifest in the folder."""

_FILES: dict[str, Callable[[Path], Any]] = {
    ".holo": read_hologram,
    ".json": _json,
    ".toml": _toml,
    ".csv": readings.read_readings,
}
"""Reader of each kind of file, by its suffix."""
