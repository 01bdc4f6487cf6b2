"""The laser controller's state machine: what the firmware does, as a pure object with an injected clock.

Everything that must hold about the light is decided here and nowhere else: it boots dark and disarmed, a colour is on
only after an edge, after the blanking, for a bounded time, while armed, while somebody talks. Nothing here reads a
real clock, starts a thread or opens a port, so each of these can be tested to the microsecond.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from holodriver.rig.laser_colour import Colour, read_step, written_step
from holodriver.rig.lasers.scpi import (
    MAX_LINE,
    CommandError,
    ErrorQueue,
    bare,
    given,
    header,
    number,
    seal,
    switch,
    unseal,
    whole,
)
from holodriver.rig.settings import MAX_ON_TIME_US, MAX_WATCHDOG_MS
from holodriver.rig.simulated.box_state import (
    EDGE_TOLERANCE,
    IDENTITY,
    INTERLOCK_ERROR,
    MAX_EDGE_PERIOD_US,
    MAX_STEPS,
    POWER_LIMITS_W,
    STEP_ERROR,
    WATCHDOG_ERROR,
    BoxEvent,
    BoxSettings,
    Pulse,
)


class LaserBox:
    """The controller of three lasers, as holodriver/rig/PROTOCOL.md describes it.

    Lines that are refused answer `ERR`, change nothing, leave an error for `SYST:ERR?` and do not feed the watchdog:
    noise on the line must not keep lasers armed. Commands answer `OK`, queries their value. The sequence, its times
    and the trigger source can only be set while disarmed. A new power of a colour that is on ends its on-time, so
    that one pulse has one power; a colour at 0 W is dark.

    Two watches over the edges, off after `*RST`: with `SEQ:GATE ON` the light of edge n comes only once the host has
    said `SEQ:CONF? n`, so that a frame that was lost or repeated, or an edge too many, is dark; a host that has shown
    more frames than there were edges disarms. With `SEQ:PER` an edge that comes too early or too late disarms.

    Args:
        clock: box time, s, never running backwards.
        power_limits_w: largest power of red, green, blue, W.
        interlock_closed: state of the interlock line at boot; an open one boots tripped.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        power_limits_w: tuple[float, ...] = POWER_LIMITS_W,
        interlock_closed: bool = True,
    ):
        self._clock = clock
        self._limits_w = power_limits_w
        self._interlock_closed = interlock_closed
        self._time = clock()
        self._buffer = bytearray()
        self._overrun = False
        self._checksums = False
        self._errors = ErrorQueue()
        self._pulse: Pulse | None = None
        self._awaiting: Pulse | None = None
        self._last_edge_s: float | None = None
        self._count = 0
        self._step = -1
        self.settings = BoxSettings()
        self.armed = False
        self.tripped = not interlock_closed
        self.last_line_s = self._time
        """Box time of the last line that was understood, s."""
        self.pulses: list[Pulse] = []
        """Light that has ended, in order."""
        self.events: list[BoxEvent] = [BoxEvent(self._time, "booted", "power on")]
        self._commands = [(header(pattern), handler) for pattern, handler in self._table()]

    # ------------------------------------------------------------------ what the outside does

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the serial line; the answers to all lines that they complete."""
        self.tick()
        answers = b""
        for byte in data:
            if byte == 0x0A:
                answers += self._answer()
            elif len(self._buffer) < MAX_LINE:
                self._buffer.append(byte)
            else:
                self._overrun = True
        return answers

    def edge(self) -> None:
        """An edge of the panel's sync output: a new frame stands from now."""
        self.tick()
        if self.armed and self.settings.source == "EXT":
            if self._edge_in_time():
                self._advance_sequence()
            self._last_edge_s = self._time

    def interlock(self, *, closed: bool) -> None:
        """The interlock line opened or closed. Opening trips; closing again changes nothing about that."""
        self.tick()
        self._interlock_closed = closed
        if not closed and not self.tripped:
            self._disarm("interlock")
            self.tripped = True
            self._errors.add(CommandError(INTERLOCK_ERROR, "Interlock tripped; a person must reset it at the box"))
            self._note("tripped", "interlock opened")

    def press_reset(self) -> None:
        """A person presses the reset button at the box: clears a trip if the interlock is closed. Arms nothing."""
        self.tick()
        if self.tripped and self._interlock_closed:
            self.tripped = False
            self._note("reset", "a person pressed the button")

    def tick(self) -> None:
        """Let time pass: end on-times and see whether the host has fallen silent."""
        now = max(self._time, self._clock())
        if now >= self.watchdog_due:
            self._pass_to(self.watchdog_due)
            self._disarm("watchdog")
            silence = f"no line for {self.settings.watchdog_ms} ms; dark and disarmed"
            self._errors.add(CommandError(WATCHDOG_ERROR, f"Watchdog; {silence}"))
        self._pass_to(now)

    # ------------------------------------------------------------------ what the outside sees

    @property
    def lit(self) -> dict[Colour, float]:
        """The colours that are on now, each with the box time (s) at which it came on."""
        self.tick()
        if self._pulse is None or self._time < self._pulse.start_s:
            return {}
        return dict.fromkeys(self._pulse.colours, self._pulse.start_s)

    @property
    def edges(self) -> int:
        """Edges since the last arming; they stay readable after disarming."""
        return self._count

    @property
    def watchdog_due(self) -> float:
        """Box time (s) from which on the host has been silent too long; infinite while disarmed."""
        return self.last_line_s + self.settings.watchdog_ms / 1000 if self.armed else math.inf

    def next_deadline(self) -> float | None:
        """Box time (s) at which something happens without any input; None if nothing will."""
        due = [self.watchdog_due] if self.armed else []
        if self._pulse is not None:
            due += [time for time in (self._pulse.start_s, self._pulse.end_s) if time > self._time]
        return min(due, default=None)

    # ------------------------------------------------------------------ light

    def _pass_to(self, time: float) -> None:
        self._time = max(self._time, time)
        if self._pulse is not None and self._time >= self._pulse.end_s:
            self._end_pulse(self._pulse.end_s)

    def _end_pulse(self, time: float) -> None:
        """Dark from `time` (s) on until the next edge; a pulse that never came on leaves no record."""
        if self._pulse is not None and time > self._pulse.start_s:
            self.pulses.append(replace(self._pulse, end_s=time))
        self._pulse = None

    def _edge_in_time(self) -> bool:
        """Whether an edge may come now; if not, dark and disarmed."""
        period = self.settings.edge_period_us / 1e6
        if not period or self._last_edge_s is None:
            return True
        periods = (self._time - self._last_edge_s) / period
        if abs(periods - 1) <= EDGE_TOLERANCE:
            return True
        self._fall_out_of_step(f"an edge came {periods:.3g} periods after the one before")
        return False

    def _fall_out_of_step(self, why: str) -> None:
        self._disarm("out of step")
        self._errors.add(CommandError(STEP_ERROR, f"Out of step; {why}; dark and disarmed"))

    def _advance_sequence(self) -> None:
        """The next step of the sequence: dark now, on after the blanking, for the on-time."""
        self._end_pulse(self._time)
        self._awaiting = None
        self._count += 1
        self._step = (self._step + 1) % len(self.settings.sequence)
        powers = self.settings.powers_w
        colours = tuple(colour for colour in self.settings.sequence[self._step] if powers[colour] > 0)
        if colours:
            start = self._time + self.settings.blanking_us / 1e6
            end = start + self.settings.on_time_us / 1e6
            pulse = Pulse(self._count, colours, tuple(powers[colour] for colour in colours), start, end)
            if self.settings.gated and self.settings.source == "EXT":
                self._awaiting = pulse
            else:
                self._pulse = pulse

    def _disarm(self, reason: str) -> None:
        self._end_pulse(self._time)
        self._awaiting = self._last_edge_s = None
        if self.armed:
            self.armed = False
            self._note("disarmed", reason)

    def _note(self, kind: Literal["armed", "disarmed", "tripped", "reset"], reason: str) -> None:
        self.events.append(BoxEvent(self._time, kind, reason))

    # ------------------------------------------------------------------ lines

    def _answer(self) -> bytes:
        line, overrun = bytes(self._buffer), self._overrun
        self._buffer.clear()
        self._overrun = False
        try:
            if overrun:
                raise CommandError(-363, f"Input buffer overrun; a line has at most {MAX_LINE} characters")
            answer = self._obey(self._opened(line.removesuffix(b"\r")))
            self.last_line_s = self._time
        except CommandError as error:
            self._errors.add(error)
            answer = "ERR"
        return f"{seal(answer) if self._checksums else answer}\n".encode("ascii")

    def _opened(self, line: bytes) -> str:
        """The text of a line, its checksum proven and taken off."""
        if any(not 0x20 <= byte < 0x7F for byte in line):
            raise CommandError(-101, "Invalid character")
        body, right = unseal(line.decode("ascii"))
        if right is False:
            raise CommandError(-360, "Communication error; the checksum is wrong")
        if right is None and self._checksums:
            raise CommandError(-360, "Communication error; the checksum is missing")
        # stays on until power goes off: *RST leaves the interface alone (IEEE 488.2, 10.32)
        self._checksums = self._checksums or right is True
        return body

    def _obey(self, body: str) -> str:
        head, _, argument = body.strip().partition(" ")
        for pattern, handler in self._commands:
            if match := pattern.fullmatch(head.removeprefix(":")):
                return handler(*match.groups(), argument.strip())
        raise CommandError(-113, "Undefined header")

    def _table(self) -> list[tuple[str, Callable[..., str]]]:
        return [
            ("*IDN?", bare(lambda: IDENTITY)),
            ("*RST", bare(self._reset)),
            ("*CLS", bare(self._errors.clear)),
            ("*ESR?", bare(lambda: str(self._errors.status()))),
            ("*OPC?", bare(lambda: "1")),
            ("*TRG", bare(self._trigger)),
            ("SYSTem:ERRor[:NEXT]?", bare(self._errors.next)),
            ("SYSTem:WDOG", self._set_watchdog),
            ("SYSTem:WDOG?", bare(lambda: str(self.settings.watchdog_ms))),
            ("SOURce#:POWer[:LEVel][:IMMediate][:AMPLitude]", self._set_power),
            ("SOURce#:POWer[:LEVel][:IMMediate][:AMPLitude]?", self._power),
            ("OUTPut[:STATe]", self._set_output),
            ("OUTPut[:STATe]?", bare(lambda: str(int(self.armed)))),
            ("OUTPut:PROTection:INTLock:TRIPped?", bare(lambda: str(int(self.tripped)))),
            ("TRIGger:SOURce", self._set_source),
            ("TRIGger:SOURce?", bare(lambda: self.settings.source)),
            ("SEQuence:DEFine", self._set_sequence),
            ("SEQuence:DEFine?", bare(lambda: ",".join(written_step(step) for step in self.settings.sequence))),
            ("SEQuence:DELay", self._set_blanking),
            ("SEQuence:DELay?", bare(lambda: str(self.settings.blanking_us))),
            ("SEQuence:WIDth", self._set_on_time),
            ("SEQuence:WIDth?", bare(lambda: str(self.settings.on_time_us))),
            ("SEQuence:COUNt?", bare(self._counted)),
            ("SEQuence:GATE", self._set_gate),
            ("SEQuence:GATE?", bare(lambda: str(int(self.settings.gated)))),
            ("SEQuence:CONFirm?", self._confirm),
            ("SEQuence:PERiod", self._set_edge_period),
            ("SEQuence:PERiod?", bare(lambda: str(self.settings.edge_period_us))),
        ]

    def _reset(self) -> None:
        """Dark, disarmed, settings as after boot. A trip stays: only a person clears it."""
        self._disarm("*RST")
        self.settings = BoxSettings()
        self._count, self._step = 0, -1

    def _trigger(self) -> None:
        if not (self.armed and self.settings.source == "BUS"):
            raise CommandError(-211, "Trigger ignored; needs OUTP ON and TRIG:SOUR BUS")
        self._advance_sequence()

    def _set_watchdog(self, text: str) -> str:
        asked = number(given(text))
        milliseconds = MAX_WATCHDOG_MS if asked > MAX_WATCHDOG_MS else whole(text, 1, MAX_WATCHDOG_MS)
        self.settings = replace(self.settings, watchdog_ms=milliseconds)
        return "OK"

    def _set_power(self, suffix: str, text: str) -> str:
        colour, watts = _colour(suffix), number(given(text))
        if not 0 <= watts <= self._limits_w[colour]:
            raise CommandError(-222, f"Data out of range; 0 to {self._limits_w[colour]:g} W is allowed")
        powers = list(self.settings.powers_w)
        if powers[colour] != watts:
            if self._pulse is not None and colour in self._pulse.colours:
                self._end_pulse(self._time)
            if self._awaiting is not None and colour in self._awaiting.colours:
                self._awaiting = None
        powers[colour] = watts
        self.settings = replace(self.settings, powers_w=tuple(powers))
        return "OK"

    def _power(self, suffix: str, text: str) -> str:
        colour = _colour(suffix)
        return bare(lambda: repr(self.settings.powers_w[colour]))(text)

    def _set_output(self, text: str) -> str:
        on = switch(text)
        if not on:
            self._disarm("OUTP OFF")
        elif self.tripped:
            raise CommandError(-221, "Settings conflict; the interlock has tripped, a person must reset it at the box")
        elif not self.armed:
            self.armed = True
            self._count, self._step = 0, -1
            self._note("armed", "OUTP ON")
        return "OK"

    def _set_source(self, text: str) -> str:
        source = {"BUS": "BUS", "EXT": "EXT", "EXTERNAL": "EXT"}.get(given(text).upper())
        if source is None:
            raise CommandError(-224, "Illegal parameter value; BUS or EXT")
        return self._set_disarmed(source=source)

    def _set_sequence(self, text: str) -> str:
        try:
            steps = tuple(read_step(step) for step in given(text).split(","))
        except ValueError as error:
            raise CommandError(-224, "Illegal parameter value; colours 1 to 3, such as 1,2,3 or 1+2,3") from error
        if len(steps) > MAX_STEPS:
            raise CommandError(-223, f"Too much data; at most {MAX_STEPS} steps")
        return self._set_disarmed(sequence=steps)

    def _set_blanking(self, text: str) -> str:
        return self._set_disarmed(blanking_us=whole(given(text), 0, MAX_ON_TIME_US))

    def _set_on_time(self, text: str) -> str:
        return self._set_disarmed(on_time_us=whole(given(text), 1, MAX_ON_TIME_US))

    def _set_gate(self, text: str) -> str:
        return self._set_disarmed(gated=switch(text))

    def _set_edge_period(self, text: str) -> str:
        return self._set_disarmed(edge_period_us=whole(given(text), 0, MAX_EDGE_PERIOD_US))

    def _confirm(self, text: str) -> str:
        """The host has shown so many frames: light for the edge of the last, if it is the last edge and not over."""
        shown = whole(given(text), 0, 2**31 - 1)
        if not (self.armed and self.settings.gated):
            raise CommandError(-221, "Settings conflict; needs OUTP ON and SEQ:GATE ON")
        if shown > self._count:
            missing = shown - self._count
            self._fall_out_of_step(f"{self._count} edges for {shown} frames shown, {missing} fewer")
            raise CommandError(-221, "Settings conflict; more frames than edges")
        if shown == self._count and self._awaiting is not None:
            if self._time < self._awaiting.end_s:
                self._pulse = replace(self._awaiting, start_s=max(self._awaiting.start_s, self._time))
            self._awaiting = None
        return self._counted()

    def _set_disarmed(self, **change: object) -> str:
        """Settings that would put colours out of step with frames in mid-play."""
        if self.armed:
            raise CommandError(-221, "Settings conflict; only while disarmed")
        self.settings = replace(self.settings, **change)  # type: ignore[arg-type]  # each caller names one field
        return "OK"

    def _counted(self) -> str:
        now = "0" if self._step < 0 else written_step(self.settings.sequence[self._step])
        return f"{self._count},{now}"


def _colour(suffix: str) -> Colour:
    if suffix not in ("1", "2", "3"):
        raise CommandError(-114, "Header suffix out of range; colours are 1 to 3")
    return Colour(int(suffix) - 1)
