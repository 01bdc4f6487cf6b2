"""The display process, which drives the panel, and the host's handle on that process.

The display process owns the panel and nothing else, above all no lasers. If it dies or hangs, the host notices that
frames stop and no longer feeds the laser controller's watchdog, so the lasers go dark.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

import numpy as np

from holodriver.errors import RigError
from holodriver.rig.child_process import RigProcess
from holodriver.rig.panel.panel import Flip, Held, Panel, checked_panel, missed_on_demand
from holodriver.rig.panel.slots import FrameSlots, OpenSlots

ANSWER_TIMEOUT_S = 60.0
"""Longest wait for an answer of the display process, s: milliseconds are usual, a busy machine may need more."""

REST_S = 0.05
"""Time for which the display process waits for a command before it lets the panel answer the system's events, s."""

STOP_TIMEOUT_S = 2.0
"""Longest wait for the end of a play after the command to stop, s; then the display process counts as hanging."""


class ShownFrame(NamedTuple):
    """The display process's report of one flip."""

    flip: Flip
    """Time and number of the flip."""
    hologram: int
    """Index of the shown hologram, from 0; -1 for dark frames before the light."""
    plane: int
    """Index of the shown frame on the hologram's colour axis."""
    starved: bool = False
    """Whether the hologram was shown again because the next hologram was not there in time."""
    entry: int = -1
    """Number of the queue entry to which the frame belongs."""


class Entry(NamedTuple):
    """An entry of the display queue: frames of one slot, each shown once."""

    number: int
    """Number of the entry in the play, from 0."""
    slot: int
    """Number of the slot that holds the frames."""
    hologram: int
    """Index of the hologram in the slot."""
    planes: tuple[int, ...]
    """Indices of the slot's frames, in the order in which they are shown."""


class PanelProcess:
    """The host's handle on a panel in a process of its own.

    Args:
        make_panel: returns the `Panel`, called in the process without arguments; must pickle (a class or function of a
            module, or a `functools.partial` of one).
        native_shape: shape (h, w) of the panel, panel pixels.
        refresh_hz: refresh rate of the panel, Hz.

    Raises:
        InputError: no panel has such a size or rate.
        RigError: the process or the panel did not start.
    """

    def __init__(self, make_panel: Callable[[], Panel], native_shape: tuple[int, int], refresh_hz: float):
        self.native_shape, self.refresh_hz = checked_panel(native_shape, refresh_hz)
        self.shown: list[ShownFrame] = []
        """Flips of the current or last play that have been reported to the host."""
        self.playing = False
        self._process = RigProcess.start("display process", _serve, make_panel)

    def __enter__(self) -> "PanelProcess":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process number of the display process."""
        return self._process.pid

    @property
    def period_s(self) -> float:
        """Time between two refreshes, s."""
        return 1 / self.refresh_hz

    @property
    def synchronised(self) -> bool:
        """Whether flips wait for the panel's refresh."""
        return bool(self._process.ready)

    def open_slots(self, slots: FrameSlots) -> None:
        """Open slots of frames in the display process, in place of earlier slots.

        Raises:
            RigError: the process has ended, or cannot open the slots.
        """
        self.stop()
        self._ask("slots", slots.names, slots.shape)

    def stream(self, *, hold: bool = False) -> None:
        """Begin to show the queued entries one after another, and return at once.

        Args:
            hold: leave the last frame on the panel when the queue is empty; otherwise the last entry is shown again,
                and its frames are reported as `starved`.

        Raises:
            RigError: the process has ended.
        """
        self.stop()
        self.shown = []
        self._process.send("stream", hold)
        self.playing = True

    def queue(self, entry: Entry) -> None:
        """Queue frames of a slot after all other entries; the slot must not change until a later entry is shown.

        Raises:
            RigError: the process has ended.
        """
        self._process.send("queue", entry)

    def finish(self) -> None:
        """End the play after the last entry.

        Raises:
            RigError: the process has ended.
        """
        self._process.send("finish")

    def wait(self, timeout_s: float) -> bool:
        """Take in the reports of the process, and return whether there were new flips.

        The call returns as soon as there is a flip or the play has ended, at the latest after `timeout_s`.

        Raises:
            RigError: the process has ended, or the panel failed.
        """
        before = len(self.shown)
        due = time.monotonic() + timeout_s
        while self.playing:
            # after the first new flip, only reports that are already waiting are taken in
            news = len(self.shown) > before
            message = self._process.receive(0 if news else due - time.monotonic())
            if message is None:
                break
            self._hear(message)
        return len(self.shown) > before

    def stop(self) -> None:
        """End a running play and wait for its end. The last frame stays on the panel.

        Raises:
            RigError: the process has ended, or hung and was killed.
        """
        if not self.playing:
            return
        self.playing = False
        try:
            self._process.send("stop")
            self._process.wait_for("played", STOP_TIMEOUT_S, self._hear)
        except RigError:
            self._process.kill()
            raise

    def held(self) -> Held | None:
        """Return the panel's own record of the last play; None from panels without a record.

        Raises:
            RigError: the process has ended.
        """
        self.stop()
        since_s, content, count = self._ask("held")
        if since_s is None:
            return None
        contents = []
        for _ in range(count):
            picture = np.frombuffer(self._process.receive_bytes(), np.uint8)  # read-only, as a record should be
            contents.append(picture.reshape(self.native_shape))
        return Held(since_s, content, contents)

    def close(self) -> None:
        """End the process and wait for its end."""
        self.playing = False
        self._process.close()

    def _ask(self, *message: Any) -> tuple[Any, ...]:
        self._process.send(*message)
        return self._process.wait_for("done", ANSWER_TIMEOUT_S, self._hear)[1:]

    def _hear(self, message: tuple[Any, ...]) -> None:
        if message[0] == "flip":
            self.shown.append(message[1])
        elif message[0] == "played":
            self.playing = False


