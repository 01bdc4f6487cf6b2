"""`holodriver import`: turn wave fields of other programs into holograms."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, parse_numbers
from holodriver.errors import InputError
from holodriver.optics.array_layout import Layout, Meaning


def import_field(
    field: Annotated[
        list[Path],
        typer.Argument(
            help="The wave field: .npy, .mat, or phase pictures (.png, .tif, .exr), one or one for each wavelength."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The hologram to write (NAME.holo).")],
    pitch: Annotated[
        float | None, typer.Option(min=0.01, help="The distance of the samples, µm. By default that of --profile.")
    ] = None,
    wavelengths: Annotated[
        str | None, typer.Option(help="The wavelengths, nm, such as 638,515,460. By default those of --profile.")
    ] = None,
    profile: Annotated[
        Path | None,
        typer.Option(
            "--profile",
            help="The display profile (TOML) that the hologram is for. By default each sample is one panel pixel.",
        ),
    ] = None,
    amplitude: Annotated[
        list[Path] | None,
        typer.Option(
            "--amplitude", help="The amplitude that belongs to the phase: one file or one for each wavelength."
        ),
    ] = None,
    meaning: Annotated[
        Meaning | None,
        typer.Option(help="What the numbers are. Arrays of real numbers need it; pictures hold phase by default."),
    ] = None,
    variable: Annotated[str | None, typer.Option(help="The variable in a .mat file that has several.")] = None,
    layout: Annotated[Layout | None, typer.Option(help="The order of the axes, if the shape leaves it open.")] = None,
    conjugate: Annotated[
        bool, typer.Option("--conjugate", help="The light gains the phase −kz, or the phase is inverted.")
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
        raise InputError("is not the name of a hologram, expected NAME.holo", where=output)
    check_output(output, overwrite=overwrite)
    if profile is None and (pitch is None or wavelengths is None):
        raise InputError("the pitch and the wavelengths of the field are needed", remedy="give both, or --profile")
    nanometres = None if wavelengths is None else parse_numbers(wavelengths, "--wavelengths")
    found = read(
        field,
        WaveField,
        pitch=None if pitch is None else pitch * 1e-6,
        wavelengths=None if nanometres is None else [1e-9 * value for value in nanometres],
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
