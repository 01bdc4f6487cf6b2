"""Calibration: sweep the grey levels of each colour, measure, fit, and measure again with the tables applied."""

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
"""Greatest error of amplitude with which a verification passes, share of the peak."""


@dataclass(frozen=True)
class SweepSettings:
    """How grey levels are measured.

    Raises:
        InputError: a number that measures nothing; names it.
    """

    levels: int = LEVELS
    """Grey levels measured, evenly spread over 0 … 255."""
    sweeps: int = 4
    """Sweeps that are averaged; every other one runs downwards."""
    reference_every: int = 8
    """Readings between two of the reference grey; 0 for none."""
    reference_grey: int = 140
    darks: int = 4
    """Readings without light before each sweep."""
    pattern: Pattern = "uniform"
    regions: tuple[int, int] = (1, 1)
    """Rows and columns of parts of the panel that get tables of their own."""
    method: Method = "smooth"

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
    """What a meter read of one colour: in order, for the panel as a whole and for its parts."""

    readings: Readings
    parts: NDArray[np.float64]
    """(n, rows, columns)."""

    def part(self, row: int, column: int) -> Readings:
        """The readings of one part of the panel."""
        return Readings(self.readings.greys, self.parts[:, row, column], self.readings.references)


@dataclass(frozen=True)
class Verified:
    """What one colour showed with its table applied."""

    wanted: NDArray[np.float64]
    """(n,) amplitudes from the panel's darkest to 1."""
    shown: NDArray[np.float64]
    """(n, rows, columns) what each part of the panel showed; one part where the calibration has one table."""

    @property
    def errors(self) -> NDArray[np.float64]:
        """(n, rows, columns) differences, share of the peak."""
        return self.shown - self.wanted[:, None, None]

    @property
    def largest_error(self) -> float:
        """Greatest difference, share of the peak."""
        return float(np.abs(self.errors).max())

    @property
    def worst(self) -> tuple[int, int]:
        """Row and column of the part with the greatest difference, from 0."""
        parts = np.abs(self.errors).max(axis=0)
        row, column = np.unravel_index(parts.argmax(), parts.shape)
        return int(row), int(column)

    @property
    def error(self) -> float:
        """Root mean square difference, share of the peak."""
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
    """The table of one colour, and of the panel's parts where they were measured.

    Args:
        wavelength: m.
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
    """The calibration of a panel from what was read of all colours, and the fits behind it.

    Args:
        panel: its name.
        serial: its serial number, or empty.
        meter: what measured.
        wavelengths: m.
        found: readings of each colour, taken with the same laser power.
        settings: how they were taken.
        white: readings in which white consists, of each colour at its brightest; equal ones unless given.
        now: when; with a time zone.

    Raises:
        InputError: readings that make no table, or another number of colours.
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
    """Ask for `steps` amplitudes through the tables and measure what comes.

    Where parts of the panel have tables of their own, each shows what its own table says, and is measured by itself:
    it is these that frames are encoded with. The scale of the readings is fitted (one factor for all of them, and all
    parts), since no meter knows the panel's peak.

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
    """(steps,) amplitude of each step of a verification, on the meter's scale."""
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
    """Read what `_plan` says; if anything fails, what was read so far is worth nothing and is not kept.

    Args:
        levels: grey levels, or whatever `frame_of` makes frames of.
        frame_of: what stands on the panel for each of them.
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
    """Grey levels to show in order, and which are references."""
    plan: list[tuple[int, bool]] = []
    reference = (settings.reference_grey, True)
    for sweep in range(settings.sweeps):
        plan += [(DARK, False)] * settings.darks
        # up and down in turns: what drift is left then cancels
        for number, grey in enumerate(levels if sweep % 2 == 0 else reversed(levels)):
            if settings.reference_every and number % settings.reference_every == 0:
                plan.append(reference)
            plan.append((grey, False))
        if settings.reference_every:
            plan.append(reference)
    return plan
