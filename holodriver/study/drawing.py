"""Drawing the figures of studies in one style: grids of pictures with enlarged details, curves and bars."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import HolodriverError
from holodriver.files.atomic import written_file
from holodriver.optics.colour import srgb_encode

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]

LIGHT = ("#c8443b", "#3f9150", "#3c6eb4")
"""Colours of curves for red, green and blue light."""
INKS = {
    "rendered": "#4d4d4d",
    "OPT": "#1b6ca8",
    "DEHNet": "#2a9d6f",
    "DEHNet int8": "#8ec9a8",
    "nCGH": "#d1752c",
    "dCGH": "#b0508f",
    "flat phase": "#9a9a9a",
}
"""Colour of each method, the same in all figures."""
OTHERS = ("#9db7cf", "#1b6ca8", "#d1752c", "#6f6f6f")
"""Colours of bars that do not stand for methods."""
FRAMES = ("#ff9628", "#28a0ff")
"""Colours of the frames round the two details of a picture."""
DPI = 200
"""Resolution of figures, pixels per inch."""
WIDTH = 7.2
"""Width of a figure over both columns of a page, inches."""

STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8.5,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.4,
    "lines.markersize": 4,
    "legend.fontsize": 7.5,
    "legend.frameon": False,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "savefig.facecolor": "white",
}


@contextmanager
def styled() -> Iterator[Any]:
    """Set Matplotlib to our style, without a window; yields pyplot, and closes all figures at the end.

    Raises:
        HolodriverError: Matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError as error:
        raise HolodriverError("matplotlib is not installed", remedy='pip install "holodriver[study]"') from error
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    with plt.rc_context(STYLE):
        try:
            yield plt
        finally:
            plt.close("all")


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as a PNG file, first under a temporary name."""
    with written_file(path, overwrite=True) as temporary:
        figure.savefig(temporary)


@dataclass(frozen=True)
class Tile:
    """One picture of a grid."""

    picture: Floats
    """Linear light (3, H, W), or grey values from 0 to 1 (H, W)."""
    title: str = ""
    """Text above the picture."""
    caption: str = ""
    """Text in the upper right corner of the picture."""
    framed: bool = True
    """Whether the details are framed in the picture and enlarged below it."""


Box = tuple[int, int, int]
"""Top, left and side of a detail, pixels."""


def picture_grid(
    plt: Any, rows: Sequence[Sequence[Tile | None]], sides: Sequence[str], boxes: Sequence[Box] = ()
) -> "Figure":
    """A figure with rows of pictures of equal size, each with enlarged details below.

    Args:
        rows: pictures of each row; None leaves a place empty.
        sides: text at the left of each row.
        boxes: places of the details, the same in all pictures.
    """
    columns = max(len(row) for row in rows)
    height, width = next(tile.picture.shape[-2:] for row in rows for tile in row if tile is not None)
    tall = height / width
    details = 1 / len(boxes) if boxes else 0.0  # height of a row of details, relative to a picture's width
    margin, head = 0.028, 0.16  # margin relative to a picture's width; room for the title, inches
    cell = (WIDTH - 0.25) / columns
    row_height = cell * (tall + details + 0.02) + head + 0.06
    figure = plt.figure(figsize=(WIDTH, row_height * len(rows) + 0.04))
    total = row_height * len(rows) + 0.04
    for r, row in enumerate(rows):
        top = total - r * row_height - head
        if sides[r]:
            middle = (top - cell * tall / 2) / total
            figure.text(0.1 / WIDTH, middle, sides[r], rotation=90, va="center", ha="center", fontsize=8.5)
        for c, tile in enumerate(row):
            if tile is None:
                continue
            left, wide = 0.25 + c * cell, cell * (1 - margin)
            axes = figure.add_axes((left / WIDTH, (top - wide * tall) / total, wide / WIDTH, wide * tall / total))
            show(axes, tile.picture)
            axes.set_title(tile.title, pad=3)
            if tile.caption:
                corner_text(axes, tile.caption)
            if not tile.framed:
                continue
            part = wide / max(len(boxes), 1)
            for n, box in enumerate(boxes):
                colour = FRAMES[n % len(FRAMES)]
                frame(axes, box, colour)
                low = top - wide * tall - part - 0.015
                inner = part * 0.985
                detail = figure.add_axes((
                    (left + n * part + n * (part - inner)) / WIDTH, low / total, inner / WIDTH, inner / total
                ))  # fmt: skip
                show(detail, crop(tile.picture, box))
                _outlined(detail, colour)
    return figure


def show(axes: "Axes", picture: Floats, **options: Any) -> None:
    """Draw a picture without ticks: linear light (3, H, W), which is sRGB-encoded, or grey values (H, W)."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    if picture.ndim == 3:
        axes.imshow(srgb_encode(picture).transpose(1, 2, 0), interpolation="nearest", **options)
    else:
        grey: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
        axes.imshow(picture, **(grey | options))


