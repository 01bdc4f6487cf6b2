"""Lasers by make: what a rig file names, opened."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Self

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.coherent_obis import CoherentObis
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.heads import LaserHead
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.settings import MAX_WATCHDOG_MS

CONTROLLERS: dict[str, Callable[[str], LaserDriver]] = {"holodriver": LaserController.open}
"""Boxes that speak the protocol and sequence colours, by make: called with a port."""

HEADS: dict[str, Callable[..., LaserHead]] = {"coherent-obis": CoherentObis.open}
"""Heads of one colour that a controller gates, by make: called with a port, `limit_w` and `gate`."""


@dataclass(frozen=True)
class HeadSetup:
    """One head of another make, on a serial port of its own."""

    make: str
    port: str


@dataclass(frozen=True)
class LaserSetup:
    """The lasers of a rig, as its file names them.

    Args:
        port: the controller's, a device path or pyserial URL.
        limits_w: the most that each colour may have, W; a colour that is missing is never armed.
        make: the controller's, a key of `CONTROLLERS`.
        heads: heads with a serial port of their own, by colour; the controller gates them.
        watchdog_ms: silence after which the controller is dark, ms.
        skew_s: the most that the time of a flip and that of its sync edge differ on this panel, s.
    """

    port: str
    limits_w: Mapping[Colour, float]
    make: str = "holodriver"
    heads: Mapping[Colour, HeadSetup] = field(default_factory=dict)
    watchdog_ms: int = MAX_WATCHDOG_MS
    skew_s: float = 0.002


def open_controller(port: str, make: str = "holodriver") -> LaserDriver:
    """A connected controller, dark and disarmed.

    Raises:
        InputError: nobody knows this make.
        RigError: it does not answer.
    """
    if make not in CONTROLLERS:
        raise InputError(f"'{make}' is no make of laser controller: {', '.join(CONTROLLERS)}", where=port)
    return CONTROLLERS[make](port)


class Lasers:
    """A controller and the heads behind it, which are armed and made dark together.

    Args:
        setup: what the rig file says about them.
        controller: connected.
        heads: the connected heads that it gates, by colour.
    """

    def __init__(self, setup: LaserSetup, controller: LaserDriver, heads: Mapping[Colour, LaserHead]):
        self.setup, self.controller, self.heads = setup, controller, heads
        self.gated = False
        """Whether the light of each edge waits for `controller.confirm`."""

    @classmethod
    def open(cls, setup: LaserSetup) -> Self:
        """Connect to the lasers; they are dark and disarmed.

        Raises:
            InputError: nobody knows one of the makes, or a head's colour has no limit.
            RigError: one of them does not answer.
        """
        for colour, head in setup.heads.items():
            if head.make not in HEADS:
                raise InputError(f"'{head.make}' is no make of laser head: {', '.join(HEADS)}", where=head.port)
            if colour not in setup.limits_w:
                raise InputError("this laser head has no power limit", where=Colour(colour).label)
        return cls(setup, *_opened(setup))

    @property
    def connected(self) -> bool:
        """Whether all of them answered when last asked."""
        return self.controller.connected and all(head.connected for head in self.heads.values())

    def reconnect(self) -> None:
        """Open everything anew, dark and disarmed.

        Raises:
            RigError: one of them does not answer.
        """
        with suppress(RigError):
            self.close()
        self.controller, self.heads = _opened(self.setup)

    def identities(self) -> dict[str, str]:
        """Who answers, by what it is."""
        found = {"controller": self.controller.identity()}
        return found | {Colour(colour).label: head.identity() for colour, head in self.heads.items()}

    def arm(self, order: ArmOrder, steps: StepOrder) -> None:
        """Let edges or triggers make light of the ordered colours; all others stay at 0 W.

        Raises:
            InputError: a power over the rig's own limit.
            RigError: refused (interlock, a head without a gate) or no answer; all is dark then.
        """
        for colour, watts in order.powers_w.items():
            limit = self.setup.limits_w.get(colour, 0.0)
            if watts > limit:
                raise InputError(f"{watts:g} W is over the limit of {limit:g} W", where=Colour(colour).label)
        try:
            self.controller.reset()
            self.controller.sequence(
                steps.steps, blanking_s=steps.blanking_s, on_time_s=steps.on_time_s, source=steps.source
            )
            self.gated = steps.gated and self._watches(steps)
            self.controller.set_watchdog(self.setup.watchdog_ms)
            for colour in order.powers_w:
                self.set_power(colour, 0.0 if steps.dark else order.powers_w[colour])
            heads = [head for colour, head in self.heads.items() if colour in order.powers_w]
            for head in heads:
                head.prepare()
            self.controller.arm()  # dark until the first edge, so that a head behind it comes on in the dark
            for head in heads:
                self.controller.heartbeat()  # one answer of a head in between: three may take longer than the watchdog
                head.arm()
        except BaseException as error:
            self.end_dark(error)
            raise

    def _watches(self, steps: StepOrder) -> bool:
        """Have the controller itself watch over the edges; whether it knows how."""
        try:
            self.controller.watch_edges(gated=steps.gated, period_s=steps.edge_period_s)
        except RigError:
            if not self.controller.connected:
                raise
            return False
        return True

    def set_power(self, colour: Colour, watts: float) -> None:
        """Power of one colour, W, at its head and in the controller, which keeps a colour at 0 W dark."""
        if colour in self.heads and watts > 0:
            self.heads[colour].set_power(watts)
        self.controller.set_power(colour, watts)

    def disarm(self) -> None:
        """Dark: the gate first, then what is behind it.

        Raises:
            RigError: one of them did not confirm it; the others were told nevertheless.
        """
        with ExitStack() as steps:  # runs in the order opposite to this one, each even if one before it fails
            for head in self.heads.values():
                if head.connected:
                    steps.callback(head.disarm)
            if self.controller.connected:
                steps.callback(self.controller.disarm)

    def end_dark(self, error: BaseException) -> None:
        """Dark because of `error`; what fails on the way is noted on it."""
        try:
            self.disarm()
        except Exception as failure:
            error.add_note(str(failure))

    def close(self) -> None:
        """Dark, then let go of everything. Closing twice is allowed."""
        with ExitStack() as steps:
            for head in self.heads.values():
                steps.callback(head.close)
            steps.callback(self.controller.close)


def _opened(setup: LaserSetup) -> tuple[LaserDriver, dict[Colour, LaserHead]]:
    """Controller and heads, connected and dark."""
    heads: dict[Colour, LaserHead] = {}
    with ExitStack() as opened:
        controller = opened.enter_context(open_controller(setup.port, setup.make))
        for colour, head in setup.heads.items():
            made = HEADS[head.make](head.port, limit_w=setup.limits_w[colour], gate=controller)
            heads[colour] = opened.enter_context(made)
            heads[colour].disarm()  # whatever somebody had it do
        opened.pop_all()
    return controller, heads
