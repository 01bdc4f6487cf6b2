"""Laser heads of other makes: one colour, a serial port of their own, and our controller as the gate before them.

Such a head stays lit when its host dies. It is therefore driven in its digital modulation mode, with a colour's
modulation output of the controller on its modulation input, and is only ever switched on behind an armed gate.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self, TypeVar, final

from holodriver.errors import InputError, RigError
from holodriver.rig.lasers import LaserDriver, require_watchdog
from holodriver.rig.serial_port import open_port

ANSWER_TIMEOUT_S = 1.0

Answer = TypeVar("Answer")


class LaserHead(ABC):
    """One laser of one colour. The public methods are complete; a make implements those that end in `_hw`.

    Args:
        port: device path or pyserial URL.
        limit_w: the most it may be told to emit, W.
        gate: the controller before it; without a hardware watchdog of its own, a head is not armed without one.
    """

    has_hardware_watchdog = False
    """Whether the head itself goes dark when its host falls silent. Hardly any does."""

    def __init__(self, port: str, *, limit_w: float, gate: LaserDriver | None = None):
        self.where = port
        self.limit_w = limit_w
        self.connected = True
        self.armed = False
        self._gate = gate

    @abstractmethod
    def _identity_hw(self) -> str:
        """Maker, model, serial number."""

    @abstractmethod
    def _prepare_hw(self) -> None:
        """Emission off, digital modulation, no emission by itself after power-on."""

    @abstractmethod
    def _set_power_hw(self, watts: float) -> None:
        """Power while the modulation input is high, W."""

    @abstractmethod
    def _power_hw(self) -> float:
        """The power that is set, W."""

    @abstractmethod
    def _set_emission_hw(self, on: bool) -> None:
        """Emission, gated by the modulation input."""

    @abstractmethod
    def _emission_hw(self) -> bool:
        """Whether emission is on."""

    @abstractmethod
    def _interlock_open_hw(self) -> bool:
        """Whether the head's own interlock or key keeps it dark."""

    @abstractmethod
    def _close_hw(self) -> None:
        """Let go of the port."""

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
    def identity(self) -> str:
        """Maker, model, serial number."""
        return self._asked(self._identity_hw)

    @final
    def set_power(self, watts: float) -> None:
        """Power while the gate is open, W; read back.

        Raises:
            InputError: not from 0 to the limit; nothing has changed.
            RigError: the head did not take it.
        """
        if not (math.isfinite(watts) and 0 <= watts <= self.limit_w):
            raise InputError(f"{watts!r} W is not from 0 to the limit of {self.limit_w:g} W", where=self.where)
        self._asked(self._set_power_hw, watts)
        if (said := self._asked(self._power_hw)) > self.limit_w * 1.001:
            raise RigError(f"the laser head says {said:g} W after {watts:g} W were set", where=self.where)

    @final
    def arm(self) -> None:
        """Emission on, behind the gate.

        Raises:
            RigError: no armed gate that has a watchdog, the head's interlock is open, or it does not answer.
        """
        require_watchdog(self.where, self.has_hardware_watchdog, self._gate)
        if self._asked(self._interlock_open_hw):
            raise RigError(
                "the laser head's own interlock or key keeps it dark",
                where=self.where,
                remedy="close the interlock and turn the key; software cannot",
            )
        self._asked(self._prepare_hw)
        self._asked(self._set_emission_hw, True)
        self.armed = True

    @final
    def disarm(self) -> None:
        """Emission off.

        Raises:
            RigError: the head did not confirm it.
        """
        self._asked(self._set_emission_hw, False)
        self.armed = False
        if self._asked(self._emission_hw):
            raise RigError("the laser head still says that it emits", where=self.where)

    @final
    def close(self) -> None:
        """Dark, then let go. Closing twice is allowed."""
        if not self.connected:
            return
        try:
            self.disarm()
        finally:
            self.connected = self.armed = False
            self._close_hw()

    def _asked(self, question: Callable[..., Answer], *arguments: object) -> Answer:
        if not self.connected:
            raise RigError("the laser head is not connected", where=self.where)
        try:
            return question(*arguments)
        except OSError as error:
            self.connected = self.armed = False
            self._close_hw()
            raise RigError(
                f"the laser head does not answer: {error}",
                where=self.where,
                remedy="check its cable and power; the gate keeps it dark",
            ) from error


class CoherentObis(LaserHead):
    """A Coherent OBIS LX, LS or remote on USB or RS-232: SCPI, lines ended by CR, each confirmed by `OK` or `ERRnnn`.

    Source: OBIS operator's manual, "Host interface".
    """

    def __init__(self, port: str, *, limit_w: float, gate: LaserDriver | None = None):
        super().__init__(port, limit_w=limit_w, gate=gate)
        self._serial = open_port(port)
        try:
            self._asked(self._greet)
        except BaseException:
            self._close_hw()
            raise

    def _greet(self) -> None:
        self._serial.reset_input_buffer()
        for line in ("SYST:COMM:HAND ON", "SYST:COMM:PROM OFF"):
            self._serial.write(line.encode("ascii") + b"\r")
            while self._read_line() not in ("OK", ""):
                continue  # a head that was not yet shaking hands may echo or prompt
        self._set_emission_hw(False)

    def _identity_hw(self) -> str:
        return f"Coherent,{self._ask('SYST:INF:MOD?')},{self._ask('SYST:INF:SNUM?')}"

    def _prepare_hw(self) -> None:
        self._ask("SOUR:AM:STAT OFF")
        self._ask("SYST:AUT OFF")
        self._ask("SOUR:AM:EXT DIG")

    def _set_power_hw(self, watts: float) -> None:
        self._ask(f"SOUR:POW:LEV:IMM:AMPL {watts:.5f}")

    def _power_hw(self) -> float:
        return self._number("SOUR:POW:LEV:IMM:AMPL?")

    def _set_emission_hw(self, on: bool) -> None:
        self._ask(f"SOUR:AM:STAT {'ON' if on else 'OFF'}")

    def _emission_hw(self) -> bool:
        return self._ask("SOUR:AM:STAT?") == "ON"

    def _interlock_open_hw(self) -> bool:
        return self._ask("SYST:LOCK?") != "ON"

    def _close_hw(self) -> None:
        self._serial.close()

    def _number(self, line: str) -> float:
        try:
            return float(answer := self._ask(line))
        except ValueError as error:
            raise OSError(f"'{line}' gave '{answer}'") from error

    def _ask(self, line: str) -> str:
        """Send one line; its value, or an empty text from a command."""
        self._serial.write(line.encode("ascii") + b"\r")
        first = self._read_line()
        if first.startswith("ERR"):
            raise RigError(f"the laser head refuses '{line}': {first}", where=self.where)
        if first == "OK":
            return ""
        if (end := self._read_line()) != "OK":
            raise OSError(f"'{line}' gave '{first}' and then '{end}'")
        return first

    def _read_line(self) -> str:
        due = time.monotonic() + ANSWER_TIMEOUT_S
        line = bytearray()
        while not line.endswith(b"\r"):
            byte = self._serial.read(1)
            if not byte and time.monotonic() > due:
                raise TimeoutError(f"no answer within {ANSWER_TIMEOUT_S:g} s")
            if byte != b"\n":
                line += byte
        return line.decode("ascii", errors="replace").strip()
