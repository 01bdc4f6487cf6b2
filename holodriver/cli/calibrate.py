"""`holodriver calibrate`: what the panel does to each colour, as a file that `encode` takes."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, display_profile
from holodriver.errors import HolodriverError, InputError

if TYPE_CHECKING:
    from holodriver.panel.calibration import Calibration
    from holodriver.progress import Progress
    from holodriver.rig.calibrate import ColourReadings, SweepSettings
    from holodriver.rig.meters import Meter
    from holodriver.rig.stage import Stage

SIMULATED = "simulated"

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
    rig: Annotated[str, typer.Option(help="Where it is measured: simulated.")] = SIMULATED,
    meter: Annotated[
        str,
        typer.Option(help="What measures: simulated, folder:PICTURES, or csv:FILE with what was measured elsewhere."),
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
    seed: Annotated[int, typer.Option(min=0, help="Noise of the simulated meter.")] = 0,
    overwrite: Overwrite = False,
) -> None:
    """Measure the amplitude of each grey level for each colour, and store the tables that make it linear.

    `--verify` measures again through the tables of the file; it fails (exit code 1) if they do not hold.
    """
    from holodriver.files.atomic import check_output
    from holodriver.files.calibration import write_calibration
    from holodriver.files.images import write_pixels
    from holodriver.files.readings import write_readings
    from holodriver.rig.calibrate import SweepSettings, calibrated, measure_colour
    from holodriver.rig.looking import open_camera, open_meter
    from holodriver.rig.register import measure_registrations
    from holodriver.rig.response_plot import response_plot
    from holodriver.rig.simulated_lab import LabSettings, SimulatedLab

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
    _check_together(rig, meter, verify=verify, register=register, csv=csv, panel=panel, written=(plot, readings))
    for path in (plot, readings) if verify else (output, plot, readings):
        if path is not None:
            check_output(path, overwrite=overwrite)
    display = display_profile(profile)
    shares = None if white is None else _numbers(white, len(display.wavelengths), "--white")
    lab = SimulatedLab(display if register else display.resized(*LAB_SIZE), LabSettings(seed=seed))
    registrations = None
    if csv is not None:
        found, device_name = _from_csv(csv), f"readings in {csv.name}"
    else:
        options = {"regions": settings.regions, "exposure": exposure, "crop": area}
        with open_meter(meter, lab, settings.pattern, **options) as device, console.reporting() as progress:  # type: ignore[arg-type]
            if verify:
                _verify(output, lab, device, settings, tolerance, progress)
                return
            device_name = device.name
            colours = range(len(display.wavelengths))
            found = [measure_colour(lab, device, colour, settings, progress) for colour in colours]
    calibration, responses = calibrated(
        panel or lab.panel, serial, device_name, display.wavelengths, found, settings, white=shares
    )
    if register:
        with open_camera(meter, lab, exposure=exposure) as camera, console.reporting() as progress:
            registrations = measure_registrations(lab, camera, calibration.luts, progress)
        calibration = calibration.registered(registrations)
    write_calibration(output, calibration, overwrite=overwrite)
    if plot is not None:
        write_pixels(plot, response_plot(calibration, responses), overwrite=overwrite)
    if readings is not None:
        write_readings(readings, [one.readings for one in found], overwrite=overwrite)
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


def _verify(
    path: Path, stage: "Stage", meter: "Meter", settings: "SweepSettings", tolerance: float, progress: "Progress"
) -> None:
    from holodriver.files.calibration import read_calibration
    from holodriver.rig.calibrate import verify_colour

    calibration = read_calibration(path)
    try:
        calibration.check(stage.profile, panel=stage.panel, serial=stage.serial)
    except InputError as error:
        raise InputError(error.what, where=path) from error
    if calibration.pattern != settings.pattern:
        raise InputError(
            f"was measured with '{calibration.pattern}'", where=path, remedy=f"pass --pattern {calibration.pattern}"
        )
    results = [
        verify_colour(stage, meter, number, colour, settings, progress=progress)
        for number, colour in enumerate(calibration.colours)
    ]
    rows = [
        (
            f"{colour.wavelength * 1e9:.0f} nm",
            f"{one.largest_error:.4f}",
            f"{one.error:.4f}",
            "pass" if one.largest_error <= tolerance else "FAIL",
        )
        for colour, one in zip(calibration.colours, results, strict=True)
    ]
    console.table(("colour", "largest error", "RMS error", f"at most {tolerance:g}"), rows, title=str(path))
    worst = max(one.largest_error for one in results)
    if worst > tolerance:
        raise HolodriverError(
            f"amplitudes are off by up to {worst:.4f} of the peak, {tolerance:g} is allowed",
            where=path,
            remedy="calibrate again",
        )


def _from_csv(path: Path) -> "list[ColourReadings]":
    from holodriver.files.readings import read_readings
    from holodriver.rig.calibrate import ColourReadings

    return [ColourReadings(one, one.values[:, None, None]) for one in read_readings(path)]


def _check_together(
    rig: str,
    meter: str,
    *,
    verify: bool,
    register: bool,
    csv: Path | None,
    panel: str | None,
    written: tuple[Path | None, ...],
) -> None:
    """Refuse options that exclude each other."""
    if rig != SIMULATED:
        raise InputError(
            f"the rig '{rig}' cannot be calibrated on; this version knows the rig 'simulated'",
            where="--rig",
            remedy="measure its grey levels with holodriver pattern and a meter, and pass --meter csv:FILE",
        )
    if meter.startswith(("camera:", "power:")):
        raise InputError(
            f"'{meter}' is real and cannot see the simulated panel",
            where="--meter",
            remedy="measure the grey levels of holodriver pattern with it, and pass --meter csv:FILE",
        )
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
