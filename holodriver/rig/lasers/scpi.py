"""The command language of the laser controller: headers, numbers, checksums and the error queue.

Source: SCPI-99 volume 1 (syntax) and chapter 21.8 (error numbers); IEEE 488.2 (`*ESR?` bits). The checksum is not SCPI:
`*hh` at the end of a line is the XOR of the characters before it, as in NMEA 0183.
"""

import re
from collections import deque
from collections.abc import Callable
from functools import reduce
from operator import xor

MAX_LINE = 128
"""Longest line without the LF, characters: the buffer of a small microcontroller."""

QUEUE_LENGTH = 16
"""Number of errors kept until they are read; the last place says that further errors were lost."""

_SEALED = re.compile(r"(.*)\*([0-9A-Fa-f]{2})")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")  # NRf; float() alone would take "nan" and "1_0"


class CommandError(Exception):
    """An error that refuses a line; the refused line has changed nothing.

    Args:
        code: SCPI error number (negative), or the device's own error number (positive).
        text: the error in words.
    """

    def __init__(self, code: int, text: str):
        self.code = code
        self.text = text
        super().__init__(f'{code},"{text}"')


def checksum(body: str) -> int:
    """XOR of the characters of an ASCII line."""
    return reduce(xor, body.encode("ascii"), 0)


def seal(body: str) -> str:
    """Append the checksum to a line."""
    return f"{body}*{checksum(body):02X}"


def unseal(line: str) -> tuple[str, bool | None]:
    """Split a line from its checksum; return the line and whether the checksum is right, or None without checksum."""
    match = _SEALED.fullmatch(line)
    if match is None:
        return line, None
    return match[1], checksum(match[1]) == int(match[2], 16)


def header(pattern: str) -> re.Pattern[str]:
    """Regular expression for one command header in SCPI notation.

    Capitals are the short form, `[...]` is optional, `#` is a numeric suffix: `SOURce#:POWer[:LEVel]?`.
    """
    written = ""
    for mnemonic, other in re.findall(r"([A-Za-z]+)|([^A-Za-z])", pattern):
        if mnemonic:
            short = "".join(letter for letter in mnemonic if letter.isupper())
            written += f"{short}(?:{mnemonic[len(short) :]})?" if len(short) < len(mnemonic) else short
        else:
            written += {"[": "(?:", "]": ")?", "#": r"(\d{1,3})"}.get(other, re.escape(other))
    return re.compile(written, re.IGNORECASE | re.ASCII)


def number(text: str) -> float:
    """Parse a decimal number.

    Raises:
        CommandError: -104, the text is no number.
    """
    if not _NUMBER.fullmatch(text):
        raise CommandError(-104, "Data type error; a number is expected")
    return float(text)


def whole(text: str, low: int, high: int) -> int:
    """Parse a whole number from `low` to `high`.

    Raises:
        CommandError: -104, the text is no whole number; -222, the number is out of range.
    """
    value = number(text)
    if not low <= value <= high:
        raise CommandError(-222, f"Data out of range; {low} to {high} is allowed")
    if value != int(value):
        raise CommandError(-104, "Data type error; a whole number is expected")
    return int(value)


def bare(act: Callable[[], str | None]) -> Callable[[str], str]:
    """Make the handler of a query, or of a command (answered with OK), that takes no parameter."""

    def handler(text: str) -> str:
        if text:
            raise CommandError(-108, "Parameter not allowed")
        answer = act()
        return "OK" if answer is None else answer

    return handler


def given(text: str) -> str:
    """Return a parameter that must not be empty.

    Raises:
        CommandError: -109, the parameter is missing.
    """
    if not text:
        raise CommandError(-109, "Missing parameter")
    return text


def switch(text: str) -> bool:
    """Parse a parameter that says on (true) or off (false).

    Raises:
        CommandError: -109, the parameter is missing; -224, it is neither.
    """
    on = {"ON": True, "1": True, "OFF": False, "0": False}.get(given(text).upper())
    if on is None:
        raise CommandError(-224, "Illegal parameter value; ON or OFF")
    return on


class ErrorQueue:
    """The error queue (`SYST:ERR?`) and the event status register (`*ESR?`) of a device."""

    def __init__(self) -> None:
        self._entries: deque[CommandError] = deque()
        self._status = 0x80  # bit 7: power came on

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, error: CommandError) -> None:
        """Queue an error, and set the bit of its class in the event status register."""
        if 100 <= -error.code < 200:
            self._status |= 0x20  # command error
        elif 200 <= -error.code < 300:
            self._status |= 0x10  # execution error
        else:
            self._status |= 0x08  # device error
        if len(self._entries) < QUEUE_LENGTH:
            self._entries.append(error)
        else:
            self._entries[-1] = CommandError(-350, "Queue overflow")

    def next(self) -> str:
        """Take the oldest error out of the queue."""
        return str(self._entries.popleft()) if self._entries else '0,"No error"'

    def status(self) -> int:
        """Read and clear the event status register."""
        status, self._status = self._status, 0
        return status

    def clear(self) -> None:
        """Forget all errors and events."""
        self._entries.clear()
        self._status = 0
