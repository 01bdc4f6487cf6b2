"""Options that several commands share, and how their values are read."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.optics.display import DisplayProfile
    from holodriver.panel.calibration import Calibration
    from holodriver.panel.lut import AmplitudeLut

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
Profile = Annotated[
    Path | None, typer.Option("--profile", help="Display profile (TOML); the paper's reference display if left out.")
]
Gain = Annotated[
    list[float] | None,
    typer.Option("--gain", help="Encoding gain; once for all colours or once a colour. Automatic if left out."),
]


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels of "256" or "1920x1080".

    Raises:
        InputError: it is neither.
    """
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×]\s*(\d{1,6}))?\s*", text, re.IGNORECASE)
    if not found:
        raise InputError(f"--size is {text!r}, expected pixels such as 256 or 1920x1080")
    width = int(found.group(1))
    return width, int(found.group(2) or width)


def parse_frames(text: str) -> tuple[int, ...]:
    """Frame numbers of "3", "3,5", "1-24" or "1-24:2" (every second), ascending, each once.

    Raises:
        InputError: it is something else, or more than 100,000 frames.
    """
    frames: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(-?\d{1,7})(?:\s*-\s*(-?\d{1,7})(?::(\d{1,6}))?)?\s*", part)
        first, last = (int(found.group(1)), int(found.group(2) or found.group(1))) if found else (0, -1)
        step = int(found.group(3) or 1) if found else 0
        if first > last or step < 1 or last - first >= 100_000:
            raise InputError(f"--frames is {text!r}, expected frames such as 1-24, 1-24:2 or 3,5")
        frames.update(range(first, last + 1, step))
    return tuple(sorted(frames))


def display_profile(path: Path | None) -> "DisplayProfile":
    """The profile in a file, or the reference profile."""
    from holodriver.files.profile import read_profile
    from holodriver.optics.display import REFERENCE

    return REFERENCE if path is None else read_profile(path)


def lookup_tables(profile: "DisplayProfile") -> "tuple[AmplitudeLut, ...]":
    """Amplitude look-up tables of a panel that was not measured: amplitude proportional to the grey level."""
    from holodriver.panel.lut import AmplitudeLut

    return (AmplitudeLut.linear(),) * len(profile.wavelengths)


def calibration_for(
    profile: "DisplayProfile", path: Path, *, panel: str | None = None, force: bool = False
) -> "Calibration":
    """The calibration in a file, if it is of this display.

    Args:
        panel: name of the panel that it must be of; None for any, and then it is said which it is of.
        force: only warn if it is of another panel or of other wavelengths.

    Raises:
        InputError: it is of another panel or of other colours.
    """
    from holodriver.cli import console
    from holodriver.files.calibration import read_calibration

    calibration = read_calibration(path)
    try:
        calibration.check(profile, panel=panel)
    except InputError as error:
        if not force or len(calibration.colours) != len(profile.wavelengths):
            raise InputError(error.what, where=path, remedy="pass --force to use it all the same") from error
        console.warn(f"{path}: {error.what}")
    if panel is None:
        serial = f" (serial number {calibration.serial})" if calibration.serial else ""
        console.say(
            f"note: {path} holds the tables of the panel '{calibration.panel}'{serial}, measured "
            f"{calibration.measured_at:%Y-%m-%d}; frames for another panel need its own (--panel NAME has it checked)"
        )
    return calibration


def gains_for(given: list[float] | None, colours: int) -> tuple[float, ...] | None:
    """One gain a colour of what was given once or once a colour; None if nothing was.

    Raises:
        InputError: another number of gains.
    """
    if not given:
        return None
    if len(given) not in (1, colours):
        raise InputError(
            f"{len(given)} gains for {colours} colours", where="--gain", remedy="give one, or one a colour"
        )
    return tuple(given) if len(given) == colours else tuple(given) * colours