def _serve(control: Connection, make_panel: Callable[[], Panel]) -> None:
    """Body of the display process: show the queued frames and report each flip."""
    panel = make_panel()
    try:
        _serve_panel(control, panel)
    finally:
        panel.close()


def _serve_panel(control: Connection, panel: Panel) -> None:
    slots: OpenSlots | None = None
    control.send(("ready", panel.synchronised))
    while True:
        while not control.poll(REST_S):
            panel.rest()
        message = control.recv()
        if message[0] == "slots":
            if slots is not None:
                slots.close()
            slots = OpenSlots(message[1], message[2])
            control.send(("done",))
        elif message[0] == "stream":
            _stream(control, panel, [] if slots is None else slots.views, hold=message[1])
        elif message[0] == "held":
            _send_held(control, panel.held())
        # "stop", "queue" and "finish" after the last frame come too late: its "played" is already on the way


def _stream(control: Connection, panel: Panel, slots: Sequence[np.ndarray], *, hold: bool) -> None:
    """Show the entries that the host queues, until the message "finish" and an empty queue, or the message "stop"."""
    panel.restart_timing()
    queue: deque[Entry] = deque()
    last: Entry | None = None
    flip_s: float | None = None
    finishing = stopping = False
    while not stopping:
        idle = not queue and not finishing and (hold or last is None)
        if idle:
            panel.rest()
        while not stopping and control.poll(REST_S if idle else 0):
            idle = False
            message = control.recv()
            if message[0] == "queue":
                queue.append(message[1])
            finishing = finishing or message[0] == "finish"
            stopping = message[0] == "stop"
        if stopping or (finishing and not queue):
            break
        if queue:
            entry, starved = queue.popleft(), False
        elif hold or last is None:
            continue
        else:
            entry, starved = last, True
        last = entry
        for plane in entry.planes:
            asked_s, last_s = time.perf_counter(), flip_s
            flip = panel.show(slots[entry.slot][plane])
            flip_s = flip.at_s
            if hold:  # frames come on request, so a late request makes no late frame
                missed = 0 if last_s is None else missed_on_demand(asked_s, flip_s, last_s, panel.period_s)
                flip = flip._replace(dropped=missed)
            control.send(("flip", ShownFrame(flip, entry.hologram, plane, starved, entry.number)))
    if not stopping:
        control.poll(panel.period_s)  # the last frame is shown, and lit, for as long as the others
    control.send(("played",))


def _send_held(control: Connection, held: Held | None) -> None:
    if held is None:
        control.send(("done", None, None, 0))
        return
    control.send(("done", held.since_s, held.content, len(held.contents)))
    for picture in held.contents:
        control.send_bytes(picture.tobytes())
