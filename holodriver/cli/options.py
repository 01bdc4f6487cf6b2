"""Options that several commands share, and how their values are read."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.optics.display import DisplayProfile

SIMULATED = "simulated"
"""Name of the rig, the camera and the meter that need no hardware."""

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace files that are already there.")]
Profile = Annotated[
    Path | None, typer.Option("--profile", help="The display profile (TOML). By default the paper's display.")
]
Depth = Annotated[
    Path | None,
    typer.Option("--depth", help="The depth of the picture or video. By default NAME_depth.png beside it is read."),
]
Weights = Annotated[
    Path | None,
    typer.Option(
        "--weights", help="The folder of networks. By default the networks that come with holodriver are used."
    ),
]
Runtime = Annotated[
    str,
    typer.Option(
        help="The program that runs DEHNet: 'float' is the fastest one in float32, 'auto' is the fastest of all, and "
        "'holodriver doctor' lists them by name."
    ),
]
Device = Annotated[str, typer.Option(help="The torch device, such as cpu or cuda.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]
Rig = Annotated[str, typer.Option("--rig", help="The rig file, or 'simulated', which needs no hardware.")]
Arm = Annotated[bool, typer.Option("--arm", help="Light the lasers of a real rig, and say which ones.")]
Exposure = Annotated[float | None, typer.Option(help="The exposure of a real camera, in the unit of its driver.")]


def parse_size(text: str) -> tuple[int, int]:
    """Width and height in pixels, of "256" or "1920x1080".

    Raises:
        InputError: the text is something else.
    """
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×]\s*(\d{1,6}))?\s*", text, re.IGNORECASE)
    if not found:
        raise InputError(f"--size is {text!r}, expected pixels such as 256 or 1920x1080")
    width = int(found.group(1))
    return width, int(found.group(2) or width)


def parse_frames(text: str | None) -> tuple[int, ...]:
    """Frame numbers of "3", "3,5", "1-24" or "1-24:2" (every second), ascending, each once; no frames if None.

    Raises:
        InputError: the text is something else, or names more than 100,000 frames.
    """
    frames: set[int] = set()
    for part in () if text is None else text.split(","):
        found = re.fullmatch(r"\s*(-?\d{1,7})(?:\s*-\s*(-?\d{1,7})(?::(\d{1,6}))?)?\s*", part)
        first, last = (int(found.group(1)), int(found.group(2) or found.group(1))) if found else (0, -1)
        step = int(found.group(3) or 1) if found else 0
        if first > last or step < 1 or last - first >= 100_000:
            raise InputError(f"--frames is {text!r}, expected frames such as 1-24, 1-24:2 or 3,5")
        frames.update(range(first, last + 1, step))
    return tuple(sorted(frames))


def parse_whole(text: str, separator: str, count: int | None, option: str) -> tuple[int, ...]:
    """Whole numbers of a text such as "2x1" or "60,40,900,500", any number of them if `count` is None.

    Raises:
        InputError: the text is something else, or has another count of numbers.
    """
    parts = [part.strip() for part in text.lower().replace("×", "x").split(separator)]
    if count not in (None, len(parts)) or not all(part.isascii() and part.isdigit() for part in parts):
        many = "" if count is None else f"{count} "
        raise InputError(f"is {text!r}, expected {many}whole numbers joined by '{separator}'", where=option)
    return tuple(int(part) for part in parts)


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Numbers above 0 of a text such as "1,0.9,1.1".

    Raises:
        InputError: the text is something else.
    """
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if not values or not all(0 < value < float("inf") for value in values):
        raise InputError(f"is {text!r}, expected numbers above 0 joined by ','", where=option)
    return values


def display_profile(path: Path | None) -> "DisplayProfile":
    """The profile in a file, or the reference profile if there is no file."""
    from holodriver.files.profile import read_profile
    from holodriver.optics.display import REFERENCE

    return REFERENCE if path is None else read_profile(path)


def print_help(context: typer.Context) -> None:
    """Print the help of a group of commands that was called without one of them."""
    if context.invoked_subcommand is None:
        print(context.get_help())
