"""A laser box in a process of its own: a serial port for the host, a sync wire from the panel, a log of its light.

Box time is `time.perf_counter()`, which all processes of a machine share. As far as it can, the box keeps the time of
electronics, which have no scheduler, and not that of this process: an edge counts from the time stamped on it where it
arose, and light and the watchdog end when their time is over, however late the process finds that out (`handled_s`).

Bytes from the host carry no time. They came at some time between this process's last look at the line and this one; if
the watchdog ran out in between, they count as having come at the last moment before. So a box that was itself held up
does not blame the host, a host from which nothing came is found dark at exactly the watchdog's time, and each
hold-up lends a host at most one watchdog time.
"""

import math
import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Self

from holodriver.errors import RigError
from holodriver.rig.child_process import RigProcess
from holodriver.rig.simulated.box_link import Transport, default_transport, open_link
from holodriver.rig.simulated.box_logic import POWER_LIMITS_W, BoxEvent, BoxSettings, LaserBox, Pulse

REPLY_TIMEOUT_S = 30.0

_EDGE = struct.Struct("<d")


def send_edge(wire: Connection, at_s: float) -> None:
    """Put one edge on the sync wire. It carries a time (s, box time) and neither a frame nor a colour.

    Raises:
        OSError: nobody is at the other end.
    """
    wire.send_bytes(_EDGE.pack(at_s))


@dataclass(frozen=True)
class LoggedEvent:
    """A change of the box, and when (s, box time) its process got round to it: `handled_s` ≥ `event.at_s`."""

    event: BoxEvent
    handled_s: float


@dataclass(frozen=True)
class BoxReport:
    """What a box says about itself over the simulation's back door; times are box time, s."""

    now_s: float
    armed: bool
    tripped: bool
    lit: tuple[int, ...]
    edges: int
    last_line_s: float
    settings: BoxSettings
    pulses: list[Pulse]
    """All light since the box came up, pulses that have ended, in order."""


class SimulatedBox:
    """A laser box in its own process.

    Args:
        process: in which it runs.
    """

    def __init__(self, process: RigProcess):
        self.events: list[LoggedEvent] = []
        """Changes heard of so far, oldest first."""
        self.port: str = process.ready
        """What `LaserController.open` opens."""
        self._process = process

    @classmethod
    def open(
        cls,
        wire: Connection | None = None,
        *,
        transport: Transport | None = None,
        power_limits_w: tuple[float, ...] = POWER_LIMITS_W,
        interlock_closed: bool = True,
        unplug_after_s: float | None = None,
    ) -> Self:
        """Switch a box on.

        Args:
            wire: the reading end of the sync wire (`multiprocessing.Pipe(duplex=False)`), or None for a box whose sync
                input hangs in the air. The caller closes its own copy.
            transport: what the host talks over.
            power_limits_w: largest power of red, green, blue, W.
            interlock_closed: state of the interlock at boot.
            unplug_after_s: fault: the cable to the host is pulled this long (s) after the box was first armed.

        Raises:
            RigError: its process did not come up.
        """
        arguments = wire, transport or default_transport(), power_limits_w, interlock_closed, unplug_after_s
        return cls(RigProcess.start("laser box process", _serve, *arguments))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Process number of the box."""
        return self._process.pid

    def report(self) -> BoxReport:
        """State and light log of the box now.

        Raises:
            RigError: the box's process is gone.
        """
        self._process.send("report")
        report: BoxReport = self._process.wait_for("report", REPLY_TIMEOUT_S, self._hear)[1]
        return report

    def interlock(self, *, closed: bool) -> None:
        """Open or close the interlock, as a door does."""
        self._command("interlock", closed)

    def press_reset(self) -> None:
        """Press the reset button at the box, as a person does."""
        self._command("reset")

    def wait_for(self, kind: str, timeout_s: float = REPLY_TIMEOUT_S, *, since_s: float = 0.0) -> LoggedEvent:
        """The first event of this kind at or after `since_s` (s, box time), as soon as it has happened.

        Raises:
            RigError: it did not happen in time.
        """
        due = time.monotonic() + timeout_s
        while True:
            for logged in self.events:
                if logged.event.kind == kind and logged.event.at_s >= since_s:
                    return logged
            message = self._process.receive(due - time.monotonic())
            if message is None:
                raise RigError(f"the laser box was not '{kind}' within {timeout_s:g} s")
            self._hear(message)

    def close(self) -> None:
        """Switch the box off and wait until its process is gone."""
        self._process.close()

    def _command(self, *message: Any) -> None:
        self._process.send(*message)
        self._process.wait_for("done", REPLY_TIMEOUT_S, self._hear)

    def _hear(self, message: tuple[Any, ...]) -> None:
        if message[0] == "event":
            self.events.append(message[1])


class _IdealClock:
    """Time as the box's own electronics see it: what the loop last said it is."""

    def __init__(self) -> None:
        self.now = time.perf_counter()

    def __call__(self) -> float:
        return self.now

    def pass_to(self, time_s: float) -> None:
        """Go on to this time (s), unless it is over already."""
        self.now = max(self.now, time_s)


