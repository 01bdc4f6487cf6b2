"""The laser supervisor as the player sees it."""

from collections.abc import Sequence
from typing import Literal

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.supervision import LaserStatus
from holodriver.rig.lasers.supervisor import LaserSupervisor, Stopped


class SupervisedLasers:
    """Lasers that a process of their own keeps lit, and compares with the frames that it is told.

    Each arming is a new order of the person who started the play, and begins at 0 W.

    Args:
        supervisor: owns the lasers.
        limits_w: most of red, green, blue, W; a colour at 0 is never armed.
        ordered_w: what the person has been told that they may be given, W; the limits unless given.
    """

    def __init__(
        self, supervisor: LaserSupervisor, limits_w: Sequence[float], ordered_w: Sequence[float] | None = None
    ):
        self._supervisor = supervisor
        self._limits_w = {colour: watts for colour, watts in zip(Colour, limits_w, strict=True) if watts > 0}
        ordered = limits_w if ordered_w is None else ordered_w
        self._ordered_w = {colour: watts for colour, watts in zip(Colour, ordered, strict=True) if watts > 0}
        self._steps: StepOrder | None = None
        self.armed = False

    def sequence(
        self,
        steps: Sequence[Colour | tuple[Colour, ...]],
        *,
        blanking_s: float,
        on_time_s: float,
        source: Literal["BUS", "EXT"] = "EXT",
        gated: bool = False,
        edge_period_s: float = 0.0,
    ) -> None:
        """What is on after each edge, from the next arming on."""
        self._steps = StepOrder(
            list(steps), blanking_s, on_time_s, source, gated=gated, edge_period_s=edge_period_s, dark=True
        )

    def arm(self) -> None:
        """Arm, at 0 W.

        Raises:
            RigError: refused, or no answer.
        """
        assert self._steps is not None
        colours = {colour for step in self._steps.steps for colour in ([step] if isinstance(step, Colour) else step)}
        powers = {colour: watts for colour, watts in self._ordered_w.items() if colour in colours}
        self._supervisor.arm(ArmOrder(powers, self._limits_w), self._steps)
        self.armed = True

    def prove_watchdog(self) -> None:
        """See, in the dark, that the controller's watchdog works.

        Raises:
            RigError: it does not, or the lasers do not answer.
        """
        self._supervisor.prove_watchdog()

    def set_power(self, colour: Colour, watts: float) -> None:
        """Power of one colour, W.

        Raises:
            InputError: more than was ordered.
            RigError: it has gone dark, and why.
        """
        if not (colour in self._ordered_w or watts > 0):
            return
        try:
            self._supervisor.set_power(colour, watts)
        except InputError:
            if self.armed:  # as far as is known here; what made it dark is what a person wants to hear
                self._supervisor.check()
            raise

    def feed(self, at_s: float) -> None:
        """One more frame has been shown, at `at_s` (s). Never waits."""
        self._supervisor.feed(at_s)

    def check(self) -> LaserStatus:
        """What the supervisor knows, while all is well.

        Raises:
            RigError: it has gone dark, and why; or it is gone.
        """
        return self._supervisor.check()

    def trigger(self) -> None:
        """One step by command, which has been carried out when this returns.

        Raises:
            RigError: it has gone dark, and why.
        """
        self._supervisor.trigger()
        self._supervisor.check()  # answered in turn, so after the trigger

    def stop(self) -> Stopped:
        """Dark, confirmed.

        Raises:
            RigError: the lasers did not confirm it.
        """
        stopped = self._supervisor.stop()
        self.armed = False
        return stopped

    def close(self) -> None:
        """Dark, then end the supervisor."""
        self._supervisor.close()


def went_dark(stopped: Stopped) -> RigError | None:
    """The error of a play that the supervisor made dark."""
    if stopped.went_dark is None:
        return None
    return RigError(f"the lasers have been made dark: {stopped.went_dark}", remedy="find the cause, then play again")
