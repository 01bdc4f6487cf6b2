"""`holodriver reconstruct`: show what a camera would see of a hologram, as pictures or as a film."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite


def reconstruct(
    source: Annotated[Path, typer.Argument(help="The hologram (.holo), or a folder of panel frames.")],
    focus: Annotated[
        list[float] | None,
        typer.Option(min=0, max=1, help="The normalised depth of the focus, 0 (near) to 1 (far). It may be repeated."),
    ] = None,
    dioptres: Annotated[
        list[float] | None, typer.Option(min=0, help="The focus in dioptres, as an eye has it. It may be repeated.")
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="The folder for the pictures focus_0.5000.png …, or a film (.mp4, .mov, .mkv, .gif) of the focus "
            "going through all planes and back.",
        ),
    ] = Path("reconstruction"),
    from_field: Annotated[
        bool, typer.Option("--from-field", help="Look at the computed wave field, not at what the panel shows.")
    ] = False,
    conjugate: Annotated[
        bool, typer.Option("--conjugate", help="Put the slit on the other side, where depth is inside out.")
    ] = False,
    source_radius: Annotated[float, typer.Option(min=0, help="The angular radius of the light source, rad.")] = 0.0,
    pupil: Annotated[
        float | None, typer.Option(min=0.01, help="The diameter of the eye's pupil, mm. By default it is open.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="The focal stack that stands beside the hologram in a film.")
    ] = None,
    planes: Annotated[
        int | None, typer.Option(min=3, help="The focal planes of a film. By default those of the stack or display.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.5, max=50, help="The focal planes a second of a film.")] = 12.0,
    width: Annotated[int, typer.Option(min=16, help="The largest width of a picture in a film, pixels.")] = 960,
    overwrite: Overwrite = False,
) -> None:
    """Show what a camera behind slit and eyepiece would see of a hologram, focus by focus."""
    from holodriver.tasks import reconstruct as task

    settings = task.LookSettings(from_field, conjugate, source_radius, pupil)
    film = task.check_options(
        output, of_pictures=bool(focus or dioptres), of_films=against is not None or planes is not None
    )
    if film:
        with console.reporting() as progress:
            count, seconds, (wide, high) = task.write_film(
                source,
                output,
                settings,
                against=against,
                planes=planes,
                rate=rate,
                width=width,
                overwrite=overwrite,
                progress=progress,
            )
        console.name(output)
        console.say(f"wrote {output}: {count} focal planes, there and back, {seconds:.1f} s, {wide} × {high} pixels")
        return
    made = task.write_pictures(
        source, output, settings, focus=focus or (), dioptres=dioptres or (), overwrite=overwrite
    )
    rows = [(name, f"{t:.4f}", f"{value:.2f}") for name, t, value in made]
    console.table(("picture", "normalised depth", "dioptres"), rows, title=str(output))
    console.name(output)
