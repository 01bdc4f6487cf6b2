"""Checks of holograms before and during a play: do they fit the rig's panel and calibration, are they read in time?"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from holodriver.errors import InputError
from holodriver.files.calibration import read_calibration
from holodriver.panel.calibration import Calibration
from holodriver.panel.frames import PanelFrames
from holodriver.rig.laser_colour import Colour
from holodriver.rig.play.before_light import Heard
from holodriver.rig.play.frame_reader import Read, ReadOrEncode, table_marks
from holodriver.rig.settings import Rig

SAME_TABLE = 1e-6
"""Largest difference between the amplitudes of two look-up tables that count as equal, 0 to 1."""

PACE_LEFT = 0.8
"""Share of the reading rate that remains once the display takes its part of the machine."""


def frames_for(rig: Rig, path: Path, calibration: Calibration | None, heard: Heard) -> PanelFrames:
    """Read the frames of a hologram for a rig; a hologram without frames is encoded with the rig's calibration.

    Raises:
        FileFormatError: the hologram cannot be read, or holds no frames and there is no calibration.
        InputError: the hologram or the calibration is for another display.
    """
    frames = ReadOrEncode(calibration).native(path)
    _check_fit(rig, frames, path)
    if calibration is not None:
        _check_encoding(frames, calibration, heard)
    return frames


def _check_fit(rig: Rig, frames: PanelFrames, where: Path) -> None:
    """Refuse a hologram of another display than the rig's.

    Raises:
        InputError: size, binning, profile or number of colours differ; the error names the difference.
    """
    if frames.profile.native_shape != rig.panel.frame_shape or frames.profile.binning != rig.panel.binning:
        height, width = frames.profile.native_shape
        rows, columns = (side // rig.panel.binning for side in rig.panel.frame_shape)
        raise InputError(
            f"has frames of {width} × {height} pixels with a binning of {frames.profile.binning}; the rig's panel has "
            f"{rig.panel.native_width} × {rig.panel.native_height} and {rig.panel.binning}, turned by "
            f"{rig.panel.rotation}°",
            where=where,
            remedy=f"render or scale the source to {columns} × {rows} pixels, the panel's size over its binning",
        )
    if rig.display.profile and frames.profile != rig.profile():
        raise InputError("was made with another display profile than the rig's", where=where)
    if len(frames.pixels) == 1 and len(rig.sequence.order) > 1:
        raise InputError(
            "has one colour, and the rig shows several", where=where, remedy="set sequence.order to that colour"
        )


def rig_calibration(rig: Rig) -> Calibration | None:
    """Read the calibration of a rig file, with the registration from its own file if there is one; None without both.

    Raises:
        FileFormatError: a file cannot be read.
        InputError: the registration has other colours than the calibration, or there is no calibration for it.
    """
    path, registration = (rig.path(name) for name in (rig.calibration.file, rig.calibration.registration))
    calibration = None if path is None else read_calibration(path)
    if calibration is None and registration is not None:
        raise InputError(
            "there is no calibration for this registration",
            where="calibration.registration",
            remedy="set calibration.file",
        )
    if calibration is None or registration is None:
        return calibration
    other = read_calibration(registration)
    if len(other.colours) != len(calibration.colours):
        raise InputError(
            f"has {len(other.colours)} colours, and the calibration has {len(calibration.colours)}", where=registration
        )
    return calibration.registered(other.registrations)


def _check_encoding(frames: PanelFrames, calibration: Calibration, heard: Heard) -> None:
    """Refuse a calibration of other colours, and warn of frames that were encoded without it."""
    calibration.check(frames.profile)
    for colour, (table, measured) in enumerate(zip(frames.luts, calibration.luts, strict=True)):
        if np.abs(table.amplitudes - measured.amplitudes).max() > SAME_TABLE:
            heard.warn(
                f"the {Colour(colour).label} frames were encoded with another look-up table than that of the rig's "
                "calibration; encode them anew with it"
            )
    if frames.registrations != calibration.moves:
        heard.warn(
            "the frames were encoded with another registration of the colours than that of the rig's calibration; "
            "encode them anew with it"
        )


def forecast(holograms: int, capacity: int, pace: float | None, needed: float, shown_s: float) -> str | None:
    """Warning for a play whose holograms cannot be read as fast as they are shown; None if they can.

    Args:
        holograms: number of holograms in the play.
        capacity: number of holograms that memory holds, all read by now.
        pace: rate of reading, holograms per second; None if nothing had to be read.
        needed: rate of showing, holograms per second.
        shown_s: length of the play, s.
    """
    if pace is None or holograms <= capacity:
        return None
    useful = pace * PACE_LEFT
    if useful >= needed or (lasts_s := capacity / (needed - useful)) >= shown_s:
        return None
    return (
        f"{needed:.3g} holograms a second are shown and about {useful:.3g} can be read: after {lasts_s:.0f} s the "
        f"{capacity} of {holograms} that memory holds are used up, and frames will be shown again; allow more "
        "--memory, encode them beforehand, or show fewer with --fps"
    )


def warn_of_others(known: Iterable[Read], first: PanelFrames, heard: Heard) -> None:
    """Warn of holograms with another encoding than the first; only the first was compared with the calibration."""
    known, tables = list(known), table_marks(first.luts)
    for what, follows, same in (
        (
            "gains",
            "brightness and colour jumped",
            lambda one: len(one.gains) == len(first.gains) and np.allclose(one.gains, first.gains, rtol=1e-6),
        ),
        ("look-up tables", "their grey levels are those of another panel", lambda one: one.tables == tables),
        ("registrations", "their colours fell elsewhere", lambda one: one.registrations == first.registrations),
    ):
        if others := [one.path.name for one in known if not same(one)]:
            heard.warn(
                f"{len(others)} holograms were encoded with other {what} than the first ({', '.join(others[:3])}); "
                f"{follows}"
            )
