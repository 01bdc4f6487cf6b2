"""A panel that shows grey frames, as the process that drives the display sees it."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, final

import numpy as np

from holodriver.errors import InputError, check, numbers
from holodriver.rig.settings import FASTEST_HZ, SLOWEST_HZ

LATE_PERIODS = 1.2
"""An interval longer than this many refresh periods held a frame too long (PsychoPy's threshold)."""


class Flip(NamedTuple):
    """One frame that came to stand on the panel."""

    number: int
    """Flips before this one since `restart_timing`."""
    at_s: float
    """When it stood, taken after the flip (`time.perf_counter`, which all processes of a machine share), s."""
    dropped: int
    """Refreshes before this flip that brought no new frame; above 0 if and only if the flip was late."""


@dataclass(frozen=True)
class Held:
    """What a panel had on its glass: for each flip since `restart_timing`, from when, and which of `contents`."""

    since_s: list[float]
    content: list[int]
    contents: list[np.ndarray]
    """Distinct pictures, (h, w) uint8."""


class KeptFrame(NamedTuple):
    """A frame that a panel has taken over beforehand, so that its flip copies nothing."""

    pixels: np.ndarray
    """As they were given; they must not change."""
    handle: object
    """What the hardware holds of them; None from panels that keep nothing."""


class Panel(ABC):
    """A panel. A vendor or a window library implements `_flip_hw`; `show` is complete and is not overridden.

    Args:
        native_shape: panel pixels (h, w).
        refresh_hz: refreshes a second, 1/s.
        packed: it takes all colours in one frame, (h, w, 3), and shows them one after another.
        clock: seconds; `time.perf_counter` unless a test gives its own.

    Raises:
        InputError: a size or rate that no panel has.
    """

    def __init__(
        self,
        native_shape: tuple[int, int],
        refresh_hz: float,
        *,
        packed: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ):
        self.packed = packed
        self.synchronised = True
        """Whether a flip waits for the panel's refresh; otherwise for a clock, which is not frame-exact."""
        self.native_shape, self.refresh_hz = checked_panel(native_shape, refresh_hz)
        self.frame_shape = self.native_shape
        """(h, w) of the frames it takes; other than its own pixels where it turns or enlarges them itself."""
        self._clock = clock
        self._last: Flip | None = None

    @property
    def period_s(self) -> float:
        """Time between two refreshes, s."""
        return 1 / self.refresh_hz

    @final
    def show(self, frame: np.ndarray | KeptFrame) -> Flip:
        """Put a frame on the panel: check, flip, take the time, judge whether it came late.

        Args:
            frame: (h, w) uint8 grey levels, exactly `frame_shape`, (h, w, 3) if it is packed; or one that was kept.

        Raises:
            InputError: the frame has another shape or type; nothing was shown.
        """
        if isinstance(frame, KeptFrame) and frame.handle is not None:
            self._flip_kept_hw(frame.handle)
        else:
            pixels = frame.pixels if isinstance(frame, KeptFrame) else frame
            self._check(pixels)
            self._flip_hw(pixels)
        at = self._clock()
        if self._last is None:
            flip = Flip(0, at, 0)
        else:
            flip = Flip(self._last.number + 1, at, missed_refreshes(at - self._last.at_s, self.period_s))
        self._last = flip
        return flip

    @final
    def restart_timing(self) -> None:
        """Count flips from 0 again; the next one cannot be late."""
        self._last = None
        self._forget_hw()

    @final
    def keep(self, frame: np.ndarray) -> KeptFrame:
        """Take a frame over for later flips; its pixels must not change after that.

        Raises:
            InputError: the frame has another shape or type.
        """
        self._check(frame)
        return KeptFrame(frame, self._keep_hw(frame))

    def rest(self) -> None:  # noqa: B027 - only a window has to answer the system
        """Called several times a second while nothing is shown."""

    def close(self) -> None:  # noqa: B027 - only a window has something to give back
        """Give the monitor back. Closing twice is allowed."""

    def _check(self, frame: np.ndarray) -> None:
        check_frame(frame, (*self.frame_shape, 3) if self.packed else self.frame_shape)

    def _keep_hw(self, frame: np.ndarray) -> object:
        """What makes a later flip of the frame cheap; None where nothing does."""
        return None

    def _flip_kept_hw(self, handle: Any) -> None:
        """`_flip_hw` of what `_keep_hw` gave."""
        raise NotImplementedError

    @abstractmethod
    def _flip_hw(self, frame: np.ndarray) -> None:
        """Put (h, w) uint8 pixels on the glass at the next refresh, unchanged; return once they stand there."""

    def _forget_hw(self) -> None:  # noqa: B027 - only panels that keep a record have something to forget
        """Drop what was recorded of earlier flips."""

    def held(self) -> Held | None:
        """What the panel had on its glass since `restart_timing`; None from panels that cannot tell."""
        return None


def missed_refreshes(interval_s: float, period_s: float) -> int:
    """Refreshes that brought no new frame in an interval between two flips; at least 1 if it is over the threshold."""
    if interval_s <= LATE_PERIODS * period_s:
        return 0
    return max(1, round(interval_s / period_s) - 1)


READY_PERIODS = 0.2
"""A frame asked for less than this share of a period before a refresh may well come with the next one."""


def missed_on_demand(asked_s: float, flip_s: float, last_s: float, period_s: float) -> int:
    """Refreshes that went by without a frame that was asked for at some time, which need not be at once.

    Args:
        asked_s: when it was asked for, s.
        flip_s: when it stood, s.
        last_s: when the frame before it stood, on the same grid of refreshes, s.
        period_s: time between refreshes, s.
    """
    due = last_s + math.ceil((asked_s - last_s) / period_s + READY_PERIODS) * period_s
    return max(0, round((flip_s - due) / period_s))


def check_frame(frame: np.ndarray, native_shape: tuple[int, ...]) -> None:
    """Refuse what is not exactly one panel frame.

    Raises:
        InputError: names the size and type that are expected.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.shape != native_shape:
        given = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        height, width = native_shape[:2]
        raise InputError(
            f"a panel frame is {given}, expected uint8 {native_shape}: {width} × {height} pixels, the panel's own",
            remedy="encode the hologram for this panel",
        )


def checked_panel(native_shape: tuple[int, int], refresh_hz: float) -> tuple[tuple[int, int], float]:
    """A panel's size and rate, if there can be such a panel.

    Raises:
        InputError: a side below 1 pixel, or a rate outside `SLOWEST_HZ` to `FASTEST_HZ`.
    """
    height, width = (int(side) for side in native_shape)
    if min(height, width) < 1:
        raise InputError(f"a panel of {width} × {height} pixels cannot be", where="native_shape")
    check("refresh_hz", refresh_hz, numbers(SLOWEST_HZ, FASTEST_HZ, kind="a rate in Hz"))
    return (height, width), float(refresh_hz)
