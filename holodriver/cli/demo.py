"""`holodriver demo`: run everything once, from a Blender scene to pictures of the played hologram."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, display_profile, parse_size
from holodriver.optics.display import REFERENCE


def demo(
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for all results.")] = Path("demo"),
    size: Annotated[str, typer.Option(help="Pixels: one number for a square, or WIDTHxHEIGHT.")] = "256",
    planes: Annotated[int, typer.Option(min=2, help="Number of focal planes.")] = REFERENCE.planes,
    spp: Annotated[int, typer.Option(min=1, help="Samples per pixel of each rendered image.")] = 16,
    iterations: Annotated[int, typer.Option(min=1, help="Largest number of optimiser steps for each colour.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the scene and of the rendering.")] = 0,
    blender: Annotated[Path | None, typer.Option(help="Blender, or a Python with bpy. By default it is found.")] = None,
    profile: Profile = None,
    overwrite: Overwrite = False,
) -> None:
    """Make a hologram, panel frames and pictures of it from a Blender scene, in one go."""
    from holodriver.scores.table import HEADINGS, table_rows
    from holodriver.tasks.demo import PAGE, SCORES, SHEET, DemoSettings, run_demo

    width, height = parse_size(size)
    settings = DemoSettings(width, height, planes, spp, iterations, seed)
    display = display_profile(profile)
    with console.reporting() as progress:
        result = run_demo(output, settings, display, blender=blender, overwrite=overwrite, progress=progress)
    for warning in result.warnings:
        console.warn(warning)
    if result.reused:
        console.say(f"used the focal stack rendered before; --overwrite renders it again ({output})")
    console.table(HEADINGS, table_rows(result.fields), title="Wave fields, mean over all focal planes")
    console.table(
        HEADINGS[:-1],
        [row[:-1] for row in table_rows(result.played)],
        title="What the camera sees of the frames the panel received",
    )
    console.table(("figure", "value"), result.report.rows(), title="On the rig")
    steps = ", ".join(f"{step} {seconds:.0f} s" for step, seconds in result.seconds.items())
    console.say(f"took {sum(result.seconds.values()):.0f} s: {steps}")
    console.say(f"wrote {output}: {SHEET}, {PAGE}, {SCORES}, *.holo, *.frames")
    console.say(f"open {(output / PAGE).resolve().as_uri()} in any browser to focus, compare and zoom")
