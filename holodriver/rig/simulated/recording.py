"""Folders with the recording of a simulated rig: the lit pixels, and the laser, time and power of their light."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.errors import FileFormatError, shown
from holodriver.files.atomic import written_folder
from holodriver.files.guard.source import inside
from holodriver.files.images import read_grey, write_pixels
from holodriver.files.text import check_head, read_json
from holodriver.rig.laser_colour import Colour
from holodriver.rig.simulated.exposures import Exposure

FORMAT, VERSION = "holodriver exposures", 1
MANIFEST = "exposures.json"
HOLDS = (MANIFEST, "hologram_*.png")
"""Names of the files in the folder of a recording."""

_DARK = "dark"
_LASERS = {colour.label: colour for colour in Colour} | {_DARK: None}


def write_recording(path: Path, exposures: Sequence[Exposure], *, overwrite: bool = False) -> None:
    """Write a folder with one grey PNG for each picture and laser, and `exposures.json` with every flip.

    The name of a picture holds the number of the hologram and the laser that lit the picture
    ("hologram_0000_red.png"), or "dark" if no laser did.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    with written_folder(path, overwrite=overwrite, holds=HOLDS) as folder:
        names: dict[tuple[int, str, int], str] = {}
        rows = []
        for exposure in exposures:
            laser = _DARK if exposure.colour is None else exposure.colour.label
            picture = exposure.frame_index, laser, id(exposure.pixels)
            if picture not in names:
                stem = f"hologram_{exposure.frame_index:04d}_{laser}"
                # a second picture lit by one laser is a fault of the rig, which the folder must show
                twins = sum(known[:2] == picture[:2] for known in names)
                names[picture] = f"{stem}_{twins + 1}.png" if twins else f"{stem}.png"
                write_pixels(folder / names[picture], exposure.pixels)
            rows.append(
                {
                    "flip": exposure.flip_index,
                    "hologram": exposure.frame_index,
                    "plane": exposure.plane,
                    "laser": laser,
                    "lit_for_s": exposure.lit_for_s,
                    "power_w": exposure.power_w,
                    "pixels": names[picture],
                }
            )
        manifest = {"format": FORMAT, "version": VERSION, "exposures": rows}
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def read_recording(path: Path) -> list[Exposure]:
    """Read a folder that `write_recording` wrote; exposures of one picture share its pixels.

    Raises:
        FileFormatError: a file is missing or wrong; the error names the file and the field.
    """
    where = path / MANIFEST
    pictures: dict[str, np.ndarray] = {}
    exposures = []
    for number, row in enumerate(_rows(where)):
        fields = _checked(row, f"exposures[{number}]", where)
        name = fields["pixels"]
        if name not in pictures:
            pictures[name] = read_grey(inside(path, name))
            pictures[name].flags.writeable = False
            size = next(iter(pictures.values())).shape
            if pictures[name].shape != size:
                raise FileFormatError(f"has {pictures[name].shape} pixels, expected {size}", where=path / name)
        exposures.append(
            Exposure(
                frame_index=fields["hologram"],
                plane=fields["plane"],
                flip_index=fields["flip"],
                colour=_LASERS[fields["laser"]],
                pixels=pictures[name],
                lit_for_s=float(fields["lit_for_s"]),
                power_w=float(fields["power_w"]),
            )
        )
    return exposures


def _rows(where: Path) -> list[Any]:
    manifest = read_json(where)
    check_head(manifest, FORMAT, VERSION, where)
    rows = manifest.get("exposures")
    if not isinstance(rows, list):
        raise FileFormatError(f"field 'exposures' is {shown(rows)}, expected a list", where=where)
    return rows


def _checked(row: object, name: str, where: Path) -> dict[str, Any]:
    """Check all fields of one row and return the row."""
    if not isinstance(row, dict):
        raise FileFormatError(f"field '{name}' is {shown(row)}, expected an object", where=where)
    for key, (good, expected) in _FIELDS.items():
        if key not in row:
            raise FileFormatError(f"field '{name}.{key}' is missing", where=where)
        if not good(row[key]):
            raise FileFormatError(f"field '{name}.{key}' is {shown(row[key])}, expected {expected}", where=where)
    if unknown := sorted(row.keys() - _FIELDS.keys()):
        raise FileFormatError(f"field {shown(f'{name}.{unknown[0]}')} is unknown", where=where)
    return row


def _index(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _amount(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf


_FIELDS = {
    "flip": (_index, "a whole number from 0"),
    "hologram": (_index, "a whole number from 0"),
    "plane": (_index, "a whole number from 0"),
    "laser": (lambda value: isinstance(value, str) and value in _LASERS, f"one of {', '.join(_LASERS)}"),
    "lit_for_s": (_amount, "seconds from 0"),
    "power_w": (_amount, "watts from 0"),
    # a plain file name, never a path out of the folder
    "pixels": (lambda value: isinstance(value, str) and value == Path(value).name != "", "the name of a file"),
}
