"""Three test benches that talk to a laser controller.

The bare state machine; the simulated box, a process behind a real serial port; and the firmware in a simulated chip.
"""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from rig.chip import Chip, FirmwareBench, build

from holodriver.errors import RigError
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.simulated.box_logic import LaserBox
from holodriver.rig.simulated.simulated_box import SimulatedBox, send_edge


class FakeClock:
    """Seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_ms(self, milliseconds: float) -> None:
        self.now += milliseconds / 1000


class Bench(Protocol):
    """A laser box, its line, its edges and its door."""

    def ask(self, line: str) -> str:
        """The answer to a line that the box takes."""
        ...

    def refused(self, line: str) -> str:
        """The box's error for a line that it must refuse."""
        ...

    def edge(self) -> None: ...
    def interlock(self, *, closed: bool) -> None: ...
    def press_reset(self) -> None: ...
    def state(self) -> tuple:
        """All that a line could change."""
        ...


class PureBench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.box = LaserBox(self.clock)
        self.edge, self.interlock, self.press_reset = self.box.edge, self.box.interlock, self.box.press_reset

    def send(self, line: str | bytes) -> str:
        data = line.encode("ascii") if isinstance(line, str) else line
        return self.box.receive(data + b"\n").decode("ascii").removesuffix("\n")

    def ask(self, line: str) -> str:
        answer = self.send(line)
        assert answer != "ERR", self.send("SYST:ERR?")
        return answer

    def refused(self, line: str) -> str:
        assert self.send("*CLS") == "OK"
        assert self.send(line) == "ERR"
        return self.send("SYST:ERR?")

    def state(self) -> tuple:
        box = self.box
        return box.settings, box.armed, box.tripped, box.edges, tuple(box.lit)


class WireBench:
    def __init__(self, box: SimulatedBox, controller: LaserController, wire):
        self.box, self.controller, self._wire = box, controller, wire
        self.interlock, self.press_reset = box.interlock, box.press_reset

    def ask(self, line: str) -> str:
        return self.controller.ask(line)

    def refused(self, line: str) -> str:
        self.controller.ask("*CLS")
        with pytest.raises(RigError) as caught:
            self.controller.ask(line)
        return caught.value.what.partition("': ")[2]

    def edge(self) -> None:
        send_edge(self._wire, time.perf_counter())

    def state(self) -> tuple:
        report = self.box.report()
        return report.settings, report.armed, report.tripped, report.edges, report.lit


@pytest.fixture(scope="module")
def wired() -> Iterator[WireBench]:
    edges, wire = multiprocessing.Pipe(duplex=False)
    with SimulatedBox.open(edges) as box:
        edges.close()
        with LaserController.open(box.port) as controller:
            yield WireBench(box, controller, wire)


@pytest.fixture(scope="session")
def chip_programs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The firmware and the simulator's bench, compiled."""
    return build(tmp_path_factory.mktemp("firmware"))


@pytest.fixture(scope="module")
def flashed(chip_programs: tuple[Path, Path]) -> Iterator[FirmwareBench]:
    with Chip(chip_programs) as chip, LaserController.open(chip.port) as controller:
        yield FirmwareBench(chip, controller)


@pytest.fixture(params=["state machine", "process behind a serial port", "firmware"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    if request.param == "state machine":
        yield PureBench()
        return
    kind = "wired" if request.param.startswith("process") else "flashed"
    wired: WireBench | FirmwareBench = request.getfixturevalue(kind)
    wired.interlock(closed=True)
    wired.press_reset()
    wired.controller.reset()
    yield wired


@pytest.fixture
def pure() -> PureBench:
    return PureBench()


@pytest.fixture(scope="session")
def fresh() -> Callable[[], PureBench]:
    """Makes state machines, one an example of a property."""
    return PureBench


@pytest.fixture(scope="session")
def armed() -> Callable[..., PureBench]:
    """Makes armed state machines that light each colour 1 to 4 ms after its edge, unless told otherwise."""

    def make(sequence: str = "1,2,3", blanking_us: int = 1000, on_time_us: int = 3000) -> PureBench:
        bench = PureBench()
        for number in (1, 2, 3):
            bench.ask(f"SOUR{number}:POW 0.01")
        for line in (f"SEQ:DEF {sequence}", f"SEQ:DEL {blanking_us}", f"SEQ:WID {on_time_us}", "TRIG:SOUR EXT"):
            bench.ask(line)
        bench.ask("OUTP ON")
        return bench

    return make
