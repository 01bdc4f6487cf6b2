"""The laser firmware, compiled and run in a simulated ATmega328P whose UART is a pseudo-terminal."""

import contextlib
import os
import subprocess
from pathlib import Path
from typing import NamedTuple, Self

import pytest
from programs import need_programs, unavailable

from holodriver.errors import RigError
from holodriver.rig import firmware as firmware_package
from holodriver.rig.lasers.controller import LaserController

CYCLES_PER_S = 16_000_000
FIRMWARE = Path(firmware_package.__path__[0])
BENCH = Path(__file__).with_name("simavr_bench.c")


class Change(NamedTuple):
    """What the pins show from a time on."""

    at_s: float
    """Simulated time."""
    wall_s: float
    """`perf_counter` when the simulator got there."""
    lit: frozenset[int]
    """Colour numbers, from 1."""
    gate: bool


def build(folder: Path) -> tuple[Path, Path]:
    """Compile bench and firmware into a folder; both paths. Skips the test where the compilers are missing."""
    need_programs("make", "gcc", "avr-gcc")
    bench, hex_file = folder / "simavr_bench", folder / "firmware.hex"
    if not Path("/usr/include/simavr/sim_avr.h").exists() or not Path("/usr/lib/avr/include/avr/io.h").exists():
        unavailable("avr-libc or libsimavr-dev not installed: see `dev.py packages --tests`")
    made = [["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(bench), str(BENCH), "-lsimavr", "-lutil"]]
    made += [["make", "-C", str(FIRMWARE), f"BUILD={folder}", str(hex_file)]]
    for command in made:
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return bench, hex_file


class Chip:
    """A chip that runs. Simulated time stands still but for what is asked of it, unless it is `paced`."""

    def __init__(self, programs: tuple[Path, Path], *, interlock_closed: bool = True):
        bench, hex_file = programs
        arguments = [str(bench), str(hex_file)] + ([] if interlock_closed else ["open"])
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with contextlib.suppress(PermissionError):  # a real chip has a processor of its own
            os.setpriority(os.PRIO_PROCESS, self._process.pid, -10)
        assert self._process.stdout is not None
        self.port = self._process.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.communicate()

    def tell(self, command: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().strip()
        assert answer, "the simulated chip is gone"
        assert not answer.startswith("no such"), answer
        return answer

    def time(self, command: str) -> float:
        """Do a command; the chip's time just after, s."""
        return int(self.tell(command).split()[1]) / CYCLES_PER_S

    def run_s(self, seconds: float) -> float:
        """Let time pass; the chip's time then, s."""
        return self.time(f"run {round(seconds * 1e6)}")

    def edges(self, hertz: float, count: int) -> float:
        """The chip's time now, s; an edge comes a period from then, and then one a period."""
        return self.time(f"edges {round(1e9 / hertz) if count else 0} {count}")

    def interlock(self, *, closed: bool) -> float:
        """Open or close the loop; the chip's time then, s."""
        return self.time(f"interlock {int(closed)}") - 1e-4  # the bench goes on for 1,600 cycles before it answers

    def press_reset(self) -> None:
        """Press the button for longer than it bounces, and let go."""
        for down in (1, 0):
            self.tell(f"button {down}")
            self.run_s(0.06)

    def log(self) -> list[Change]:
        """What the light and gate pins did since it was last asked."""
        changes = []
        for entry in self.tell("log").split(";")[:-1]:
            cycle, wall, lit, gate = entry.split()
            colours = frozenset(number for number in (1, 2, 3) if int(lit) & 1 << (number - 1))
            changes.append(Change(int(cycle) / CYCLES_PER_S, float(wall), colours, gate == "1"))
        return changes


class FirmwareBench:
    """The bench of conftest, with the client on a real serial port and the firmware behind it."""

    def __init__(self, chip: Chip, controller: LaserController):
        self.chip, self.controller = chip, controller
        self.press_reset = chip.press_reset

    def ask(self, line: str) -> str:
        return self.controller.ask(line)

    def refused(self, line: str) -> str:
        self.controller.ask("*CLS")
        with pytest.raises(RigError) as caught:
            self.controller.ask(line)
        return caught.value.what.partition("': ")[2]

    def edge(self) -> None:
        self.chip.tell("edge")

    def interlock(self, *, closed: bool) -> None:
        self.chip.interlock(closed=closed)

    def state(self) -> tuple:
        settings = tuple(
            self.ask(f"{name}?")
            for name in (
                "SOUR1:POW",
                "SOUR2:POW",
                "SOUR3:POW",
                "SEQ:DEF",
                "SEQ:DEL",
                "SEQ:WID",
                "TRIG:SOUR",
                "SYST:WDOG",
            )
        )
        armed, tripped = (self.ask(line) == "1" for line in ("OUTP?", "OUTP:PROT:INTL:TRIP?"))
        edges = int(self.ask("SEQ:COUN?").partition(",")[0])
        changes = self.chip.log()
        self.lit = changes[-1].lit if changes else getattr(self, "lit", frozenset())
        return settings, armed, tripped, edges, tuple(sorted(self.lit))
