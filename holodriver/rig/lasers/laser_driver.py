"""The host's side of the lasers: a driver for any box that sequences them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from typing import Literal, NamedTuple, Self, final

from holodriver.errors import InputError, RigError, check, numbers
from holodriver.rig.laser_colour import Colour, read_step, written_step
from holodriver.rig.settings import WATCHDOG_MARGIN_S

OFFS = 3
"""So often `OUTP OFF` is said to a box that does not confirm it: a line may be garbled once."""

SILENCES = 3
"""A busy machine may deliver a question late to a simulated box, but not so often."""


class EdgeCount(NamedTuple):
    """Edges that the box has seen since arming, and the colours of its step now (empty before the first edge)."""

    edges: int
    colours: tuple[Colour, ...]


class LaserDriver(ABC):
    """Lasers that can be armed, stepped through colours, and kept armed only by being talked to.

    The public methods are complete and are not overridden; a new laser box implements `_exchange_hw`, which takes one
    line of the protocol (holodriver/rig/PROTOCOL.md) and gives the answer, and sets `has_hardware_watchdog`. Leaving
    the `with` block, however it is left, ends dark.

    Args:
        where: the device, for errors.
        gate: for a head without a hardware watchdog, the armed controller that can cut its light (interlock, shutter
            or modulation input). Without one such a head cannot be armed: it stays lit when its host dies.
    """

    has_hardware_watchdog = False
    """Whether the box itself goes dark when the host falls silent."""

    def __init__(self, where: str, *, gate: "LaserDriver | None" = None):
        self.where = where
        self.connected = True
        self.armed = False
        """Whether the box was armed when last heard of."""
        self._gate = gate

    @abstractmethod
    def _exchange_hw(self, line: str) -> str:
        """Send one line and return its answer, both without line ends.

        Raises:
            OSError: the device is gone or does not answer (`serial.SerialException` and `TimeoutError` are OSErrors).
        """

    def _close_hw(self) -> None:  # noqa: B027 - most simulated and network heads have nothing to let go of
        """Let go of the device."""

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
        """Send one line; its answer.

        Raises:
            RigError: the box refused the line (with what it has in `SYST:ERR?`), is not connected, or did not answer;
                in the last case the driver lets go of it, and its watchdog makes it dark.
        """
        answer = self._exchange(line)
        if answer == "ERR":
            raise RigError(f"the laser controller refused '{line}': {'; '.join(self._errors())}", where=self.where)
        return answer

    @final
    def identity(self) -> str:
        """Maker, model, serial number and version."""
        return self.ask("*IDN?")

    @final
    def reset(self) -> None:
        """Dark, disarmed, all settings as after boot, no errors waiting."""
        self.armed = False
        self._tell("*RST")
        self._tell("*CLS")

    @final
    def set_power(self, colour: Colour, watts: float) -> None:
        """Power of one colour, W.

        Raises:
            InputError: not a number from 0.
            RigError: over the box's limit, which has changed nothing.
        """
        check("laser power", watts, numbers(0, kind="watts"), where=Colour(colour).label)
        self._tell(f"SOUR{Colour(colour).number}:POW:LEV:IMM:AMPL {watts:.9g}")

    @final
    def power(self, colour: Colour) -> float:
        """Power that is set for one colour, W."""
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
        """What is on after each edge, in turn; only while disarmed.

        Args:
            steps: a colour, or several that are on together, for each edge.
            blanking_s: dark after an edge while the liquid crystal settles, s.
            on_time_s: light after that, s; the next edge ends it in any case.
            source: edges of the panel's sync output ("EXT"), or `trigger` ("BUS", not frame-exact).
        """
        written = [written_step((step,) if isinstance(step, Colour) else tuple(sorted(step))) for step in steps]
        self._tell(f"TRIG:SOUR {source}")
        self._tell(f"SEQ:DEF {','.join(written)}")
        self._tell(f"SEQ:DEL {round(blanking_s * 1e6)}")
        self._tell(f"SEQ:WID {round(on_time_s * 1e6)}")

    @final
    def watch_edges(self, *, gated: bool = False, period_s: float = 0.0) -> None:
        """How the box itself watches over the edges; only while disarmed, and until the next `reset`.

        Args:
            gated: an edge's light waits for `confirm`.
            period_s: time between edges that never stop, s; one that comes too early or too late disarms. 0: any.

        Raises:
            RigError: the box does not know how.
        """
        self._tell(f"SEQ:GATE {'ON' if gated else 'OFF'}")
        self._tell(f"SEQ:PER {round(period_s * 1e6)}")

    @final
    def confirm(self, frames: int) -> EdgeCount:
        """Say that the last of so many frames stands, which lights it if the box has counted as many edges.

        Raises:
            RigError: it counted fewer and has gone dark (says by how many), or went dark by itself before.
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
        """Silence after which the box goes dark, ms; never more than the box's own limit."""
        self._tell(f"SYST:WDOG {milliseconds:d}")

    @final
    def arm(self) -> None:
        """Let edges make light from now on. The box must be talked to (`heartbeat`) within its watchdog time.

        Raises:
            RigError: the interlock has tripped, or the head has no watchdog and no armed gate that has one.
        """
        require_watchdog(self.where, self.has_hardware_watchdog, self._gate)
        self._tell("OUTP ON")
        self.armed = True

    @final
    def disarm(self) -> None:
        """Dark now, and until the next `arm`.

        Raises:
            RigError: the box did not confirm it, though told several times; silence is what its watchdog needs then.
        """
        said = []
        for _ in range(OFFS):  # no question in between: each that is understood feeds the watchdog
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
        """Whether the box says that it is disarmed, which it only is when dark."""
        return self.ask("OUTP?") == "0"

    @final
    def heartbeat(self) -> None:
        """Say that the host lives, and hear whether the box is still armed.

        Raises:
            RigError: it went dark by itself (watchdog, interlock), with what it says about it.
        """
        if self.ask("OUTP?") != "1" and self.armed:
            self.armed = False
            raise RigError(
                f"the laser controller has gone dark by itself: {'; '.join(self._errors())}", where=self.where
            )

    @final
    def prove_watchdog(self, milliseconds: int) -> None:
        """See that the box goes dark by itself when nobody talks to it, on which all safety rests; takes that long.

        It is armed for it with all powers at 0 and without a source of edges, so that no colour can be lit.

        Raises:
            RigError: it stayed armed, and has been disarmed; or the interlock has tripped.
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
        """One step of the sequence by command; not frame-exact."""
        self._tell("*TRG")

    @final
    def edges(self) -> EdgeCount:
        """Edges since arming and the colours of the step now."""
        return self._edge_count("SEQ:COUN?")

    @final
    def interlock_tripped(self) -> bool:
        """Whether the interlock has tripped. Only a person at the box can clear that."""
        return self.ask("OUTP:PROT:INTL:TRIP?") == "1"

    @final
    def close(self) -> None:
        """Make dark and let go of the box. Closing twice is allowed.

        Raises:
            RigError: the box did not confirm that it is dark; its watchdog will make it so.
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
        """All errors that wait in the box, oldest first, taken out of it."""
        found: list[str] = []
        while not (entry := self._exchange("SYST:ERR?")).startswith("0,"):
            found.append(entry)
            if entry == "ERR" or len(found) > 100:
                break
        return found or ["it gives no reason"]

    def _strange(self, line: str, answer: str) -> RigError:
        return RigError(f"the laser controller answers '{line}' with '{answer}'", where=self.where)


def require_watchdog(where: str, has_one: bool, gate: LaserDriver | None) -> None:
    """Refuse to arm what would stay lit when its host dies.

    Raises:
        RigError: neither the head nor an armed controller before it has a hardware watchdog.
    """
    if not (has_one or (gate is not None and gate.has_hardware_watchdog and gate.armed)):
        raise RigError(
            "this laser head stays lit when its host dies, so it is not armed",
            where=where,
            remedy="put a laser controller with a watchdog on its interlock or shutter, arm it, pass it as `gate`",
        )
