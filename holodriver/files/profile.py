"""Display profiles as TOML files."""

import tomllib
from pathlib import Path

import tomli_w

from holodriver.errors import FileFormatError
from holodriver.files.atomic import written_file
from holodriver.optics.display import REFERENCE, DisplayProfile

FORMAT, VERSION = "holodriver display profile", 1


def read_profile(path: Path) -> DisplayProfile:
    """The display profile in a TOML file; fields left out are those of the reference profile.

    Raises:
        FileFormatError: missing, not TOML, or not a display profile of this version.
        InputError: a field is unknown or out of range.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror}", where=path) from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileFormatError(f"is not TOML: {error}", where=path) from error
    for key, expected in (("format", FORMAT), ("version", VERSION)):
        if values.pop(key, None) != expected:
            raise FileFormatError(f"field '{key}' must be {expected!r}", where=path)
    return DisplayProfile.from_dict({**REFERENCE.as_dict(), **values}, where=path)


def write_profile(path: Path, profile: DisplayProfile, *, overwrite: bool = False) -> None:
    """Write all fields of a display profile."""
    with written_file(path, overwrite=overwrite) as temporary:
        text = tomli_w.dumps({"format": FORMAT, "version": VERSION, **profile.as_dict()})
        temporary.write_text(text, encoding="utf-8")
