"""The laser supervisor: a process that owns the lasers and nothing else, and the player's handle on it.

It has the serial port. The player tells it each frame through shared memory, which costs nothing and cannot block. A
player that is killed closes the connection: dark. One that hangs tells no more frames: dark. A supervisor that is
killed leaves the box silent, and its watchdog makes it dark. Ctrl-C is the player's affair, SIGTERM and a terminal
that is closed are dark.
"""

import signal
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, Self

from holodriver.errors import HolodriverError, RigError
from holodriver.rig.child_process import RigProcess
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.laser_driver import EdgeCount
from holodriver.rig.lasers.makes import Lasers, LaserSetup
from holodriver.rig.lasers.supervision import LaserStatus, Supervision

TURN_S = 0.005
"""Between two looks at frames and lasers, s."""

HURRIED_S = 0.001
"""The same where light waits for it, s: short beside the time in which a liquid crystal settles."""

IDLE_S = 0.25
"""Between two looks at the interlock while dark, and between two attempts to reconnect, s."""

REPLY_TIMEOUT_S = 15.0
"""Arming may wait for a board that boots; a dead supervisor is noticed at once."""

_KEPT = 1024
"""Frame times that are kept: more than two seconds of any panel."""


class SharedFrames:
    """A `FrameFeed` in shared memory: the player writes, the supervisor reads; neither waits for the other."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._times: Any = context.RawArray("d", _KEPT)
        self._count: Any = context.RawValue("q", 0)

    def restart(self) -> None:
        """Count from none again."""
        self._count.value = 0

    def feed(self, at_s: float) -> None:
        """One more frame has been shown, at `at_s` (s, `perf_counter`)."""
        count = self._count.value
        self._times[count % _KEPT] = at_s
        self._count.value = count + 1

    def shown(self) -> int:
        """Frames since the last restart."""
        return int(self._count.value)

    def shown_by(self, time_s: float) -> int:
        """Frames by this time (s), as far back as they are kept."""
        count = self.shown()
        while count > 0 and self._times[(count - 1) % _KEPT] > time_s and self.shown() - count < _KEPT - 1:
            count -= 1
        return count


class Stopped(NamedTuple):
    """How a play ended: dark, with so many frames told and edges counted since arming."""

    frames: int
    edges: EdgeCount
    went_dark: str | None
    """Why it was dark before it was told to stop; None if it was not."""
    unlit: int = 0
    """Frames that were to be lit and stayed dark."""


class LaserSupervisor:
    """The lasers, in a process of their own. Leaving the `with` block ends dark.

    Args:
        process: in which they are supervised.
        frames: what it is told of the frames that have been shown.
        patience_s: longest wait for an answer, s.
    """

    def __init__(self, process: RigProcess, frames: SharedFrames, *, patience_s: float = REPLY_TIMEOUT_S):
        self._process, self._frames = process, frames
        self._asked, self._patience_s = 0, patience_s
        self.identities: dict[str, str] = process.ready
        """Who answers, by what it is: "controller", or a colour."""
        self.dark = True
        """Whether it has confirmed the dark since it was last armed; panels and diffusers may stop once it has."""

    @classmethod
    def open(cls, setup: LaserSetup, *, patience_s: float = REPLY_TIMEOUT_S) -> Self:
        """Open the lasers in a supervisor's process, dark and disarmed.

        Args:
            setup: what the rig file says about them.
            patience_s: longest wait for an answer, s.

        Raises:
            InputError: a make that nobody knows.
            RigError: they do not answer.
        """
        frames = SharedFrames()
        return cls(RigProcess.start("laser supervisor", _serve, setup, frames), frames, patience_s=patience_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process number of the supervisor."""
        return self._process.pid

    def prove_watchdog(self) -> None:
        """See, in the dark, that the controller goes dark by itself when nobody talks to it.

        Raises:
            InputError: the lasers are armed.
            RigError: it does not, or no answer.
        """
        self.dark = False
        try:
            self._ask("prove")
        finally:
            self.dark = self._says_dark()

    def arm(self, order: ArmOrder, steps: StepOrder) -> None:
        """Arm as a person ordered; the frames count from here.

        The first frame must be fed within `START_S`, and the others `STALL_S` apart at most, or it goes dark.

        Raises:
            InputError: a used order, or one over the limits.
            RigError: refused by the lasers (interlock, no gate), or no answer.
        """
        self._frames.restart()
        self.dark = False
        try:
            self._ask("arm", order, steps)
        except HolodriverError:
            self.dark = self._says_dark()
            raise

    def _says_dark(self) -> bool:
        try:
            return self.status().dark
        except HolodriverError:
            return False  # nobody knows

    def feed(self, at_s: float) -> None:
        """One more frame has been shown, at `at_s` (s, `perf_counter`). Never waits."""
        self._frames.feed(at_s)

    def trigger(self) -> None:
        """One step by command ("BUS"), after a flip. Not frame-exact."""
        self._process.send("trigger")

    def set_power(self, colour: Colour, watts: float) -> None:
        """Power of one colour, W, up to what was ordered.

        Raises:
            InputError: above that, or not armed.
        """
        self._ask("power", colour, watts)

    def blank(self, on: bool) -> None:
        """Dark while frames go on, or light again.

        Raises:
            InputError: not armed: then only a new order makes light.
        """
        self._ask("blank", on)

    def status(self) -> LaserStatus:
        """What it knows.

        Raises:
            RigError: the supervisor is gone; the box goes dark by its watchdog.
        """
        status: LaserStatus = self._ask("status")
        return status

    def check(self) -> LaserStatus:
        """The status, while all is well.

        Raises:
            RigError: it has gone dark, and why; or it is gone.
        """
        status = self.status()
        if status.went_dark is not None:
            self.dark = status.dark
            raise RigError(
                f"the lasers have been made dark: {status.went_dark}",
                remedy="find the cause, then give a new order to arm",
            )
        return status

    def stop(self) -> Stopped:
        """Dark, confirmed by the lasers; only then may what they shine on be stopped.

        Raises:
            RigError: the lasers did not confirm it, or the supervisor is gone.
        """
        stopped: Stopped = self._ask("stop")
        self.dark = True
        return stopped

    def close(self) -> None:
        """Dark, then end the process. Closing twice is allowed."""
        self._process.close()

    def _ask(self, *message: Any) -> Any:
        """Ask, and wait for the answer to this very question: one that came too late is not that of the next."""
        self._asked += 1
        self._process.send(*message[:1], self._asked, *message[1:])
        due = time.monotonic() + self._patience_s
        while True:
            _, number, answer = self._process.wait_for("done", max(0.0, due - time.monotonic()))
            if number == self._asked:
                break
        if isinstance(answer, HolodriverError):
            raise answer
        return answer


ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGQUIT") if hasattr(signal, name)]
"""Signals that end the supervisor in order. A terminal that is closed, or whose person presses Ctrl-\\, sends the last
two to all processes of a play at once."""


