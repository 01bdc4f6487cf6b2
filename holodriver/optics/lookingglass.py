"""Looking Glass displays and quilts: how many views each display takes, over which angle, and where a view lies.

A quilt is one picture with all views as tiles: view 0, the leftmost, at the bottom left, the last at the top right.
Needs the standard library alone, so that Blender's Python can use it.

Sources of the table: the device templates of Looking Glass' own LKG-Toolkit and the page keyconcepts/quilts of
docs.lookingglassfactory.com, which agree; the 27" models from the quilt presets of quiltwright 0.16, where panel pixels
and view cone are not given (40° is assumed). A connected display may ask for something else (a 16" landscape of the
third generation was seen to): what Looking Glass Bridge reports goes before this table.
"""

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from holodriver.errors import Expected, InputError, check_fields, numbers

LARGEST_QUILT = 32_768
"""Pixels along a side beyond which nothing shows a quilt."""

MOST_VIEWS = 2_500
"""Views that Bridge takes at most (bridge.js, schema of the quilt's view count)."""


@dataclass(frozen=True)
class LookingGlass:
    """A Looking Glass display, by what it needs to be fed.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    name: str
    """As on the command line, such as "go"."""
    label: str
    """As people say it."""
    hardware: str
    """How its serial number begins; Bridge's calibration gives that."""
    screen: tuple[int, int] | None
    """Panel (width, height), pixels; None where no source gives it."""
    columns: int
    rows: int
    quilt: tuple[int, int]
    """Recommended quilt (width, height), pixels."""
    aspect: float
    """Width over height of what a view shows; its tile in the quilt may be squeezed."""
    view_cone: float = 40.0
    """Angle between the first and the last view, degrees."""

    def __post_init__(self) -> None:
        sides = numbers(1, LARGEST_QUILT, whole=True, kind="pixels")
        check_fields(
            self,
            "Looking Glass",
            where=self.name,
            columns=numbers(1, whole=True),
            rows=Expected(f"2 to {MOST_VIEWS} views in all", lambda rows: rows >= 1 and 2 <= self.views <= MOST_VIEWS),
            quilt=Expected(
                f"{sides.text}, and one for each view", lambda q: all(map(sides.holds, q)) and min(self.tile) >= 1
            ),
            aspect=numbers(0.1, 10),
            view_cone=numbers(above=0, below=180, kind="degrees"),
        )

    @property
    def views(self) -> int:
        """Number of views."""
        return self.columns * self.rows

    @property
    def plays_alone(self) -> bool:
        """Whether it plays quilts without a computer, by a JSON beside them: a Go."""
        return self.hardware == "LKG-E"

    @property
    def tile(self) -> tuple[int, int]:
        """(width, height) of a view in the quilt, pixels."""
        return self.quilt[0] // max(self.columns, 1), self.quilt[1] // max(self.rows, 1)

    @property
    def used(self) -> tuple[int, int]:
        """(width, height) of all tiles together: the quilt without the pixels that its size leaves over."""
        return self.tile[0] * self.columns, self.tile[1] * self.rows

    def angle(self, view: int) -> float:
        """Angle of a view from the middle, degrees: −view_cone/2 for the first, the leftmost."""
        return (view / (self.views - 1) - 0.5) * self.view_cone

    def offset(self, view: int) -> float:
        """Camera offset to the right, in distances of the focal plane: tan of the angle."""
        return math.tan(math.radians(self.angle(view)))

    def place(self, view: int) -> tuple[slice, slice]:
        """Rows and columns (from the top left) of the pixels of a view in the quilt."""
        width, height = self.tile
        row, column = divmod(view, self.columns)
        top = (self.rows - 1 - row) * height
        return slice(top, top + height), slice(column * width, (column + 1) * width)

    def sized(self, width: int, height: int) -> "LookingGlass":
        """The same display with a quilt of another size, pixels."""
        return replace(self, quilt=(width, height))

    def even(self) -> "LookingGlass":
        """The same display with a quilt of even sides and no pixels over, as video needs it."""
        width, height = self.tile
        if width * self.columns % 2:
            width -= 1
        if height * self.rows % 2:
            height -= 1
        return self.sized(width * self.columns, height * self.rows)


_SQUARE = {n: (n, n) for n in (3360, 4092, 4096, 5999, 8184, 8190, 8192)}
_WIDE, _TALL = 1.77778, 0.5625
_FHD_TALL, _UHD, _UHD_TALL, _8K, _8K_TALL = (1440, 2560), (3840, 2160), (2160, 3840), (7680, 4320), (4320, 7680)

