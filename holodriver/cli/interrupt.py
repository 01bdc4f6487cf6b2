"""Ctrl-C for long work that can stop early and keep its result so far."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def stopping_on_interrupt() -> Iterator[Callable[[], bool]]:
    """Make a block in which the first Ctrl-C only makes the yielded callable return True; a second one stops the work.

    Signals reach the main thread only; in another thread nothing changes, and the callable never returns True.
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
