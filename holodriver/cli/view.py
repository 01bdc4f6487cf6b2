"""`holodriver view`: show focal stacks and holograms in a page for any browser."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Depth, Overwrite
from holodriver.cli.synth import Near
from holodriver.viewer.choices import Show


def view(
    source: Annotated[
        list[Path],
        typer.Argument(
            help="Holograms (.holo), folders of panel frames, and one focal stack or picture with depth that they are "
            "compared with."
        ),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="The page to write (NAME.html).")],
    width: Annotated[int, typer.Option(min=16, help="The largest width of the pictures, pixels.")] = 960,
    planes: Annotated[
        int | None, typer.Option(min=2, help="How many focal planes. By default those of the stack or display.")
    ] = None,
    show: Annotated[
        Show | None,
        typer.Option(
            help="What is shown of holograms: what a camera sees of the panel frames, the wave field, or both. By "
            "default the frames are shown, or the wave field where there are none."
        ),
    ] = None,
    depth: Depth = None,
    near: Near = None,
    title: Annotated[str | None, typer.Option(help="The heading of the page.")] = None,
    limit: Annotated[float, typer.Option(min=0.1, help="The largest size of the page, MB.")] = 15.0,
    overwrite: Overwrite = False,
) -> None:
    """Write a page that shows every focal plane, side by side with others: one file, for any browser, offline."""
    from holodriver.errors import InputError
    from holodriver.files.atomic import check_output
    from holodriver.viewer.inputs import ViewSettings, read_content
    from holodriver.viewer.page import write_page

    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError("is not the name of a page, expected NAME.html", where=output)
    check_output(output, overwrite=overwrite)
    settings = ViewSettings(width=width, planes=planes, show=show, depth=depth, near=near, title=title)
    with console.reporting() as progress:
        content = read_content(source, settings, progress=progress, warn=console.warn)
        page = write_page(output, content, limit=round(limit * 1e6), overwrite=overwrite, progress=progress)
    kind = "lossless" if page.quality == "lossless" else f"WebP of quality {page.quality} to stay below {limit:g} MB"
    columns, rows = page.picture_size
    console.say(f"wrote {output}: {page.size / 1e6:.1f} MB, pictures of {columns} × {rows} pixels, {kind}")
