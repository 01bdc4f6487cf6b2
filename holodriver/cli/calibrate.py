"""`holodriver calibrate`: measure what the panel does to each colour, in a file that `encode` uses."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import place_at_console
from holodriver.cli.options import (
    SIMULATED,
    Arm,
    Exposure,
    Overwrite,
    Profile,
    Rig,
    display_profile,
    parse_numbers,
    parse_whole,
)
from holodriver.panel.calibration import Method as MethodName
from holodriver.panel.calibration import Pattern as PatternName

if TYPE_CHECKING:
    from holodriver.panel.calibration import Calibration

calibrate = typer.Typer(
    help="Measure what the panel does to each colour, in a file that encode uses.",
    no_args_is_help=True,
    add_completion=False,
)

FILE = Path("calibration.json")

File = Annotated[Path, typer.Argument(help="The calibration file.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="The calibration file to write.")]
Power = Annotated[
    float | None,
    typer.Option(min=0.001, help="The power of each laser, mW. By default it is 1, or the lowest limit of the rig."),
]
Meter = Annotated[
    str,
    typer.Option(
        help="The instrument that measures: power:PORT (a SCPI power meter), camera:NUMBER, camera:STREAM, "
        "folder:PICTURES, or 'simulated'."
    ),
]
Crop = Annotated[str | None, typer.Option(help="The panel in the camera's picture: LEFT,TOP,WIDTH,HEIGHT.")]
Sweeps = Annotated[int, typer.Option(min=1, help="The number of sweeps that are averaged.")]
Reference = Annotated[
    int, typer.Option(min=0, help="Readings between two of the reference grey, which removes drift; 0 for none.")
]
Pattern = Annotated[
    PatternName,
    typer.Option(help="The picture on the panel: 'uniform' is read on the axis, 'grating' in the order of holograms."),
]
Method = Annotated[
    MethodName,
    typer.Option(help="How readings become a table: 'smooth', or 'isotonic' for a panel with steps in its response."),
]
White = Annotated[str | None, typer.Option(help="The readings R,G,B that make white. By default they are equal.")]


@calibrate.command()
def measure(
    output: Output = FILE,
    rig: Rig = SIMULATED,
    arm: Arm = False,
    power: Power = None,
    meter: Meter = SIMULATED,
    exposure: Exposure = None,
    crop: Crop = None,
    levels: Annotated[int, typer.Option(min=9, max=256, help="The number of grey levels that are measured.")] = 256,
    sweeps: Sweeps = 4,
    reference: Reference = 8,
    pattern: Pattern = "uniform",
    method: Method = "smooth",
    regions: Annotated[
        str, typer.Option(help="The parts of the panel that get their own tables, COLUMNSxROWS. It needs a camera.")
    ] = "1x1",
    white: White = None,
    overwrite: Overwrite = False,
) -> None:
    """Measure the amplitude of each grey level for each colour, and write the tables that make it linear.

    All readings (.csv) and a picture of the curves (.png) are written beside the calibration file. On a real rig
    (--rig rig.toml --arm) the lasers are armed once, as in play, and are dark except while the meter reads.
    """
    from holodriver.rig.measure.calibrate import SweepSettings
    from holodriver.tasks import calibrate as task

    columns, rows = parse_whole(regions, "x", 2, "--regions")
    with console.reporting() as progress:
        made = task.measure(
            output,
            place_at_console(rig, arm, power),
            SweepSettings(levels, sweeps, reference, pattern=pattern, method=method, regions=(rows, columns)),
            meter=meter,
            exposure=exposure,
            crop=_crop(crop),
            white=None if white is None else parse_numbers(white, "--white"),
            overwrite=overwrite,
            progress=progress,
        )
    _show(made, output)


@calibrate.command()
def fit(
    readings: Annotated[Path, typer.Argument(help="The readings (CSV) that were measured elsewhere or before.")],
    panel: Annotated[str, typer.Option("--panel", help="The EDID name of the panel that was measured.")],
    output: Output = FILE,
    serial: Annotated[str, typer.Option(help="The serial number of the panel.")] = "",
    pattern: Pattern = "uniform",
    method: Method = "smooth",
    white: White = None,
    profile: Profile = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a calibration from readings in a CSV file, without measuring anything."""
    from holodriver.rig.measure.calibrate import SweepSettings
    from holodriver.tasks import calibrate as task

    made = task.fit(
        readings,
        output,
        panel,
        SweepSettings(pattern=pattern, method=method),
        display_profile(profile),
        serial=serial,
        white=None if white is None else parse_numbers(white, "--white"),
        overwrite=overwrite,
    )
    _show(made, output)


@calibrate.command()
def register(
    file: File = FILE,
    rig: Rig = SIMULATED,
    arm: Arm = False,
    power: Power = None,
    camera: Annotated[
        str, typer.Option(help="The camera that looks: camera:NUMBER, camera:STREAM, folder:PICTURES, or 'simulated'.")
    ] = SIMULATED,
    exposure: Exposure = None,
) -> None:
    """Measure with a camera where each colour falls, and add the result to a calibration file."""
    from holodriver.tasks import calibrate as task

    place = place_at_console(rig, arm, power)
    with console.reporting() as progress:
        made = task.register(file, place, camera=camera, exposure=exposure, progress=progress)
    _show(made, file)


@calibrate.command()
def verify(
    file: File = FILE,
    rig: Rig = SIMULATED,
    arm: Arm = False,
    power: Power = None,
    meter: Meter = SIMULATED,
    exposure: Exposure = None,
    crop: Crop = None,
    sweeps: Sweeps = 4,
    reference: Reference = 8,
    tolerance: Annotated[
        float, typer.Option(min=0.001, max=1, help="The largest error of the amplitude that passes, share of the peak.")
    ] = 0.02,
) -> None:
    """Measure again through the tables of a calibration file; the exit code is 1 if they do not hold.

    Each part of the panel that has its own table is measured through it.
    """
    from holodriver.rig.measure.calibrate import SweepSettings
    from holodriver.tasks import calibrate as task

    place, sweep = place_at_console(rig, arm, power), SweepSettings(sweeps=sweeps, reference_every=reference)
    with console.reporting() as progress:
        found = task.verify(file, place, sweep, meter=meter, exposure=exposure, crop=_crop(crop), progress=progress)
    rows = [
        (
            f"{colour.wavelength * 1e9:.0f} nm",
            "all" if colour.regions is None else f"row {one.worst[0] + 1}, column {one.worst[1] + 1}",
            f"{one.largest_error:.4f}",
            f"{one.error:.4f}",
            "pass" if one.largest_error <= tolerance else "FAIL",
        )
        for colour, one in found
    ]
    headings = ("colour", "worst part", "largest error", "RMS error", f"at most {tolerance:g}")
    console.table(headings, rows, title=str(file))
    task.check_verified(file, found, tolerance)


def _crop(text: str | None) -> tuple[int, int, int, int] | None:
    if text is None:
        return None
    left, top, width, height = parse_whole(text, ",", 4, "--crop")
    return left, top, width, height


def _show(calibration: "Calibration", path: Path) -> None:
    rows = [
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
    headings = ("colour", "peak", "levels", "residual", "darkest", "power", "offset y, x", "scale")
    console.table(headings, rows, title=str(path))
    console.name(path)
