"""JSON and TOML from anywhere: no larger, deeper or stranger than such a file has reason to be.

Python's own parsers read them; needs the standard library alone, so that Blender's Python can.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

from holodriver.errors import FileFormatError, first_line, shown
from holodriver.files.guard.source import content_of

LARGEST_JSON = 16 << 20
"""Bytes of a manifest; a calibration of many regions has a few megabytes."""

LARGEST_TOML = 1 << 18
LONGEST_LINE = 1000
"""Bytes of a file of settings, and letters of a line of it: a key of ten thousand dots takes Python minutes."""


def read_json(path: Path, *, remedy: str | None = None, strict: bool = False) -> dict[str, Any]:
    """The object in a JSON file.

    Args:
        path: the file.
        remedy: what to do if it is none.
        strict: refuse NaN and infinities, which JSON does not have.

    Raises:
        FileFormatError: missing, not a file, too large, not UTF-8, not JSON, or not an object.
    """
    try:
        return json_object(_text(path, LARGEST_JSON), path, remedy=remedy, strict=strict)
    except FileFormatError as error:
        raise FileFormatError(error.what, where=path, remedy=error.remedy or remedy) from error


def json_object(text: str, where: object, *, remedy: str | None = None, strict: bool = False) -> dict[str, Any]:
    """The object in a JSON text that stands at `where`.

    Raises:
        FileFormatError: it is not JSON, or not an object.
    """
    try:
        values = json.loads(text, parse_constant=_refuse if strict else None)
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"is not JSON: {first_line(error)}", where=where, remedy=remedy) from error
    if not isinstance(values, dict):
        raise FileFormatError("is not a JSON object", where=where, remedy=remedy)
    return values


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        FileFormatError: missing, not a file, too large, not UTF-8, or not TOML.
    """
    text = _text(path, LARGEST_TOML)
    longest = max(map(len, text.splitlines()), default=0)
    if longest > LONGEST_LINE:
        raise FileFormatError(f"has a line of {longest} letters, expected at most {LONGEST_LINE}", where=path)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also of whole numbers of thousands of digits
        raise FileFormatError(f"is not TOML: {first_line(error)}", where=path) from error


def check_head(values: dict[str, Any], format_name: str, version: int, where: object, *, kind: str = "field") -> None:
    """Take `format` and `version` out of what a file says, and refuse any but the expected.

    Raises:
        FileFormatError: one of them is another.
    """
    for key, expected in (("format", format_name), ("version", version)):
        found = values.pop(key, None)
        if found != expected or isinstance(found, (bool, float)):
            raise FileFormatError(f"{kind} '{key}' is {shown(found)}, expected {expected!r}", where=where)


def described(
    text: str, format_name: str, version: int, kinds: dict[str, type], where: object, *, key: str, remedy: str
) -> dict[str, Any]:
    """What a network's file says of itself in the text `key` of its metadata, field by field.

    Args:
        kinds: the fields that must be there, and their types.

    Raises:
        FileFormatError: it is not JSON, of another format or version, or a field is missing or of another type.
    """
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise FileFormatError(f"metadata field '{key}' is missing or not JSON", where=where, remedy=remedy)
    try:
        check_head(about, format_name, version, where, kind="metadata field")
    except FileFormatError as error:
        raise FileFormatError(error.what, where=where, remedy=remedy) from None
    for name, kind in kinds.items():
        if not isinstance(about.get(name), kind):
            said = f"metadata field '{name}' is {shown(about.get(name))}, expected {kind.__name__}"
            raise FileFormatError(said, where=where, remedy=remedy)
    return {name: about[name] for name in kinds}


def _text(path: Path, most: int) -> str:
    try:
        return content_of(path, most).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileFormatError("is not UTF-8 text", where=path) from error


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
