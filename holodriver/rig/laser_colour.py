"""The three laser colours, in the order of the colour axis of every array."""

from enum import IntEnum


class Colour(IntEnum):
    """A laser colour; the value is its index on the colour axis. SCPI counts from 1: red is `SOUR1`."""

    RED = 0
    GREEN = 1
    BLUE = 2

    @property
    def number(self) -> int:
        """The colour's number on the wire, from 1."""
        return self.value + 1

    @property
    def label(self) -> str:
        """The colour's name for people."""
        return self.name.lower()


def written_step(step: tuple[Colour, ...]) -> str:
    """One step of a sequence as it stands on the wire: `2`, or `1+3` for colours that are on together."""
    return "+".join(str(colour.number) for colour in step)


def read_step(text: str) -> tuple[Colour, ...]:
    """The step that `written_step` wrote, colours in rising order.

    Raises:
        ValueError: not colour numbers joined by `+`, or one of them twice.
    """
    numbers = [number.strip() for number in text.split("+")]
    if any(number not in ("1", "2", "3") for number in numbers) or len(set(numbers)) != len(numbers):
        raise ValueError(f"'{text}' is not a step of a colour sequence")
    return tuple(sorted(Colour(int(number) - 1) for number in numbers))
