"""The lasers as the player handles them: a controller in the player's process, or one that the supervisor holds."""

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
"""Number of correct comparisons of frames and edges before there is light."""

ALIKE = 5
"""Number of correct colours in a row before a packed panel is lit."""

ATTEMPTS = 60
"""How often the controller of a packed panel is armed anew, in the dark, until its sequence begins with the right edge.
By chance, one attempt in three does."""


@dataclass(frozen=True)
class Timing:
    """The timing that keeps colours and frames in step."""

    mode: Mode
    steps: tuple[Colour | tuple[Colour, ...], ...]
    """Lasers that are on after each edge of a cycle, in order: one colour, or all colours of a packed panel that keeps
    them apart by itself."""
    planes: tuple[int, ...]
    """Indices of the slot's frames that are flipped in a cycle, in order."""
    blanking_s: float
    """Dark time after an edge, s."""
    on_time_s: float
    """Time of light after the dark time, s."""
    edges_per_frame: int = 1
    """Number of sync edges for each flip."""
    edge_period_s: float = 0.0
    """Time between the edges of a packed panel with edges at every refresh, s; 0 if edges come with new frames only."""
    gated: bool = True
    """Whether the controller may hold light back until the frame is confirmed."""
    host_delay_s: float = 0.0
    """Time from a flip to the trigger (mode "host"), or to the first edge (mode "packed"), s."""
    dark_gap_s: float = 0.0
    """Dark time before the next frame in mode "host", s."""
    watchdog_ms: int = MAX_WATCHDOG_MS
    """Watchdog time of the controller, ms."""

    @property
    def label(self) -> str:
        """Name of the mode for people, with its limitation."""
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
        """Source of the controller's steps: sync edges ("EXT") or commands ("BUS")."""
        return "BUS" if self.mode == "host" else "EXT"

    def sequencer(self, now_s: float) -> Sequencer:
        """Make the state machine of a play that begins at `now_s`, s."""
        return Sequencer(
            self.steps,
            edges_per_frame=0 if self.mode == "host" else self.edges_per_frame,
            gated=self.holds_back,
            subfield_s=self.edge_period_s,
            edge_delay_s=self.host_delay_s if self.mode == "packed" else 0.0,
            now_s=now_s,
        )


class Light(Protocol):
    """The laser methods that the player uses: arm at 0 W, light once frames and edges agree, and dark at the end."""

    @property
    def proven(self) -> bool:
        """Whether frames and edges have been found to agree, so that there may be light."""
        ...

    def begin(self, sequencer: Sequencer) -> None:
        """Arm the lasers at 0 W; `sequencer` is the one that counts the frames of the play."""
        ...

    def powers(self, watts: Mapping[Colour, float]) -> None:
        """Set the power of each colour, W."""
        ...

    def shown(self, frames: Sequence[ShownFrame], heard_since: Callable[[], int]) -> None:
        """Take in frames that the panel has shown; `heard_since` returns how many more have been reported by now."""
        ...

    def trigger(self) -> None:
        """Light the shown frame in mode "host"; the controller has carried the trigger out when this returns."""
        ...

    def waiting(self) -> None:
        """Keep the lasers armed in mode "host" while no frame is due."""
        ...

    def end(self) -> None:
        """Make the lasers dark at the end of the play, and compare frames and edges for the last time."""
        ...

    def end_dark(self) -> None:
        """Make the lasers dark, in whatever state they are."""
        ...


class DirectLight:
    """A controller in the player's own process.

    Args:
        lasers: connected controller.
        timing: timing of colours and frames.
        clock: returns the time, s.
        sleep: waits for a time, s.
        limits_w: highest powers of red, green and blue, W; without it, only the controller's own limits hold.
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
        """Compare the controller's colour with the panel's; before they agree, arm anew in the dark."""
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
            # one subfield later than the last time, otherwise the sequence would begin with the same edge again
            self._sleep(self._attempts % self._timing.edges_per_frame * self._timing.edge_period_s)
            self._lasers.arm()

    def trigger(self) -> None:
        self._lasers.trigger()
        self._sequencer.triggered(self._lasers.edges())

    def waiting(self) -> None:
        self._lasers.heartbeat()

    def end(self) -> None:
        if self._timing.mode != "host":
            self._lasers.heartbeat()  # reports an interlock or a watchdog that struck during the last frames
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
    """Lasers that the supervisor holds. The supervisor is told the frames; it confirms, compares and makes dark.

    Each arming is a new order of the person who started the play, and begins at 0 W.

    Args:
        supervisor: process that owns the lasers.
        timing: timing of colours and frames.
        clock: returns the time, s.
        limits_w: highest powers of red, green and blue, W; a colour with limit 0 is never armed.
        ordered_w: highest powers that the person was told, W; `limits_w` unless given.
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
                if self._armed:
                    self._supervisor.check()  # raises the reason if the lasers have gone dark, which a person needs
                raise
            self._on_wire_w[colour] = wanted

    def shown(self, frames: Sequence[ShownFrame], heard_since: Callable[[], int]) -> None:
        for frame in frames:
            self._supervisor.feed(frame.flip.at_s)
        if self._clock() - self._checked_s >= HEARTBEAT_S:
            self._check()

    def trigger(self) -> None:
        self._supervisor.trigger()
        self._supervisor.check()  # the supervisor answers in order, so the trigger has been carried out

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
