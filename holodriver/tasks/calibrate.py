"""Calibrations of a panel: measured, fitted to readings from elsewhere, registered, and verified."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from holodriver.errors import HolodriverError, InputError
from holodriver.files.atomic import check_output
from holodriver.files.calibration import read_calibration, write_calibration
from holodriver.files.images import write_pixels
from holodriver.files.readings import read_readings, write_readings
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.panel.calibration import Calibration
from holodriver.panel.response import Response
from holodriver.progress import Progress, silent
from holodriver.rig.lasers.power import Power, even_power
from holodriver.rig.measure.calibrate import (
    TOLERANCE,
    ColourReadings,
    SweepSettings,
    calibrated,
    measure_colour,
    verify_colour,
)
from holodriver.rig.measure.cameras import Crop
from holodriver.rig.measure.instruments import open_camera, open_meter
from holodriver.rig.measure.meters import Meter
from holodriver.rig.measure.register import measure_registrations
from holodriver.rig.measure.response_plot import response_plot
from holodriver.rig.measure.rig_stage import check_arming
from holodriver.rig.measure.simulated_lab import SimulatedLab
from holodriver.rig.measure.stage import Stage
from holodriver.rig.settings import Rig
from holodriver.tasks.measuring import SIMULATED, Person, Place, stage_on

LAB_SIZE = (96, 64)
"""Effective pixels of the simulated panel: what a grey level does has nothing to do with how many there are."""


@dataclass(frozen=True)
class Instrument:
    """What looks at the panel."""

    name: str = SIMULATED
    """Meter or camera as the command line names it, see `holodriver.rig.measure.instruments`."""
    exposure: float | None = None
    """Exposure of a real camera, in the unit of its driver."""
    crop: Crop | None = None
    """Where a camera sees the panel: left, top, width, height, pixels."""


@dataclass(frozen=True)
class ColourVerdict:
    """How well the tables of one colour hold."""

    wavelength: float
    """m."""
    part: tuple[int, int] | None
    """Row and column, from 1, of the worst part of the panel; None where there is one table for all of it."""
    largest_error: float
    """Largest error of the amplitude, share of the peak."""
    error: float
    """Root mean square error of the amplitude, share of the peak."""
    passed: bool


@dataclass(frozen=True)
class Verdict:
    """What a verification found."""

    path: Path
    tolerance: float
    """Largest error of the amplitude that passes, share of the peak."""
    colours: tuple[ColourVerdict, ...]

    def check(self) -> None:
        """Pass or fail.

        Raises:
            HolodriverError: the amplitudes of a colour are off by more than the tolerance.
        """
        worst = max(one.largest_error for one in self.colours)
        if worst > self.tolerance:
            raise HolodriverError(
                f"amplitudes are off by up to {worst:.4f} of the peak, {self.tolerance:g} is allowed",
                where=self.path,
                remedy="calibrate again",
            )


def beside(output: Path) -> tuple[Path, Path]:
    """Names of the readings (CSV) and of the picture of the curves (PNG) beside a calibration file."""
    return output.with_suffix(".csv"), output.with_suffix(".png")


def measure(
    output: Path,
    place: Place,
    meter: Instrument,
    sweep: SweepSettings,
    *,
    white: Sequence[float] | None = None,
    overwrite: bool = False,
    person: Person | None = None,
    progress: Progress = silent,
) -> Calibration:
    """Measure the amplitude of each grey level for each colour, and write the tables that make it linear.

    All readings (CSV) and a picture of the curves (PNG) are written beside the calibration file.

    Args:
        output: the calibration file.
        place: rig or simulated lab.
        meter: what measures.
        sweep: how grey levels are measured.
        white: readings of each colour at its brightest that make white; equal ones if None.
        overwrite: replace the three files.
        person: who is told of the rig, and may order light again.
        progress: told how far the sweep is.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        InputError: the options do not fit together, or the rig is not armed.
        RigError: the meter or the rig failed.
    """
    person = Person() if person is None else person
    real = place.real_rig()
    readings, _ = beside(output)
    for path in (output, *beside(output)):
        check_output(path, overwrite=overwrite)
    lab = SimulatedLab(REFERENCE.resized(*LAB_SIZE))
    display = lab.profile if real is None else real.profile()
    colours = range(len(display.wavelengths))
    check_white(white, display)
    powers = _ordered(real, place, person)
    # the meter first: one that is not there is found while nothing is armed
    with (
        _meter(None if real else lab, meter, sweep, person) as device,
        stage_on(real, lab, powers, person) as stage,
    ):
        found = [measure_colour(stage, device, colour, sweep, progress) for colour in colours]
        name, serial, by = stage.panel, stage.serial, device.name
    write_readings(readings, [one.readings for one in found], overwrite=overwrite)  # first, as they took longest
    made = calibrated(name, serial, by, display.wavelengths, found, sweep, white=white)
    return _written(output, *made, overwrite=overwrite)


def fit(
    readings: Path,
    output: Path,
    panel: str,
    sweep: SweepSettings,
    profile: DisplayProfile,
    *,
    serial: str = "",
    white: Sequence[float] | None = None,
    overwrite: bool = False,
) -> Calibration:
    """Make a calibration from readings (CSV) that were measured elsewhere or before; see `measure`.

    Args:
        readings: file of the readings.
        output: the calibration file; a picture of the curves (PNG) is written beside it.
        panel: name of the panel that was measured.
        sweep: pattern that was measured, and how readings become a table.
        profile: the display.
        serial: serial number of the panel.
        white: readings of each colour at its brightest that make white; equal ones if None.
        overwrite: replace the two files.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        FileFormatError: the readings cannot be read.
        InputError: they make no table.
    """
    for path in (output, beside(output)[1]):
        check_output(path, overwrite=overwrite)
    check_white(white, profile)
    found = [ColourReadings(one, one.values[:, None, None]) for one in read_readings(readings)]
    by = f"readings in {readings.name}"
    made = calibrated(panel, serial, by, profile.wavelengths, found, sweep, white=white)
    return _written(output, *made, overwrite=overwrite)


def register(
    path: Path, place: Place, camera: Instrument, *, person: Person | None = None, progress: Progress = silent
) -> Calibration:
    """Measure with a camera where each colour falls, and add it to a calibration file.

    Raises:
        FileFormatError: the calibration cannot be read.
        InputError: the calibration is of another panel, or the rig is not armed.
        RigError: the camera or the rig failed, or the crosses of a colour are not found.
    """
    person = Person() if person is None else person
    calibration, real = read_calibration(path), place.real_rig()
    lab = SimulatedLab(REFERENCE)
    powers = _ordered(real, place, person)
    opened = open_camera(camera.name, None if real else lab, exposure=camera.exposure, warn=person.heard.warn)
    with opened as device, stage_on(real, lab, powers, person) as stage:
        _check_panel(path, calibration, stage)
        luts = [colour.lut for colour in calibration.colours]
        calibration = calibration.registered(measure_registrations(stage, device, luts, progress))
    write_calibration(path, calibration, overwrite=True)
    return calibration


def verify(
    path: Path,
    place: Place,
    meter: Instrument,
    sweep: SweepSettings,
    *,
    tolerance: float = TOLERANCE,
    person: Person | None = None,
    progress: Progress = silent,
) -> Verdict:
    """Measure again through the tables of a calibration file, each part of the panel through its own, and judge them.

    Pattern and parts of the panel are those of the file.

    Raises:
        FileFormatError: the calibration cannot be read.
        InputError: the calibration is of another panel, the meter does not tell the panel's parts apart, or the rig is
            not armed.
        RigError: the meter or the rig failed.
    """
    person = Person() if person is None else person
    calibration, real = read_calibration(path), place.real_rig()
    sweep = replace(sweep, pattern=calibration.pattern, regions=_parts(calibration))
    if sweep.regions != (1, 1) and meter.name.startswith("power:"):
        has = f"has tables for {sweep.regions[1]}x{sweep.regions[0]} regions"
        raise InputError(f"{has}, which '{meter.name}' does not tell apart", where=path, remedy="measure with a camera")
    lab = SimulatedLab(REFERENCE.resized(*LAB_SIZE))
    powers = _ordered(real, place, person)
    with (
        _meter(None if real else lab, meter, sweep, person) as device,
        stage_on(real, lab, powers, person) as stage,
    ):
        _check_panel(path, calibration, stage)
        found = [
            verify_colour(stage, device, number, colour, sweep, progress=progress)
            for number, colour in enumerate(calibration.colours)
        ]
    verdicts = [
        ColourVerdict(
            colour.wavelength,
            None if colour.regions is None else (one.worst[0] + 1, one.worst[1] + 1),
            one.largest_error,
            one.error,
            one.largest_error <= tolerance,
        )
        for colour, one in zip(calibration.colours, found, strict=True)
    ]
    return Verdict(path, tolerance, tuple(verdicts))


def check_white(white: Sequence[float] | None, profile: DisplayProfile) -> None:
    """Refuse another number of shares of white than the display has colours.

    Raises:
        InputError: it is another number.
    """
    if white is not None and len(white) != len(profile.wavelengths):
        raise InputError(
            f"has {len(white)} numbers, expected {len(profile.wavelengths)}, one for each colour", where="--white"
        )


def _ordered(real: Rig | None, place: Place, person: Person) -> Power | None:
    """The even power of a rig's lasers, once it is known that a person has ordered it; None for the simulated lab."""
    if real is None:
        return None
    powers = even_power(real, len(real.profile().wavelengths), place.power_w)
    check_arming(real, powers, person.heard, arm=place.arm)
    return powers


def _meter(lab: SimulatedLab | None, meter: Instrument, sweep: SweepSettings, person: Person) -> Meter:
    return open_meter(
        meter.name,
        lab,
        sweep.pattern,
        regions=sweep.regions,
        exposure=meter.exposure,
        crop=meter.crop,
        warn=person.heard.warn,
    )


def _written(output: Path, calibration: Calibration, responses: Sequence[Response], *, overwrite: bool) -> Calibration:
    write_calibration(output, calibration, overwrite=overwrite)
    write_pixels(beside(output)[1], response_plot(calibration, responses), overwrite=overwrite)
    return calibration


def _check_panel(path: Path, calibration: Calibration, stage: Stage) -> None:
    try:
        calibration.check(stage.profile, panel=stage.panel, serial=stage.serial)
    except InputError as error:
        raise InputError(error.what, where=path) from error


def _parts(calibration: Calibration) -> tuple[int, int]:
    """Rows and columns of the parts of the panel with tables of their own."""
    grids = {(1, 1) if one is None else (one.shape[0], one.shape[1]) for one in calibration.regions}
    return max(grids)
