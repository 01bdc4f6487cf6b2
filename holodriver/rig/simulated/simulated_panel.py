"""A simulated panel, which keeps time and drives the sync wire like a real panel, and records its frames."""

import time
from collections.abc import Collection, Mapping
from multiprocessing.connection import Connection

import numpy as np

from holodriver.panel.frames import bin_out
from holodriver.rig.panel.panel import Held, Panel
from holodriver.rig.simulated.simulated_box import send_edge

SLEEP_GRAIN_S = 0.0005
"""Shortest wait for which the panel sleeps, s: the operating system wakes a process about this much late."""

CATCH_UP = 0.1
"""Share of a period by which a flip may come early after a late flip, so that the panel keeps its grid."""

BEFORE_PICTURES = -1
"""Number of each flip before the first frame that is not black; no fault is drawn for it."""


class SimulatedPanel(Panel):
    """A panel that flips on its own clock and gives one sync edge for each flip.

    A real panel's sync output pulses at every refresh, with or without a new frame. Here, a late frame delays flip and
    edge together, so a busy machine makes the panel slow but not wrong. Lost edges and repeated frames therefore never
    happen by chance; the arguments request them for given flips, counted from the first frame that is not black: the
    player shows black frames until it has found that edges and frames agree.

    Args:
        native_shape: shape (h, w) of the panel, panel pixels.
        refresh_hz: rate of flips, Hz.
        wire: writing end of the sync wire to the laser controller; None for a panel without a wire.
        lose_edges: numbers of the flips whose sync edge is lost.
        repeat_frames: numbers of the flips whose frame is shown for two refreshes, with an edge for each.
        delay_flips: delay in refreshes, by the number of the flip.
        binning: panel pixels along each side of one pixel of a frame.
        remember: record the shown pictures for `held`; a play without end would fill the memory.
    """

    def __init__(
        self,
        native_shape: tuple[int, int],
        refresh_hz: float,
        wire: Connection | None = None,
        *,
        lose_edges: Collection[int] = (),
        repeat_frames: Collection[int] = (),
        delay_flips: Mapping[int, int] | None = None,
        binning: int = 1,
        remember: bool = True,
    ):
        super().__init__(native_shape, refresh_hz)
        self.frame_shape = (self.native_shape[0] // binning, self.native_shape[1] // binning)
        self._binning, self._remember = binning, remember
        self._wire = wire
        self._lose_edges = frozenset(lose_edges)
        self._repeat_frames = frozenset(repeat_frames)
        self._delay_flips = dict(delay_flips or {})
        self._due: float | None = None
        self._forget_hw()

    def _forget_hw(self) -> None:
        self._since_s: list[float] = []
        self._content: list[int] = []
        self._contents: list[np.ndarray] = []
        self._content_of: dict[int, int] = {}
        self._due = None
        self._flips = 0

    def _flip_hw(self, frame: np.ndarray) -> None:
        content = self._received(frame) if self._remember else 0
        index = self._flips if self._flips or frame.any() else BEFORE_PICTURES
        self._flips = index + 1
        for _ in range(self._delay_flips.get(index, 0)):
            self._wait_for_refresh()
        at = self._wait_for_refresh()
        if self._remember:
            self._since_s.append(at)
            self._content.append(content)
        if index not in self._lose_edges:
            self._pulse(at)
        if index in self._repeat_frames:
            self._pulse(self._wait_for_refresh())

    def _received(self, frame: np.ndarray) -> int:
        """Copy a frame's pixels, and return the index of the copy; equal frames share one copy.

        Every frame is compared in full with the copy of the frame that was at the same address before, so the record
        holds what came and not what should have come.
        """
        place = frame.__array_interface__["data"][0]
        known = self._content_of.get(place)
        if known is None or not np.array_equal(self._contents[known], frame):
            known = self._content_of[place] = len(self._contents)
            self._contents.append(frame.copy())
        return known

    def _wait_for_refresh(self) -> float:
        """Sleep until the next refresh and return its time, s."""
        now = time.perf_counter()
        due = now if self._due is None else self._due
        if due - now > SLEEP_GRAIN_S:
            time.sleep(due - now)
        now = time.perf_counter()
        # stay on the grid, but never much less than a period after this flip: a real panel does not hurry
        self._due = max(due + self.period_s, now + (1 - CATCH_UP) * self.period_s)
        return now

    def _pulse(self, at: float) -> None:
        if self._wire is None:
            return
        try:
            send_edge(self._wire, at)
        except OSError:
            self._wire = None  # the simulated controller has ended; the panel goes on, as a real one would

    def held(self) -> Held | None:
        """Return the shown pictures from this process's own copies; None without `remember`."""
        if not self._remember:
            return None
        contents = [bin_out(frame, self._binning) for frame in self._contents]
        return Held(list(self._since_s), list(self._content), contents)
