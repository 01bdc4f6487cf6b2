"""The state machine of the simulated laser controller, which does what the firmware does, with a clock as its argument.

This module decides everything about the light: the controller boots dark and disarmed, and a colour is on only after an
edge, after the dark time, for a limited time, while armed and while the host talks. No code here reads a real clock,
starts a thread or opens a port, so each rule can be tested to the microsecond.
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

    A refused line gets the answer `ERR`, changes nothing, adds an error to `SYST:ERR?` and does not feed the watchdog:
    noise on the line must not keep lasers armed. A command is answered by `OK`, a query by its value. The sequence, its
    times and the trigger source can be set only while disarmed. A new power of a colour that is on ends its light, so
    that one pulse has one power; a colour at 0 W is dark.

    Two checks of the edges are off after `*RST`. With `SEQ:GATE ON`, the light of edge n waits until the host has said
    `SEQ:CONF? n`, so that a lost or repeated frame, or a surplus edge, stays dark; more shown frames than edges disarm.
    With `SEQ:PER`, an edge that comes too early or too late disarms.

    Args:
        clock: returns the box time, s, which never goes back.
        power_limits_w: highest powers of red, green and blue, W.
        interlock_closed: state of the interlock at boot; with an open interlock, the controller boots tripped.
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
        """Pulses of light that have ended, in order."""
        self.events: list[BoxEvent] = [BoxEvent(self._time, "booted", "power on")]
        self._commands = [(header(pattern), handler) for pattern, handler in self._table()]

    # ------------------------------------------------------------------ inputs

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the serial line, and return the answers to all completed lines."""
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
        """Take an edge of the panel's sync output: a new frame is shown from now on."""
        self.tick()
        if self.armed and self.settings.source == "EXT":
            if self._edge_in_time():
                self._advance_sequence()
            self._last_edge_s = self._time

    def interlock(self, *, closed: bool) -> None:
        """Open or close the interlock line. Opening trips the interlock; closing does not clear the trip."""
        self.tick()
        self._interlock_closed = closed
        if not closed and not self.tripped:
            self._disarm("interlock")
            self.tripped = True
            self._errors.add(CommandError(INTERLOCK_ERROR, "Interlock tripped; a person must reset it at the box"))
            self._note("tripped", "interlock opened")

    def press_reset(self) -> None:
        """Press the reset button: clears a trip if the interlock is closed, and does not arm."""
        self.tick()
        if self.tripped and self._interlock_closed:
            self.tripped = False
            self._note("reset", "a person pressed the button")

    def tick(self) -> None:
        """Move on to the current time: end light that is over, and disarm if the host has fallen silent."""
        now = max(self._time, self._clock())
        if now >= self.watchdog_due:
            self._pass_to(self.watchdog_due)
            self._disarm("watchdog")
            silence = f"no line for {self.settings.watchdog_ms} ms; dark and disarmed"
            self._errors.add(CommandError(WATCHDOG_ERROR, f"Watchdog; {silence}"))
        self._pass_to(now)

    # ------------------------------------------------------------------ outputs

    @property
    def lit(self) -> dict[Colour, float]:
        """Box time at which each lit colour came on, s."""
        self.tick()
        if self._pulse is None or self._time < self._pulse.start_s:
            return {}
        return dict.fromkeys(self._pulse.colours, self._pulse.start_s)

    @property
    def edges(self) -> int:
        """Number of edges since the last arming, also after disarming."""
        return self._count

    @property
    def watchdog_due(self) -> float:
        """Box time at which a silent host makes the watchdog strike, s; infinite while disarmed."""
        return self.last_line_s + self.settings.watchdog_ms / 1000 if self.armed else math.inf

    def next_deadline(self) -> float | None:
        """Box time of the next change without an input, s; None if there is none."""
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
        """End the light at box time `time`, s, until the next edge; a pulse that never came on is not recorded."""
        if self._pulse is not None and time > self._pulse.start_s:
            self.pulses.append(replace(self._pulse, end_s=time))
        self._pulse = None

    def _edge_in_time(self) -> bool:
        """Check that an edge may come now; if not, make dark, disarm and return false."""
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
        """Go to the next step of the sequence: dark now, lit after the dark time, for the on-time."""
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
        """Check and remove the checksum of a line, and return the text."""
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
        """Make dark, disarm and restore the settings after boot. A tripped interlock stays: only a person clears it."""
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
        """Light the edge of the host's last shown frame if it is the last edge and its time is not over."""
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
        """Change settings that would put colours out of step in the middle of a play; refused while armed."""
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
