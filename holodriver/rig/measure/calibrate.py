"""Calibration: sweep the grey levels of each colour, measure, fit look-up tables, and verify them by measurement."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import Expected, InputError, check_fields, numbers, one_of
from holodriver.panel.calibration import PATTERNS, Calibration, ColourCalibration, Method, Pattern
from holodriver.panel.lut import LEVELS
from holodriver.panel.regions import regional_grey
from holodriver.panel.response import DARK, FEWEST_LEVELS, Readings, Response, drift, fit_response
from holodriver.progress import Progress, silent
from holodriver.rig.measure.meters import Meter
from holodriver.rig.measure.stage import Stage, parts_frame, pattern_frame

TOLERANCE = 0.02
"""Largest amplitude error with which a verification passes, as a share of the peak."""


@dataclass(frozen=True)
class SweepSettings:
    """Settings of the measurement of grey levels.

    Raises:
        InputError: a number is out of range; the error names the field.
    """

    levels: int = LEVELS
    """Number of measured grey levels, evenly spread over 0 … 255."""
    sweeps: int = 4
    """Number of sweeps that are averaged; every second sweep runs downwards."""
    reference_every: int = 8
    """Number of readings between two readings of the reference grey level; 0 for no references."""
    reference_grey: int = 140
    """Reference grey level, 1 to 254."""
    darks: int = 4
    """Number of readings without light before each sweep."""
    pattern: Pattern = "uniform"
    """Pattern that measures a grey level."""
    regions: tuple[int, int] = (1, 1)
    """Rows and columns of parts of the panel that get separate look-up tables."""
    method: Method = "smooth"
    """Method of the fit."""

    def __post_init__(self) -> None:
        sides = numbers(1, 64, whole=True)
        check_fields(
            self,
            "calibration sweep",
            levels=numbers(FEWEST_LEVELS, LEVELS, whole=True),
            sweeps=numbers(1, 1000, whole=True),
            reference_every=numbers(0, LEVELS, whole=True),
            reference_grey=numbers(1, LEVELS - 1, whole=True),
            darks=numbers(1, 1000, whole=True),
            pattern=one_of(*PATTERNS),
            regions=Expected("1 to 64 rows and columns", lambda regions: all(map(sides.holds, regions))),
        )


@dataclass(frozen=True)
class ColourReadings:
    """A meter's readings of one colour in order, for the whole panel and for its parts."""

    readings: Readings
    """Readings of the whole panel."""
    parts: NDArray[np.float64]
    """Readings of the parts, (n, rows, columns), in the meter's unit."""

    def part(self, row: int, column: int) -> Readings:
        """Select the readings of one part of the panel."""
        return Readings(self.readings.greys, self.parts[:, row, column], self.readings.references)


