"""Errors that a user can act on: what is wrong, where, and what to do about it; and the one check of values.

A class or function says what it expects of a value, `numbers(1, 100, whole=True)`, and `check` or `check_fields` raises
the error that names the value, what it is and what was expected.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

LONGEST = 1000
"""Letters of each part of an error; libraries repeat what they do not understand, whatever its length."""


class HolodriverError(Exception):
    """Base of all errors that holodriver raises on purpose.

    Args:
        what: what is wrong, in one clause; names the field or the argument.
        where: the file, device or argument it concerns, if there is one.
        remedy: what the user can do, if it is known.
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

    def __reduce__(self) -> tuple:  # so that errors cross process borders with their fields
        return _rebuild, (type(self), self.what, self.where, self.remedy)


def first_line(error: BaseException, most: int = 200) -> str:
    """The first line of what a library's error says, for a message; its type if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:most]


def shown(value: object, most: int = 80) -> str:
    """`value` for a message: on one line, and short whatever it is."""
    try:
        text = repr(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits; a list in a list in a list ...
        return f"a {type(value).__name__} too large to be shown"
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= most else text[: most - 3] + "..."


def _one_line(text: str) -> str:
    """`text` without what moves a terminal's cursor or changes its colours: a file may have named itself so."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text).strip()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def _rebuild(kind: type[HolodriverError], what: str, where: str | None, remedy: str | None) -> HolodriverError:
    return kind(what, where=where, remedy=remedy)


class InputError(HolodriverError):
    """An argument, option or setting given by the user cannot be used."""

    exit_code = 2


class FileFormatError(InputError):
    """A file is missing, truncated, foreign, of another version, or holds a wrong field."""


class OutputExistsError(InputError):
    """Something would be overwritten that the user did not ask to overwrite."""


class BlenderError(HolodriverError):
    """Blender was not found, did not start, or stopped with an error."""


class RigError(HolodriverError):
    """A panel, laser controller or camera failed, or does not answer as it should."""


class BridgeError(HolodriverError):
    """Looking Glass Bridge is not there, has no display, or does not do what it was asked."""


class SynthesisError(HolodriverError):
    """A hologram could not be computed (not a number, out of memory, empty target)."""


class MemoryAllowedError(InputError, SynthesisError):
    """A hologram cannot be computed with the memory that the user allowed."""


class Expected(NamedTuple):
    """What a value must be."""

    text: str
    """In words, as they stand behind "expected"."""
    holds: Callable[[Any], bool]
    """Whether a value is so."""


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
    """A finite number in a range.

    Args:
        least: lowest number that is allowed.
        most: highest number that is allowed.
        above: number that it must exceed, in place of `least`.
        below: number that it must stay under, in place of `most`.
        whole: only whole numbers are allowed.
        optional: None is allowed, too.
        kind: words for what it is, with the unit: "metres"; "a number" or "a whole number" unless given.
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
        except (TypeError, ValueError, OverflowError):  # no number, or one that no float can hold
            return False

    return Expected(text, holds)


def one_of(*choices: object) -> Expected:
    """One of a few values."""
    *others, last = map(repr, choices)

    def holds(value: Any) -> bool:  # where 1 is expected, neither True nor 1.0 is right
        return any(value == one and (type(value) is type(one) or isinstance(value, str)) for one in choices)

    return Expected(f"{', '.join(others)} or {last}" if others else last, holds)


def check(name: str, value: object, expected: Expected, *, where: object = None) -> None:
    """Refuse a value that is not as expected.

    Args:
        name: of the field or argument, as the user knows it.
        value: to be judged.
        expected: what it must be.
        where: the file, device or option that it comes from.

    Raises:
        InputError: it is not so; says what it is and what was expected.
    """
    if not expected.holds(value):
        raise InputError(f"{name} is {shown(value)}, expected {expected.text}", where=where)


def check_fields(made: object, what: str, *, where: object = None, **expected: Expected) -> None:
    """Refuse an object one of whose fields is not as expected.

    Args:
        made: the object.
        what: kind of object, for the message.
        where: the file or device that it comes from.
        expected: what each field must be, by its name.

    Raises:
        InputError: names the field, what it is and what was expected.
    """
    for name, rule in expected.items():
        check(f"{what} field '{name}'", getattr(made, name), rule, where=where)


def _written(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"
