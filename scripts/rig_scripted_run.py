"""Play thousands of frames on a rig of virtual time, with faults, and see that no colour is lit on a wrong frame.

    .venv/bin/python scripts/rig_scripted_run.py [--frames 10000] [--seed 0] [--mode external]

The player is the one that plays on a real rig, the laser controller is the state machine that the firmware follows;
panel, sync wire and serial line are played by this script on a clock of its own, so that a run is the same for the
same seed on every machine. Faults come at random: frames that are dropped or delayed, edges that get lost or are too
many, answers that come late, a controller that falls silent, a display that dies, an interlock that opens. A play that
a fault has stopped is begun again, as a person would, until so many frames have been shown. Light is judged by what
the controller lit and what stood on the glass at that time, which neither player nor controller is told.
"""

import argparse
import bisect
import heapq
import random
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from holodriver.errors import RigError
from holodriver.rig.arming import ArmOrder, StepOrder
from holodriver.rig.colour import Colour
from holodriver.rig.laser_box import LaserBox, Pulse
from holodriver.rig.lasers import EdgeCount, LaserDriver
from holodriver.rig.light import DirectLight, Light, Mode, SupervisedLight, Timing
from holodriver.rig.live import LivePlayer
from holodriver.rig.makes import CONTROLLERS, Lasers, LaserSetup
from holodriver.rig.panel import READY_PERIODS, Flip, missed_on_demand, missed_refreshes
from holodriver.rig.panel_process import Entry, ShownFrame
from holodriver.rig.playlist import Playlist
from holodriver.rig.power import Power
from holodriver.rig.supervised import SupervisedLasers
from holodriver.rig.supervision import FrameTimes, LaserStatus, Supervision
from holodriver.rig.supervisor import HURRIED_S, Stopped

REFRESH_HZ = 60.0
SUBFIELDS = 3
"""Edges that the packed panel gives for each frame."""

REPORT_S = 0.0005
"""From a flip to the player's knowing of it."""

HARMLESS = ("drop", "delay", "late answer")
FATAL = ("missing edge", "extra edge", "controller silent", "display dead", "interlock")
Kind = Literal[
    "drop", "delay", "late answer", "missing edge", "extra edge", "controller silent", "display dead", "interlock"
]


@dataclass
class Faults:
    """How often each fault comes, for each frame."""

    rng: random.Random
    rates: dict[Kind, float]
    happened: Counter[Kind] = field(default_factory=Counter)

    def strikes(self, kind: Kind) -> bool:
        """Whether this fault comes now."""
        hit = self.rng.random() < self.rates.get(kind, 0.0)
        self.happened[kind] += hit
        return hit


class World:
    """Virtual time, and what falls due in it."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._number = 0

    def __call__(self) -> float:
        return self.now

    def at(self, time_s: float, act: Callable[[], None]) -> None:
        """Have something happen at this time (s)."""
        self._number += 1
        heapq.heappush(self._due, (max(time_s, self.now), self._number, act))

    def pass_until(self, time_s: float, stop: Callable[[], bool] = lambda: False) -> None:
        """Let time pass (s) until `stop`."""
        while not stop() and self._due and self._due[0][0] <= time_s:
            self.now, _, act = heapq.heappop(self._due)
            act()
        if not stop():
            self.now = max(self.now, time_s)

    def forget(self) -> None:
        """Let nothing happen any more."""
        self._due.clear()


@dataclass(frozen=True)
class Standing:
    """What stands on the glass from a time (s) on: the colours' planes of one frame."""

    since_s: float
    planes: tuple[int, ...]


