"""The one way in which long work reports how far it is."""

from typing import Protocol


class Progress(Protocol):
    """Called by long work; the command line turns calls into bars or JSON lines.

    Args:
        stage: what is being done, a short phrase that stays the same for one bar.
        done: units finished so far.
        total: units in all.
        note: a short live figure, such as "31.2 dB".
    """

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Report nothing."""
