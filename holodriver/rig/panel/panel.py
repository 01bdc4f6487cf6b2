"""The base class of panels, as the display process uses them."""

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
"""Longest interval between two flips that is not late, refresh periods (PsychoPy's threshold)."""


class Flip(NamedTuple):
    """The report of one flip, which put a new frame on the panel."""

    number: int
    """Number of flips before this one since `restart_timing`."""
    at_s: float
    """Time after the flip, s (`time.perf_counter`, which all processes of a machine share)."""
    dropped: int
    """Number of refreshes without a new frame before this flip; above 0 if and only if the flip was late."""


@dataclass(frozen=True)
class Held:
    """A panel's own record of the pictures that it showed since `restart_timing`."""

    since_s: list[float]
    """Time of each flip, s."""
    content: list[int]
    """Index into `contents` of the picture after each flip."""
    contents: list[np.ndarray]
    """Distinct pictures, (h, w) uint8."""


class KeptFrame(NamedTuple):
    """A frame that a panel has stored beforehand, so that its flip copies nothing."""

    pixels: np.ndarray
    """The frame's pixels, (h, w) or (h, w, 3) uint8, which must not change."""
    handle: object
    """The hardware's handle of the stored frame; None for panels that store nothing."""


class Panel(ABC):
    """A panel. A vendor or a window library implements `_flip_hw`; `show` is complete and is not overridden.

    Args:
        native_shape: shape (h, w) of the panel, panel pixels.
        refresh_hz: refresh rate, Hz.
        packed: whether the panel takes all colours in one frame, (h, w, 3), and shows them one after another.
        clock: returns the time, s; `time.perf_counter`, or a clock for tests.

    Raises:
        InputError: no panel has such a size or rate.
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
        """Whether flips wait for the panel's refresh; otherwise they wait for a clock, which is not frame-exact."""
        self.native_shape, self.refresh_hz = checked_panel(native_shape, refresh_hz)
        self.frame_shape = self.native_shape
        """Shape (h, w) of the frames that `show` takes; it differs from `native_shape` if the panel turns or enlarges
        frames itself."""
        self._clock = clock
        self._last: Flip | None = None

    @property
    def period_s(self) -> float:
        """Time between two refreshes, s."""
        return 1 / self.refresh_hz

    @final
    def show(self, frame: np.ndarray | KeptFrame) -> Flip:
        """Put a frame on the panel: check the frame, flip, take the time, and judge whether the flip was late.

        Args:
            frame: grey levels, uint8, of `frame_shape` (h, w), or (h, w, 3) on a packed panel; or a kept frame.

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
        """Count flips from 0 again; the next flip cannot be late."""
        self._last = None
        self._forget_hw()

    @final
    def keep(self, frame: np.ndarray) -> KeptFrame:
        """Store a frame for later flips; its pixels must not change any more.

        Raises:
            InputError: the frame has another shape or type.
        """
        self._check(frame)
        return KeptFrame(frame, self._keep_hw(frame))

    def rest(self) -> None:  # noqa: B027 - only a window has to answer the system
        """Answer the system's events; called several times a second while nothing is shown."""

    def close(self) -> None:  # noqa: B027 - only a window has something to give back
        """Give the monitor back. Closing twice is allowed."""

    def _check(self, frame: np.ndarray) -> None:
        check_frame(frame, (*self.frame_shape, 3) if self.packed else self.frame_shape)

    def _keep_hw(self, frame: np.ndarray) -> object:
        """Store a frame in the hardware and return its handle; None if the hardware stores nothing."""
        return None

    def _flip_kept_hw(self, handle: Any) -> None:
        """Put a frame that `_keep_hw` stored on the panel, as `_flip_hw` does."""
        raise NotImplementedError

    @abstractmethod
    def _flip_hw(self, frame: np.ndarray) -> None:
        """Show (h, w) uint8 pixels unchanged from the next refresh on; return once they are shown."""

    def _forget_hw(self) -> None:  # noqa: B027 - only panels that keep a record have something to forget
        """Drop the record of earlier flips."""

    def held(self) -> Held | None:
        """Return the panel's own record since `restart_timing`; None from panels without a record."""
        return None


def missed_refreshes(interval_s: float, period_s: float) -> int:
    """Number of refreshes without a new frame in an interval between two flips; at least 1 for a late flip."""
    if interval_s <= LATE_PERIODS * period_s:
        return 0
    return max(1, round(interval_s / period_s) - 1)


READY_PERIODS = 0.2
"""Time before a refresh, as a share of the period, within which a frame is too late for that refresh."""


def missed_on_demand(asked_s: float, flip_s: float, last_s: float, period_s: float) -> int:
    """Number of refreshes that a requested frame missed, counted from the request and not from the frame before.

    Args:
        asked_s: time at which the frame was requested, s.
        flip_s: time of the frame's flip, s.
        last_s: time of the flip before, s, which lies on the same grid of refreshes.
        period_s: time between refreshes, s.
    """
    due = last_s + math.ceil((asked_s - last_s) / period_s + READY_PERIODS) * period_s
    return max(0, round((flip_s - due) / period_s))


def check_frame(frame: np.ndarray, native_shape: tuple[int, ...]) -> None:
    """Refuse an array that is not exactly one panel frame.

    Raises:
        InputError: shape or type is wrong; the error names the expected ones.
    """
    if not isinstance(frame, np.ndarray) or frame.dtype != np.uint8 or frame.shape != native_shape:
        given = f"{frame.dtype} {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        height, width = native_shape[:2]
        raise InputError(
            f"a panel frame is {given}, expected uint8 {native_shape}: {width} × {height} pixels, the panel's own",
            remedy="encode the hologram for this panel",
        )


def checked_panel(native_shape: tuple[int, int], refresh_hz: float) -> tuple[tuple[int, int], float]:
    """Check a panel's shape (h, w), panel pixels, and its refresh rate, Hz, and return both.

    Raises:
        InputError: a side is below 1 pixel, or the rate is outside `SLOWEST_HZ` to `FASTEST_HZ`.
    """
    height, width = (int(side) for side in native_shape)
    if min(height, width) < 1:
        raise InputError(f"a panel of {width} × {height} pixels is impossible", where="native_shape")
    check("refresh_hz", refresh_hz, numbers(SLOWEST_HZ, FASTEST_HZ, kind="a rate in Hz"))
    return (height, width), float(refresh_hz)
