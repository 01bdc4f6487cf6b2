"""The process that drives the display, and the host's handle on it.

It owns the panel and nothing else, the lasers least of all: if it dies or hangs, the host notices that frames stop,
stops feeding the laser controller's watchdog, and there is no light.
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
"""The display process answers within milliseconds, s; a busy machine gets all the time it needs."""

REST_S = 0.05
"""How long the display process waits for a command before it lets its panel answer the system, s."""

STOP_TIMEOUT_S = 2.0
"""A display process that has not ended its play this long after it was told hangs."""


class ShownFrame(NamedTuple):
    """One flip as the display process reports it: which frame came to stand, and when."""

    flip: Flip
    hologram: int
    plane: int
    """Index on the hologram's colour axis."""
    starved: bool = False
    """Whether the hologram was shown again because the next one was not there in time."""
    entry: int = -1
    """Number of the entry of the queue that it was shown for."""


class Entry(NamedTuple):
    """What the host queues: frames of one slot, each shown once."""

    number: int
    """Counts entries of a play, from 0."""
    slot: int
    hologram: int
    planes: tuple[int, ...]
    """Which of the slot's frames, in order."""


class PanelProcess:
    """A panel in a process of its own.

    Args:
        make_panel: called in the process without arguments, gives the `Panel`; must pickle (a class or function of a
            module, or a `functools.partial` of one).
        native_shape: panel pixels (h, w) that it will have.
        refresh_hz: its refreshes a second, 1/s.

    Raises:
        InputError: a size or rate that no panel has.
        RigError: the process or the panel did not come up.
    """

    def __init__(self, make_panel: Callable[[], Panel], native_shape: tuple[int, int], refresh_hz: float):
        self.native_shape, self.refresh_hz = checked_panel(native_shape, refresh_hz)
        self.shown: list[ShownFrame] = []
        """Flips of the current or last play that the host has heard of."""
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
        """Whether its flips wait for the panel's refresh."""
        return bool(self._process.ready)

    def open_slots(self, slots: FrameSlots) -> None:
        """Let the process see frames that others write, in place of slots that it had.

        Raises:
            RigError: the process is gone, or cannot open them.
        """
        self.stop()
        self._ask("slots", slots.names, slots.shape)

    def stream(self, *, hold: bool = False) -> None:
        """Begin to show what is queued, entry after entry; returns at once.

        Args:
            hold: when the queue is empty, leave the last frame as it is; otherwise the last entry is shown again, and
                its frames say that they are `starved`.

        Raises:
            RigError: the process is gone.
        """
        self.stop()
        self.shown = []
        self._process.send("stream", hold)
        self.playing = True

    def queue(self, entry: Entry) -> None:
        """Show frames of a slot after all that is queued already; the slot must hold them until a later entry stands.

        Raises:
            RigError: the process is gone.
        """
        self._process.send("queue", entry)

    def finish(self) -> None:
        """End the play after the last entry.

        Raises:
            RigError: the process is gone.
        """
        self._process.send("finish")

    def wait(self, timeout_s: float) -> bool:
        """Take in what the process reports; whether frames were flipped since the last call.

        Returns as soon as there is a flip or the play has ended, at the latest after `timeout_s`.

        Raises:
            RigError: the process is gone, or its panel failed.
        """
        before = len(self.shown)
        due = time.monotonic() + timeout_s
        while self.playing:
            # once something is new, only what already waits is taken in
            news = len(self.shown) > before
            message = self._process.receive(0 if news else due - time.monotonic())
            if message is None:
                break
            self._hear(message)
        return len(self.shown) > before

    def stop(self) -> None:
        """End a play that runs, and wait until it has ended. The last frame stays.

        Raises:
            RigError: the process is gone, or hangs; in that case it has been killed.
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
        """What the panel itself says it had on its glass during the last play; None if it cannot tell.

        Raises:
            RigError: the process is gone.
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
        """End the process and wait until it is gone."""
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
    """The display process: hold frames, show them when told, say which one stands."""
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
    """Show what the host queues, until it says that nothing more comes or that it is to stop."""
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
            if hold:  # frames that come when they are asked for are not late for having been asked for late
                missed = 0 if last_s is None else missed_on_demand(asked_s, flip_s, last_s, panel.period_s)
                flip = flip._replace(dropped=missed)
            control.send(("flip", ShownFrame(flip, entry.hologram, plane, starved, entry.number)))
    if not stopping:
        control.poll(panel.period_s)  # the last frame stands, and is lit, for as long as the others
    control.send(("played",))


def _send_held(control: Connection, held: Held | None) -> None:
    if held is None:
        control.send(("done", None, None, 0))
        return
    control.send(("done", held.since_s, held.content, len(held.contents)))
    for picture in held.contents:
        control.send_bytes(picture.tobytes())
