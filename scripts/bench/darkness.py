"""Measure how soon the lasers are dark when something dies: the firmware in simavr, with processes to kill.

    python scripts/bench/darkness.py [--repeats 5] [--only BLOW] [--record]

A player, a display and a supervisor run beside the simulated chip. It needs the packages that `dev.py packages --tests`
lists. The chip's time is simulated and follows the wall clock. The last light and the dark count from the blow, and the
worst of the repeats is shown; the wall's time is for what is done to processes. A repeat in which the machine was so
busy that the simulated chip fell behind the wall clock says nothing: it is done again, and counted.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

import record

BEHIND_S = 0.03
"""How far the chip may fall behind the wall clock from the blow to the dark, s, before a repeat is done again."""

ATTEMPTS = 20
"""Repeats that may be done again for one figure."""


def measured(darkness: Any, programs: Any, blow: str) -> tuple[Any, int]:
    """Repeat until the chip keeps up with the clock; what was measured, and how many repeats before did not count.

    Raises:
        RuntimeError: the machine is too busy to measure anything.
    """
    for attempt in range(ATTEMPTS):
        found = darkness.strike(programs, blow)
        if found.wall_s is None or found.wall_s - found.simulated_s < BEHIND_S:
            return found, attempt
    raise RuntimeError("the machine is too busy: the simulated chip does not keep up with the clock")


def row(darkness: Any, programs: Any, blow: str, repeats: int) -> tuple[object, ...]:
    """The worst of the repeats for one blow, as a row of the table."""
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
    parser.add_argument("--repeats", type=int, default=5, help="measurements of each blow")
    parser.add_argument("--only", help="measure this blow alone")
    record.add_option(parser)
    given = parser.parse_args()
    sys.path[:0] = [str(record.ROOT / "tests")]
    chip: Any = importlib.import_module("rig.chip")
    darkness: Any = importlib.import_module("rig.darkness")
    about = (
        f"The firmware in a simulated chip beside real processes at 60 Hz; milliseconds after the blow, the worst of "
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