class _TerminatedError(Exception):
    """One of `ENDINGS`."""


def _terminate(*_: object) -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # once is enough: what follows makes dark and must not be cut short
    raise _TerminatedError


def _serve(control: Connection, setup: LaserSetup, frames: SharedFrames) -> None:
    """The supervisor's process."""
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # `nohup` means what it says
            signal.signal(number, _terminate)
    lasers = Lasers.open(setup)
    try:
        supervision = Supervision(lasers, frames)
        control.send(("ready", lasers.identities()))
        looked_s = time.perf_counter()
        while True:
            if control.poll(HURRIED_S if supervision.hurried else TURN_S):
                _obey(control, supervision)
            supervision.turn()
            if not supervision.armed and time.perf_counter() - looked_s > IDLE_S:
                looked_s = time.perf_counter()
                with suppress(HolodriverError):  # a box that is not back yet
                    supervision.idle()
    except _TerminatedError:
        return
    finally:
        with suppress(HolodriverError):  # a box that is gone needs no disarming
            lasers.close()


def _obey(control: Connection, supervision: Supervision) -> None:
    """Obey one message of the player."""
    kind, *arguments = control.recv()
    if kind == "trigger":
        try:
            supervision.trigger()
        except HolodriverError as error:
            supervision.go_dark(error.what)
        return
    number, *arguments = arguments
    deeds: dict[str, Callable[..., Any]] = {
        "prove": supervision.prove_watchdog,
        "arm": supervision.arm,
        "power": supervision.set_power,
        "blank": supervision.blank,
        "status": supervision.status,
    }
    try:
        if kind == "stop":
            before = supervision.status()
            edges = supervision.stop()
            after = supervision.status()
            answer: Any = Stopped(after.frames, edges, before.went_dark, after.unlit)
        else:
            answer = deeds[kind](*arguments)
    except HolodriverError as error:
        answer = error
    control.send(("done", number, answer))
