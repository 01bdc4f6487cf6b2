"""`holodriver encode`: wave fields into panel frames."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Gain, Overwrite


def encode(
    source: Annotated[list[Path], typer.Argument(help="Hologram files (.holo) of one sequence.")],
    gain: Gain = None,
    frames: Annotated[
        Path | None,
        typer.Option("--frames", help="Folder to which the frames of a single hologram are written as PNG as well."),
    ] = None,
    refine: Annotated[
        Path | None,
        typer.Option(
            "--refine", help="Focal stack of a single hologram. The grey levels are improved until they show it."
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            help="Calibration file of the panel, with its look-up tables and the places where its colours fall.",
        ),
    ] = None,
    panel: Annotated[
        str | None,
        typer.Option(
            "--panel", help="Name of the panel to encode for. A calibration of another panel is then refused."
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Use the calibration even if it is of another panel or of other colours."),
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Encode holograms into panel frames, all with the same gain, and store the frames in the same files."""
    from holodriver.tasks.encode import EncodeSettings
    from holodriver.tasks.encode import encode as encoding

    settings = EncodeSettings(tuple(gain or ()), frames, refine, calibration, panel, force)
    with console.reporting() as progress:
        made = encoding(source, settings, overwrite=overwrite, progress=progress, say=console.say, warn=console.warn)
        for one in made:
            console.name(one.path)
            console.say(f"encoded {one.path} with gains {', '.join(f'{value:.4f}' for value in one.gains)}")
            if one.frames is not None:
                console.say(f"wrote {one.frames}")
