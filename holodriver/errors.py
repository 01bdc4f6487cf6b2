"""Errors that a user can act on: what is wrong, where, and what to do about it."""

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
