"""The makes of laser controllers and heads, and the functions that open those of a rig file."""

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
"""Functions that open a laser controller, by make; the argument is a port."""

HEADS: dict[str, Callable[..., LaserHead]] = {"coherent-obis": CoherentObis.open}
"""Functions that open a laser head behind a controller, by make; the arguments are a port, `limit_w` and `gate`."""


@dataclass(frozen=True)
class HeadSetup:
    """Make and serial port of one laser head of another make."""

    make: str
    port: str


@dataclass(frozen=True)
class LaserSetup:
    """The lasers of a rig, as the rig file describes them.

    Args:
        port: port of the controller, a device path or pyserial URL.
        limits_w: highest power of each colour, W; a colour without a limit is never armed.
        make: make of the controller, a key of `CONTROLLERS`.
        heads: laser heads with their own serial ports, by colour; the controller gates them.
        watchdog_ms: silence of the host after which the controller goes dark, ms.
        skew_s: largest difference between the time of a flip and the time of its sync edge on this panel, s.
    """

    port: str
    limits_w: Mapping[Colour, float]
    make: str = "holodriver"
    heads: Mapping[Colour, HeadSetup] = field(default_factory=dict)
    watchdog_ms: int = MAX_WATCHDOG_MS
    skew_s: float = 0.002


def open_controller(port: str, make: str = "holodriver") -> LaserDriver:
    """Connect to a controller, which is then dark and disarmed.

    Raises:
        InputError: the make is unknown.
        RigError: the controller does not answer.
    """
    if make not in CONTROLLERS:
        raise InputError(f"'{make}' is no make of laser controller: {', '.join(CONTROLLERS)}", where=port)
    return CONTROLLERS[make](port)


class Lasers:
    """A controller and the heads behind it, which are armed and made dark together.

    Args:
        setup: description of the lasers from the rig file.
        controller: the connected controller.
        heads: the connected heads that the controller gates, by colour.
    """

    def __init__(self, setup: LaserSetup, controller: LaserDriver, heads: Mapping[Colour, LaserHead]):
        self.setup, self.controller, self.heads = setup, controller, heads
        self.gated = False
        """Whether the light of each edge waits for `controller.confirm`."""

    @classmethod
    def open(cls, setup: LaserSetup) -> Self:
        """Connect to the lasers, which are then dark and disarmed.

        Raises:
            InputError: a make is unknown, or a head's colour has no limit.
            RigError: the controller or a head does not answer.
        """
        for colour, head in setup.heads.items():
            if head.make not in HEADS:
                raise InputError(f"'{head.make}' is no make of laser head: {', '.join(HEADS)}", where=head.port)
            if colour not in setup.limits_w:
                raise InputError("this laser head has no power limit", where=Colour(colour).label)
        return cls(setup, *_opened(setup))

    @property
    def connected(self) -> bool:
        """Whether the controller and all heads gave their last answers."""
        return self.controller.connected and all(head.connected for head in self.heads.values())

    def reconnect(self) -> None:
        """Open the controller and all heads anew, dark and disarmed.

        Raises:
            RigError: the controller or a head does not answer.
        """
        with suppress(RigError):
            self.close()
        self.controller, self.heads = _opened(self.setup)

    def identities(self) -> dict[str, str]:
        """Ask each device for its identity; the keys are "controller" and the heads' colours."""
        found = {"controller": self.controller.identity()}
        return found | {Colour(colour).label: head.identity() for colour, head in self.heads.items()}

    def arm(self, order: ArmOrder, steps: StepOrder) -> None:
        """Let edges or triggers make light of the ordered colours; all others stay at 0 W.

        Raises:
            InputError: a power is over the rig's limit.
            RigError: a device refuses (interlock, a head without a gate) or does not answer; all lasers are then dark.
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
            self.controller.arm()  # dark until the first edge, so that heads behind the gate switch on in the dark
            for head in heads:
                self.controller.heartbeat()  # before each head: the answers of three may outlast the watchdog time
                head.arm()
        except BaseException as error:
            self.end_dark(error)
            raise

    def _watches(self, steps: StepOrder) -> bool:
        """Let the controller itself check the edges; return whether it has these checks."""
        try:
            self.controller.watch_edges(gated=steps.gated, period_s=steps.edge_period_s)
        except RigError:
            if not self.controller.connected:
                raise
            return False
        return True

    def set_power(self, colour: Colour, watts: float) -> None:
        """Set the power of one colour, W, at its head and in the controller; the controller keeps 0 W dark."""
        if colour in self.heads and watts > 0:
            self.heads[colour].set_power(watts)
        self.controller.set_power(colour, watts)

    def disarm(self) -> None:
        """Make the lasers dark: the controller first, then the heads behind it.

        Raises:
            RigError: a device did not confirm the dark; all others were told nevertheless.
        """
        with ExitStack() as steps:  # runs the steps in reverse order, each even if one before it fails
            for head in self.heads.values():
                if head.connected:
                    steps.callback(head.disarm)
            if self.controller.connected:
                steps.callback(self.controller.disarm)

    def end_dark(self, error: BaseException) -> None:
        """Make the lasers dark because of `error`; further errors become notes on `error`."""
        try:
            self.disarm()
        except Exception as failure:
            error.add_note(str(failure))

    def close(self) -> None:
        """Make the lasers dark and close all ports. Closing twice is allowed."""
        with ExitStack() as steps:
            for head in self.heads.values():
                steps.callback(head.close)
            steps.callback(self.controller.close)


def _opened(setup: LaserSetup) -> tuple[LaserDriver, dict[Colour, LaserHead]]:
    """Connect to the controller and the heads, and make all of them dark."""
    heads: dict[Colour, LaserHead] = {}
    with ExitStack() as opened:
        controller = opened.enter_context(open_controller(setup.port, setup.make))
        for colour, head in setup.heads.items():
            made = HEADS[head.make](head.port, limit_w=setup.limits_w[colour], gate=controller)
            heads[colour] = opened.enter_context(made)
            heads[colour].disarm()  # the head may have been left emitting
        opened.pop_all()
    return controller, heads
