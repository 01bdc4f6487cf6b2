"""Files of Looking Glass Studio, .hop: a zip with a picture or video and one JSON that says how to read it.

Only what is known of the format is written and read: quilts. How RGB-D is named in it is not documented.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import written_file
from holodriver.files.quilt import go_settings
from holodriver.optics.lookingglass import LookingGlass, parse_quilt_name

SUFFIX = ".hop"
LARGEST_MEDIA = 1 << 32
"""Bytes beyond which a file in a .hop is taken for damage."""


@dataclass(frozen=True)
class HopQuilt:
    """A quilt in a .hop file."""

    media: str
    """Name of the file in the zip."""
    columns: int
    rows: int
    aspect: float
    focus: float
    zoom: float


def write_hop(
    path: Path, quilt: Path, display: LookingGlass, *, focus: float = 0.0, zoom: float = 1.0, overwrite: bool = False
) -> Path:
    """Pack a quilt (picture or video) into a .hop file; returns its path.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: `path` does not end in .hop, or the quilt's name does not say how it lies.
    """
    if path.suffix.lower() != SUFFIX:
        raise InputError("has no suffix of Looking Glass Studio, expected .hop", where=path)
    if parse_quilt_name(quilt) is None:
        raise InputError("is no quilt by its name; how RGB-D is marked in a .hop file is not known", where=quilt)
    settings = go_settings(display, focus=focus, zoom=zoom, duration_s=10.0)
    told = {"movie": [quilt.name], "position_x": 0, "position_y": 0, "viewOrderReversed": False, **settings}
    with written_file(path, overwrite=overwrite) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        packed.write(quilt, quilt.name)  # stored: pictures and videos do not get smaller
        packed.writestr(f"{quilt.name}.json", json.dumps(told, indent=1))
    return path


def read_hop(path: Path) -> HopQuilt:
    """What a .hop file says of the quilt in it.

    Raises:
        FileFormatError: it is no zip, holds no quilt, or a field is wrong.
    """
    try:
        with zipfile.ZipFile(path) as packed:
            names = [entry.filename for entry in packed.infolist() if not entry.is_dir()]
            sheets = [name for name in names if name.lower().endswith(".json") and name != "playlist.json"]
            if len(sheets) != 1:
                raise FileFormatError(f"holds {len(sheets)} descriptions, expected one", where=path)
            values: Any = json.loads(packed.read(sheets[0]))
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror or error}", where=path) from error
    except (zipfile.BadZipFile, ValueError, RuntimeError, NotImplementedError) as error:
        raise FileFormatError(f"is no .hop file that can be read: {error}", where=path) from error
    if not isinstance(values, dict) or values.get("mediaType") != "quilt":
        said = values.get("mediaType") if isinstance(values, dict) else None
        raise FileFormatError(
            f"field 'mediaType' is {said!r}, expected 'quilt', the only one that is known", where=path
        )
    media = [name for name in names if name not in (*sheets, "playlist.json")]
    if len(media) != 1 or "/" in media[0] or "\\" in media[0]:
        raise FileFormatError(f"holds {len(media)} pictures or videos, expected one", where=path)
    try:
        lie = values["quilt_settings"]
        found = HopQuilt(
            media[0],
            int(lie["viewX"]),
            int(lie["viewY"]),
            float(lie["aspect"]),
            float(values.get("focus", 0.0)),
            float(values.get("zoom", 1.0)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"has a wrong or missing field: {error}", where=path) from error
    if not (found.columns > 0 and found.rows > 0 and 0.1 <= found.aspect <= 10):
        raise FileFormatError("has a quilt without views", where=path)
    return found


def unpack_hop(path: Path, folder: Path) -> tuple[Path, HopQuilt]:
    """Put the picture or video of a .hop file into `folder`; returns its path, and what is said of it.

    Raises:
        FileFormatError: as `read_hop`, or the zip is damaged.
    """
    said = read_hop(path)
    output = folder / Path(said.media).name
    try:
        with zipfile.ZipFile(path) as packed, packed.open(said.media) as source, open(output, "wb") as target:
            size = 0
            while block := source.read(1 << 20):
                size += len(block)
                if size > LARGEST_MEDIA:
                    raise FileFormatError("holds a file too large to be one", where=path)
                target.write(block)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise FileFormatError(f"is damaged: {error}", where=path) from error
    return output, said
