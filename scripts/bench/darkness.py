"""How long after what the lasers are dark: the firmware in simavr, a player, a display and a supervisor to kill.

    .venv/bin/python scripts/bench/darkness.py [--repeats 5]

Needs `dev.py packages --tests`. The chip's time is simulated and follows the wall clock. Last light and dark count from
the blow, and the worst of the repeats is printed; the wall's time is for what is done to processes. A repeat in which
the machine was so busy that the simulated chip fell behind the wall clock says nothing: it is done again, and counted.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


BEHIND_S = 0.03
"""A chip this much slower than the wall clock, s, from blow to dark, was held up itself."""

ATTEMPTS = 20


def measured(darkness: Any, programs: Any, blow: str) -> tuple[Any, int]:
    """One repeat in which the chip kept up, and how many before it did not.

    Raises:
        RuntimeError: the machine is too busy to measure anything.
    """
    for attempt in range(ATTEMPTS):
        found = darkness.strike(programs, blow)
        if found.wall_s is None or found.wall_s - found.simulated_s < BEHIND_S:
            return found, attempt
    raise RuntimeError("the machine is too busy: the simulated chip does not keep up with the clock")


def main() -> int:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", help="one row")
    arguments = parser.parse_args()
    sys.path[:0] = [str(ROOT / "tests")]
    chip: Any = importlib.import_module("rig.chip")
    darkness: Any = importlib.import_module("rig.darkness")
    with tempfile.TemporaryDirectory() as folder:
        programs = chip.build(Path(folder))
        print(f"worst of {arguments.repeats}, ms after the blow")
        print("| what happens | last light (chip) | dark and disarmed (chip) | dark (wall) | lit again | done again |")
        print("|---|---|---|---|---|---|")
        for blow in darkness.BLOWS if arguments.only is None else [arguments.only]:
            repeats = [measured(darkness, programs, blow) for _ in range(arguments.repeats)]
            found = [one for one, _ in repeats]
            walls = [one.wall_s for one in found if one.wall_s is not None]
            wall = f"{max(walls) * 1e3:.1f}" if walls else "–"
            last, dark = (max(getattr(one, name) for one in found) for name in ("last_light_s", "simulated_s"))
            again, busy = sum(one.relit for one in found), sum(attempts for _, attempts in repeats)
            print(f"| {blow} | {last * 1e3:.2f} | {dark * 1e3:.2f} | {wall} | {again} | {busy} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
