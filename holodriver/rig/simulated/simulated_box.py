"""The simulated laser controller ("box"): a process with a serial port, a sync wire and a log of its light.

Box time is `time.perf_counter()`, which all processes of a machine share. The box imitates electronics, which have no
scheduler: an edge counts from the time that its sender has stamped on it, and light and watchdog end at their due time,
however late the process notices (`handled_s`).

Bytes from the host carry no time. They came between the process's last look at the line and the current one; if the
watchdog ran out in between, the bytes count as having come just before. A box that was itself held up therefore does
not blame the host, a silent host always goes dark at exactly the watchdog time, and each hold-up gives the host at most
one additional watchdog time.
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
"""Longest wait for an answer or an event of the box, s."""

_EDGE = struct.Struct("<d")


def send_edge(wire: Connection, at_s: float) -> None:
    """Put one edge on the sync wire; it carries its time (s, box time), but neither a frame nor a colour.

    Raises:
        OSError: the other end of the wire is closed.
    """
    wire.send_bytes(_EDGE.pack(at_s))


@dataclass(frozen=True)
class LoggedEvent:
    """A change of the box with the time at which its process handled it."""

    event: BoxEvent
    """The change, with the box time at which it happened."""
    handled_s: float
    """Box time at which the process handled the change, s; never before `event.at_s`."""


@dataclass(frozen=True)
class BoxReport:
    """The state of a box, reported over the simulation's own connection and not over the serial port."""

    now_s: float
    """Current box time, s."""
    armed: bool
    tripped: bool
    lit: tuple[int, ...]
    """Indices of the colours that are on."""
    edges: int
    """Number of edges since the last arming."""
    last_line_s: float
    """Box time of the last line that was understood, s."""
    settings: BoxSettings
    pulses: list[Pulse]
    """All pulses of light since the start that have ended, in order."""


class SimulatedBox:
    """The host's handle on a simulated laser controller in a process of its own.

    Args:
        process: the process of the box.
    """

    def __init__(self, process: RigProcess):
        self.events: list[LoggedEvent] = []
        """Changes reported so far, oldest first."""
        self.port: str = process.ready
        """Port for `LaserController.open`."""
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
            wire: reading end of the sync wire (`multiprocessing.Pipe(duplex=False)`), or None for a box without a sync
                input. The caller closes its own copy.
            transport: kind of connection to the host.
            power_limits_w: highest powers of red, green and blue, W.
            interlock_closed: state of the interlock at boot.
            unplug_after_s: time from the first light until the cable to the host is pulled (a fault), s.

        Raises:
            RigError: the process did not start.
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
        """Ask for the state of the box and the log of its light.

        Raises:
            RigError: the process of the box has ended.
        """
        self._process.send("report")
        report: BoxReport = self._process.wait_for("report", REPLY_TIMEOUT_S, self._hear)[1]
        return report

    def interlock(self, *, closed: bool) -> None:
        """Open or close the interlock, as a door would."""
        self._command("interlock", closed)

    def press_reset(self) -> None:
        """Press the reset button at the box, as a person would."""
        self._command("reset")

    def wait_for(self, kind: str, timeout_s: float = REPLY_TIMEOUT_S, *, since_s: float = 0.0) -> LoggedEvent:
        """Wait for the first event of this kind at or after `since_s` (s, box time).

        Raises:
            RigError: no such event happened in time.
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
        """Switch the box off and wait for the end of its process."""
        self._process.close()

    def _command(self, *message: Any) -> None:
        self._process.send(*message)
        self._process.wait_for("done", REPLY_TIMEOUT_S, self._hear)

    def _hear(self, message: tuple[Any, ...]) -> None:
        if message[0] == "event":
            self.events.append(message[1])


class _IdealClock:
    """Clock of the box's electronics, which the loop sets."""

    def __init__(self) -> None:
        self.now = time.perf_counter()

    def __call__(self) -> float:
        return self.now

    def pass_to(self, time_s: float) -> None:
        """Move the clock forward to this time, s; it never goes back."""
        self.now = max(self.now, time_s)


def _serve(
    control: Connection,
    wire: Connection | None,
    transport: Transport,
    power_limits_w: tuple[float, ...],
    interlock_closed: bool,
    unplug_after_s: float | None,
) -> None:
    """Body of the box's process: sleep until something arrives or falls due, then let the box handle it."""
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
        ready = wait(watched, 0)  # everything that came before `now`, even if the process was late
        # read bytes before edges: the count then always includes the frames that the asking host knows of
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
    """Read the times of all edges that wait on the wire, s; return them and whether the wire is cut."""
    edges: list[float] = []
    try:
        while wire is not None and wire.poll():
            edges.append(_EDGE.unpack(wire.recv_bytes())[0])
    except (EOFError, OSError):
        return edges, True
    return edges, False


def _live_through(box: LaserBox, clock: _IdealClock, edges: Sequence[float], data: bytes, now: float) -> bytes:
    """Give waiting edges and bytes to the box in order of time, then the time `now`, s; return the box's answer."""
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