def corner_text(axes: "Axes", text: str) -> None:
    """Write white text on a dark background in the upper right corner."""
    axes.text(
        0.985, 0.98, text, transform=axes.transAxes, ha="right", va="top", color="white", fontsize=6.5,
        bbox={"facecolor": "black", "alpha": 0.55, "pad": 1.5, "linewidth": 0},
    )  # fmt: skip


def frame(axes: "Axes", box: Box, colour: str) -> None:
    """Draw the outline of a detail."""
    from matplotlib.patches import Rectangle

    top, left, side = box
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), side, side, fill=False, edgecolor=colour, linewidth=0.9))


def crop(picture: Floats, box: Box) -> Floats:
    """Cut a detail out of a picture."""
    top, left, side = box
    return picture[..., top : top + side, left : left + side]


def _outlined(axes: "Axes", colour: str) -> None:
    for spine in axes.spines.values():
        spine.set_visible(True)
        spine.set_color(colour)
        spine.set_linewidth(1.1)


def curves(
    axes: "Axes", x: Sequence[float], lines: Mapping[str, Sequence[float]], *, spread: Mapping[str, Any] | None = None
) -> None:
    """Draw a line with dots for each method in its colour; `spread` has the half heights of the error bars."""
    for number, (name, values) in enumerate(lines.items()):
        colour = INKS.get(name, f"C{number}")
        axes.errorbar(
            x, values, yerr=(spread or {}).get(name), marker="o", label=name, color=colour, capsize=2, elinewidth=0.7
        )
    axes.grid(alpha=0.25, linewidth=0.5)


def marked(axes: "Axes", x: float, text: str) -> None:
    """Draw a dotted vertical line with a text above it, such as for the paper's value."""
    axes.axvline(x, color="#777777", linewidth=0.8, linestyle=":")
    axes.annotate(
        text, (x, 1.0), xycoords=("data", "axes fraction"), xytext=(0, 2), textcoords="offset points",
        ha="center", va="bottom", fontsize=6.5, color="#555555",
    )  # fmt: skip


def bars(axes: "Axes", names: Sequence[str], values: Sequence[float], spread: Sequence[float] | None = None) -> None:
    """Draw a bar for each name, with error bars if `spread` is given."""
    places = range(len(names))
    axes.bar(
        places, values, 0.68, color=[INKS.get(name, OTHERS[n % len(OTHERS)]) for n, name in enumerate(names)],
        yerr=None if spread is None else spread, error_kw={"elinewidth": 0.8, "capsize": 2},
    )  # fmt: skip
    axes.set_xticks(list(places), [name.replace(" ", "\n") for name in names])


def details_of(first: Floats, last: Floats) -> list[Box]:
    """Two details: the place that is sharpest in the front picture relative to the rear one, and the opposite place."""
    from holodriver.viewer.contact_sheet import details

    return details(first, last)
