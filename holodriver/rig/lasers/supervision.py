"""The rules by which the laser supervisor keeps lasers lit or makes them dark, without the process around them.

Light goes on under three conditions: frames keep coming, the controller counts as many edges as there were frames, and
the clock does not jump. If one condition fails, the lasers go dark at once, and only a new order arms them again.
"""

import math
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from holodriver.errors import HolodriverError, InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.laser_driver import EdgeCount
from holodriver.rig.lasers.makes import Lasers
from holodriver.rig.settings import HEARTBEAT_S, JUMP_S, STALL_S, START_S, WATCHDOG_MARGIN_S

GRACE_S = 0.1
"""Time between a count and its comparison with the frames, s: by then the frames of that time have been reported."""


class FrameFeed(Protocol):
    """The record of shown frames that the player writes."""

    def shown(self) -> int:
        """Number of frames since arming."""
        ...

    def shown_by(self, time_s: float) -> int:
        """Number of frames until `time_s` (s, `perf_counter`)."""
        ...


@dataclass(frozen=True)
class LaserStatus:
    """The supervisor's latest knowledge of the lasers; making a status asks the lasers nothing."""

    connected: bool
    armed: bool
    interlock_tripped: bool
    frames: int
    """Number of frames reported since arming."""
    edges: int
    """Number of edges (or triggers) in the controller's last answer."""
    colours: tuple[Colour, ...]
    """Colours of the controller's step in its last answer."""
    comparisons: int
    """Number of comparisons of edges and frames since arming."""
    went_dark: str | None
    """Reason why the lasers went dark without a command; None if they did not."""
    dark: bool
    """Whether the lasers have confirmed the dark since the last arming."""
    unlit: int = 0
    """Number of frames since arming that should have been lit and stayed dark: never confirmed, or confirmed too late.
    """


@dataclass(frozen=True)
class _Count:
    counted: EdgeCount
    asked_s: float
    answered_s: float
    triggers: int


