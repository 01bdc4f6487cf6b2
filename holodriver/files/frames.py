"""Panel frames as a folder `NAME.frames`: an 8-bit grey PNG for each colour, and a JSON file to read them back."""

import json
from pathlib import Path

import numpy as np

from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import written_folder
from holodriver.files.guard.source import inside, stays
from holodriver.files.hologram import read_hologram_frames
from holodriver.files.images import read_grey, write_pixels
from holodriver.files.text import check_head, read_json
from holodriver.optics.display import DisplayProfile
from holodriver.panel.calibration import Registration
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut

FORMAT, VERSION = "holodriver panel frames", 1
MANIFEST = "frames.json"
HOLDS = (MANIFEST, "colour_*.png")


def write_frames(path: Path, frames: PanelFrames, *, overwrite: bool = False) -> None:
    """Write a folder with `colour_0.png` … in the profile's order of colours, and `frames.json`.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    with written_folder(path, overwrite=overwrite, holds=HOLDS) as folder:
        names = [f"colour_{colour}.png" for colour in range(len(frames.pixels))]
        for name, pixels in zip(names, frames.pixels, strict=True):
            write_pixels(folder / name, pixels)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "frames": names,
            "gains": list(frames.gains),
            "amplitudes": [lut.amplitudes.tolist() for lut in frames.luts],
            "registrations": None
            if frames.registrations is None
            else [[*one.offset, one.scale] for one in frames.registrations],
            "profile": frames.profile.as_dict(),
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def read_frames_folder(path: Path) -> PanelFrames:
    """Read a folder that `write_frames` wrote.

    Raises:
        FileFormatError: a file is missing, foreign or wrong; the message names the file and the field.
    """
    manifest_path = path / MANIFEST
    manifest = read_json(stays(path, manifest_path))
    check_head(manifest, FORMAT, VERSION, manifest_path)
    try:
        names = [str(name) for name in manifest["frames"]]
        gains = tuple(float(gain) for gain in manifest["gains"])
        luts = tuple(AmplitudeLut(np.array(table, np.float64)) for table in manifest["amplitudes"])
        profile = DisplayProfile.from_dict(dict(manifest["profile"]), where=manifest_path)
        moves = manifest.get("registrations")
        registrations = None if moves is None else tuple(Registration((y, x), scale) for y, x, scale in moves)
    except KeyError as error:
        raise FileFormatError(f"field {error} is missing", where=manifest_path) from error
    except InputError as error:
        raise FileFormatError(error.what, where=manifest_path) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(f"has a field of the wrong type: {error}", where=manifest_path) from error
    if len(names) != len(profile.wavelengths):  # checked before memory is taken for the pixels
        raise FileFormatError(
            f"field 'frames' has {len(names)} names, expected {len(profile.wavelengths)}", where=manifest_path
        )
    pixels = [read_grey(inside(path, name)) for name in names]
    for name, grey in zip(names, pixels, strict=True):
        if grey.shape != profile.native_shape:
            raise FileFormatError(f"has {grey.shape} pixels, expected {profile.native_shape}", where=path / name)
    try:
        return PanelFrames(np.stack(pixels), profile, gains, luts, registrations)
    except (InputError, ValueError) as error:
        raise FileFormatError(str(error), where=manifest_path) from error


def read_panel_frames(path: Path) -> PanelFrames:
    """Read panel frames from a `.holo` file or a folder of frames.

    Raises:
        FileFormatError: the path is neither of the two, or the hologram was not encoded yet.
    """
    if path.is_dir():
        return read_frames_folder(path)
    frames = read_hologram_frames(path)
    if frames is None:
        raise FileFormatError("holds no panel frames", where=path, remedy=f"run: holodriver encode {path}")
    return frames
