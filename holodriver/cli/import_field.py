"""`holodriver import`: wave fields of other programs as holograms."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite
from holodriver.errors import InputError
from holodriver.optics.array_layout import Layout, Meaning


def import_field(
    field: Annotated[
        list[Path],
        typer.Argument(
            help="Wave field: .npy, .mat, or phase pictures (.png, .tif, .exr); one file, or one for each wavelength."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Hologram to write (NAME.holo).")],
    pitch: Annotated[
        float | None, typer.Option(min=0.01, help="Distance of the samples, µm; that of --profile if left out.")
    ] = None,
    wavelengths: Annotated[
        str | None,
        typer.Option(help="Wavelengths of the colours, nm, such as 638,515,460; those of --profile if left out."),
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile",
            help="Display profile (TOML) that the hologram is for; if left out, a display with one panel pixel for "
            "each sample.",
        ),
    ] = None,
    amplitude: Annotated[
        list[Path] | None,
        typer.Option("--amplitude", help="Amplitude that belongs to the phase; one file, or one for each wavelength."),
    ] = None,
    meaning: Annotated[
        Meaning | None,
        typer.Option(help="What the numbers are. Pictures hold phase if left out; arrays of real numbers need it."),
    ] = None,
    variable: Annotated[str | None, typer.Option(help="Name of the variable in a .mat file that has several.")] = None,
    layout: Annotated[
        Layout | None, typer.Option(help="Order of the axes; needed only where the shape leaves it open.")
    ] = None,
    conjugate: Annotated[
        bool,
        typer.Option("--conjugate", help="The field is for light that gains the phase −kz, or its phase is inverted."),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Turn the wave field of another program into a hologram, for encode, view, evaluate and play.

    Grey levels of a phase picture from 0 to the highest are phases from 0 to 2π. What was assumed is printed and kept
    in the hologram.
    """
    from holodriver.files.atomic import check_output
    from holodriver.files.profile import read_profile
    from holodriver.optics.field import WaveField
    from holodriver.tasks.read_write import read, write

    if output.suffix.lower() != ".holo":
        raise InputError("has no suffix of a hologram, expected .holo", where=output)
    check_output(output, overwrite=overwrite)
    if profile is None and (pitch is None or wavelengths is None):
        raise InputError("the pitch and the wavelengths of the field are needed", remedy="give both, or --profile")
    found = read(
        field,
        WaveField,
        pitch=None if pitch is None else pitch * 1e-6,
        wavelengths=None if wavelengths is None else parse_wavelengths(wavelengths),
        display=None if profile is None else read_profile(profile),
        amplitude=amplitude or (),
        meaning=meaning,
        variable=variable,
        layout=layout,
        conjugate=conjugate,
    )
    write(output, found, overwrite=overwrite)
    console.say(f"assumed: {found.provenance['imported']['assumed']}")
    console.say(f"wrote {output}")


def parse_wavelengths(text: str) -> tuple[float, ...]:
    """Wavelengths (m) of "638,515,460" (nm).

    Raises:
        InputError: it is no list of numbers.
    """
    try:
        return tuple(float(part) * 1e-9 for part in text.split(","))
    except ValueError as error:
        raise InputError(f"--wavelengths is {text!r}, expected nanometres such as 638,515,460") from error