class VirtualPanel:
    """A panel on a grid of refreshes, its display process and its sync wire."""

    def __init__(self, world: World, box: LaserBox, faults: Faults, mode: Mode, colours: int):
        self.refresh_hz = REFRESH_HZ
        self.shown: list[ShownFrame] = []
        self.playing = False
        self.glass: list[Standing] = []
        """All that ever stood on it."""
        self.true_drops = 0
        """Refreshes that brought no new frame although one was wanted, while it played."""
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
        """A vertical blank: a new frame if there is one in time, and the edges of the sync output."""
        world, period = self._world, 1 / REFRESH_HZ
        world.at((number + 1) * period, lambda: self._refresh(number + 1))
        if self.playing and not self._dead:
            self._bring_frame(period)
        if self._packed:
            for subfield in range(SUBFIELDS):
                # its refreshes go on whatever the host does, and so do their edges
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
    """The serial line to the box: it takes time, and now and then much of it."""

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
    """The laser supervisor, on virtual time: its rules are the real ones, its process and its pipe are not there."""

    def __init__(self, world: World, line: VirtualLine):
        CONTROLLERS["virtual"] = lambda port: line
        self._world = world
        self._lasers = Lasers(LaserSetup("virtual line", dict.fromkeys(Colour, 1e-3), make="virtual"))
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
        return Stopped(self.supervision.status().frames, edges[0], before.went_dark)

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
        # a turn that waited for an answer has let time pass
        self._world.at(self._world.now + HURRIED_S, self._turn)


@dataclass(frozen=True)
class Waiting:
    """Sleep in virtual time."""

    world: World

    def __call__(self, seconds: float) -> None:
        self.world.pass_until(self.world.now + seconds)


class Memory:
    """All holograms are there."""

    capacity = 100

    def slot(self, hologram: int) -> int | None:
        return hologram % self.capacity

    def want(self, holograms: Sequence[int], held: Collection[int]) -> None:
        pass


@dataclass
class Outcome:
    """What a run of many plays was like."""

    mode: Mode
    frames: int = 0
    plays: int = 0
    lit: int = 0
    """Frames that had light."""
    wrong: list[str] = field(default_factory=list)
    """Light on a frame of another colour, or where nothing stood."""
    counted_drops: int = 0
    true_drops: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    """Why plays were stopped."""
    not_dark: int = 0
    """Plays after which the box was not dark and disarmed."""
    longest_dark_s: float = 0.0
    """From the stop of a play until the box was dark, by its own clock, longest."""
    happened: Counter[Kind] = field(default_factory=Counter)


def run(
    mode: Mode,
    frames: int,
    seed: int,
    rates: dict[Kind, float],
    *,
    watched: bool = True,
    supervised: bool = False,
) -> Outcome:
    """Play until so many frames have been shown.

    Args:
        mode: how colours and frames are kept in step.
        frames: to show at least.
        seed: of the faults.
        rates: of the faults, for each frame (the interlock's for each play).
        watched: the controller watches over the edges; without that there must be wrong light, or this judges nothing.
        supervised: the supervisor holds the lasers, as in `holodriver play`; otherwise the player itself.
    """
    world = World()
    faults = Faults(random.Random(seed), rates)
    outcome = Outcome(mode, happened=faults.happened)
    colours = tuple(Colour)
    box = LaserBox(world)
    panel = VirtualPanel(world, box, faults, mode, len(colours))
    while outcome.frames < frames:
        outcome.plays += 1
        if box.tripped:
            box.interlock(closed=True)
            box.press_reset()
        if faults.strikes("interlock"):
            world.at(world.now + faults.rng.uniform(0.1, 2.0), lambda: box.interlock(closed=False))
        kept = timing(mode, colours, watched=watched)
        wait = Waiting(world)
        line = VirtualLine(world, box, faults)
        supervisor = VirtualSupervisor(world, line) if supervised else None
        if supervisor is None:
            light: Light = DirectLight(line, kept, world, wait)
        else:
            held: Any = supervisor
            light = SupervisedLight(SupervisedLasers(held, (1e-3,) * 3), kept, world)
        player = LivePlayer(
            panel,
            Memory(),
            Playlist(40, loop=True),
            kept,
            light=light,
            power=Power(1e-3, (1.0, 0.8, 0.5), (1e-3,) * 3),
            duration_s=faults.rng.uniform(1, 20),
            clock=world,
            sleep=wait,
        )
        try:
            player.run()
            outcome.stopped["at its end"] += 1
        except RigError as error:
            outcome.stopped[reason(str(error))] += 1
        ended = world.now
        if supervisor is not None:
            supervisor.close()
        panel.stop()
        world.pass_until(world.now + 0.3)  # the watchdog's time
        box.tick()
        outcome.not_dark += box.armed or bool(box.lit)
        outcome.longest_dark_s = max(outcome.longest_dark_s, max((p.end_s for p in box.pulses), default=0) - ended)
        outcome.frames += player.sequencer.frames
        outcome.counted_drops += player.sequencer.dropped
        world.pass_until(world.now + 0.1)
    outcome.true_drops = panel.true_drops
    judge(outcome, panel.glass, box.pulses, colours)
    return outcome


