"""Ctrl-C as a question: long work that can stop with what it has finds out that somebody wants it to."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping_on_interrupt() -> Iterator[Callable[[], bool]]:
    """A block in which the first Ctrl-C only makes the callable say yes; a second one stops as ever.

    Signals reach the main thread alone; in another thread nothing is changed and the callable never says yes.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
