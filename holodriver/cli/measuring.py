"""The person at the console, who is told about a rig and orders its light (`play`, `calibrate`, `capture`)."""

import sys
from typing import TYPE_CHECKING

import typer

from holodriver.cli import console

if TYPE_CHECKING:
    from holodriver.progress import Progress
    from holodriver.rig.play.before_light import Heard
    from holodriver.tasks.measuring import Place


def heard_on_console(progress: "Progress") -> "Heard":
    """What a rig reports, printed on the console."""
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


def place_at_console(rig: str, arm: bool, power_mw: float | None) -> "Place":
    """The rig or the simulated lab, with the person at the console, who is told about it and orders its light."""
    from holodriver.progress import silent
    from holodriver.tasks.measuring import Place

    return Place(rig, arm, power_mw, heard_on_console(silent), _new_order)


def _new_order(what_happened: str) -> bool:
    """Ask the person at the terminal; without a terminal there is no order."""
    if not sys.stdin.isatty():
        return False
    console.warn(what_happened)
    return typer.confirm("Arm the lasers again, and go on where it stopped?", default=False, err=True)