def timing(mode: Mode, colours: tuple[Colour, ...], *, watched: bool = True) -> Timing:
    """A sensible one of each mode."""
    edge_s = 1 / REFRESH_HZ / (SUBFIELDS if mode == "packed" else 1)
    return Timing(
        mode,
        colours,
        planes=(0,) if mode == "packed" else (0, 1, 2),
        blanking_s=0.2 * edge_s,
        on_time_s=0.6 * edge_s,
        edges_per_frame=SUBFIELDS if mode == "packed" else 1,
        edge_period_s=edge_s if mode == "packed" else 0.0,
        gated=watched,
        host_delay_s=0.002 if mode == "host" else 0.0,
        dark_gap_s=0.002,
    )


def judge(outcome: Outcome, glass: Sequence[Standing], pulses: Sequence[Pulse], colours: Sequence[Colour]) -> None:
    """Which light fell on what."""
    starts = [standing.since_s for standing in glass]
    lit: set[int] = set()
    period = 1 / REFRESH_HZ
    for pulse in pulses:
        first = bisect.bisect_right(starts, pulse.start_s) - 1
        last = bisect.bisect_left(starts, pulse.end_s - 1e-9) - 1
        if first < 0:
            outcome.wrong.append(f"edge {pulse.edge}: nothing stood")
            continue
        for index in range(first, last + 1):
            standing = glass[index]
            lit.add(index)
            if len(standing.planes) == 1:
                right = colours[standing.planes[0]]
            else:  # a packed panel shows the colours of a frame one after another in each refresh
                phase = (max(pulse.start_s, standing.since_s) % period) / period
                right = colours[int(phase * SUBFIELDS + 1e-6) % SUBFIELDS]
            if pulse.colours != (right,):
                outcome.wrong.append(
                    f"edge {pulse.edge} at {pulse.start_s:.4f} s: {pulse.colours[0].label} on a {right.label} frame"
                )
    outcome.lit = len(lit)


def reason(error: str) -> str:
    """The kind of an error, without its numbers."""
    for words in (
        "Watchdog",
        "Interlock",
        "Out of step",
        "out of step",
        "shown nothing",
        "does not answer",
        "stands on",
    ):
        if words in error:
            return words.lower()
    return error


RATES: dict[Kind, float] = {
    "drop": 0.01,
    "delay": 0.002,
    "late answer": 0.001,
    "missing edge": 0.0005,
    "extra edge": 0.0005,
    "controller silent": 0.0001,
    "display dead": 0.0002,
    "interlock": 0.1,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--mode", choices=get_args(Mode), action="append", help="all three if left out")
    parser.add_argument("--unwatched", action="store_true", help="controller without SEQ:GATE: must light wrong frames")
    arguments = parser.parse_args()
    bad = 0
    runs = [(mode, held) for mode in arguments.mode or get_args(Mode) for held in (False, True)]
    for mode, supervised in runs:
        if mode == "packed" and supervised:  # the player holds the controller of a packed panel
            continue
        outcome = run(
            mode, arguments.frames, arguments.seed, RATES, watched=not arguments.unwatched, supervised=supervised
        )
        holder = "supervisor" if supervised else "player"
        print(
            f"{mode}, lasers held by the {holder}: {outcome.frames} frames in {outcome.plays} plays, "
            f"{outcome.lit} of them lit"
        )
        print(f"  faults: {', '.join(f'{n} {kind}' for kind, n in sorted(outcome.happened.items()))}")
        print(f"  refreshes without a new frame: {outcome.true_drops}, counted by the player {outcome.counted_drops}")
        print(f"  plays ended: {', '.join(f'{n} {why}' for why, n in sorted(outcome.stopped.items()))}")
        print(f"  light on a wrong frame: {len(outcome.wrong)}; not dark after a play: {outcome.not_dark}")
        print(f"  light after the player had stopped: {max(0.0, outcome.longest_dark_s) * 1e3:.1f} ms at the longest")
        for line in outcome.wrong[:5]:
            print(f"    {line}")
        bad += len(outcome.wrong) + outcome.not_dark + (outcome.true_drops != outcome.counted_drops)
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
