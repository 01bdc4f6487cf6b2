"""The three laser colours, in the order of the colour axis of every array."""

from enum import IntEnum


class Colour(IntEnum):
    """A laser colour; the value is its index on the colour axis. SCPI counts from 1: red is `SOUR1`."""

    RED = 0
    GREEN = 1
    BLUE = 2

    @property
    def number(self) -> int:
        """Number of the colour in SCPI commands, 1 to 3."""
        return self.value + 1

    @property
    def label(self) -> str:
        """Name of the colour in messages: "red", "green" or "blue"."""
        return self.name.lower()


def written_step(step: tuple[Colour, ...]) -> str:
    """Format one step of a colour sequence for SCPI: `2`, or `1+3` for colours that are on together."""
    return "+".join(str(colour.number) for colour in step)


def read_step(text: str) -> tuple[Colour, ...]:
    """Parse a step in the format of `written_step`; the colours are returned in rising order.

    Raises:
        ValueError: the text is not colour numbers joined by `+`, or a number stands twice.
    """
    numbers = [number.strip() for number in text.split("+")]
    if any(number not in ("1", "2", "3") for number in numbers) or len(set(numbers)) != len(numbers):
        raise ValueError(f"'{text}' is not a step of a colour sequence")
    return tuple(sorted(Colour(int(number) - 1) for number in numbers))