def suspend_clock() -> float:
    """Time of a clock that also runs while the machine sleeps, s; the wall clock on systems without such a clock."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.time() if boot is None else time.clock_gettime(boot)


class Supervision:
    """Applies the rules to lasers; `turn` must be called every few milliseconds.

    Args:
        lasers: the connected lasers.
        feed: the record of shown frames.
        clock: returns the time, s; `time.perf_counter`, or a clock for tests.
        slept: returns the time of a clock that also runs while the host sleeps, s.
    """

    def __init__(
        self,
        lasers: Lasers,
        feed: FrameFeed,
        *,
        clock: Callable[[], float] = time.perf_counter,
        slept: Callable[[], float] = suspend_clock,
    ):
        self._lasers, self._feed, self._clock, self._slept = lasers, feed, clock, slept
        self._used: set[tuple[int, int]] = set()
        self._order: ArmOrder | None = None
        self._steps: StepOrder | None = None
        self._powers_w: dict[Colour, float] = {}
        self._armed = self._tripped = self._blank = False
        self._confirmed_dark = True  # opening the lasers has made them dark
        self._told_off_s = -math.inf
        self._counted = EdgeCount(0, ())
        self._waiting: deque[_Count] = deque()
        self._triggers = self._comparisons = self._unlit = 0
        self._went_dark: str | None = None
        self._looked_s, self._looked_slept_s = clock(), slept()
        self._beat_s = self._moved_s = -math.inf
        self._seen = self._beaten = self._confirmed = 0

    @property
    def hurried(self) -> bool:
        """Whether light waits for a confirmation, so that turns must come quickly."""
        return self._armed and self._lasers.gated

    @property
    def armed(self) -> bool:
        """Whether light may come."""
        return self._armed

    def status(self) -> LaserStatus:
        """Return the current knowledge of the lasers."""
        return LaserStatus(
            self._lasers.controller.connected,
            self._armed,
            self._tripped,
            self._feed.shown(),
            self._counted.edges,
            self._counted.colours,
            self._comparisons,
            self._went_dark,
            self._confirmed_dark,
            self._unlit,
        )

    def prove_watchdog(self) -> None:
        """Test in the dark that the controller disarms itself when the host falls silent.

        Raises:
            InputError: the lasers are armed.
            RigError: the watchdog does not work, or the controller does not answer.
        """
        if self._armed:
            raise InputError("the lasers are armed")
        self._make_dark()
        self._confirmed_dark = False
        try:
            self._lasers.controller.prove_watchdog(self._lasers.setup.watchdog_ms)
        except BaseException:
            self._tell_off()
            raise
        self._confirmed_dark = True

    def arm(self, order: ArmOrder, steps: StepOrder) -> None:
        """Arm the lasers as a person ordered.

        Raises:
            InputError: the order was used before, or is over the rig's limits.
            RigError: the lasers refuse.
        """
        if self._armed:
            raise InputError("the lasers are armed already")
        if order.number in self._used:
            raise InputError("this order to arm has been used", remedy="a person must give a new one")
        self._used.add(order.number)
        self._make_dark()
        self._tripped = self._lasers.controller.interlock_tripped()
        self._confirmed_dark = False
        try:
            self._lasers.arm(order, steps)
        except BaseException:
            self._tell_off()
            raise
        self._order, self._steps = order, steps
        self._powers_w = {colour: 0.0 if steps.dark else watts for colour, watts in order.powers_w.items()}
        self._armed, self._blank, self._went_dark = True, False, None
        self._triggers = self._comparisons = self._seen = self._beaten = self._confirmed = self._unlit = 0
        self._counted = EdgeCount(0, ())
        self._waiting.clear()
        self._beat_s = self._moved_s = self._looked_s = self._clock()
        self._looked_slept_s = self._slept()

    def set_power(self, colour: Colour, watts: float) -> None:
        """Set the power of one colour, W, up to the ordered power.

        Raises:
            InputError: the lasers are not armed, or the power is above the ordered one.
        """
        if self._order is None or not self._armed:
            raise InputError("the lasers are not armed", where=Colour(colour).label)
        most = self._order.powers_w.get(colour, 0.0)
        if not (math.isfinite(watts) and 0 <= watts <= most):
            raise InputError(
                f"{watts!r} W is not from 0 to the {most:g} W of the order to arm",
                where=Colour(colour).label,
                remedy="more light needs a new order",
            )
        self._powers_w[colour] = watts
        if not self._blank:
            self._lasers.set_power(colour, watts)

    def blank(self, on: bool) -> None:
        """Set all colours to 0 W, or back to their powers; the count of edges goes on.

        Raises:
            InputError: the lasers are not armed.
        """
        if not self._armed:
            raise InputError("the lasers are not armed")
        self._blank = on
        for colour, watts in self._powers_w.items():
            self._lasers.controller.set_power(colour, 0.0 if on else watts)

    def trigger(self) -> None:
        """Step the sequence once by command ("BUS"), for the frame that has just been shown."""
        if self._armed:
            self._lasers.controller.trigger()
            self._triggers += 1

    def stop(self) -> EdgeCount:
        """Make the lasers dark, wait for their confirmation and return the edges since arming.

        Raises:
            RigError: the lasers do not confirm the dark.
        """
        armed, self._armed = self._armed, False
        self._make_dark()
        if armed and self._lasers.gated and self._is_lit:
            self._unlit += self._feed.shown() - self._confirmed
        if armed:
            self._counted = self._lasers.controller.edges()
        return self._counted

    def go_dark(self, reason: str) -> None:
        """Make the lasers dark at once; `reason` is what the person will be told."""
        self._armed = False
        self._went_dark = reason
        connected = self._lasers.controller.connected
        error = self._tell_off()
        if error is not None and connected:
            self._went_dark = f"{reason}; {error}"

    def _make_dark(self) -> None:
        """Make the lasers dark unless they have confirmed the dark already.

        Raises:
            RigError: the lasers do not confirm the dark; the error says why the light was to end.
        """
        if self._confirmed_dark or (error := self._tell_off()) is None:
            return
        because = "" if self._went_dark is None else f"; they were to be dark because {self._went_dark}"
        remedy = error.remedy or "keep away: the lasers may still be lit"
        raise RigError(f"{error.what}{because}", where=error.where, remedy=remedy)

    def _tell_off(self) -> HolodriverError | None:
        """Tell the lasers to be dark; return the error that kept them from confirming it, or None."""
        controller = self._lasers.controller
        try:
            self._lasers.disarm()
        except HolodriverError as error:
            return error
        finally:
            self._told_off_s = self._clock()
        if not controller.connected:
            return RigError(
                "the laser controller is gone, and nobody has heard that it is dark",
                where=controller.where,
                remedy="its watchdog makes it dark; plug it in again",
            )
        self._confirmed_dark = True
        return None

    def turn(self) -> None:
        """Check clock, frames and lasers once; make the lasers dark if a rule is broken."""
        missed_s = self._missed()
        now = self._looked_s
        if not self._armed:
            return
        if missed_s > JUMP_S:
            self.go_dark(f"the host was not running for {missed_s:.2f} s (asleep, or held up)")
            return
        shown = self._feed.shown()
        if shown > self._seen:
            self._seen, self._moved_s = shown, now
        allowed = STALL_S if self._seen else START_S
        if now - self._moved_s > allowed:
            self.go_dark(f"no new frame for {allowed:g} s, after {self._seen} frames")
            return
        try:
            if self._lasers.gated and self._seen > self._confirmed:
                self._confirm()
            # without new frames, silence lets the watchdog strike; before the first frame there is no light to end
            if now - self._beat_s >= HEARTBEAT_S and (self._seen > self._beaten or not self._seen):
                self._beat_s, self._beaten = now, self._seen
                self._heartbeat()
            self._judge(now)
        except HolodriverError as error:
            self.go_dark(error.what)

    def idle(self) -> None:
        """Check connection and interlock while not armed; reconnect, dark, to a controller that is back.

        A controller that has not confirmed the dark is left alone for longer than its watchdog time, and then told
        nothing but to be dark: any other line would feed its watchdog and keep it lit.

        Raises:
            RigError: the controller does not answer, or is not back yet.
        """
        lasers = self._lasers
        if self._armed:
            return
        if not self._confirmed_dark:
            if self._clock() - self._told_off_s < lasers.setup.watchdog_ms * 1e-3 + WATCHDOG_MARGIN_S:
                return
            if lasers.controller.connected:
                self._tell_off()
                return
        if lasers.connected:
            self._tripped = lasers.controller.interlock_tripped()
        else:
            lasers.reconnect()
            self._confirmed_dark = True

    def _missed(self) -> float:
        """Time since the last turn, s; it counts the time for which the host slept or this process was held up."""
        now, slept = self._clock(), self._slept()
        gap = now - self._looked_s
        jump = abs((slept - self._looked_slept_s) - gap)
        self._looked_s, self._looked_slept_s = now, slept
        return max(gap, jump)

    def _heartbeat(self) -> None:
        controller = self._lasers.controller
        try:
            controller.heartbeat()
        except RigError:
            if controller.connected:
                self._tripped = controller.interlock_tripped()
            raise
        asked = self._clock()
        self._counted = controller.edges()
        self._waiting.append(_Count(self._counted, asked, self._clock(), self._triggers))

    def _confirm(self) -> None:
        """Confirm the shown frame; the controller lights it if it has counted as many edges as frames."""
        assert self._steps is not None
        skipped = self._seen - self._confirmed - 1
        self._confirmed = self._seen
        asked = self._clock()
        self._counted = self._lasers.controller.confirm(self._seen)
        self._waiting.append(_Count(self._counted, asked, self._clock(), self._triggers))
        if self._is_lit:
            over_s = asked - self._steps.blanking_s - self._steps.on_time_s
            late = self._counted.edges > self._seen or self._feed.shown_by(over_s) >= self._seen
            self._unlit += skipped + late

    @property
    def _is_lit(self) -> bool:
        """Whether frames should be lit, or only counted."""
        return not self._blank and any(self._powers_w.values())

    def _judge(self, now: float) -> None:
        """Compare counts with frames, for all counts older than `GRACE_S`.

        Raises:
            RigError: the numbers of edges and frames, or the colours, differ.
        """
        assert self._steps is not None
        while self._waiting and now - self._waiting[0].answered_s >= GRACE_S:
            count = self._waiting.popleft()
            edges = count.counted.edges
            if self._steps.source == "BUS":
                low = high = count.triggers
            else:
                skew_s = self._lasers.setup.skew_s
                low = self._feed.shown_by(count.asked_s - skew_s)
                high = self._feed.shown_by(count.answered_s + skew_s)
            self._comparisons += 1
            if not low <= edges <= high:
                frames = low if edges < low else high
                raise RigError(
                    f"the laser controller counted {edges} sync edges for {frames} frames shown, "
                    f"{abs(edges - frames)} {'more' if edges > frames else 'fewer'}: colours and frames are out of step"
                )
            expected = self._steps.colours_after(edges)
            if count.counted.colours != expected:
                raise RigError(
                    f"after {edges} frames the laser controller stands on {_names(count.counted.colours)} "
                    f"and the frame is {_names(expected)}"
                )


class FrameTimes:
    """A `FrameFeed` made of a list of rising times, s."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def shown(self) -> int:
        return len(self.times)

    def shown_by(self, time_s: float) -> int:
        return bisect_right(self.times, time_s)


def _names(colours: tuple[Colour, ...]) -> str:
    return " and ".join(colour.label for colour in colours) or "no colour"
