"""The client of the holodriver laser controller: sends lines on a serial port and matches each with its answer."""

import time
from typing import Any, Self

from holodriver.errors import RigError
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.lasers.scpi import seal, unseal
from holodriver.rig.lasers.serial_port import QUIET_S, open_port

ANSWER_TIMEOUT_S = 1.0
"""Longest wait for an answer, s: at 115200 baud an answer takes milliseconds, and the watchdog strikes much sooner."""

CONNECT_TIMEOUT_S = 5.0
"""Longest wait for the first answer, s: opening the port resets many boards, whose boot loader may take two seconds."""

IDENTITY_START = "holodriver,laser controller"


class _BadAnswerError(OSError):
    """The received text is no answer of a laser controller."""

    def __init__(self, what: str, text: str):
        super().__init__(f"{what}, {text[:80]!r}")


class LaserController(LaserDriver):
    """The client of the holodriver laser controller.

    Args:
        where: name of the port in errors.
        serial: open serial port (pyserial).
        checksums: send `*hh` checksums; the controller then sends them too, and neither accepts a line without one.
        answer_timeout_s: longest wait for one answer, s.
    """

    has_hardware_watchdog = True

    def __init__(self, where: str, serial: Any, *, checksums: bool = True, answer_timeout_s: float = ANSWER_TIMEOUT_S):
        super().__init__(where)
        self._serial, self._checksums, self._answer_timeout_s = serial, checksums, answer_timeout_s
        self._received = bytearray()
        self._in_step = False

    @classmethod
    def open(
        cls,
        port: str,
        *,
        checksums: bool = True,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> Self:
        """Connect to the controller, check its identity and reset it, which makes it dark and disarmed.

        Args:
            port: device path or pyserial URL: "/dev/ttyACM0", "COM3", "socket://127.0.0.1:4000".
            checksums: send and require checksums.
            answer_timeout_s: longest wait for one answer, s.
            connect_timeout_s: longest wait for the first answer after the port is opened, s.

        Raises:
            RigError: pyserial is missing, the port cannot be opened, or the device is no laser controller.
        """
        controller = cls(port, open_port(port), checksums=checksums, answer_timeout_s=answer_timeout_s)
        try:
            controller._identify(connect_timeout_s)
            controller.reset()
        except BaseException:
            controller._let_go()
            raise
        return controller

    def _identify(self, timeout_s: float) -> None:
        due = time.monotonic() + timeout_s
        said = "nothing"
        while True:
            try:
                answer = self._exchange_hw("*IDN?")
                if answer.startswith(IDENTITY_START):
                    return
                said = repr(answer[:80])
            except TimeoutError:
                pass
            except _BadAnswerError as error:  # a controller may print other text while it boots: try again
                said = str(error)
            except OSError as error:
                raise RigError(f"the port failed: {error}", where=self.where) from error
            if time.monotonic() > due:
                break
            self._in_step = False
        raise RigError(
            f"no holodriver laser controller answers here; '*IDN?' gave {said}",
            where=self.where,
            remedy="check the port's name and that nothing else uses it",
        )

    def _exchange_hw(self, line: str) -> str:
        if not self._in_step:
            self._find_step()
        # stays false after Ctrl-C or an error between line and answer: the next line must not take this line's answer
        self._in_step = False
        self._serial.write((seal(line) if self._checksums else line).encode("ascii") + b"\n")
        received = self._read_line()
        if not received.isascii():
            raise _BadAnswerError("an answer that is not ASCII", received)
        body, right = unseal(received)
        if right is False or (self._checksums and right is None):
            raise _BadAnswerError(f"an answer whose checksum is {'missing' if right is None else 'wrong'}", received)
        self._checksums = self._checksums or right is True
        self._in_step = True
        return body

    def _find_step(self) -> None:
        """End a line that may be half sent, and drop all answers that are still on their way."""
        self._serial.write(b"\n")
        self._serial.timeout = QUIET_S
        due = time.monotonic() + self._answer_timeout_s
        while chunk := self._serial.read(4096):
            if time.monotonic() > due:
                raise _BadAnswerError("text without end", chunk.decode("ascii", errors="replace"))
        self._received.clear()

    def _read_line(self) -> str:
        due = time.monotonic() + self._answer_timeout_s
        while b"\n" not in self._received:
            self._serial.timeout = max(0.0, due - time.monotonic())
            chunk = self._serial.read(max(1, self._serial.in_waiting))
            if not chunk and time.monotonic() >= due:
                raise TimeoutError(f"no answer within {self._answer_timeout_s:g} s")
            self._received += chunk
        line, _, rest = self._received.partition(b"\n")
        self._received = bytearray(rest)
        return line.decode("ascii", errors="replace")

    def _close_hw(self) -> None:
        # a board that resets on DTR reboots dark; a pseudo-terminal has no DTR line and raises ENOTTY
        for hang_up in (lambda: setattr(self._serial, "dtr", False), self._serial.close):
            try:
                hang_up()
            except OSError:
                continue
