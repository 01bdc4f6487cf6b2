"""Measure how soon the lasers are dark after a failure, with the firmware in simavr and processes that are killed.

    python scripts/bench/darkness.py [--repeats 5] [--only BLOW] [--record]

A player, a display and a supervisor run beside the simulated chip. The bench needs the packages that `dev.py packages
--tests` lists. The chip's time is simulated and follows the wall clock. The times of the last light and of darkness are
measured from the failure, and the table shows the worst repeat; wall-clock times are given for failures of processes. A
repeat in which the machine was too busy, so that the chip fell behind the wall clock, is repeated and counted.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import record

BEHIND_S = 0.03
"""Largest delay of the chip behind the wall clock, from the failure to darkness, with which a repeat counts, s."""

ATTEMPTS = 20
"""Largest number of attempts for one repeat."""


def measured(darkness: Any, programs: Any, blow: str) -> tuple[Any, int]:
    """Measure until the chip keeps up with the clock; return the result and the number of attempts that did not count.

    Raises:
        RuntimeError: the machine is too busy to measure anything.
    """
    for attempt in range(ATTEMPTS):
        found = darkness.strike(programs, blow)
        if found.wall_s is None or found.wall_s - found.simulated_s < BEHIND_S:
            return found, attempt
    raise RuntimeError("the machine is too busy: the simulated chip does not keep up with the clock")


def row(darkness: Any, programs: Any, blow: str, repeats: int) -> tuple[object, ...]:
    """Worst of the repeats for one failure, as a row of the table."""
    tries = [measured(darkness, programs, blow) for _ in range(repeats)]
    found = [one for one, _ in tries]
    walls = [one.wall_s for one in found if one.wall_s is not None]
    wall = f"{max(walls) * 1e3:.1f}" if walls else "–"
    last, dark = (max(getattr(one, name) for one in found) for name in ("last_light_s", "simulated_s"))
    again, busy = sum(one.relit for one in found), sum(attempts for _, attempts in tries)
    return blow, f"{last * 1e3:.2f}", f"{dark * 1e3:.2f}", wall, again, busy


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each failure")
    parser.add_argument("--only", help="measure only this failure")
    record.add_option(parser)
    given = parser.parse_args()
    sys.path[:0] = [str(record.ROOT / "tests")]
    chip: Any = importlib.import_module("rig.chip")
    darkness: Any = importlib.import_module("rig.darkness")
    about = (
        f"The firmware in a simulated chip beside real processes at 60 Hz; milliseconds after the failure, worst of "
        f'{given.repeats}. "Lit again" counts repeats with light in the half second after.'
    )
    headings = ("what happens", "last light (chip)", "dark and disarmed (chip)", "dark (wall)", "lit again", "repeated")
    with (
        record.section("darkness", "Dark when something dies", about=about, write=given.record) as results,
        tempfile.TemporaryDirectory() as folder,
    ):
        programs = chip.build(Path(folder))
        blows = darkness.BLOWS if given.only is None else [given.only]
        results.table(headings, [row(darkness, programs, blow, given.repeats) for blow in blows])


if __name__ == "__main__":
    main()
