"""`holodriver render`: a Blender scene to a focal stack."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli.options import parse_size
from holodriver.errors import InputError
from holodriver.optics.display import REFERENCE


def render(
    scene: Annotated[
        str,
        typer.Argument(
            help="A .blend file, 'demo' for the scene that comes along, or 'random' for one made from the seed."
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="The focal stack, NAME.stack; with --quilt the quilt, NAME.png or .jpg."),
    ],
    size: Annotated[
        str, typer.Option(help="Pixels: one number for a square, or WIDTHxHEIGHT; a quilt has its display's.")
    ] = "256",
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
    quilt: Annotated[
        str | None,
        typer.Option(
            metavar="DISPLAY",
            help="Render true views as a quilt for this Looking Glass instead ('holodriver looking-glass devices').",
        ),
    ] = None,
    focus: Annotated[
        float | None,
        typer.Option(
            help="With --quilt: distance of the plane that stands in the display, m; else where the camera focuses if "
            "it has depth of field, else the middle of what it sees."
        ),
    ] = None,
    view_cone: Annotated[
        float | None, typer.Option(help="With --quilt: angle between first and last view, degrees; else the display's.")
    ] = None,
    standard: Annotated[
        bool,
        typer.Option("--standard-colours", help="With --quilt: plain sRGB instead of the scene's own view transform."),
    ] = False,
    blender: Annotated[
        Path | None, typer.Option(help="Blender, or a Python that has bpy; else it is looked for.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing focal stack.")] = False,
) -> None:
    """Render a Blender scene to a focal stack, or to a quilt of true views for a Looking Glass."""
    from holodriver.cli import console
    from holodriver.files.stack import read_stack
    from holodriver.rendering.render import RenderJob, render_stack

    if quilt is not None:
        _render_quilt(
            scene,
            output,
            quilt,
            focus=focus,
            view_cone=view_cone,
            spp=spp,
            seed=seed,
            denoise=denoise,
            standard=standard,
            split=split,
            blender=blender,
            overwrite=overwrite,
        )
        return
    for name, value in (("--focus", focus), ("--view-cone", view_cone), ("--standard-colours", standard or None)):
        if value is not None:
            raise InputError("is for quilts alone", where=name, remedy="add --quilt DISPLAY, or leave it out")
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


def _render_quilt(
    scene: str,
    output: Path,
    name: str,
    *,
    focus: float | None,
    view_cone: float | None,
    spp: int,
    seed: int,
    denoise: bool,
    standard: bool,
    split: str,
    blender: Path | None,
    overwrite: bool,
) -> None:
    from holodriver.cli import console
    from holodriver.optics.lookingglass import looking_glass
    from holodriver.rendering.quilt import QuiltJob, render_quilt

    job = QuiltJob(
        scene=scene,
        display=looking_glass(name),
        focus=focus,
        view_cone=view_cone,
        samples=spp,
        seed=seed,
        denoise=denoise,
        look="standard" if standard else "scene",
        split=split,
    )
    with console.reporting() as progress:
        written = render_quilt(job, output, overwrite=overwrite, blender=blender, progress=progress, warn=console.warn)
    console.say(f"wrote {written}: {job.display.views} views of {' × '.join(map(str, job.view_size))} pixels")
