"""Calibrations of a panel: measure one, fit one to readings from elsewhere, register its colours, and verify it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from holodriver.errors import HolodriverError, InputError
from holodriver.files.atomic import check_output
from holodriver.files.calibration import read_calibration, write_calibration
from holodriver.files.images import write_pixels
from holodriver.files.readings import read_readings, write_readings
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.panel.calibration import Calibration, ColourCalibration
from holodriver.panel.response import Response
from holodriver.progress import Progress, silent
from holodriver.rig.lasers.power import Power, even_power
from holodriver.rig.measure.calibrate import (
    ColourReadings,
    SweepSettings,
    Verified,
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
from holodriver.tasks.measuring import SIMULATED, Place

LAB_SIZE = (96, 64)
"""Width and height of the simulated panel, effective pixels; the response to a grey level does not depend on them."""


def beside(output: Path) -> tuple[Path, Path]:
    """Paths of the readings (CSV) and of the picture of the curves (PNG) beside a calibration file."""
    return output.with_suffix(".csv"), output.with_suffix(".png")


def measure(
    output: Path,
    place: Place,
    sweep: SweepSettings,
    *,
    meter: str = SIMULATED,
    exposure: float | None = None,
    crop: Crop | None = None,
    white: Sequence[float] | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Calibration:
    """Measure the amplitude of each grey level for each colour, and write the tables that make it linear.

    All readings (CSV) and a picture of the curves (PNG) are written beside the calibration file.

    Args:
        output: the calibration file.
        place: the rig or the simulated lab.
        sweep: how grey levels are measured.
        meter: name of the meter or the camera, see `holodriver.rig.measure.instruments`.
        exposure: exposure of a real camera, in the unit of its driver.
        crop: part of the camera's picture that shows the panel: left, top, width, height, pixels.
        white: readings of each colour at its brightest that make white; equal ones if None.
        overwrite: whether the three files are replaced.
        progress: told how far the sweep is.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        InputError: the options do not fit together, or the rig is not armed.
        RigError: the meter or the rig failed.
    """
    real = place.real_rig()
    readings, _ = beside(output)
    for path in (output, *beside(output)):
        check_output(path, overwrite=overwrite)
    lab = SimulatedLab(REFERENCE.resized(*LAB_SIZE))
    display = lab.profile if real is None else real.profile()
    colours = range(len(display.wavelengths))
    _check_white(white, display)
    powers = _ordered(real, place)
    # the meter first: a missing one is found while nothing is armed
    with (
        _meter(None if real else lab, meter, sweep, place, exposure, crop) as device,
        place.stage(real, lab, powers) as stage,
    ):
        found = [measure_colour(stage, device, colour, sweep, progress) for colour in colours]
        name, serial, by = stage.panel, stage.serial, device.name
    write_readings(readings, [one.readings for one in found], overwrite=overwrite)  # first: measuring took longest
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
    """Make a calibration from readings (CSV) that were measured elsewhere or before.

    Args:
        readings: file of the readings.
        output: the calibration file; a picture of the curves (PNG) is written beside it.
        panel: name of the panel that was measured.
        sweep: pattern that was measured, and how readings become a table.
        profile: the display.
        serial: serial number of the panel.
        white: see `measure`.
        overwrite: whether the two files are replaced.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        FileFormatError: the readings cannot be read.
        InputError: they make no table.
    """
    for path in (output, beside(output)[1]):
        check_output(path, overwrite=overwrite)
    _check_white(white, profile)
    found = [ColourReadings(one, one.values[:, None, None]) for one in read_readings(readings)]
    by = f"readings in {readings.name}"
    made = calibrated(panel, serial, by, profile.wavelengths, found, sweep, white=white)
    return _written(output, *made, overwrite=overwrite)


def register(
    path: Path, place: Place, *, camera: str = SIMULATED, exposure: float | None = None, progress: Progress = silent
) -> Calibration:
    """Measure with a camera where each colour falls, and add the result to a calibration file; see `measure`.

    Raises:
        FileFormatError: the calibration cannot be read.
        InputError: the calibration is of another panel, or the rig is not armed.
        RigError: the camera or the rig failed, or the crosses of a colour are not found.
    """
    calibration, real = read_calibration(path), place.real_rig()
    lab = SimulatedLab(REFERENCE)
    powers = _ordered(real, place)
    opened = open_camera(camera, None if real else lab, exposure=exposure, warn=place.heard.warn)
    with opened as device, place.stage(real, lab, powers) as stage:
        _check_panel(path, calibration, stage)
        luts = [colour.lut for colour in calibration.colours]
        calibration = calibration.registered(measure_registrations(stage, device, luts, progress))
    write_calibration(path, calibration, overwrite=True)
    return calibration


def verify(
    path: Path,
    place: Place,
    sweep: SweepSettings,
    *,
    meter: str = SIMULATED,
    exposure: float | None = None,
    crop: Crop | None = None,
    progress: Progress = silent,
) -> list[tuple[ColourCalibration, Verified]]:
    """Measure again through the tables of a calibration file; the result is each colour and what it showed.

    Each part of the panel that has a table is measured through it, with the pattern of the file; see `measure`.

    Raises:
        FileFormatError: the calibration cannot be read.
        InputError: the calibration is of another panel, the meter does not tell the panel's parts apart, or the rig is
            not armed.
        RigError: the meter or the rig failed.
    """
    calibration, real = read_calibration(path), place.real_rig()
    sweep = replace(sweep, pattern=calibration.pattern, regions=_parts(calibration))
    if sweep.regions != (1, 1) and meter.startswith("power:"):
        has = f"has tables for {sweep.regions[1]}x{sweep.regions[0]} regions"
        raise InputError(f"{has}, which '{meter}' does not tell apart", where=path, remedy="measure with a camera")
    lab = SimulatedLab(REFERENCE.resized(*LAB_SIZE))
    powers = _ordered(real, place)
    with (
        _meter(None if real else lab, meter, sweep, place, exposure, crop) as device,
        place.stage(real, lab, powers) as stage,
    ):
        _check_panel(path, calibration, stage)
        return [
            (colour, verify_colour(stage, device, number, colour, sweep, progress=progress))
            for number, colour in enumerate(calibration.colours)
        ]


def check_verified(path: Path, found: Sequence[tuple[ColourCalibration, Verified]], tolerance: float) -> None:
    """Refuse a calibration file whose amplitudes are off by more than the tolerance, a share of the peak.

    Raises:
        HolodriverError: a colour is off by more.
    """
    worst = max(one.largest_error for _, one in found)
    if worst > tolerance:
        raise HolodriverError(
            f"amplitudes are off by up to {worst:.4f} of the peak, {tolerance:g} is allowed",
            where=path,
            remedy="calibrate again",
        )


def _check_white(white: Sequence[float] | None, profile: DisplayProfile) -> None:
    if white is not None and len(white) != len(profile.wavelengths):
        raise InputError(
            f"has {len(white)} numbers, expected {len(profile.wavelengths)}, one for each colour", where="--white"
        )


def _ordered(real: Rig | None, place: Place) -> Power | None:
    """The power of a rig's lasers, once a person has ordered it; None for the simulated lab."""
    if real is None:
        return None
    powers = even_power(real, len(real.profile().wavelengths), place.power_w)
    check_arming(real, powers, place.heard, arm=place.arm)
    return powers


def _meter(
    lab: SimulatedLab | None, name: str, sweep: SweepSettings, place: Place, exposure: float | None, crop: Crop | None
) -> Meter:
    warn = place.heard.warn
    return open_meter(name, lab, sweep.pattern, regions=sweep.regions, exposure=exposure, crop=crop, warn=warn)


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
    """Number of rows and of columns of the parts of the panel that have tables of their own."""
    grids = {(1, 1) if one is None else (one.shape[0], one.shape[1]) for one in calibration.regions}
    return max(grids)
