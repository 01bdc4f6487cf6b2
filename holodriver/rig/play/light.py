"""The player's hand on the lasers: directly on a controller, or on the supervisor that holds it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Literal, Protocol

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.supervisor import LaserSupervisor
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.play.sequencer import Ask, Sequencer
from holodriver.rig.settings import HEARTBEAT_S, MAX_WATCHDOG_MS

Mode = Literal["packed", "external", "host"]

PROOF = 4
"""So many comparisons of frames and edges are right before there is light."""

ALIKE = 5
"""So often in a row the controller is found on the right colour before a packed panel is lit."""

ATTEMPTS = 60
"""How often the controller of a packed panel is armed anew, in the dark, until its sequence begins with the right edge.
One of three does by chance."""


@dataclass(frozen=True)
class Timing:
    """How colours and frames are kept in step; times are seconds."""

    mode: Mode
    steps: tuple[Colour | tuple[Colour, ...], ...]
    """What is on after each edge of a cycle, in order: a colour, or all that a packed panel itself keeps apart."""
    planes: tuple[int, ...]
    """Which of a slot's frames are flipped in a cycle, in order."""
    blanking_s: float
    on_time_s: float
    edges_per_frame: int = 1
    edge_period_s: float = 0.0
    """Time between the edges of a packed panel that come with every refresh; 0 where they wait for new frames."""
    gated: bool = True
    """Whether the controller may hold light back until its frame is confirmed."""
    host_delay_s: float = 0.0
    dark_gap_s: float = 0.0
    watchdog_ms: int = MAX_WATCHDOG_MS

    @property
    def label(self) -> str:
        """The mode in words, with what it cannot do."""
        return "host (not frame-exact)" if self.mode == "host" else self.mode

    @property
    def colours(self) -> tuple[Colour, ...]:
        """All colours that will be lit, in the order of their first steps."""
        steps = [(step,) if isinstance(step, Colour) else step for step in self.steps]
        return tuple(dict.fromkeys(colour for step in steps for colour in step))

    @property
    def holds_back(self) -> bool:
        """Whether the controller waits for the confirmation of each frame."""
        return self.gated and self.mode != "host" and not self.edge_period_s

    @property
    def source(self) -> Literal["BUS", "EXT"]:
        """What steps the controller."""
        return "BUS" if self.mode == "host" else "EXT"

    def sequencer(self, now_s: float) -> Sequencer:
        """The state machine of a play that begins now (s)."""
        return Sequencer(
            self.steps,
            edges_per_frame=0 if self.mode == "host" else self.edges_per_frame,
            gated=self.holds_back,
            subfield_s=self.edge_period_s,
            edge_delay_s=self.host_delay_s if self.mode == "packed" else 0.0,
            now_s=now_s,
        )


class Light(Protocol):
    """What the player needs: lasers that are armed dark, lit once frames and edges agree, and dark at the end."""

    @property
    def proven(self) -> bool:
        """Whether frames and edges have been found to agree, so that there may be light."""
        ...

    def begin(self, sequencer: Sequencer) -> None:
        """Arm, dark; `sequencer` is told of all frames."""
        ...

    def powers(self, watts: Mapping[Colour, float]) -> None:
        """Power of each colour from now on, W."""
        ...

    def shown(self, frames: Sequence[ShownFrame], heard_since: Callable[[], int]) -> None:
        """Frames came to stand; `heard_since` says how many more have been reported by now."""
        ...

    def trigger(self) -> None:
        """Host mode: light for the frame that stands; carried out when this returns."""
        ...

    def waiting(self) -> None:
        """Host mode: no frame is due, and all is well."""
        ...

    def end(self) -> None:
        """The play has come to its end: dark, and a last comparison."""
        ...

    def end_dark(self) -> None:
        """Dark, whatever has happened."""
        ...


