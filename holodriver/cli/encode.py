"""`holodriver encode`: encode wave fields into panel frames."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite


def encode(
    source: Annotated[list[Path], typer.Argument(help="Hologram files (.holo) of one sequence.")],
    gain: Annotated[
        list[float] | None, typer.Option("--gain", help="Gain, given once or for each colour. By default it is found.")
    ] = None,
    frames: Annotated[
        Path | None, typer.Option("--frames", help="Folder to which the frames of a single hologram are also written.")
    ] = None,
    refine: Annotated[
        Path | None, typer.Option("--refine", help="Focal stack by which the frames of one hologram are improved.")
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option("--calibration", help="Calibration file of the panel (see 'holodriver calibrate').")
    ] = None,
    panel: Annotated[
        str | None, typer.Option("--panel", help="Panel to encode for. A calibration of another panel is refused.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Use the calibration even if it is of another panel or of other colours.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Encode holograms into panel frames, all with the same gain, and store the frames in the same files."""
    from holodriver.tasks import encode as task

    with console.reporting() as progress:
        for path, made in task.encode(
            source,
            gains=gain or (),
            folder=frames,
            refine=refine,
            calibration=calibration,
            panel=panel,
            force=force,
            overwrite=overwrite,
            progress=progress,
            say=console.say,
            warn=console.warn,
        ):
            console.name(path)
            console.say(f"encoded {path} with gains {', '.join(f'{value:.4f}' for value in made.gains)}")
            if frames is not None:
                console.say(f"wrote {frames}")
