"""Calibration of a panel and its lasers: amplitudes of grey levels, white balance, registration of colours."""

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
"""How readings become a look-up table: a smooth curve, or isotonic for a panel with steps in its response."""
PATTERNS: tuple[Pattern, ...] = ("uniform", "grating")

SAME_WAVELENGTH = 3e-9
"""Largest difference, m, at which two wavelengths are one colour; laser diodes of one kind differ by this much."""

LARGEST_SCALE_ERROR = 0.1
"""Largest difference of a colour's magnification from 1; a larger one is a mistake, not chromatic aberration."""


@dataclass(frozen=True)
class Registration:
    """Position of one colour's picture: a point p (effective pixels from the middle) is seen at `scale`·p + `offset`.

    Raises:
        InputError: a number is out of range for any optics; the message names the field.
    """

    offset: tuple[float, float] = (0.0, 0.0)
    """Displacement (y, x), effective pixels."""
    scale: float = 1.0
    """Magnification of the picture."""

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
    """Wavelength, m."""
    lut: AmplitudeLut
    """Look-up table for the whole panel; grey levels after the first maximum are not used."""
    residual: float
    """Root mean square difference of measured amplitudes from the table, up to its peak; share of the peak."""
    levels: int
    """Number of grey levels with different amplitudes, from the first one brighter than dark to the peak."""
    relative_power: float = 1.0
    """Laser power for white, relative to the colour that needs the most power (1)."""
    registration: Registration = Registration()
    """Position of this colour's picture."""
    regions: NDArray[np.float64] | None = None
    """Amplitudes (rows, columns, 256) of parts of the panel, on one scale: 1 is the peak of the darkest part."""

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
                raise InputError("calibration field 'regions' has amplitudes below 0 or a table that does not reach 1")

    @property
    def inverse(self) -> NDArray[np.uint8]:
        """Grey levels (256,) for the wanted amplitudes i / 255."""
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
    """Time of the measurement, with a time zone."""
    meter: str
    """Name of the light meter."""
    pattern: Pattern
    """Pictures that were measured. `uniform`: plain grey, in the zeroth order. `grating`: gratings of black and grey,
    in the first order, where black has amplitude 0; a hologram in that order has the same amplitudes."""
    colours: tuple[ColourCalibration, ...]
    """Calibration of each colour, in the order of the display's wavelengths."""

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
        """Amplitudes (rows, columns, 256) of the panel's parts, for each colour."""
        return tuple(colour.regions for colour in self.colours)

    @property
    def relative_powers(self) -> tuple[float, ...]:
        """Laser power of each colour for white, as a factor on the power that the encoding gain asks for."""
        return tuple(colour.relative_power for colour in self.colours)

    @property
    def registrations(self) -> tuple[Registration, ...]:
        """Position of each colour's picture."""
        return tuple(colour.registration for colour in self.colours)

    @property
    def moves(self) -> tuple[Registration, ...] | None:
        """Registration of each colour; None if all colours fall where they should."""
        found = self.registrations
        return None if all(one.none for one in found) else found

    def registered(self, registrations: Sequence[Registration]) -> "Calibration":
        """A copy of the calibration with these measured registrations, one for each colour."""
        colours = tuple(
            replace(colour, registration=one) for colour, one in zip(self.colours, registrations, strict=True)
        )
        return replace(self, colours=colours)

    def check(self, profile: DisplayProfile, *, panel: str | None = None, serial: str | None = None) -> None:
        """Refuse a calibration of another panel or other colours.

        Args:
            profile: the display to encode for.
            panel: name of the panel that is used; None if unknown.
            serial: serial number of the panel that is used; None or empty if unknown.

        Raises:
            InputError: panel, serial number or wavelengths differ; the message says which.
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
