"""Errors that tell a user what is wrong, where, and what to do about it; and the check of values.

A class or function says what it expects of a value, `numbers(1, 100, whole=True)`, and `check` or `check_fields` raises
the error that names the value, what it is and what was expected.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

LONGEST = 1000
"""Longest text of each part of an error, characters; some libraries repeat their whole input in messages."""


class HolodriverError(Exception):
    """Base of all errors that holodriver raises on purpose.

    Args:
        what: what is wrong, in one clause; names the field or the argument.
        where: the file, device or argument that is concerned, if there is one.
        remedy: what the user can do, if that is known.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: object = None, remedy: str | None = None):
        self.what = _one_line(what)
        self.where = None if where is None else _one_line(str(where))
        self.remedy = None if remedy is None else _one_line(remedy)
        super().__init__(self.what)

    def __str__(self) -> str:
        line = f"{self.where}: {self.what}" if self.where else self.what
        return f"{line} ({self.remedy})" if self.remedy else line

    def __reduce__(self) -> tuple:  # keeps the fields when an error is sent to another process
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def first_line(error: BaseException, most: int = 200) -> str:
    """First line of a library's error message; the type of the error if the message is empty."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]


def shown(value: object, most: int = 80) -> str:
    """Text of `value` for a message: on one line, and short."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a number with thousands of digits, or deeply nested lists
        return f"a {type(value).__name__} too large to be shown"
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= most else text[: most - 3] + "..."


def _one_line(text: str) -> str:
    """Text without characters that move a terminal's cursor or change its colours, which a file name may contain."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _rebuild(kind: type[HolodriverError], what: str, where: str | None, remedy: str | None) -> HolodriverError:
    return kind(what, where=where, remedy=remedy)


class InputError(HolodriverError):
    """Raised if an argument, option or setting given by the user cannot be used."""

    exit_code = 2


class FileFormatError(InputError):
    """Raised if a file is missing, truncated, foreign, of another version, or has a wrong field."""


class OutputExistsError(InputError):
    """Raised if a file or folder exists that the user did not ask to overwrite."""


class BlenderError(HolodriverError):
    """Raised if Blender was not found, did not start, or stopped with an error."""


class RigError(HolodriverError):
    """Raised if a panel, laser controller or camera failed, or does not answer as it should."""


class BridgeError(HolodriverError):
    """Raised if Looking Glass Bridge does not run, has no display, or fails to do what it was asked."""


class SynthesisError(HolodriverError):
    """Raised if a hologram could not be computed (not a number, out of memory, empty target)."""


class MemoryAllowedError(InputError, SynthesisError):
    """Raised if a hologram cannot be computed with the memory that the user allowed."""


class Expected(NamedTuple):
    """Rule for a value, and its description."""

    text: str
    """Description of valid values, as it stands after "expected" in messages."""
    holds: Callable[[Any], bool]
    """Function that tells whether a value is valid."""


def numbers(
    least: float | None = None,
    most: float | None = None,
    *,
    above: float | None = None,
    below: float | None = None,
    whole: bool = False,
    optional: bool = False,
    kind: str | None = None,
) -> Expected:
    """Rule for a finite number in a range.

    Args:
        least: lowest number that is allowed.
        most: highest number that is allowed.
        above: number that the value must exceed, in place of `least`.
        below: number that the value must stay below, in place of `most`.
        whole: only whole numbers are allowed.
        optional: None is allowed, too.
        kind: kind of value, with the unit, such as "metres"; by default "a number" or "a whole number".
    """
    text = kind or ("a whole number" if whole else "a number")
    if least is not None:
        text += f" from {_written(least)}" + ("" if most is None else f" to {_written(most)}")
    elif above is not None:
        text += f" above {_written(above)}" + ("" if most is None else f", at most {_written(most)}")
    if below is not None:
        text += f"{'' if least is above is None else ','} below {_written(below)}"
    low = -math.inf if least is None else least
    high = math.inf if most is None else most
    over = -math.inf if above is None else above
    under = math.inf if below is None else below

    def holds(value: Any) -> bool:
        if value is None:
            return optional
        try:
            right_kind = not isinstance(value, bool) and (isinstance(value, int) or not whole)
            return right_kind and math.isfinite(value) and low <= value <= high and over < value < under
        except (TypeError, ValueError, OverflowError):  # not a number, or too large for a float
            return False

    return Expected(text, holds)


def one_of(*choices: object) -> Expected:
    """Rule for one of a few values."""
    *others, last = map(repr, choices)

    def holds(value: Any) -> bool:  # if 1 is expected, True and 1.0 are wrong
        return any(value == one and (type(value) is type(one) or isinstance(value, str)) for one in choices)

    return Expected(f"{', '.join(others)} or {last}" if others else last, holds)


def check(name: str, value: object, expected: Expected, *, where: object = None) -> None:
    """Refuse a value that is not as expected.

    Args:
        name: name of the field or argument for the user.
        value: the value to check.
        expected: the rule.
        where: the file, device or option from which the value comes.

    Raises:
        InputError: the value breaks the rule; the message gives the value and the rule.
    """
    if not expected.holds(value):
        raise InputError(f"{name} is {shown(value)}, expected {expected.text}", where=where)


def check_fields(made: object, what: str, *, where: object = None, **expected: Expected) -> None:
    """Refuse an object with a field that is not as expected.

    Args:
        made: the object.
        what: kind of object for the message.
        where: the file or device from which the object comes.
        expected: rules by the names of the fields.

    Raises:
        InputError: a field breaks its rule; the message gives the field, its value and the rule.
    """
    for name, rule in expected.items():
        check(f"{what} field '{name}'", getattr(made, name), rule, where=where)


def _written(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


def check_base_name(path: Path) -> None:
    """Refuse a path that cannot be the beginning of the names of files.

    Raises:
        InputError: `path` ends in no name, as "." does.
    """
    if not path.name:
        raise InputError("is a folder, expected the beginning of a file name, such as FOLDER/NAME", where=path)
