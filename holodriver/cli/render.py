"""`holodriver render`: a Blender scene to a focal stack."""

import re
from pathlib import Path
from typing import Annotated

import typer

from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE


def render(
    scene: Annotated[str, typer.Argument(help="A .blend file, or 'demo' for the scene that comes along.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The focal stack, NAME.stack.")],
    size: Annotated[str, typer.Option(help="Pixels: one number for a square, or WIDTHxHEIGHT.")] = "256",
    planes: Annotated[int, typer.Option(help="Focal planes.")] = REFERENCE.planes,
    spp: Annotated[int, typer.Option(help="Samples per pixel: 16 is quick, 64 good.")] = 16,
    near: Annotated[
        float | None, typer.Option(help="Distance of the near focal plane, m; else the nearest surface in view.")
    ] = None,
    far: Annotated[
        float | None,
        typer.Option(
            help="Distance of the far focal plane, m ('inf' for infinity); else the farthest surface in view."
        ),
    ] = None,
    mapping: Annotated[
        str | None, typer.Option(help="dioptric or linear; else what the camera gives (perspective: dioptric).")
    ] = None,
    coc_max: Annotated[
        float, typer.Option(help="Blur circle diameter between near and far plane, pixels.")
    ] = REFERENCE.coc_max,
    seed: Annotated[int, typer.Option(help="Of the noise, and of the demo scene's small things.")] = 0,
    blender: Annotated[
        Path | None, typer.Option(help="Blender, or a Python that has bpy; else it is looked for.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing focal stack.")] = False,
) -> None:
    """Render a Blender scene to a focal stack."""
    from holodriver.cli import console
    from holodriver.files.stack import read_stack
    from holodriver.rendering.render import RenderJob, render_stack

    width, height = parse_size(size)
    job = RenderJob(
        scene=scene,
        width=width,
        height=height,
        planes=planes,
        coc_max=coc_max,
        samples=spp,
        near=near,
        far=far,
        mapping=mapping,
        seed=seed,
    )
    with console.reporting() as progress:
        render_stack(job, output, overwrite=overwrite, blender=blender, progress=progress)
    for warning in read_stack(output).warnings():
        console.warn(warning)
    console.say(f"wrote {output}: {planes} planes of {width} × {height} pixels")


def parse_size(text: str) -> tuple[int, int]:
    """(width, height) in pixels of "256" or "1920x1080".

    Raises:
        InputError: it is neither.
    """
    found = re.fullmatch(r"\s*(\d{1,6})(?:\s*[x×]\s*(\d{1,6}))?\s*", text, re.IGNORECASE)
    if not found:
        raise InputError(f"--size is {text!r}, expected pixels such as 256 or 1920x1080")
    width = int(found.group(1))
    return width, int(found.group(2) or width)
