"""Live control of a play by commands from a pipe or keys of a terminal."""

import math
import os
import re
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from holodriver.errors import InputError

Verb = Literal["next", "previous", "go", "pause", "sweep", "power", "blank", "status", "quit", "help"]

HELP = (
    "next, previous, go N, pause [on|off], sweep [on|off] (focus, forth and back), power MW | +PERCENT | -PERCENT, "
    "blank [on|off], status, quit"
)
KEYS_HELP = "keys: right/left next/previous, space pause, f focus sweep, +/- power by 10 %, b blank, s status, q quit"

KEYS = {
    "n": "next", "\x1b[C": "next", "\x1bOC": "next", "p": "previous", "\x1b[D": "previous", "\x1bOD": "previous",
    " ": "pause", "f": "sweep", "b": "blank",
    "+": "power +10", "=": "power +10", "-": "power -10", "s": "status", "q": "quit", "\x1b": "quit", "h": "help",
    "?": "help",
}  # fmt: skip

OTHER_KEYS = re.compile(r"\x1b(?:\[\[?[0-?]*[ -/]*[@-~]|O[ -~])")
"""Characters that a terminal sends for an arrow, Home, Delete or function key (ECMA-48, 5.4; SS3 of VT100 keypads)."""

BEGUN_KEY = re.compile(r"\x1b(?:\[\[?[0-?]*[ -/]*|O)\Z")
"""The beginning of `OTHER_KEYS`, at the end of a text: the remaining characters have not come yet."""

MAX_LINE = 256
"""Longest command line, bytes."""


@dataclass(frozen=True)
class Command:
    """One command of a person or a program."""

    verb: Verb
    on: bool | None = None
    """New state of a switch ("pause", "sweep", "blank"); None toggles the switch."""
    hologram: int = 0
    """Index of the hologram for "go", from 0."""
    power_mw: float | None = None
    """New power of the strongest laser, mW."""
    power_factor: float = 1.0
    """Factor on the power of the strongest laser, if `power_mw` is None."""


def read_command(line: str) -> Command:
    """Parse a command line.

    Raises:
        InputError: the line is no command; the error lists the commands.
    """
    words = line.split()
    match words:
        case ["next"] | ["previous"] | ["status"] | ["quit"] | ["help"]:
            return Command(words[0])  # type: ignore[arg-type]  # the pattern holds the verbs
        case [("pause" | "sweep" | "blank") as verb]:
            return Command(verb)
        case [("pause" | "sweep" | "blank") as verb, ("on" | "off") as state]:
            return Command(verb, on=state == "on")
        case ["go", number] if number.isascii() and number.isdigit():
            return Command("go", hologram=int(number[:9]) - 1)
        case ["power", amount]:
            return _power(amount)
    raise InputError(f"'{line.strip()[:40]}' is no command", remedy=f"say one of: {HELP}")


def _power(amount: str) -> Command:
    try:
        value = float(amount)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or (amount[0] not in "+-" and value < 0):
        raise InputError(f"'power {amount[:20]}' is no power", remedy="power 1.5 is 1.5 mW, power +10 is 10 % more")
    if amount[0] not in "+-":
        return Command("power", power_mw=value)
    if value <= -100:
        raise InputError(f"'power {amount[:20]}' leaves no light", remedy="use blank")
    # a step up and an equal step down give the old power again
    return Command("power", power_factor=1 + value / 100 if value >= 0 else 1 / (1 - value / 100))


class Listener:
    """Reads commands from a file descriptor without waiting: keys of a terminal, or lines of a pipe.

    Args:
        descriptor: file descriptor, open for reading.
        keys: whether each byte is a key.
        max_line: longest line, bytes; a longer line is replaced by a message about its length, which is neither a
            command nor the name of a file.
    """

    def __init__(self, descriptor: int, *, keys: bool, max_line: int = MAX_LINE):
        self._descriptor, self._max_line = descriptor, max_line
        self.keys = keys
        self._received = b""
        self.ended = False
        """Whether nothing more can come."""

    @property
    def speaks(self) -> bool:
        """Whether somebody can give commands: false for an input that ends before its first byte, such as /dev/null."""
        self._hear()
        return bool(self._received) or not self.ended

    def lines(self) -> Iterator[str]:
        """Iterate over the command lines that have come since the last call."""
        self._hear()
        if self.keys:
            text, self._received = self._received.decode("ascii", errors="ignore"), b""
            if begun := BEGUN_KEY.search(text):
                text, self._received = text[: begun.start()], begun[0][-MAX_LINE:].encode("ascii")
            yield from _keys(text)
            return
        *whole, self._received = self._received.split(b"\n")
        self._received = self._received[: self._max_line + 1]  # an endless line must not fill memory
        for line in whole:
            if len(line) <= self._max_line:
                yield line.decode("utf-8", errors="replace")
            else:
                begins = line[:20].decode("utf-8", errors="replace")
                yield f"{begins}… (longer than {self._max_line} bytes)"

    def _hear(self) -> None:
        while not self.ended and select.select([self._descriptor], [], [], 0)[0]:
            try:
                data = os.read(self._descriptor, 4096)
            except OSError:
                data = b""
            self.ended = not data
            self._received += data


def _keys(text: str) -> Iterator[str]:
    at = 0
    while at < len(text):
        other = OTHER_KEYS.match(text, at)
        key = other[0] if other else text[at]
        if key in KEYS:
            yield KEYS[key]
        at += len(key)


@contextmanager
def listening(*, lines: bool = True) -> Iterator[Listener | None]:
    """Listen to keys of the terminal, or to lines of the standard input if `lines`; None if there is neither.

    Inside the block, the terminal sends keys without Enter and does not show them; the end of the block restores it.
    """
    try:
        terminal = sys.stdin.fileno() if sys.stdin.isatty() else None
        descriptor = sys.stdin.fileno()
    except (AttributeError, OSError, ValueError):  # no standard input at all
        yield None
        return
    if sys.platform == "win32":  # `select` cannot watch consoles and pipes of Windows
        yield None
        return
    opened = None
    if terminal is None and not lines:
        try:
            opened = terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
        except OSError:
            yield None
            return
    if terminal is None:
        listener = Listener(descriptor, keys=False)
        yield listener if listener.speaks else None
        return
    import termios
    import tty

    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal)
        yield Listener(terminal, keys=True)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)
        if opened is not None:
            os.close(opened)
