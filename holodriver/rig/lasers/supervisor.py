"""The laser supervisor: a process that owns the lasers and nothing else, and the player's handle on that process.

The supervisor holds the serial port. The player reports each frame through shared memory, which is fast and cannot
block. The lasers go dark in each of these cases: the player is killed (its connection closes), the player hangs (no
more frames are reported), the supervisor is killed (the controller hears nothing, and its watchdog strikes), SIGTERM,
or a closed terminal. Ctrl-C is left to the player.
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
"""Time between two checks of frames and lasers, s."""

HURRIED_S = 0.001
"""Time between two checks while light waits for a confirmation, s: short compared with a liquid crystal's settling."""

IDLE_S = 0.25
"""Time between two checks of the interlock while dark, and between two attempts to reconnect, s."""

REPLY_TIMEOUT_S = 15.0
"""Longest wait for the supervisor's answer, s: arming may wait for a board to boot. A dead supervisor is noticed at
once."""

_KEPT = 1024
"""Number of frame times kept: more than two seconds on any panel."""


class SharedFrames:
    """A `FrameFeed` in shared memory: the player writes, the supervisor reads, and neither waits for the other."""

    def __init__(self) -> None:
        context = get_context("spawn")
        self._times: Any = context.RawArray("d", _KEPT)
        self._count: Any = context.RawValue("q", 0)

    def restart(self) -> None:
        """Set the count of frames to 0."""
        self._count.value = 0

    def feed(self, at_s: float) -> None:
        """Report that a frame was shown at `at_s` (s, `perf_counter`)."""
        count = self._count.value
        self._times[count % _KEPT] = at_s
        self._count.value = count + 1

    def shown(self) -> int:
        """Number of frames since the last restart."""
        return int(self._count.value)

    def shown_by(self, time_s: float) -> int:
        """Number of frames until `time_s`, s, as far back as times are kept."""
        count = self.shown()
        while count > 0 and self._times[(count - 1) % _KEPT] > time_s and self.shown() - count < _KEPT - 1:
            count -= 1
        return count


class Stopped(NamedTuple):
    """The state of the lasers at the end of a play; they are dark."""

    frames: int
    """Number of frames reported since arming."""
    edges: EdgeCount
    """Edges counted since arming."""
    went_dark: str | None
    """Reason why the lasers went dark before the end; None if they did not."""
    unlit: int = 0
    """Number of frames that should have been lit and stayed dark."""


class LaserSupervisor:
    """The player's handle on the supervisor process. The end of the `with` block makes the lasers dark.

    Args:
        process: the supervisor process.
        frames: shared memory with the times of shown frames.
        patience_s: longest wait for an answer, s.
    """

    def __init__(self, process: RigProcess, frames: SharedFrames, *, patience_s: float = REPLY_TIMEOUT_S):
        self._process, self._frames = process, frames
        self._asked, self._patience_s = 0, patience_s
        self.identities: dict[str, str] = process.ready
        """Identity of each device, by its part: "controller", or a head's colour."""
        self.dark = True
        """Whether the lasers have confirmed the dark since the last arming; only then may panel and diffuser stop."""

    @classmethod
    def open(cls, setup: LaserSetup, *, patience_s: float = REPLY_TIMEOUT_S) -> Self:
        """Start a supervisor process that opens the lasers, dark and disarmed.

        Args:
            setup: description of the lasers from the rig file.
            patience_s: longest wait for an answer, s.

        Raises:
            InputError: a make is unknown.
            RigError: a laser or the controller does not answer.
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
        """Test in the dark that the controller disarms itself when the host falls silent.

        Raises:
            InputError: the lasers are armed.
            RigError: the watchdog does not work, or the controller does not answer.
        """
        self.dark = False
        try:
            self._ask("prove")
        finally:
            self.dark = self._says_dark()

    def arm(self, order: ArmOrder, steps: StepOrder) -> None:
        """Arm the lasers as a person ordered; the count of frames begins at 0.

        The lasers go dark if the first frame is not reported within `START_S`, or a later one not within `STALL_S`.

        Raises:
            InputError: the order has been used, or is over the limits.
            RigError: the lasers refuse (interlock, no gate), or do not answer.
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
            return False  # the state is unknown

    def feed(self, at_s: float) -> None:
        """Report, without waiting, that a frame was shown at `at_s` (s, `perf_counter`)."""
        self._frames.feed(at_s)

    def trigger(self) -> None:
        """Step the sequence once by command ("BUS"), after a flip; not frame-exact."""
        self._process.send("trigger")

    def set_power(self, colour: Colour, watts: float) -> None:
        """Set the power of one colour, W, up to the ordered power.

        Raises:
            InputError: the power is above the ordered one, or the lasers are not armed.
        """
        self._ask("power", colour, watts)

    def blank(self, on: bool) -> None:
        """Make the lasers dark while frames go on, or light them again.

        Raises:
            InputError: the lasers are not armed; light needs a new order.
        """
        self._ask("blank", on)

    def status(self) -> LaserStatus:
        """Ask for the state of the lasers.

        Raises:
            RigError: the supervisor has ended; the controller's watchdog makes the lasers dark.
        """
        status: LaserStatus = self._ask("status")
        return status

    def check(self) -> LaserStatus:
        """Ask for the state of the lasers, and raise an error if they have gone dark.

        Raises:
            RigError: the lasers have gone dark (the error says why), or the supervisor has ended.
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
        """Make the lasers dark and wait for their confirmation; only then may panel and diffuser stop.

        Raises:
            RigError: the lasers did not confirm the dark, or the supervisor has ended.
        """
        stopped: Stopped = self._ask("stop")
        self.dark = True
        return stopped

    def close(self) -> None:
        """Make the lasers dark, then end the process. Closing twice is allowed."""
        self._process.close()

    def _ask(self, *message: Any) -> Any:
        """Ask and wait for the answer with the question's number; late answers to earlier questions are dropped."""
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
"""Signals on which the supervisor makes the lasers dark and ends. A closed terminal, or Ctrl-\\ in it, sends one of the
last two to all processes of a play at once."""


class _TerminatedError(Exception):
    """Raised by a signal of `ENDINGS`."""


def _terminate(*_: object) -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)  # a second signal must not interrupt the code that makes dark
    raise _TerminatedError


def _serve(control: Connection, setup: LaserSetup, frames: SharedFrames) -> None:
    """Body of the supervisor process."""
    for number in ENDINGS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # under `nohup`, SIGHUP stays ignored
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
                with suppress(HolodriverError):  # the controller is not back yet
                    supervision.idle()
    except _TerminatedError:
        return
    finally:
        with suppress(HolodriverError):  # a controller that is gone cannot be disarmed; its watchdog makes it dark
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
