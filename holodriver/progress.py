"""The interface with which long work reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """Callback of long work; the command line shows the calls as bars or JSON lines.

    Args:
        stage: short phrase for the work, constant for one bar.
        done: number of finished steps.
        total: number of all steps.
        note: a short live figure, such as "31.2 dB".
    """

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Ignore a report of progress."""