@dataclass(frozen=True)
class Verified:
    """The measured amplitudes of one colour with its look-up tables applied."""

    wanted: NDArray[np.float64]
    """Wanted amplitudes, (n,), from the panel's darkest amplitude to 1."""
    shown: NDArray[np.float64]
    """Measured amplitudes of the panel's parts, (n, rows, columns); one part if the calibration has one table."""

    @property
    def errors(self) -> NDArray[np.float64]:
        """Amplitude errors, (n, rows, columns), as a share of the peak."""
        return self.shown - self.wanted[:, None, None]

    @property
    def largest_error(self) -> float:
        """Largest amplitude error, as a share of the peak."""
        return float(np.abs(self.errors).max())

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column, from 0, of the part with the largest amplitude error."""
        parts = np.abs(self.errors).max(axis=0)
        row, column = np.unravel_index(parts.argmax(), parts.shape)
        return int(row), int(column)

    @property
    def error(self) -> float:
        """Root mean square of the amplitude errors, as a share of the peak."""
        return float(np.sqrt(np.mean(self.errors**2)))


def measure_colour(
    stage: Stage, meter: Meter, colour: int, settings: SweepSettings, progress: Progress = silent
) -> ColourReadings:
    """Sweep the grey levels of one colour.

    Raises:
        RigError: the meter or the rig failed.
    """
    levels = np.unique(np.linspace(0, LEVELS - 1, settings.levels).round().astype(int)).tolist()
    return _measure(stage, meter, colour, levels, settings, progress, f"sweeping colour {colour}")


def fit_colour(found: ColourReadings, wavelength: float, method: Method) -> tuple[ColourCalibration, Response]:
    """Fit the look-up table of one colour, and those of the panel's parts if they were measured.

    Args:
        found: readings of the colour.
        wavelength: wavelength of the laser, m.
        method: method of the fit.
    """
    response = fit_response(found.readings, method=method)
    _, rows, columns = found.parts.shape
    regions = None
    if rows * columns > 1:
        parts = [
            [fit_response(found.part(row, column), method=method) for column in range(columns)] for row in range(rows)
        ]
        least = min(part.full_reading for line in parts for part in line)
        regions = np.array(
            [[part.lut.amplitudes * np.sqrt(part.full_reading / least) for part in line] for line in parts]
        )
    colour = ColourCalibration(wavelength, response.lut, response.residual, response.levels, regions=regions)
    return colour, response


def calibrated(
    panel: str,
    serial: str,
    meter: str,
    wavelengths: Sequence[float],
    found: Sequence[ColourReadings],
    settings: SweepSettings,
    *,
    white: Sequence[float] | None = None,
    now: datetime | None = None,
) -> tuple[Calibration, list[Response]]:
    """Make the calibration of a panel from the readings of all colours; return it with the fits.

    Args:
        panel: name of the panel.
        serial: serial number of the panel, or empty.
        meter: name of the meter.
        wavelengths: wavelength of each laser, m.
        found: readings of each colour, taken with equal laser powers.
        settings: settings of the measurement.
        white: reading of each colour at its brightest that together make white; equal readings unless given.
        now: time of the measurement with a time zone; the current time unless given.

    Raises:
        InputError: the readings give no table, or the numbers of colours differ.
    """
    shares = np.ones(len(found)) if white is None else np.asarray(white, np.float64)
    if len(wavelengths) != len(found) or shares.shape != (len(found),) or not (shares > 0).all():
        raise InputError(
            f"{len(found)} colours were measured, expected a wavelength and a share of white above 0 for each"
        )
    fits = [fit_colour(one, wave, settings.method) for one, wave in zip(found, wavelengths, strict=True)]
    powers = shares / np.array([response.full_reading for _, response in fits])
    powers /= powers.max()
    colours = tuple(
        replace(colour, relative_power=float(power)) for (colour, _), power in zip(fits, powers, strict=True)
    )
    when = datetime.now(UTC) if now is None else now
    return Calibration(panel, serial, when, meter, settings.pattern, colours), [response for _, response in fits]


def verify_colour(
    stage: Stage,
    meter: Meter,
    colour: int,
    calibration: ColourCalibration,
    settings: SweepSettings,
    *,
    steps: int = 33,
    progress: Progress = silent,
) -> Verified:
    """Show `steps` amplitudes through the look-up tables and measure them.

    If parts of the panel have separate tables, each part is driven by its own table and measured separately, as frames
    are encoded. One scale factor for all readings and parts is fitted, since no meter knows the panel's peak.

    Raises:
        InputError: the meter does not tell the parts apart.
        RigError: the meter or the rig failed.
    """
    if calibration.regions is None:
        tables, settings = calibration.lut.amplitudes[None, None], replace(settings, regions=(1, 1))
    else:
        tables = calibration.regions
        settings = replace(settings, regions=(tables.shape[0], tables.shape[1]))
    wanted = np.linspace(float(tables[..., 0].max()), 1, steps)
    if calibration.regions is None:
        greys = calibration.lut.grey(wanted)[:, None, None]
    else:
        greys = np.stack([[regional_grey(wanted[None], one[None, None])[0] for one in line] for line in tables])
        greys = np.moveaxis(greys, -1, 0)

    def frame(step: int) -> NDArray[np.uint8]:
        return parts_frame(stage.profile, settings.pattern, greys[step])

    found = _measure(
        stage, meter, colour, range(steps), settings, progress, f"verifying colour {colour}", frame_of=frame
    )
    shown = np.stack(
        [[_amplitudes(found.part(row, column), steps) for column in range(greys.shape[2])]
         for row in range(greys.shape[1])]
    )  # fmt: skip
    shown = np.moveaxis(shown, -1, 0)
    shown *= float((shown * wanted[:, None, None]).sum() / (shown**2).sum())
    return Verified(wanted, shown)


def _amplitudes(found: Readings, steps: int) -> NDArray[np.float64]:
    """Measured amplitude of each step of a verification, (steps,), on the meter's scale."""
    light = (found.values - found.values[found.greys == DARK].mean()) / drift(found)
    taken = ~found.references & (found.greys != DARK)
    return np.sqrt(np.maximum([light[taken & (found.greys == step)].mean() for step in range(steps)], 0))


def _measure(
    stage: Stage,
    meter: Meter,
    colour: int,
    levels: Sequence[int],
    settings: SweepSettings,
    progress: Progress,
    stage_name: str,
    *,
    frame_of: Callable[[int], NDArray[np.uint8]] | None = None,
) -> ColourReadings:
    """Take the readings of a plan; after a failure, no reading is kept.

    Args:
        stage: panel and lasers.
        meter: the light meter.
        colour: index on the colour axis.
        levels: grey levels, or the arguments of `frame_of`.
        settings: settings of the measurement.
        progress: receives the number of readings.
        stage_name: name of this step for the progress.
        frame_of: makes the frame for each of `levels`; frames of one grey level unless given.
    """
    meter.tune(stage.profile.wavelengths[colour])
    plan = _plan(levels, settings)
    uniform = partial(pattern_frame, stage.profile, settings.pattern)
    parts = []
    for done, (grey, reference) in enumerate(plan):
        progress(stage_name, done, len(plan))
        frame = uniform(max(grey, 0)) if reference or grey == DARK or frame_of is None else frame_of(grey)
        parts.append(stage.look(None if grey == DARK else colour, frame, lambda: meter.read(settings.regions)))
    progress(stage_name, len(plan), len(plan))
    values = np.stack(parts)
    greys, references = zip(*plan, strict=True)
    return ColourReadings(Readings(np.array(greys), values.mean(axis=(1, 2)), np.array(references)), values)


def _plan(levels: Sequence[int], settings: SweepSettings) -> list[tuple[int, bool]]:
    """List the grey levels in the order of their readings, each with whether it is a reference."""
    plan: list[tuple[int, bool]] = []
    reference = (settings.reference_grey, True)
    for sweep in range(settings.sweeps):
        plan += [(DARK, False)] * settings.darks
        # up and down in turns, so that the remaining drift cancels
        for number, grey in enumerate(levels if sweep % 2 == 0 else reversed(levels)):
            if settings.reference_every and number % settings.reference_every == 0:
                plan.append(reference)
            plan.append((grey, False))
        if settings.reference_every:
            plan.append(reference)
    return plan
