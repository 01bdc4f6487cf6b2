"""What `calibrate` and `capture` share: who is told of a rig, and the rig or the simulated lab that is looked at."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.progress import Progress
    from holodriver.rig.lasers.power import Power
    from holodriver.rig.measure.simulated_lab import SimulatedLab
    from holodriver.rig.measure.stage import Stage
    from holodriver.rig.play.before_light import Heard
    from holodriver.rig.settings import Rig

SIMULATED = "simulated"

Arm = Annotated[bool, typer.Option("--arm", help="Light the lasers of a real rig; says which, and measures.")]


def heard_on_console(progress: "Progress") -> "Heard":
    """Tell the person at the console of a rig."""
    from holodriver.rig.play.before_light import Heard

    return Heard(
        say=console.say,
        warn=console.warn,
        checked=lambda judged: console.table(
            ("start-up check", "", "found"), [(one.line, one.word, one.found) for one in judged]
        ),
        ended=lambda report: console.table(("figure", "value"), report.rows()),
        progress=progress,
    )


def rig_named(text: str, *, arm: bool, power: float | None) -> "Rig | None":
    """The rig of a file; None for the simulated lab, which has nothing to arm.

    Raises:
        InputError: an option for real rigs, and the lab is simulated.
    """
    from holodriver.rig.settings import read_rig

    if text != SIMULATED:
        return read_rig(Path(text))
    given = [name for name, value in (("--arm", arm), ("--power", power)) if value]
    if given:
        raise InputError("needs a rig file", where=given[0], remedy="pass --rig rig.toml, or leave it away")
    return None


def check_simulated(simulated: bool, options: Mapping[str, object]) -> None:
    """Refuse options of the simulated lab where something else is measured: they would change nothing.

    Args:
        simulated: the lab is looked at.
        options: by name; None for one that was not given.

    Raises:
        InputError: names the first that was given.
    """
    given = [name for name, value in options.items() if value is not None]
    if given and not simulated:
        raise InputError(
            "is of the simulated lab, and nothing is simulated here", where=given[0], remedy="leave it away"
        )


@contextmanager
def stage_on(
    rig: "Rig | None", lab: "SimulatedLab | None", powers: "Power | None", *, calibrated: bool = False
) -> "Iterator[Stage]":
    """The rig, armed, as a person has ordered, once its calibration was checked where it counts (`calibrated`); or the
    simulated lab in its place."""
    from holodriver.progress import silent
    from holodriver.rig.measure.rig_stage import PersistentStage

    if rig is None or powers is None:
        assert lab is not None
        yield lab
        return
    with PersistentStage(rig, powers, heard_on_console(silent), _new_order, calibrated=calibrated) as stage:
        yield stage


def _new_order(what_happened: str) -> bool:
    """Ask the person at the terminal; who is not there gives no order."""
    if not sys.stdin.isatty():
        return False
    console.warn(what_happened)
    return typer.confirm("Arm the lasers again, and go on where it stopped?", default=False, err=True)
