"""`holodriver view`: focal stacks and holograms in a page for any browser."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite


class Shown(StrEnum):
    """What is looked at of a hologram."""

    frames = "frames"
    field = "field"
    both = "both"


class NearLevel(StrEnum):
    """Which end of the grey scale is near in a depth picture."""

    black = "black"
    white = "white"


def view(
    source: Annotated[
        list[Path],
        typer.Argument(
            help="Holograms (.holo), folders of panel frames, and one focal stack or picture with depth "
            "(NAME_depth.png beside it, or NAME_rgbd_lr.png) that they are compared with."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Page to write (NAME.html).")],
    width: Annotated[int, typer.Option(min=16, help="Pixels that pictures are wide at most.")] = 960,
    planes: Annotated[
        int | None, typer.Option(min=2, help="Focal planes; those of the stack or the display if left out.")
    ] = None,
    show: Annotated[
        Shown | None,
        typer.Option(
            help="Of holograms: what a camera sees of the panel frames, the wave field, or both. The frames if left "
            "out, the field where there are none."
        ),
    ] = None,
    depth: Annotated[
        Path | None, typer.Option("--depth", help="Depth of a picture; NAME_depth.png beside it if left out.")
    ] = None,
    near: Annotated[
        NearLevel | None,
        typer.Option(help="What is near in it; black if left out, white in NAME_rgbd_lr.png (Looking Glass)."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    limit: Annotated[float, typer.Option(min=0.1, help="MB that the page may take.")] = 15.0,
    overwrite: Overwrite = False,
) -> None:
    """Write a page that shows every focal plane, side by side with others: one file, for any browser, offline."""
    from holodriver.errors import InputError
    from holodriver.files.atomic import check_output
    from holodriver.viewer.inputs import ViewSettings, read_content
    from holodriver.viewer.page import write_page

    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError("is not named as a page, expected NAME.html", where=output)
    check_output(output, overwrite=overwrite)
    settings = ViewSettings(
        width=width,
        planes=planes,
        show=show.value if show else None,
        depth=depth,
        near=near.value if near else None,
        title=title,
    )
    with console.reporting() as progress:
        content = read_content(source, settings, progress=progress, warn=console.warn)
        page = write_page(output, content, limit=round(limit * 1e6), overwrite=overwrite, progress=progress)
    kind = "lossless" if page.quality == "lossless" else f"WebP of quality {page.quality} to stay below {limit:g} MB"
    columns, rows = page.picture_size
    console.say(f"wrote {output}: {page.size / 1e6:.1f} MB, pictures of {columns} × {rows} pixels, {kind}")
