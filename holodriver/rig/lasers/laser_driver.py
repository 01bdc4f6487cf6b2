"""The host's driver for laser controllers: boxes that switch the lasers colour by colour."""

import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, Self, final

from holodriver.errors import InputError, RigError, check, numbers
from holodriver.rig.laser_colour import Colour, read_step, written_step
from holodriver.rig.settings import WATCHDOG_MARGIN_S

OFFS = 3
"""How often `OUTP OFF` is sent before a controller counts as not confirming the dark: a line may be garbled once."""

SILENCES = 3
"""Number of silences in a watchdog test: a busy machine may deliver a question late to a simulated controller, but not
three times."""


class EdgeCount(NamedTuple):
    """The controller's count of edges since arming, and the colours of its current step."""

    edges: int
    """Number of edges since arming."""
    colours: tuple[Colour, ...]
    """Colours of the current step; empty before the first edge."""


class LaserDriver(ABC):
    """A controller of lasers that can be armed and stepped through colours, and goes dark when the host falls silent.

    The public methods are complete and are not overridden. A new controller implements `_exchange_hw`, which sends one
    line of the protocol (holodriver/rig/PROTOCOL.md) and returns the answer, and sets `has_hardware_watchdog`. The end
    of the `with` block always makes the lasers dark.

    Args:
        where: name of the device in errors.
        gate: for a laser without a hardware watchdog, the armed controller that can cut its light (interlock, shutter
            or modulation input). Without a gate such a laser cannot be armed: it would stay lit when the host dies.
    """

    has_hardware_watchdog = False
    """Whether the controller goes dark by itself when the host falls silent."""

    def __init__(self, where: str, *, gate: "LaserDriver | None" = None):
        self.where = where
        self.connected = True
        self.armed = False
        """Whether the controller was armed at its last answer."""
        self._gate = gate

    @abstractmethod
    def _exchange_hw(self, line: str) -> str:
        """Send one line and return its answer, both without line ends.

        Raises:
            OSError: the device is gone or does not answer (`serial.SerialException` and `TimeoutError` are OSErrors).
        """

    def _close_hw(self) -> None:  # noqa: B027 - most simulated and network devices have nothing to close
        """Close the connection to the device."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except RigError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    @final
    def ask(self, line: str) -> str:
        """Send one line and return the answer.

        Raises:
            RigError: the controller refused the line (the error quotes `SYST:ERR?`), is not connected, or did not
                answer; without an answer, the driver disconnects, and the watchdog makes the lasers dark.
        """
        answer = self._exchange(line)
        if answer == "ERR":
            raise RigError(f"the laser controller refused '{line}': {'; '.join(self._errors())}", where=self.where)
        return answer

    @final
    def identity(self) -> str:
        """Ask for maker, model, serial number and version."""
        return self.ask("*IDN?")

    @final
    def reset(self) -> None:
        """Make the controller dark and disarmed, restore its settings after boot and clear its errors."""
        self.armed = False
        self._tell("*RST")
        self._tell("*CLS")

    @final
    def set_power(self, colour: Colour, watts: float) -> None:
        """Set the power of one colour, W.

        Raises:
            InputError: the power is no number from 0.
            RigError: the power is over the controller's limit; the old power remains.
        """
        check("laser power", watts, numbers(0, kind="watts"), where=Colour(colour).label)
        self._tell(f"SOUR{Colour(colour).number}:POW:LEV:IMM:AMPL {watts:.9g}")

    @final
    def power(self, colour: Colour) -> float:
        """Ask for the set power of one colour, W."""
        return self._number(f"SOUR{Colour(colour).number}:POW:LEV:IMM:AMPL?")

    @final
    def sequence(
        self,
        steps: Sequence[Colour | Collection[Colour]],
        *,
        blanking_s: float,
        on_time_s: float,
        source: Literal["BUS", "EXT"] = "EXT",
    ) -> None:
        """Set the lasers that are on after each edge, in turn; allowed only while disarmed.

        Args:
            steps: for each edge a colour, or several colours that are on together.
            blanking_s: dark time after an edge while the liquid crystal settles, s.
            on_time_s: time of light after the dark time, s; the next edge always ends the light.
            source: edges of the panel's sync output ("EXT"), or `trigger` ("BUS", not frame-exact).
        """
        written = [written_step((step,) if isinstance(step, Colour) else tuple(sorted(step))) for step in steps]
        self._tell(f"TRIG:SOUR {source}")
        self._tell(f"SEQ:DEF {','.join(written)}")
        self._tell(f"SEQ:DEL {round(blanking_s * 1e6)}")
        self._tell(f"SEQ:WID {round(on_time_s * 1e6)}")

    @final
    def watch_edges(self, *, gated: bool = False, period_s: float = 0.0) -> None:
        """Set how the controller itself checks the edges, until the next `reset`; allowed only while disarmed.

        Args:
            gated: whether an edge's light waits for `confirm`.
            period_s: time between endless edges, s; an edge that is early or late disarms. 0 allows any time.

        Raises:
            RigError: the controller does not have these checks.
        """
        self._tell(f"SEQ:GATE {'ON' if gated else 'OFF'}")
        self._tell(f"SEQ:PER {round(period_s * 1e6)}")

    @final
    def confirm(self, frames: int) -> EdgeCount:
        """Say that `frames` frames have been shown; the controller lights the last if it has counted as many edges.

        Raises:
            RigError: the controller counted fewer edges and has gone dark (the error says by how many), or went dark
                by itself before.
        """
        try:
            return self._edge_count(f"SEQ:CONF? {frames:d}")
        except RigError as error:
            if self.connected and (counted := self.edges().edges) < frames:
                raise RigError(
                    f"the laser controller counted {counted} sync edges for {frames} frames shown, {frames - counted} "
                    f"fewer, and has gone dark: {error.what}",
                    where=self.where,
                ) from error
            raise

    @final
    def set_watchdog(self, milliseconds: int) -> None:
        """Set the silence of the host after which the controller goes dark, ms, up to the controller's own limit."""
        self._tell(f"SYST:WDOG {milliseconds:d}")

    @final
    def arm(self) -> None:
        """Let edges make light from now on; the host must call `heartbeat` within the watchdog time.

        Raises:
            RigError: the interlock has tripped, or the device has no watchdog and no armed gate with one.
        """
        require_watchdog(self.where, self.has_hardware_watchdog, self._gate)
        self._tell("OUTP ON")
        self.armed = True

    @final
    def disarm(self) -> None:
        """Make the lasers dark until the next `arm`.

        Raises:
            RigError: the controller did not confirm the dark after several commands; only silence then helps, because
                it lets the watchdog strike.
        """
        said = []
        for _ in range(OFFS):  # no other question: each question that is understood feeds the watchdog
            said.append(self._exchange("OUTP OFF"))
            if said[-1] == "OK":
                said.append(self._exchange("OUTP?"))
            if said[-1] == "0":
                self.armed = False
                return
        raise RigError(
            f"the laser controller does not confirm that it is dark: OUTP OFF gave {', '.join(said)}", where=self.where
        )

    @final
    def dark(self) -> bool:
        """Ask whether the controller is disarmed, which means that all lasers are dark."""
        return self.ask("OUTP?") == "0"

    @final
    def heartbeat(self) -> None:
        """Feed the watchdog, and ask whether the controller is still armed.

        Raises:
            RigError: the controller went dark by itself (watchdog, interlock); the error quotes the reason.
        """
        if self.ask("OUTP?") != "1" and self.armed:
            self.armed = False
            raise RigError(
                f"the laser controller has gone dark by itself: {'; '.join(self._errors())}", where=self.where
            )

    @final
    def prove_watchdog(self, milliseconds: int) -> None:
        """Test the watchdog, on which all safety rests: the silent host waits until the controller disarms itself.

        For the test, the controller is armed with all powers at 0 and no source of edges, so that no colour can be lit.

        Raises:
            RigError: the controller stayed armed (and has now been disarmed), or the interlock has tripped.
        """
        self.reset()
        self.set_watchdog(milliseconds)
        self.arm()
        for _ in range(SILENCES):  # a question feeds the watchdog
            time.sleep(milliseconds * 1e-3 + WATCHDOG_MARGIN_S)
            if self.dark():
                self.reset()
                return
        self.disarm()
        raise RigError(
            f"the controller was still armed after {milliseconds} ms and more of silence: its watchdog does not work",
            where=self.where,
            remedy="flash its firmware anew; without a watchdog nothing is lit",
        )

    @final
    def trigger(self) -> None:
        """Step the sequence once by command; not frame-exact."""
        self._tell("*TRG")

    @final
    def edges(self) -> EdgeCount:
        """Ask for the number of edges since arming and the colours of the current step."""
        return self._edge_count("SEQ:COUN?")

    @final
    def interlock_tripped(self) -> bool:
        """Ask whether the interlock has tripped. Only a person at the controller can clear a tripped interlock."""
        return self.ask("OUTP:PROT:INTL:TRIP?") == "1"

    @final
    def close(self) -> None:
        """Make the lasers dark and disconnect. Closing twice is allowed.

        Raises:
            RigError: the controller did not confirm the dark; its watchdog will make the lasers dark.
        """
        if not self.connected:
            return
        try:
            self.disarm()
        finally:
            self._let_go()

    def _exchange(self, line: str) -> str:
        if not self.connected:
            raise RigError("the laser controller is not connected", where=self.where)
        if not line.isascii() or "\n" in line:
            raise InputError(f"{line!r} is not one line of ASCII characters")  # two lines would have two answers
        try:
            return self._exchange_hw(line)
        except OSError as error:
            self._let_go()
            raise RigError(
                f"the laser controller does not answer '{line}': {error}",
                where=self.where,
                remedy="check its cable and power; it has gone dark by its watchdog and comes back disarmed",
            ) from error

    def _let_go(self) -> None:
        self.connected = self.armed = False
        self._close_hw()

    def _edge_count(self, line: str) -> EdgeCount:
        answer = self.ask(line)
        count, _, step = answer.partition(",")
        try:
            return EdgeCount(int(count), () if step == "0" else read_step(step))
        except ValueError as error:
            raise self._strange(line, answer) from error

    def _tell(self, line: str) -> None:
        answer = self.ask(line)
        if answer != "OK":
            raise self._strange(line, answer)

    def _number(self, line: str) -> float:
        answer = self.ask(line)
        try:
            return float(answer)
        except ValueError as error:
            raise self._strange(line, answer) from error

    def _errors(self) -> list[str]:
        """Fetch all errors from the controller's error queue, oldest first."""
        found: list[str] = []
        while not (entry := self._exchange("SYST:ERR?")).startswith("0,"):
            found.append(entry)
            if entry == "ERR" or len(found) > 100:
                break
        return found or ["it gives no reason"]

    def _strange(self, line: str, answer: str) -> RigError:
        return RigError(f"the laser controller answers '{line}' with '{answer}'", where=self.where)


def require_watchdog(where: str, has_one: bool, gate: LaserDriver | None) -> None:
    """Refuse to arm a device that would stay lit when the host dies.

    Raises:
        RigError: neither the device nor an armed gate has a hardware watchdog.
    """
    if not (has_one or (gate is not None and gate.has_hardware_watchdog and gate.armed)):
        raise RigError(
            "this laser head stays lit when its host dies, so it is not armed",
            where=where,
            remedy="put a laser controller with a watchdog on its interlock or shutter, arm it, pass it as `gate`",
        )
