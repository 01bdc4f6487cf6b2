"""`holodriver quantise`: make the networks that the program runs from trained weights."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, display_profile


def quantise(
    weights: Annotated[list[Path], typer.Argument(help="Trained weights (.safetensors) of red, green and blue.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The folder of networks to write.")],
    calibrate: Annotated[
        list[Path],
        typer.Option("--calibrate", help="Focal stacks, or folders of them, that give the ranges of values."),
    ],
    at_most: Annotated[int, typer.Option("--stacks", min=1, help="The largest number of focal stacks used.")] = 4,
    card: Annotated[
        Path | None,
        typer.Option("--card", help="A Markdown file about data and results, which becomes part of the model card."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Use the plain range of values, and nothing else.")] = False,
    profile: Profile = None,
    overwrite: Overwrite = False,
) -> None:
    """Fuse, export (float ONNX) and round (int8 ONNX) the networks of three colours, and say what int8 loses."""
    from holodriver.dehnet.training.ship import ship

    with console.reporting() as progress:
        made = ship(
            weights,
            output,
            calibrate,
            display_profile(profile),
            at_most=at_most,
            quick=quick,
            card=card,
            overwrite=overwrite,
            progress=progress,
        )
    headings = ("colour", "rounded", "float PSNR dB", "int8 PSNR dB", "lost dB", "taken")
    console.table(headings, [row for colour in made.colours for row in colour.rows()])
    console.say(f"wrote {output} ({made.size / 1e6:.2f} MB)")
