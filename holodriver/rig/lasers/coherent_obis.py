"""Coherent OBIS laser heads. Tested with a simulated head only, never with a real one."""

import time
from typing import Any, Self

from holodriver.errors import RigError
from holodriver.rig.lasers.heads import LaserHead
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.serial_port import open_port

ANSWER_TIMEOUT_S = 1.0


class CoherentObis(LaserHead):
    """A Coherent OBIS LX, LS or remote on USB or RS-232: SCPI lines that end with CR, confirmed by `OK` or `ERRnnn`.

    Source: OBIS operator's manual, "Host interface".
    """

    def __init__(self, where: str, serial: Any, *, limit_w: float, gate: LaserDriver | None = None):
        super().__init__(where, limit_w=limit_w, gate=gate)
        self._serial = serial

    @classmethod
    def open(cls, port: str, *, limit_w: float, gate: LaserDriver | None = None) -> Self:
        """Connect to the head on a device path or pyserial URL, and switch its emission off.

        Raises:
            RigError: pyserial is missing, the port cannot be opened, or no head answers.
        """
        head = cls(port, open_port(port), limit_w=limit_w, gate=gate)
        try:
            head._asked(head._greet)
        except BaseException:
            head._close_hw()
            raise
        return head

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
        """Send one line and return the answer's value; an empty text for a command."""
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
