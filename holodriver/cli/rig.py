"""`holodriver rig`: make a rig file, and check it against the connected hardware."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite

rig = typer.Typer(
    help="Make a rig file, and check it against what is connected.", no_args_is_help=True, add_completion=False
)

RIG_FILE = Path("rig.toml")


@rig.command()
def new(
    output: Annotated[Path, typer.Argument(help="The rig file to write.")] = RIG_FILE,
    monitor: Annotated[
        str, typer.Option(help="The panel's monitor, by EDID name, connector or index; 'simulated' needs no hardware.")
    ] = "simulated",
    port: Annotated[
        str,
        typer.Option(
            help="The serial port of the laser controller, or 'simulated'. By default there is no controller."
        ),
    ] = "",
    overwrite: Overwrite = False,
) -> None:
    """Write a rig file with every setting and a comment on each."""
    from holodriver.rig.settings import ControllerSettings, PanelSettings, Rig, write_rig

    made = Rig(output.stem, panel=PanelSettings(monitor=monitor), controller=ControllerSettings(port=port))
    write_rig(output, made, overwrite=overwrite)
    console.say(f"wrote {output}; edit it, then: holodriver rig check {output}")


@rig.command()
def check(file: Annotated[Path, typer.Argument(help="The rig file.")] = RIG_FILE) -> None:
    """Judge every line of a rig file against the connected hardware; nothing is lit, and no window opened."""
    from holodriver.rig.play.checks import check_rig, faults
    from holodriver.rig.settings import read_rig

    judged = check_rig(read_rig(file))
    console.table(("line", "", "found"), [(one.line, one.word, one.found) for one in judged])
    error = faults(judged)
    if error is not None:
        raise error
