"""Display profiles as TOML files."""

from pathlib import Path

import tomli_w

from holodriver.files.atomic import written_file
from holodriver.files.text import check_head, read_toml
from holodriver.optics.display import REFERENCE, DisplayProfile

FORMAT, VERSION = "holodriver display profile", 1


def read_profile(path: Path) -> DisplayProfile:
    """Read the display profile in a TOML file; missing fields get the values of the reference profile.

    Raises:
        FileFormatError: the file is missing, not TOML, or not a display profile of this version.
        InputError: a field is unknown or out of range.
    """
    values = read_toml(path)
    check_head(values, FORMAT, VERSION, path)
    return DisplayProfile.from_dict({**REFERENCE.as_dict(), **values}, where=path)


def write_profile(path: Path, profile: DisplayProfile, *, overwrite: bool = False) -> None:
    """Write all fields of a display profile."""
    with written_file(path, overwrite=overwrite) as temporary:
        text = tomli_w.dumps({"format": FORMAT, "version": VERSION, **profile.as_dict()})
        temporary.write_text(text, encoding="utf-8")