class DirectLight:
    """A controller in the player's own process.

    Args:
        lasers: connected.
        timing: how colours are kept in step.
        clock: s.
        sleep: waits for s.
        limits_w: most of red, green, blue, W; those of the box alone unless given.
    """

    def __init__(
        self,
        lasers: LaserDriver,
        timing: Timing,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        limits_w: Sequence[float] = (inf, inf, inf),
    ):
        self._lasers, self._timing, self._limits_w = lasers, timing, tuple(limits_w)
        self._clock, self._sleep = clock, sleep
        self._sequencer = timing.sequencer(0.0)
        self._on_wire_w: dict[Colour, float] = {}
        self._alike = self._attempts = 0

    @property
    def proven(self) -> bool:
        return self._sequencer.aligned and self._sequencer.comparisons >= PROOF

    def begin(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        timing = self._timing
        self._lasers.sequence(
            timing.steps, blanking_s=timing.blanking_s, on_time_s=timing.on_time_s, source=timing.source
        )
        if timing.mode != "host" and (timing.gated or timing.edge_period_s):
            self._lasers.watch_edges(gated=timing.holds_back, period_s=timing.edge_period_s)
        self._on_wire_w.clear()
        self.powers(dict.fromkeys(Colour, 0.0))
        self._lasers.set_watchdog(timing.watchdog_ms)
        self._lasers.arm()

    def powers(self, watts: Mapping[Colour, float]) -> None:
        for colour, wanted in watts.items():
            if wanted > self._limits_w[colour]:
                raise RigError(f"{wanted:g} W is over the limit of {self._limits_w[colour]:g} W", where=colour.label)
            if self._on_wire_w.get(colour) != wanted:
                self._lasers.set_power(colour, wanted)
                self._on_wire_w[colour] = wanted

    def shown(self, frames: Sequence[ShownFrame], heard_since: Callable[[], int]) -> None:
        sequencer, lasers = self._sequencer, self._lasers
        ask = sequencer.ask(self._clock())
        if ask not in (Ask.beat, Ask.confirm):
            return
        if ask is Ask.beat:
            lasers.heartbeat()
        if self._timing.edge_period_s:
            self._compare_packed()
            return
        before = sequencer.frames
        counted = lasers.confirm(before) if ask is Ask.confirm else lasers.edges()
        sequencer.counted(counted, before, before + heard_since())

    def _compare_packed(self) -> None:
        """Whether the controller is on the colour that the panel shows; there is no light before."""
        sequencer, asked_s = self._sequencer, self._clock()
        counted = self._lasers.edges()
        right = sequencer.counted_subfields(counted, asked_s, self._clock())
        if sequencer.aligned or right is None:
            return
        self._alike = self._alike + 1 if right else 0
        if self._alike >= ALIKE:
            sequencer.align(counted)
        elif not right:
            self._attempts += 1
            if self._attempts > ATTEMPTS:
                raise RigError(
                    f"in {ATTEMPTS} attempts the controller was never on the colour that the panel shows",
                    remedy="the lasers have stayed dark; check sequence.order, sequence.edges_per_frame and the delay",
                )
            self._lasers.disarm()  # the sequence begins anew with the first edge after arming
            # one subfield later than the last time, or it would be the same edge again
            self._sleep(self._attempts % self._timing.edges_per_frame * self._timing.edge_period_s)
            self._lasers.arm()

    def trigger(self) -> None:
        self._lasers.trigger()
        self._sequencer.triggered(self._lasers.edges())

    def waiting(self) -> None:
        self._lasers.heartbeat()

    def end(self) -> None:
        if self._timing.mode != "host":
            self._lasers.heartbeat()  # an interlock or a watchdog that struck in the last frames is said here
        self._lasers.disarm()
        counted = self._lasers.edges()
        if self._timing.mode == "host":
            self._sequencer.triggered(counted)
        else:
            self._sequencer.finally_counted(counted)

    def end_dark(self) -> None:
        if self._lasers.connected:
            self._lasers.disarm()


class SupervisedLight:
    """Lasers that the supervisor holds: it confirms, compares and makes dark; it is told the frames.

    Each arming is a new order of the person who started the play, and begins at 0 W.

    Args:
        supervisor: owns the lasers.
        timing: how colours are kept in step.
        clock: s.
        limits_w: most of red, green, blue, W; a colour at 0 is never armed.
        ordered_w: what the person has been told that they may be given, W; the limits unless given.
    """

    def __init__(
        self,
        supervisor: LaserSupervisor,
        timing: Timing,
        clock: Callable[[], float],
        limits_w: Sequence[float],
        ordered_w: Sequence[float] | None = None,
    ):
        self._supervisor, self._timing, self._clock = supervisor, timing, clock
        self._limits_w = _above_zero(limits_w)
        self._ordered_w = _above_zero(limits_w if ordered_w is None else ordered_w)
        self._sequencer = timing.sequencer(0.0)
        self._checked_s = clock()
        self._on_wire_w: dict[Colour, float] = {}
        self._armed = False

    @property
    def proven(self) -> bool:
        return self._sequencer.comparisons >= PROOF

    def begin(self, sequencer: Sequencer) -> None:
        self._sequencer = sequencer
        timing = self._timing
        steps = StepOrder(
            timing.steps,
            timing.blanking_s,
            timing.on_time_s,
            timing.source,
            gated=timing.holds_back,
            edge_period_s=timing.edge_period_s,
            dark=True,
        )
        powers = {colour: watts for colour, watts in self._ordered_w.items() if colour in timing.colours}
        self._supervisor.arm(ArmOrder(powers, self._limits_w), steps)
        self._armed = True
        self._on_wire_w = dict.fromkeys(Colour, 0.0)

    def powers(self, watts: Mapping[Colour, float]) -> None:
        for colour, wanted in watts.items():
            if self._on_wire_w.get(colour) == wanted:
                continue
            try:
                self._supervisor.set_power(colour, wanted)
            except InputError:
                if self._armed:  # as far as is known here; what made it dark is what a person wants to hear
                    self._supervisor.check()
                raise
            self._on_wire_w[colour] = wanted

    def shown(self, frames: Sequence[ShownFrame], heard_since: Callable[[], int]) -> None:
        for frame in frames:
            self._supervisor.feed(frame.flip.at_s)
        if self._clock() - self._checked_s >= HEARTBEAT_S:
            self._check()

    def trigger(self) -> None:
        self._supervisor.trigger()
        self._supervisor.check()  # answered in turn, so after the trigger

    def waiting(self) -> None:
        self._check()

    def end(self) -> None:
        stopped = self._supervisor.stop()
        self._armed = False
        self._sequencer.unlit = stopped.unlit
        if stopped.went_dark is not None:
            raise RigError(
                f"the lasers have been made dark: {stopped.went_dark}", remedy="find the cause, then play again"
            )
        if self._timing.mode == "host":
            self._sequencer.triggered(stopped.edges)
        else:
            self._sequencer.finally_counted(stopped.edges)

    def end_dark(self) -> None:
        if self._armed:
            self._supervisor.stop()
            self._armed = False

    def _check(self) -> None:
        self._checked_s = self._clock()
        status = self._supervisor.check()
        self._sequencer.edges, self._sequencer.comparisons = status.edges, status.comparisons
        self._sequencer.unlit = status.unlit


def _above_zero(watts: Sequence[float]) -> dict[Colour, float]:
    return {colour: most for colour, most in zip(Colour, watts, strict=True) if most > 0}
