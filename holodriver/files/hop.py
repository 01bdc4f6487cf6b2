"""Files of Looking Glass Studio, .hop: a zip with a picture or video and one JSON that says how to read it.

Only what is known of the format is written and read: quilts. How RGB-D is named in it is not documented.
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
"""Times by which a picture or video that is packed already may grow, and bytes that it may take whatever it was."""
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
    settings = go_settings(display, focus=focus, zoom=zoom)
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
        raise FileFormatError(f"field 'mediaType' is {said}, expected 'quilt', the only one that is known", where=path)
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
    """Put the picture or video of a .hop file into `folder`; returns its path, and what is said of it.

    Raises:
        FileFormatError: as `read_hop`, or the zip is damaged.
    """
    said = read_hop(path)
    output = inside(folder, said.media)
    with _opened(path) as packed:
        entry = _checked(packed.getinfo(said.media), LARGEST_MEDIA, path)
        with packed.open(entry) as source, open(output, "xb") as target:
            shutil.copyfileobj(source, target, 1 << 20)  # which ends where the entry says, and checks its sum
    return output, said


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    """A zip file; Python's own code reads it, so that nothing guards it but bounds."""
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
    """`entry`, unless unpacking it would take more than it should.

    Raises:
        FileFormatError: it would; says how much.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FileFormatError(f"packs {shown(entry.filename)} in a way that is not known", where=path)
    if entry.file_size > most or entry.file_size > MOST_PACKED * entry.compress_size + SMALL:
        raise FileFormatError(
            f"holds {shown(entry.filename)}, which becomes {entry.file_size:,} bytes from {entry.compress_size:,}",
            where=path,
        )
    return entry
