"""`holodriver doctor`: say what this machine has and lacks."""

import json

import typer

from holodriver.cli import console
from holodriver.cli.options import Json


def doctor(as_json: Json = False) -> None:
    """Say what this machine has and lacks, and what to do about it.

    The exit code is 1 if a part that holograms need is broken, and 0 otherwise.
    """
    from holodriver.tasks.doctor import survey

    findings = survey()
    broken = [finding.name for finding in findings if finding.blocks]
    if as_json:
        rows = [finding.as_dict() for finding in findings]
        print(
            json.dumps({"format": "holodriver-doctor", "version": 1, "ready": not broken, "findings": rows}, indent=1)
        )
    else:
        console.table(
            ("part", "state", "found", "what to do"),
            [(finding.name, finding.state.value, finding.detail, finding.remedy) for finding in findings],
        )
        console.say(f"broken: {', '.join(broken)}" if broken else "ready to compute holograms")
    if broken:
        raise typer.Exit(1)
