"""What was measured of a panel and its lasers: amplitudes of grey levels, white balance, registration of colours."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import Expected, InputError, check_fields, numbers, one_of
from holodriver.optics.display import DisplayProfile
from holodriver.panel.lut import LEVELS, AmplitudeLut

Pattern = Literal["uniform", "grating"]
Method = Literal["smooth", "isotonic"]
"""How readings become a table: by a smooth curve, or isotonic for a panel with steps in its response."""
PATTERNS: tuple[Pattern, ...] = ("uniform", "grating")

SAME_WAVELENGTH = 3e-9
"""A laser diode of one kind scatters by this much, m; a table of a wavelength further away is of another colour."""

LARGEST_SCALE_ERROR = 0.1
"""A colour magnified by more than this against another is a mistake and no chromatic aberration."""


@dataclass(frozen=True)
class Registration:
    """Where a colour's picture falls: a point p (effective pixels from the middle) is seen at `scale`·p + `offset`.

    Raises:
        InputError: a number that no optics has; names the field.
    """

    offset: tuple[float, float] = (0.0, 0.0)
    """(y, x), effective pixels."""
    scale: float = 1.0

    def __post_init__(self) -> None:
        offset, shift = tuple(float(value) for value in self.offset), numbers(above=-1e4, below=1e4)
        two = Expected("two numbers of pixels, y and x", lambda _: len(offset) == 2 and all(map(shift.holds, offset)))
        scale = numbers(1 - LARGEST_SCALE_ERROR, 1 + LARGEST_SCALE_ERROR)
        check_fields(self, "registration", offset=two, scale=scale)
        object.__setattr__(self, "offset", offset)
        object.__setattr__(self, "scale", float(self.scale))

    @property
    def none(self) -> bool:
        """Whether the colour falls where it should."""
        return self.offset == (0.0, 0.0) and self.scale == 1


@dataclass(frozen=True)
class ColourCalibration:
    """One colour of one panel.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    wavelength: float
    """m."""
    lut: AmplitudeLut
    """The panel as a whole, cut at the first maximum."""
    residual: float
    """Root mean square of measured amplitudes against the table, up to its peak; share of the peak."""
    levels: int
    """Grey levels that the table can still tell apart: those from the first that is brighter than dark to the peak."""
    relative_power: float = 1.0
    """Laser power that this colour needs for its share of white; the colour that needs most has 1."""
    registration: Registration = Registration()
    regions: NDArray[np.float64] | None = None
    """Amplitudes (rows, columns, 256) of parts of the panel, on one scale: 1 is what the darkest of them reaches."""

    def __post_init__(self) -> None:
        check_fields(
            self,
            "calibration",
            wavelength=numbers(above=1e-7, below=1e-5, kind="metres"),
            residual=numbers(0, below=1),
            levels=numbers(2, LEVELS, whole=True),
            relative_power=numbers(above=0, most=1),
        )
        if self.regions is not None:
            regions = np.ascontiguousarray(self.regions, np.float64)
            object.__setattr__(self, "regions", regions)
            if regions.ndim != 3 or regions.shape[2] != LEVELS or not regions.size:
                raise InputError(
                    f"calibration field 'regions' has shape {regions.shape}, expected (rows, columns, 256)"
                )
            if not (np.isfinite(regions).all() and regions.min() >= 0 and (regions.max(axis=2) >= 1 - 1e-9).all()):
                raise InputError("calibration field 'regions' holds amplitudes that are not 0 or more, and up to 1")

    @property
    def inverse(self) -> NDArray[np.uint8]:
        """(256,) grey level for each wanted amplitude i / 255."""
        return self.lut.grey(np.arange(LEVELS) / (LEVELS - 1))


@dataclass(frozen=True)
class Calibration:
    """A panel, measured with its lasers.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    panel: str
    """The panel's name as its EDID has it."""
    serial: str
    """The panel's serial number; empty if unknown."""
    measured_at: datetime
    """When, with a time zone."""
    meter: str
    """What measured."""
    pattern: Pattern
    """`uniform`: grey levels on the axis. `grating`: first order of gratings between black and the grey level, on a
    scale where black is 0, which is what a hologram in that order sees."""
    colours: tuple[ColourCalibration, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "colours", tuple(self.colours))
        check_fields(self, "calibration", pattern=one_of(*PATTERNS))
        if not self.colours:
            raise InputError("calibration field 'colours' is empty, expected one or more")
        if not self.panel.strip():
            raise InputError("calibration field 'panel' is empty, expected the panel's name")
        if self.measured_at.tzinfo is None:
            raise InputError("calibration field 'measured_at' has no time zone")

    @property
    def luts(self) -> tuple[AmplitudeLut, ...]:
        """Look-up table of each colour."""
        return tuple(colour.lut for colour in self.colours)

    @property
    def regions(self) -> tuple[NDArray[np.float64] | None, ...]:
        """Tables of parts of the panel, of each colour."""
        return tuple(colour.regions for colour in self.colours)

    @property
    def relative_powers(self) -> tuple[float, ...]:
        """Laser power of each colour for white; factors on what the encoding gains ask for."""
        return tuple(colour.relative_power for colour in self.colours)

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """Where each colour falls."""
        return tuple(colour.registration for colour in self.colours)

    @property
    def moves(self) -> tuple[Registration, ...] | None:
        """The same; None if all colours fall where they should."""
        found = self.registrations
        return None if all(one.none for one in found) else found

    def registered(self, registrations: Sequence[Registration]) -> "Calibration":
        """The same with what was measured of where each colour falls."""
        colours = tuple(
            replace(colour, registration=one) for colour, one in zip(self.colours, registrations, strict=True)
        )
        return replace(self, colours=colours)

    def check(self, profile: DisplayProfile, *, panel: str | None = None, serial: str | None = None) -> None:
        """Refuse a calibration of another panel or other colours.

        Args:
            profile: what is to be encoded for.
            panel: name of the panel that is connected or meant; None if unknown.
            serial: its serial number; None or empty if unknown.

        Raises:
            InputError: names what differs.
        """
        if panel is not None and panel != self.panel:
            raise InputError(f"the calibration is of the panel '{self.panel}', not of '{panel}'")
        if serial and self.serial and serial != self.serial:
            raise InputError(f"the calibration is of the panel with the serial number '{self.serial}', not '{serial}'")
        found, wanted = [colour.wavelength for colour in self.colours], profile.wavelengths
        if len(found) != len(wanted) or any(abs(a - b) > SAME_WAVELENGTH for a, b in zip(found, wanted, strict=True)):
            raise InputError(
                f"the calibration is of {_nanometres(found)} nm, and the display has {_nanometres(wanted)} nm"
            )


def _nanometres(wavelengths: Sequence[float]) -> str:
    return "/".join(f"{wavelength * 1e9:.0f}" for wavelength in wavelengths)
