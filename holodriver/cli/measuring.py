"""The person at the console, who is told of a rig and orders its light (`play`, `calibrate`, `capture`)."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console

if TYPE_CHECKING:
    from holodriver.progress import Progress
    from holodriver.rig.play.before_light import Heard
    from holodriver.tasks.measuring import Person

EvenPower = Annotated[
    float | None,
    typer.Option(
        min=0.001,
        help="The power of each laser, mW. By default it is 1, or the lowest limit of the rig.",
        show_default=False,
    ),
]


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


def person_at_console() -> "Person":
    """The person at the console: told of a rig there, and asked there for a new order."""
    from holodriver.progress import silent
    from holodriver.tasks.measuring import Person

    return Person(heard_on_console(silent), _new_order)


def _new_order(what_happened: str) -> bool:
    """Ask the person at the terminal; who is not there gives no order."""
    if not sys.stdin.isatty():
        return False
    console.warn(what_happened)
    return typer.confirm("Arm the lasers again, and go on where it stopped?", default=False, err=True)
