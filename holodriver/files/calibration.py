"""Calibration files: what `holodriver calibrate` measured of one panel and its lasers, as JSON."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.errors import FileFormatError, InputError, shown
from holodriver.files.atomic import written_file
from holodriver.files.text import check_head, read_json
from holodriver.panel.calibration import Calibration, ColourCalibration, Registration
from holodriver.panel.lut import AmplitudeLut

FORMAT, VERSION = "holodriver calibration", 1

_PANEL = ("panel", "serial", "measured_at", "meter", "pattern", "colours")
_COLOUR = (
    "wavelength",
    "residual",
    "levels",
    "relative_power",
    "registration",
    "amplitudes",
    "inverse",
    "regions",
)


def write_calibration(path: Path, calibration: Calibration, *, overwrite: bool = False) -> None:
    """Write a calibration file.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    colours = [
        {
            "wavelength": colour.wavelength,
            "residual": colour.residual,
            "levels": colour.levels,
            "relative_power": colour.relative_power,
            "registration": {"offset": list(colour.registration.offset), "scale": colour.registration.scale},
            "amplitudes": colour.lut.amplitudes.tolist(),
            "inverse": colour.inverse.tolist(),  # for other programs; reading checks that the two fit
            "regions": None if colour.regions is None else colour.regions.tolist(),
        }
        for colour in calibration.colours
    ]
    values = {
        "format": FORMAT,
        "version": VERSION,
        "panel": calibration.panel,
        "serial": calibration.serial,
        "measured_at": calibration.measured_at.isoformat(timespec="seconds"),
        "meter": calibration.meter,
        "pattern": calibration.pattern,
        "colours": colours,
    }
    with written_file(path, overwrite=overwrite) as temporary:
        temporary.write_text(json.dumps(values, indent=1, ensure_ascii=False), encoding="utf-8")


def read_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    Raises:
        FileFormatError: the file is missing, foreign, of another version, or has a wrong field, which is named.
    """
    values = read_json(path, remedy="make one: holodriver calibrate measure")
    check_head(values, FORMAT, VERSION, path)
    try:
        return _calibration(values)
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error
    except (TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(f"has a field of the wrong type: {error}", where=path) from error


def _calibration(values: dict[str, Any]) -> Calibration:
    _exactly(values, _PANEL, "")
    for key in ("panel", "serial", "measured_at", "meter", "pattern"):
        if not isinstance(values[key], str):
            raise InputError(f"field '{key}' is {shown(values[key])}, expected a text")
    if not isinstance(values["colours"], list):
        raise InputError("field 'colours' is not a list")
    colours = tuple(_colour(value, f"colours[{number}]") for number, value in enumerate(values.pop("colours")))
    measured_at = datetime.fromisoformat(values.pop("measured_at"))
    return Calibration(**values, measured_at=measured_at, colours=colours)


def _colour(value: object, name: str) -> ColourCalibration:
    if not isinstance(value, dict):
        raise InputError(f"field '{name}' is {type(value).__name__}, expected an object")
    _exactly(value, _COLOUR, f"{name}.")
    registration = value["registration"]
    if not isinstance(registration, dict):
        raise InputError(f"field '{name}.registration' is {shown(registration)}, expected an object")
    _exactly(registration, ("offset", "scale"), f"{name}.registration.")
    regions = value["regions"]
    try:
        colour = ColourCalibration(
            wavelength=_number(value["wavelength"]),
            lut=AmplitudeLut(np.array(value["amplitudes"], np.float64)),
            residual=_number(value["residual"]),
            levels=int(_number(value["levels"])),
            relative_power=_number(value["relative_power"]),
            registration=Registration(tuple(registration["offset"]), _number(registration["scale"])),
            regions=None if regions is None else np.array(regions, np.float64),
        )
    except InputError as error:
        raise InputError(f"in '{name}', {error.what}") from error
    if value["inverse"] != colour.inverse.tolist():
        raise InputError(f"field '{name}.inverse' does not fit '{name}.amplitudes'")
    return colour


def _exactly(values: dict[str, Any], names: tuple[str, ...], prefix: str) -> None:
    if missing := [name for name in names if name not in values]:
        raise InputError(f"field '{prefix}{missing[0]}' is missing")
    if unknown := sorted(values.keys() - set(names)):
        raise InputError(f"field {shown(prefix + unknown[0])} is unknown")


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"{shown(value)} is not a number")
    return float(value)