def _serve(
    control: Connection,
    wire: Connection | None,
    transport: Transport,
    power_limits_w: tuple[float, ...],
    interlock_closed: bool,
    unplug_after_s: float | None,
) -> None:
    """The box's process: sleep until something arrives or falls due, then let the box deal with it."""
    clock = _IdealClock()
    box = LaserBox(clock, power_limits_w=power_limits_w, interlock_closed=interlock_closed)
    link = open_link(transport)
    control.send(("ready", link.port))
    told = 0
    unplug_at = math.inf
    while True:
        due = min((at for at in (box.next_deadline(), unplug_at) if at is not None and at < math.inf), default=None)
        timeout = None if due is None else max(0.0, due - time.perf_counter())
        lines = link.waitable()
        watched: list[Any] = [control, *lines] + ([] if wire is None else [wire])
        wait(watched, timeout)
        now = time.perf_counter()
        if unplug_after_s is not None and (box.lit or box.pulses) and unplug_at == math.inf:
            unplug_at = now + unplug_after_s
        if now >= unplug_at:
            link.unplug()
            unplug_after_s, unplug_at = None, math.inf
            lines, watched = [], [control] + ([] if wire is None else [wire])
        ready = wait(watched, 0)  # all that came before `now`, however late that is
        # bytes before edges: a frame that the host knows of is then always in the count that it asks for
        data = link.read() if any(line in ready for line in lines) else b""
        edges, cut = _waiting_edges(wire)
        if cut:
            wire = None
        if answer := _live_through(box, clock, edges, data, now):
            link.write(answer)
        if control in ready:
            _obey(control, box, clock)
        for event in box.events[told:]:
            control.send(("event", LoggedEvent(event, time.perf_counter())))
        told = len(box.events)


def _waiting_edges(wire: Connection | None) -> tuple[list[float], bool]:
    """The times (s) of all edges that wait on the wire, and whether it is cut."""
    edges: list[float] = []
    try:
        while wire is not None and wire.poll():
            edges.append(_EDGE.unpack(wire.recv_bytes())[0])
    except (EOFError, OSError):
        return edges, True
    return edges, False


def _live_through(box: LaserBox, clock: _IdealClock, edges: Sequence[float], data: bytes, now: float) -> bytes:
    """Let the box see what waited for it, in order of time, and then `now` (s); its answer to the bytes."""
    now, due = max([now, *edges[-1:]]), box.watchdog_due
    in_time = [at_s for at_s in edges if at_s < due] if due <= now else edges
    _see_edges(box, clock, in_time)
    answer = b""
    if data:
        clock.pass_to(min(now, math.nextafter(due, -math.inf)))
        answer = box.receive(data)
    _see_edges(box, clock, edges[len(in_time) :])
    clock.pass_to(now)
    box.tick()
    return answer


def _see_edges(box: LaserBox, clock: _IdealClock, edges: Sequence[float]) -> None:
    for at_s in edges:
        clock.pass_to(at_s)
        box.edge()


def _obey(control: Connection, box: LaserBox, clock: _IdealClock) -> None:
    message = control.recv()
    if message[0] == "interlock":
        box.interlock(closed=message[1])
        control.send(("done",))
    elif message[0] == "reset":
        box.press_reset()
        control.send(("done",))
    else:
        lit = tuple(box.lit)
        report = BoxReport(
            clock.now, box.armed, box.tripped, lit, box.edges, box.last_line_s, box.settings, list(box.pulses)
        )
        control.send(("report", report))
