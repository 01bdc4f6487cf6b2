"""A rig in virtual time with random faults: panel, display process, sync wire, serial line, supervisor process.

All decisions about light are made by the driver's real code; this module simulates only its surroundings, on one clock.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.laser_driver import EdgeCount, LaserDriver
from holodriver.rig.lasers.makes import CONTROLLERS, Lasers, LaserSetup
from holodriver.rig.lasers.supervision import FrameTimes, LaserStatus, Supervision
from holodriver.rig.lasers.supervisor import HURRIED_S, Stopped
from holodriver.rig.panel.panel import READY_PERIODS, Flip, missed_on_demand, missed_refreshes
from holodriver.rig.panel.panel_process import Entry, ShownFrame
from holodriver.rig.play.light import Mode
from holodriver.rig.simulated.box_logic import LaserBox

REFRESH_HZ = 60.0
SUBFIELDS = 3
"""Number of edges that the packed panel emits for each frame."""

REPORT_S = 0.0005
"""Time from a flip until the player is informed of it, s."""

Kind = Literal[
    "drop", "delay", "late answer", "missing edge", "extra edge", "controller silent", "display dead", "interlock"
]


@dataclass
class Faults:
    """Random faults, each with a probability for each frame."""

    rng: random.Random
    rates: dict[Kind, float]
    happened: Counter[Kind] = field(default_factory=Counter)

    def strikes(self, kind: Kind) -> bool:
        """Decide whether this fault happens now."""
        hit = self.rng.random() < self.rates.get(kind, 0.0)
        self.happened[kind] += hit
        return hit


class World:
    """Virtual time and the planned events."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    def at(self, time_s: float, act: Callable[[], None]) -> None:
        """Plan an event for the time `time_s`, s."""
        self._number += 1
        heapq.heappush(self._due, (max(time_s, self.now), self._number, act))

    def pass_until(self, time_s: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Let time pass until `time_s`, s, or until `stop` returns true."""
        while not stop() and self._due and self._due[0][0] <= time_s:
            self.now, _, act = heapq.heappop(self._due)
            act()
        if not stop():
            self.now = max(self.now, time_s)


@dataclass(frozen=True)
class Standing:
    """The planes of a frame on the panel, and the time from which they are there, s."""

    since_s: float
    planes: tuple[int, ...]


class VirtualPanel:
    """A panel with regular refreshes, the display process and the sync wire."""

    def __init__(self, world: World, box: LaserBox, faults: Faults, mode: Mode, colours: int):
        self.refresh_hz = REFRESH_HZ
        self.shown: list[ShownFrame] = []
        self.playing = False
        self.glass: list[Standing] = []
        """Everything that was on the panel, in order of time."""
        self.true_drops = 0
        """Number of refreshes during plays that brought no new frame although one was due."""
        self._world, self._box, self._faults = world, box, faults
        self._packed, self._hold = mode == "packed", False
        self._planes_of_all = tuple(range(colours))
        self._flips: list[tuple[Entry, int]] = []
        self._asked_s = 0.0
        self._last: Entry | None = None
        self._last_flip: Flip | None = None
        self._finishing = self._dead = False
        self._blocked_until_s = 0.0
        self._play = 0
        self._refresh(self._play)

    def stream(self, *, hold: bool = False) -> None:
        self._hold, self.playing = hold, True
        self.shown, self._flips, self._last, self._last_flip = [], [], None, None
        self._finishing = self._dead = False

    def queue(self, entry: Entry) -> None:
        self._asked_s = self._world.now
        self._flips += [(entry, plane) for plane in entry.planes]

    def finish(self) -> None:
        self._finishing = True

    def stop(self) -> None:
        self.playing = False

    def wait(self, timeout_s: float) -> bool:
        before = len(self.shown)
        self._world.pass_until(self._world.now + timeout_s, lambda: len(self.shown) > before or not self.playing)
        return len(self.shown) > before

    def _refresh(self, number: int) -> None:
        """Simulate a vertical blank: show a new frame if one is ready, and emit the edges of the sync output."""
        world, period = self._world, 1 / REFRESH_HZ
        world.at((number + 1) * period, lambda: self._refresh(number + 1))
        if self.playing and not self._dead:
            self._bring_frame(period)
        if self._packed:
            for subfield in range(SUBFIELDS):
                # the panel's refreshes and their edges go on whatever the host does
                if not self._faults_strike("missing edge"):
                    world.at(world.now + subfield * period / SUBFIELDS, self._box.edge)
            if self._faults_strike("extra edge"):
                world.at(world.now + self._faults.rng.random() * period, self._box.edge)

    def _faults_strike(self, kind: Kind) -> bool:
        return self.playing and not self._dead and self._faults.strikes(kind)

    def _bring_frame(self, period: float) -> None:
        world, faults = self._world, self._faults
        if faults.strikes("display dead"):
            self._dead = True
            return
        if not self._flips:
            if self._finishing:
                world.at(world.now + period, self.stop)
                return
            if self._hold or self._last is None:
                return
            self.queue(self._last)
        if self._hold and world.now - self._asked_s < READY_PERIODS * period:
            return
        if world.now < self._blocked_until_s - 1e-9:
            self.true_drops += 1
            return
        if self._last_flip is not None and faults.strikes("drop"):
            self.true_drops += 1
            return
        if self._last_flip is not None and faults.strikes("delay"):
            self._blocked_until_s = world.now + faults.rng.randint(2, 6) * period
            self.true_drops += 1
            return
        entry, plane = self._flips.pop(0)
        missed = 0
        if self._last_flip is not None and self._hold:
            missed = missed_on_demand(self._asked_s, world.now, self._last_flip.at_s, period)
        elif self._last_flip is not None:
            missed = missed_refreshes(world.now - self._last_flip.at_s, period)
        flip = Flip(0 if self._last_flip is None else self._last_flip.number + 1, world.now, missed)
        self._last, self._last_flip = entry, flip
        self.glass.append(Standing(world.now, self._planes_of_all if self._packed else (plane,)))
        if not self._packed:
            if not faults.strikes("missing edge"):
                self._box.edge()
            if faults.strikes("extra edge"):
                world.at(world.now + faults.rng.random() * period, self._box.edge)
        report = ShownFrame(flip, entry.hologram, plane, False, entry.number)
        world.at(world.now + REPORT_S, lambda: self.shown.append(report))


class VirtualLine(LaserDriver):
    """The serial line to the laser controller, which takes time, and sometimes much time."""

    has_hardware_watchdog = True

    def __init__(self, world: World, box: LaserBox, faults: Faults):
        super().__init__("virtual line")
        self._world, self._box, self._faults = world, box, faults

    def _exchange_hw(self, line: str) -> str:
        if self._faults.strikes("controller silent"):
            self._world.pass_until(self._world.now + 1.0)
            raise TimeoutError("no answer within 1 s")
        self._pass()
        answer = self._box.receive(line.encode("ascii") + b"\n").decode("ascii").removesuffix("\n")
        self._pass()
        return answer

    def _pass(self) -> None:
        wait = self._faults.rng.uniform(0.0003, 0.0015)
        if self._faults.strikes("late answer"):
            wait += self._faults.rng.uniform(0.005, 0.09)
        self._world.pass_until(self._world.now + wait)


class VirtualSupervisor:
    """The laser supervisor in virtual time, with the real rules but without a process and a pipe."""

    def __init__(self, world: World, line: VirtualLine):
        CONTROLLERS["virtual"] = lambda port: line
        self._world = world
        self._lasers = Lasers.open(LaserSetup("virtual line", dict.fromkeys(Colour, 1e-3), make="virtual"))
        self._frames = FrameTimes()
        self.supervision = Supervision(self._lasers, self._frames, clock=world, slept=world)
        self._busy = self._closed = False
        self._turn()

    def arm(self, order: ArmOrder, steps: StepOrder) -> None:
        self._frames.times.clear()
        self._do(lambda: self.supervision.arm(order, steps))

    def feed(self, at_s: float) -> None:
        self._frames.times.append(at_s)

    def trigger(self) -> None:
        try:
            self._do(self.supervision.trigger)
        except RigError as error:
            what = error.what
            self._do(lambda: self.supervision.go_dark(what))

    def set_power(self, colour: Colour, watts: float) -> None:
        self._do(lambda: self.supervision.set_power(colour, watts))

    def check(self) -> LaserStatus:
        status = self.supervision.status()
        if status.went_dark is not None:
            raise RigError(f"the lasers have been made dark: {status.went_dark}")
        return status

    def stop(self) -> Stopped:
        before = self.supervision.status()
        edges: list[EdgeCount] = []
        self._do(lambda: edges.append(self.supervision.stop()))
        after = self.supervision.status()
        return Stopped(after.frames, edges[0], before.went_dark, after.unlit)

    def close(self) -> None:
        self._closed = True

    def _do(self, act: Callable[[], None]) -> None:
        self._busy = True
        try:
            act()
        finally:
            self._busy = False

    def _turn(self) -> None:
        if self._closed:
            return
        if not self._busy:
            self._do(self.supervision.turn)
        # time has passed if the turn waited for an answer
        self._world.at(self._world.now + HURRIED_S, self._turn)


@dataclass(frozen=True)
class Waiting:
    """A sleep in virtual time."""

    world: World

    def __call__(self, seconds: float) -> None:
        self.world.pass_until(self.world.now + seconds)


class Memory:
    """A hologram memory in which all holograms are always loaded."""

    capacity = 100

    def slot(self, hologram: int) -> int | None:
        return hologram % self.capacity

    def want(self, holograms: Sequence[int], held: Collection[int]) -> None:
        pass
