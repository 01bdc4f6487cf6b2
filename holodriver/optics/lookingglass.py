"""Looking Glass displays and quilts: number of views of each display, their angles, and their places in the quilt.

A quilt is one picture with all views as tiles: view 0, the leftmost, at the bottom left, the last at the top right.
This module needs the standard library only, so that Blender's Python can use it.

Sources of the table: the device templates of Looking Glass' own LKG-Toolkit and the page keyconcepts/quilts of
docs.lookingglassfactory.com, which agree; for the 27" models the quilt presets of quiltwright 0.16, where panel pixels
and view cone are not given (40° is assumed). A connected display may report other values (a third-generation 16"
landscape did); the values from Looking Glass Bridge are then used in place of this table.
"""

import math
import re
from dataclasses import dataclass, replace
from pathlib import Path

from holodriver.errors import Expected, InputError, check_base_name, check_fields, numbers

LARGEST_QUILT = 32_768
"""Largest side of a quilt, pixels; no program shows larger ones."""

MOST_VIEWS = 2_500
"""Largest number of views that Looking Glass Bridge accepts (bridge.js, schema of the quilt's view count)."""


@dataclass(frozen=True)
class LookingGlass:
    """A Looking Glass display and the quilt that it takes.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    name: str
    """Name for the command line, such as "go"."""
    label: str
    """Name for people, such as "Looking Glass Go"."""
    hardware: str
    """First letters of the display's serial number, by which Looking Glass Bridge's calibration tells the model."""
    screen: tuple[int, int] | None
    """Size of the display's panel (width, height), pixels; None if unknown."""
    columns: int
    """Number of columns of views in the quilt."""
    rows: int
    """Number of rows of views in the quilt."""
    quilt: tuple[int, int]
    """Size of the recommended quilt (width, height), pixels."""
    aspect: float
    """Width divided by height of a view as the viewer sees it; the view's tile in the quilt may have another ratio."""
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
        """Whether the display plays quilts without a computer, described by a JSON file beside them, as a Go does."""
        return self.hardware == "LKG-E"

    @property
    def tile(self) -> tuple[int, int]:
        """Size of a view in the quilt (width, height), pixels."""
        return self.quilt[0] // max(self.columns, 1), self.quilt[1] // max(self.rows, 1)

    @property
    def used(self) -> tuple[int, int]:
        """Size of all tiles together (width, height), pixels: the quilt without unused pixels at its edges."""
        return self.tile[0] * self.columns, self.tile[1] * self.rows

    def angle(self, view: int) -> float:
        """Angle of a view from the middle, degrees: −view_cone/2 for the first view, which is the leftmost."""
        return (view / (self.views - 1) - 0.5) * self.view_cone

    def offset(self, view: int) -> float:
        """Offset of a view's camera to the right, divided by the distance of the focal plane: tan of the angle."""
        return math.tan(math.radians(self.angle(view)))

    def place(self, view: int) -> tuple[slice, slice]:
        """Rows and columns of a view's pixels in the quilt, counted from the top left."""
        width, height = self.tile
        row, column = divmod(view, self.columns)
        top = (self.rows - 1 - row) * height
        return slice(top, top + height), slice(column * width, (column + 1) * width)

    def sized(self, width: int, height: int) -> "LookingGlass":
        """A copy of the display with a quilt of this width and height, pixels."""
        return replace(self, quilt=(width, height))

    def even(self) -> "LookingGlass":
        """A copy of the display with a quilt for video: its sides are even, and it has no unused pixels."""
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
    """The display with this name.

    Raises:
        InputError: no display has this name.
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
    """Values in a quilt's file name: ``NAME_qs{columns}x{rows}a{aspect}``, for a Go also ``z{zoom}f{focus}``."""

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
    """`path` with the suffix ``_qs{columns}x{rows}a{aspect}``, by which players recognise a quilt, in place of an old
    one.

    Raises:
        InputError: `path` ends in no name.
    """
    check_base_name(path)
    stem = _QUILT_NAME.sub("", path.stem)
    return path.with_name(f"{stem}_qs{display.columns}x{display.rows}a{display.aspect:.6g}{path.suffix}")


def parse_quilt_name(path: Path) -> QuiltName | None:
    """The values in a quilt's file name; None if the name is not that of a quilt."""
    found = _QUILT_NAME.search(path.stem)
    if found is None:
        return None
    columns, rows, aspect = int(found["columns"]), int(found["rows"]), float(found["aspect"])
    if not (columns and rows and aspect):
        return None
    zoom, focus = (None if found[name] is None else float(found[name]) for name in ("zoom", "focus"))
    return QuiltName(columns, rows, aspect, zoom, focus)
