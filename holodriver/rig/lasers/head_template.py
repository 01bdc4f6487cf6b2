"""Template of a laser head of another make: copy this file, follow the head's manual, add `open` to `makes.HEADS`.

Every method may raise OSError (pyserial's errors and TimeoutError are OSErrors): the driver then disconnects the head,
and the gate keeps it dark. A method that the head refuses raises RigError with the head's words.
"""

from typing import Any, Self

from holodriver.rig.lasers.heads import LaserHead
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.serial_port import open_port


class HeadTemplate(LaserHead):
    """A head that ends its lines with LF and answers each of them."""

    has_hardware_watchdog = False  # True only if the head's own electronics go dark within MAX_WATCHDOG_MS of silence

    def __init__(self, where: str, serial: Any, *, limit_w: float, gate: LaserDriver | None = None):
        super().__init__(where, limit_w=limit_w, gate=gate)
        self._serial = serial

    @classmethod
    def open(cls, port: str, *, limit_w: float, gate: LaserDriver | None = None) -> Self:
        """Connect to the head on a device path or pyserial URL."""
        return cls(port, open_port(port), limit_w=limit_w, gate=gate)

    def _ask(self, line: str) -> str:
        self._serial.write(f"{line}\n".encode("ascii"))
        answer: bytes = self._serial.read_until(b"\n")
        if not answer.endswith(b"\n"):
            raise TimeoutError(f"no answer to '{line}'")  # writing may succeed on an unplugged port: require an answer
        return answer.decode("ascii", errors="replace").strip()

    def _identity_hw(self) -> str:
        return self._ask("*IDN?")

    def _prepare_hw(self) -> None:
        self._set_emission_hw(False)
        self._ask("MOD DIGITAL")  # emission follows the modulation input, which the controller drives
        self._ask("AUTOSTART OFF")  # power-on is never light

    def _set_power_hw(self, watts: float) -> None:
        self._ask(f"POW {watts:.6f}")

    def _power_hw(self) -> float:
        return float(self._ask("POW?"))

    def _set_emission_hw(self, on: bool) -> None:
        self._ask(f"EMIT {int(on)}")

    def _emission_hw(self) -> bool:
        return self._ask("EMIT?") != "0"

    def _interlock_open_hw(self) -> bool:
        return self._ask("INTERLOCK?") != "CLOSED"

    def _close_hw(self) -> None:
        self._serial.close()
