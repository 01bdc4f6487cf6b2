"""Looking Glass Studio files, .hop: a zip with a picture or video and one JSON that says how to show it.

Only quilts are written and read, because the format does not document RGB-D.
"""

import json
import math
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from holodriver.errors import FileFormatError, InputError, shown
from holodriver.files.atomic import written_file
from holodriver.files.guard.source import inside, opened
from holodriver.files.quilt import go_settings
from holodriver.files.text import json_object
from holodriver.optics.lookingglass import LookingGlass, parse_quilt_name

SUFFIX = ".hop"
LARGEST_SHEET = 1 << 20
MOST_ENTRIES = 100
MOST_PACKED, SMALL = 20, 1 << 20
"""Largest growth factor when unpacking an already compressed picture or video, and bytes that any of them may take."""
LARGEST_MEDIA = 1 << 32
"""Largest file in a .hop, bytes; a larger one is taken for damage."""


@dataclass(frozen=True)
class HopQuilt:
    """A quilt in a .hop file."""

    media: str
    """File name of the picture or video in the zip."""
    columns: int
    """Number of views in a row of the quilt."""
    rows: int
    """Number of rows of views."""
    aspect: float
    """Width of a view divided by its height."""
    focus: float
    """Depth in the plane of the display: −1 the nearest, 0 the middle, 1 the farthest."""
    zoom: float
    """Factor on the size of the picture."""


def write_hop(
    path: Path, quilt: Path, display: LookingGlass, *, focus: float = 0.0, zoom: float = 1.0, overwrite: bool = False
) -> Path:
    """Pack a quilt (picture or video) into a .hop file and return the path of the file.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: `path` does not end in .hop, or the quilt's name does not give its layout.
    """
    if path.suffix.lower() != SUFFIX:
        raise InputError("has no suffix of Looking Glass Studio, expected .hop", where=path)
    if parse_quilt_name(quilt) is None:
        raise InputError("does not have the name of a quilt, the only kind that .hop files hold here", where=quilt)
    settings = go_settings(display, focus=focus, zoom=zoom)
    told = {"movie": [quilt.name], "position_x": 0, "position_y": 0, "viewOrderReversed": False, **settings}
    with written_file(path, overwrite=overwrite) as temporary, zipfile.ZipFile(temporary, "w") as packed:
        packed.write(quilt, quilt.name)  # stored without compression: pictures and videos are compressed already
        packed.writestr(f"{quilt.name}.json", json.dumps(told, indent=1))
    return path


def read_hop(path: Path) -> HopQuilt:
    """Read the description of the quilt in a .hop file.

    Raises:
        FileFormatError: the file is not a zip, holds no quilt, or has a wrong field.
    """
    with _opened(path) as packed:
        if len(packed.infolist()) > MOST_ENTRIES:
            raise FileFormatError(f"holds {len(packed.infolist())} files, expected two", where=path)
        names = [entry.filename for entry in packed.infolist() if not entry.is_dir()]
        sheets = [name for name in names if name.lower().endswith(".json") and name != "playlist.json"]
        if len(sheets) != 1:
            raise FileFormatError(f"holds {len(sheets)} descriptions, expected one", where=path)
        text = packed.open(_checked(packed.getinfo(sheets[0]), LARGEST_SHEET, path)).read(LARGEST_SHEET)
        media = [name for name in names if name not in (*sheets, "playlist.json")]
        if len(media) != 1:
            raise FileFormatError(f"holds {len(media)} pictures or videos, expected one", where=path)
        _checked(packed.getinfo(media[0]), LARGEST_MEDIA, path)
    values = json_object(text.decode("utf-8", errors="replace"), path)
    if values.get("mediaType") != "quilt":
        said = shown(values.get("mediaType"))
        raise FileFormatError(f"field 'mediaType' is {said}, expected 'quilt', the only supported type", where=path)
    inside(path, media[0])
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
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise FileFormatError(f"has a wrong or missing field: {error}", where=path) from error
    if not (0 < found.columns <= 1000 and 0 < found.rows <= 1000 and 0.1 <= found.aspect <= 10):
        raise FileFormatError("has a quilt without views", where=path)
    if not (math.isfinite(found.focus) and math.isfinite(found.zoom)):
        raise FileFormatError("has a focus or zoom that is no number", where=path)
    return found


def unpack_hop(path: Path, folder: Path) -> tuple[Path, HopQuilt]:
    """Unpack the picture or video of a .hop file into `folder` and return its path and its description.

    Raises:
        FileFormatError: the file is not a zip, holds no quilt, has a wrong field, or is damaged.
    """
    said = read_hop(path)
    output = inside(folder, said.media)
    with _opened(path) as packed:
        entry = _checked(packed.getinfo(said.media), LARGEST_MEDIA, path)
        with packed.open(entry) as source, open(output, "xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)  # reads to the length in the entry and verifies the checksum
    return output, said


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip file; Python's own code parses it, so size limits are its only guard."""
    try:
        with opened(path) as source, source.file() as file, zipfile.ZipFile(file) as packed:
            yield packed
    except FileFormatError:
        raise
    except OSError as error:
        raise FileFormatError(f"cannot be read: {error.strerror or error}", where=path) from error
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, LookupError, RuntimeError) as error:
        raise FileFormatError(f"is no .hop file that can be read: {str(error)[:200]}", where=path) from error


def _checked(entry: zipfile.ZipInfo, most: int, path: Path) -> zipfile.ZipInfo:
    """Return `entry`, unless unpacking it would take too many bytes.

    Raises:
        FileFormatError: it would; the message gives the number of bytes.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileFormatError(f"packs {shown(entry.filename)} with an unsupported method", where=path)
    if entry.file_size > most or entry.file_size > MOST_PACKED * entry.compress_size + SMALL:
        raise FileFormatError(
            f"holds {shown(entry.filename)}, which becomes {entry.file_size:,} bytes from {entry.compress_size:,}",
            where=path,
        )
    return entry
