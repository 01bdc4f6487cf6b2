"""`holodriver render`: a Blender scene to a focal stack."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli.options import parse_size
from holodriver.optics.display import REFERENCE


def render(
    scene: Annotated[
        str,
        typer.Argument(
            help="A .blend file, 'demo' for the scene that comes along, or 'random' for one made from the seed."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The focal stack, NAME.stack.")],
    size: Annotated[str, typer.Option(help="Pixels: one number for a square, or WIDTHxHEIGHT.")] = "256",
    planes: Annotated[int, typer.Option(help="Focal planes.", min=2)] = REFERENCE.planes,
    spp: Annotated[int, typer.Option(help="Samples per pixel: 16 is quick, 64 good.", min=1)] = 16,
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
    denoise: Annotated[bool, typer.Option(help="Remove noise from the images.")] = True,
    seed: Annotated[int, typer.Option(help="Of the noise, of the demo's small things, and of all that is random.")] = 0,
    split: Annotated[
        str, typer.Option(help="Of a random scene: test, or train, which shares no thing and no texture with test.")
    ] = "test",
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
        denoise=denoise,
        seed=seed,
        split=split,
    )
    with console.reporting() as progress:
        render_stack(job, output, overwrite=overwrite, blender=blender, progress=progress, warn=console.warn)
    for warning in read_stack(output).warnings():
        console.warn(warning)
    console.say(f"wrote {output}: {planes} planes of {width} × {height} pixels")
