"""`holodriver info`: say what a file holds."""

import json
from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Json


def info(
    source: Annotated[
        Path,
        typer.Argument(
            help="A hologram, focal stack, folder of panel frames, recording of a play, display profile, page of the "
            "viewer or evaluation."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Say what a file holds: sizes, display, origin and quality."""
    from holodriver.tasks.info import facts_of
    from holodriver.viewer.facts import flat

    facts = facts_of(source)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    console.table(("field", "value"), list(flat(facts)), title=str(source))
