"""`holodriver calibrate`: what the panel does to each colour, as a file that `encode` takes."""

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import SIMULATED, Arm, check_simulated, heard_on_console, rig_named, stage_on
from holodriver.cli.options import Overwrite, Profile, display_profile
from holodriver.errors import HolodriverError, InputError

if TYPE_CHECKING:
    from holodriver.panel.calibration import Calibration
    from holodriver.progress import Progress
    from holodriver.rig.measure.calibrate import ColourReadings, SweepSettings
    from holodriver.rig.measure.meters import Meter
    from holodriver.rig.measure.stage import Stage
    from holodriver.rig.settings import Rig

LAB_SIZE = (96, 64)
"""Effective pixels of the simulated panel: what a grey level does has nothing to do with how many there are."""


class PatternName(StrEnum):
    """What stands on the panel."""

    uniform = "uniform"
    grating = "grating"


class MethodName(StrEnum):
    """How readings become a table."""

    smooth = "smooth"
    isotonic = "isotonic"


def calibrate(
    output: Annotated[Path, typer.Option("-o", "--output", help="The calibration file.")] = Path("calibration.json"),
    rig: Annotated[str, typer.Option(help="Where it is measured: a rig file, or simulated.")] = SIMULATED,
    arm: Arm = False,
    power: Annotated[
        float | None,
        typer.Option(min=0.001, help="Power of each laser, mW; 1, or the lowest limit.", show_default=False),
    ] = None,
    meter: Annotated[
        str,
        typer.Option(
            help="What measures: power:PORT (SCPI), camera:NUMBER or STREAM, folder:PICTURES, simulated, or csv:FILE "
            "with what was measured elsewhere."
        ),
    ] = SIMULATED,
    levels: Annotated[int, typer.Option(min=9, max=256, help="Grey levels measured.")] = 256,
    sweeps: Annotated[int, typer.Option(min=1, help="Sweeps averaged.")] = 4,
    reference: Annotated[
        int, typer.Option(min=0, help="Readings between two of the reference grey, against drift; 0: none.")
    ] = 8,
    pattern: Annotated[
        PatternName, typer.Option(help="uniform: on the axis; grating: in the order that holograms use.")
    ] = PatternName.uniform,
    method: Annotated[
        MethodName, typer.Option(help="smooth, or isotonic alone for a panel with steps in its response.")
    ] = MethodName.smooth,
    regions: Annotated[
        str, typer.Option(help="Parts of the panel with tables of their own, COLUMNSxROWS; a camera must measure.")
    ] = "1x1",
    crop: Annotated[
        str | None, typer.Option(help="Where the camera sees the panel: LEFT,TOP,WIDTH,HEIGHT, pixels.")
    ] = None,
    exposure: Annotated[float | None, typer.Option(help="The camera's exposure, in its driver's unit.")] = None,
    white: Annotated[
        str | None, typer.Option(help="Readings R,G,B that make white; equal ones if left out.", show_default=False)
    ] = None,
    register: Annotated[
        bool, typer.Option("--register", help="Measure where each colour falls, too; a camera must look.")
    ] = False,
    panel: Annotated[
        str | None, typer.Option("--panel", help="The panel's name, with csv: (otherwise the rig knows).")
    ] = None,
    serial: Annotated[str, typer.Option(help="The panel's serial number.")] = "",
    profile: Profile = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (PNG) of the curves.")] = None,
    readings: Annotated[Path | None, typer.Option(help="Write all readings (CSV).")] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="Measure with the tables of the file applied, and judge them.")
    ] = False,
    tolerance: Annotated[float, typer.Option(min=0.001, max=1, help="Greatest error of amplitude that passes.")] = 0.02,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Noise of the simulated meter; 0 if left out.", show_default=False)
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure the amplitude of each grey level for each colour, and store the tables that make it linear.

    On a real rig (`--rig rig.toml --arm`) the lasers are armed once, as in `play`, and are dark but while the meter
    reads. `--verify` measures again through the tables of the file, each part of the panel through its own; it fails
    (exit code 1) if they do not hold.
    """
    from holodriver.files.atomic import check_output
    from holodriver.files.calibration import write_calibration
    from holodriver.files.images import write_pixels
    from holodriver.files.readings import write_readings
    from holodriver.progress import silent
    from holodriver.rig.lasers.power import even_power
    from holodriver.rig.measure.calibrate import SweepSettings, calibrated, measure_colour
    from holodriver.rig.measure.instruments import open_meter
    from holodriver.rig.measure.meters import CameraMeter
    from holodriver.rig.measure.register import measure_registrations
    from holodriver.rig.measure.response_plot import response_plot
    from holodriver.rig.measure.rig_stage import check_arming
    from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab

    settings = SweepSettings(
        levels=levels,
        sweeps=sweeps,
        reference_every=reference,
        pattern=pattern.value,
        regions=_whole(regions, "x", 2, "--regions")[::-1],  # type: ignore[arg-type]  # two, as asked for
        method=method.value,
    )
    area = None if crop is None else _whole(crop, ",", 4, "--crop")
    csv = Path(meter.partition(":")[2]) if meter.startswith("csv:") else None
    real = rig_named(rig, arm=arm, power=power)
    _check_together(real, meter, verify=verify, register=register, csv=csv, panel=panel, written=(plot, readings))
    check_simulated(real is None and csv is None, {"--seed": seed})
    if real is not None and profile is not None:
        raise InputError(
            "is for the simulated panel and csv:FILE; the rig has its own", where="--profile",
            remedy="leave it away, or set display.profile in the rig file",
        )  # fmt: skip
    for path in (plot, readings) if verify else (output, plot, readings):
        if path is not None:
            check_output(path, overwrite=overwrite)
    display = display_profile(profile) if real is None else real.profile()
    colours = len(display.wavelengths)
    shares = None if white is None else _numbers(white, colours, "--white")
    lab = SimulatedLab(display if register else display.resized(*LAB_SIZE), LabSettings(seed=seed or 0))
    registrations = None
    if csv is not None:
        found, device_name, name, number = _from_csv(csv), f"readings in {csv.name}", panel or lab.panel, serial
    else:
        powers = None
        if real is not None:
            powers = even_power(real, colours, None if power is None else power * 1e-3)
            check_arming(real, powers, heard_on_console(silent), arm=arm)
        known = _verifiable(output, settings, meter) if verify else None
        if known is not None:
            settings = replace(settings, regions=_grid(known))
        options = {"regions": settings.regions, "exposure": exposure, "crop": area, "warn": console.warn}
        # the meter first: one that is not there is found while nothing is armed
        with (
            open_meter(meter, None if real else lab, settings.pattern, **options) as device,  # type: ignore[arg-type]
            stage_on(real, lab, powers) as stage,
            console.reporting() as progress,
        ):
            if known is not None:
                _verify(output, known, stage, device, settings, tolerance, progress)
                return
            device_name, name, number = device.name, panel or stage.panel, serial or stage.serial
            found = [measure_colour(stage, device, colour, settings, progress) for colour in range(colours)]
            if register:
                camera = device.camera if isinstance(device, CameraMeter) else lab.camera()
                luts = calibrated(name, number, device_name, display.wavelengths, found, settings)[0].luts
                registrations = measure_registrations(stage, camera, luts, progress)
    if readings is not None:  # first, as they took longest
        write_readings(readings, [one.readings for one in found], overwrite=overwrite)
    calibration, responses = calibrated(name, number, device_name, display.wavelengths, found, settings, white=shares)
    if registrations is not None:
        calibration = calibration.registered(registrations)
    write_calibration(output, calibration, overwrite=overwrite)
    if plot is not None:
        write_pixels(plot, response_plot(calibration, responses), overwrite=overwrite)
    console.table(CALIBRATION_HEADINGS, calibration_rows(calibration), title=str(output))


CALIBRATION_HEADINGS = ("colour", "peak", "levels", "residual", "darkest", "power", "offset y, x", "scale")


def calibration_rows(calibration: "Calibration") -> list[tuple[str, ...]]:
    """One row a colour under `CALIBRATION_HEADINGS`."""
    return [
        (
            f"{colour.wavelength * 1e9:.0f} nm",
            f"grey {colour.lut.peak}",
            str(colour.levels),
            f"{colour.residual:.4f}",
            f"{colour.lut.amplitudes[0]:.3f}",
            f"{colour.relative_power:.3f}",
            "{:+.2f}, {:+.2f} px".format(*colour.registration.offset),
            f"{colour.registration.scale:.4f}",
        )
        for colour in calibration.colours
    ]


def _verifiable(path: Path, settings: "SweepSettings", meter: str) -> "Calibration":
    """The calibration in a file, if this sweep by this meter can judge it; nothing is lit before that is known."""
    from holodriver.files.calibration import read_calibration

    calibration = read_calibration(path)
    if calibration.pattern != settings.pattern:
        raise InputError(
            f"was measured with '{calibration.pattern}'", where=path, remedy=f"pass --pattern {calibration.pattern}"
        )
    grid = _grid(calibration)
    has = f"tables for {grid[1]}x{grid[0]} regions"
    if settings.regions not in ((1, 1), grid):
        raise InputError(f"has {has}", where=path, remedy="leave --regions away")
    if grid != (1, 1) and meter.startswith("power:"):
        raise InputError(f"has {has}, which '{meter}' does not tell apart", where=path, remedy="measure with a camera")
    return calibration


def _grid(calibration: "Calibration") -> tuple[int, int]:
    """Rows and columns of the parts of the panel with tables of their own."""
    grids = {(1, 1) if one is None else (one.shape[0], one.shape[1]) for one in calibration.regions}
    return max(grids)


def _verify(
    path: Path,
    calibration: "Calibration",
    stage: "Stage",
    meter: "Meter",
    settings: "SweepSettings",
    tolerance: float,
    progress: "Progress",
) -> None:
    from holodriver.rig.measure.calibrate import verify_colour

    try:
        calibration.check(stage.profile, panel=stage.panel, serial=stage.serial)
    except InputError as error:
        raise InputError(error.what, where=path) from error
    results = [
        verify_colour(stage, meter, number, colour, settings, progress=progress)
        for number, colour in enumerate(calibration.colours)
    ]
    rows = [
        (
            f"{colour.wavelength * 1e9:.0f} nm",
            "all" if colour.regions is None else "row {}, column {}".format(*(side + 1 for side in one.worst)),
            f"{one.largest_error:.4f}",
            f"{one.error:.4f}",
            "pass" if one.largest_error <= tolerance else "FAIL",
        )
        for colour, one in zip(calibration.colours, results, strict=True)
    ]
    console.table(
        ("colour", "worst part", "largest error", "RMS error", f"at most {tolerance:g}"), rows, title=str(path)
    )
    worst = max(one.largest_error for one in results)
    if worst > tolerance:
        raise HolodriverError(
            f"amplitudes are off by up to {worst:.4f} of the peak, {tolerance:g} is allowed",
            where=path,
            remedy="calibrate again",
        )


def _from_csv(path: Path) -> "list[ColourReadings]":
    from holodriver.files.readings import read_readings
    from holodriver.rig.measure.calibrate import ColourReadings

    return [ColourReadings(one, one.values[:, None, None]) for one in read_readings(path)]


def _check_together(
    real: "Rig | None",
    meter: str,
    *,
    verify: bool,
    register: bool,
    csv: Path | None,
    panel: str | None,
    written: tuple[Path | None, ...],
) -> None:
    """Refuse options that exclude each other."""
    if real is not None and csv is not None:
        raise InputError("was measured elsewhere, so it needs no rig", where=f"csv:{csv}", remedy="leave --rig away")
    if real is not None and panel:
        raise InputError("is for csv:FILE; the rig knows its panel", where="--panel", remedy="leave it away")
    if register and meter.startswith("power:"):
        raise InputError(f"'{meter}' sees no crosses", where="--register", remedy="look with a camera")
    if csv is not None and (verify or register):
        raise InputError("a CSV cannot be measured again", where="--verify" if verify else "--register")
    if csv is not None and not panel:
        raise InputError("the panel that was measured has no name", where="--panel", remedy="give its EDID name")
    if verify and (register or any(written)):
        raise InputError("writes nothing", where="--verify", remedy="leave --register, --plot and --readings away")


def _whole(text: str, separator: str, count: int, option: str) -> tuple[int, ...]:
    parts = text.lower().replace("×", "x").split(separator)
    if len(parts) != count or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
        raise InputError(f"is {text!r}, expected {count} whole numbers joined by '{separator}'", where=option)
    return tuple(int(part) for part in parts)


def _numbers(text: str, count: int, option: str) -> tuple[float, ...]:
    try:
        values = tuple(float(part) for part in text.split(","))
    except ValueError:
        values = ()
    if len(values) != count or not all(0 < value < float("inf") for value in values):
        raise InputError(f"is {text!r}, expected {count} numbers above 0 joined by ','", where=option)
    return values
