"""Meter readings as CSV: light of grey levels, measured by a person or another program.

Columns: `colour` (red, green, blue, or a number from 0), `grey` (0 … 255, or dark), `reading` (any linear unit), and,
if there is one, `kind` (level or reference). Rows stand in the order in which they were read.
"""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from holodriver.errors import FileFormatError, InputError, shown
from holodriver.files.atomic import written_file
from holodriver.files.guard.source import content_of
from holodriver.panel.lut import LEVELS
from holodriver.panel.response import DARK, Readings

COLUMNS = ("colour", "grey", "reading", "kind")
COLOURS = ("red", "green", "blue")
KINDS = ("level", "reference")

LARGEST = 1 << 26
"""Largest CSV file, bytes; holds about three million readings."""


def write_readings(path: Path, readings: Sequence[Readings], *, overwrite: bool = False) -> None:
    """Write the readings of all colours.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
    """
    with (
        written_file(path, overwrite=overwrite) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for number, one in enumerate(readings):
            name = COLOURS[number] if number < len(COLOURS) else str(number)
            for grey, value, reference in zip(one.greys, one.values, one.references, strict=True):
                writer.writerow(
                    (name, "dark" if grey == DARK else int(grey), repr(float(value)), KINDS[int(reference)])
                )


def read_readings(path: Path) -> list[Readings]:
    """Read the readings of each colour, in the order of the colours.

    Raises:
        FileFormatError: the file is missing or not such a CSV, a row is wrong (which is named), or a colour is missing.
    """
    try:
        text = content_of(path, LARGEST).decode("utf-8-sig")  # spreadsheets write a byte order mark
    except UnicodeDecodeError as error:
        raise FileFormatError("is not text", where=path) from error
    try:
        first = text.split("\n", 1)[0]
        rows = csv.reader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
        head = [name.strip().lower() for name in next(rows, [])]
        if missing := [name for name in COLUMNS[:3] if name not in head]:
            raise FileFormatError(f"has no column '{missing[0]}', expected {', '.join(COLUMNS)}", where=path)
        found: dict[int, list[tuple[int, float, bool]]] = {}
        for line, row in enumerate(rows, start=2):
            if any(cell.strip() for cell in row):
                colour, *reading = _row(dict(zip(head, row, strict=False)), line, path)
                found.setdefault(colour, []).append(reading)  # type: ignore[arg-type]  # a star gives a list
    except csv.Error as error:
        raise FileFormatError(f"is not a CSV: {error}", where=path) from error
    if sorted(found) != list(range(len(found))) or not found:
        raise FileFormatError(f"has readings of the colours {sorted(found)}, expected 0 (red), 1, …", where=path)
    return [_readings(found[colour], path) for colour in range(len(found))]


def _readings(rows: list[tuple[int, float, bool]], path: Path) -> Readings:
    greys, values, references = zip(*rows, strict=True)
    try:
        return Readings(np.array(greys), np.array(values), np.array(references))
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error


def _row(cells: dict[str, str], line: int, path: Path) -> tuple[int, int, float, bool]:
    where = f"{path}, line {line}"
    colour = cells.get("colour", "").strip().lower()
    if colour not in COLOURS and colour not in map(str, range(len(COLOURS) * 3)):
        raise FileFormatError(
            f"the colour is {shown(colour)}, expected red, green, blue or a number from 0", where=where
        )
    grey = cells.get("grey", "").strip().lower()
    if grey != "dark" and not (grey.isascii() and grey.isdigit() and len(grey) <= 3 and int(grey) < LEVELS):
        raise FileFormatError(f"the grey level is {shown(grey)}, expected 0 to 255, or dark", where=where)
    text = cells.get("reading", "").strip()
    try:
        value = float(text if text.isascii() else "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e100:
        raise FileFormatError(f"the reading is {shown(text)}, expected a number", where=where)
    kind = cells.get("kind", "").strip().lower() or "level"
    if kind not in KINDS:
        raise FileFormatError(f"the kind is {shown(kind)}, expected {' or '.join(KINDS)}", where=where)
    number = COLOURS.index(colour) if colour in COLOURS else int(colour)
    return number, DARK if grey == "dark" else int(grey), value, kind == "reference"