LOOKING_GLASSES: dict[str, LookingGlass] = {
    display.name: display
    for display in (
        LookingGlass("portrait", "Looking Glass Portrait", "LKG-P", (1536, 2048), 8, 6, _SQUARE[3360], 0.75, 40),
        LookingGlass("go", "Looking Glass Go", "LKG-E", _FHD_TALL, 11, 6, _SQUARE[4092], _TALL, 54),
        LookingGlass("kiosk", "Looking Glass Kiosk", "LKG-F", (1536, 2048), 11, 6, _SQUARE[4092], _TALL, 40),
        LookingGlass("16-gen2", 'Looking Glass 16" (second generation)', "LKG-A", _UHD, 5, 9, _SQUARE[4096], _WIDE, 40),
        LookingGlass("16-gen3-landscape", 'Looking Glass 16" Landscape', "LKG-J", _UHD, 7, 7, _SQUARE[5999], _WIDE, 50),
        LookingGlass(
            "16-gen3-portrait", 'Looking Glass 16" Portrait', "LKG-H", _UHD_TALL, 11, 6, (5995, 6000), _TALL, 50
        ),
        LookingGlass("27-landscape", 'Looking Glass 27" Landscape', "", None, 8, 6, _8K, _WIDE),
        LookingGlass("27-portrait", 'Looking Glass 27" Portrait', "", None, 12, 4, _8K, _TALL),
        LookingGlass("32-gen2", 'Looking Glass 32" (second generation)', "LKG-B", _8K, 5, 9, _SQUARE[8192], _WIDE, 40),
        LookingGlass("32-gen3-landscape", 'Looking Glass 32" Landscape', "LKG-L", _8K, 7, 7, _SQUARE[8190], _WIDE, 50),
        LookingGlass(
            "32-gen3-portrait", 'Looking Glass 32" Portrait', "LKG-K", _8K_TALL, 11, 6, _SQUARE[8184], _TALL, 54
        ),
        LookingGlass("65", 'Looking Glass 65"', "LKG-D", _8K, 8, 9, _SQUARE[8192], _WIDE, 40),
        LookingGlass(
            "8.9-gen1", 'Looking Glass 8.9" (first generation)', "LKG-2K", (2560, 1600), 5, 9, _SQUARE[4096], 1.6, 40
        ),
        LookingGlass(
            "15.6-gen1", 'Looking Glass 15.6" (first generation)', "LKG-4K", _UHD, 5, 9, _SQUARE[4096], _WIDE, 40
        ),
        LookingGlass("8k-gen1", "Looking Glass 8K (first generation)", "LKG-8K", _8K, 5, 9, _SQUARE[8192], _WIDE, 40),
    )
}
"""Displays by name."""


def looking_glass(name: str) -> LookingGlass:
    """The display of that name.

    Raises:
        InputError: there is none.
    """
    try:
        return LOOKING_GLASSES[name]
    except KeyError:
        raise InputError(
            f"there is no Looking Glass '{name}'", remedy=f"choose one of {', '.join(LOOKING_GLASSES)}"
        ) from None


_QUILT_NAME = re.compile(
    r"_qs(?P<columns>\d{1,3})x(?P<rows>\d{1,3})a(?P<aspect>\d+(?:\.\d+)?)"
    r"(?:z(?P<zoom>\d+(?:\.\d+)?))?(?:f(?P<focus>-?\d+(?:\.\d+)?))?$"
)


@dataclass(frozen=True)
class QuiltName:
    """What the name of a quilt says: ``NAME_qs{columns}x{rows}a{aspect}``, for a Go also ``z{zoom}f{focus}``."""

    columns: int
    rows: int
    aspect: float
    zoom: float | None = None
    focus: float | None = None

    @property
    def views(self) -> int:
        """Number of views."""
        return self.columns * self.rows


def quilt_path(path: Path, display: LookingGlass) -> Path:
    """`path` with the suffix ``_qs{columns}x{rows}a{aspect}`` by which players know a quilt; one it has is replaced."""
    stem = _QUILT_NAME.sub("", path.stem)
    return path.with_name(f"{stem}_qs{display.columns}x{display.rows}a{display.aspect:.6g}{path.suffix}")


def parse_quilt_name(path: Path) -> QuiltName | None:
    """What a file's name says about the quilt in it; None if it names no quilt."""
    found = _QUILT_NAME.search(path.stem)
    if found is None:
        return None
    columns, rows, aspect = int(found["columns"]), int(found["rows"]), float(found["aspect"])
    if not (columns and rows and aspect):
        return None
    zoom, focus = (None if found[name] is None else float(found[name]) for name in ("zoom", "focus"))
    return QuiltName(columns, rows, aspect, zoom, focus)
