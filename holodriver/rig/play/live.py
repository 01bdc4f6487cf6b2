"""The player of a rig: streams frames to the panel, keeps the lasers in step and obeys a person's commands."""

import math
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from holodriver.errors import HolodriverError, InputError, RigError
from holodriver.progress import Progress, silent
from holodriver.rig.child_process import urgently
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.power import Power
from holodriver.rig.panel.panel_process import Entry, ShownFrame
from holodriver.rig.play.control import HELP, Command, read_command
from holodriver.rig.play.light import Light, Timing
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.settings import HEARTBEAT_S

CYCLES_AHEAD = 3
"""Number of colour cycles queued ahead of the shown cycle: enough that the display process never waits for the host,
and few enough that a key acts within a quarter of a second at 50 Hz."""

CHECK = -1
"""Hologram number of the dark frames before the light."""

PROOF_CYCLES = 200
"""Number of dark cycles after which the player gives up if it does not know yet whether edges and frames agree."""

LOOK_AHEAD = 200
"""Number of cycles for which holograms are read ahead, as far as there is memory."""

START_TIMEOUT_S = 120.0
"""Longest wait for the next hologram before the first frame, s: about a second is usual, a busy machine may need more.
"""


class StreamingPanel(Protocol):
    """The panel methods that the player uses; `PanelProcess` implements them."""

    refresh_hz: float
    shown: list[ShownFrame]
    playing: bool

    def stream(self, *, hold: bool = False) -> None: ...
    def queue(self, entry: Entry) -> None: ...
    def finish(self) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...


class Frames(Protocol):
    """The hologram store that the player uses; `ReadAhead` implements it."""

    capacity: int

    def slot(self, hologram: int) -> int | None: ...
    def want(self, holograms: Sequence[int], held: Collection[int]) -> None: ...


class LivePlayer:
    """Plays holograms under live control; however a play ends, the lasers go dark first.

    Args:
        panel: the panel, with the frames' slots open.
        frames: reads holograms ahead.
        playlist: decides which hologram comes next.
        timing: timing of colours and frames.
        light: the lasers; None plays in the dark.
        power: power of the lasers; required with `light`.
        dark_slot: number of a slot of zeros, shown by `blank`.
        duration_s: time after which the play ends, s; with lasers, it counts from the first light.
        commands: returns the command lines that have come since the last call.
        answer: receives the answer to each command line.
        each_turn: called often; raises an error that must stop the play (a diffuser that stands still).
        record: receives the shown frames, in order.
        more: called often; extends the playlist of a stream.
        ready: called once before the first frame, when all that memory holds has been read ahead.
        clock: returns the time, s.
        sleep: waits for a time, s.
        progress: receives the number of shown frames.
    """

    def __init__(
        self,
        panel: StreamingPanel,
        frames: Frames,
        playlist: Playlist,
        timing: Timing,
        *,
        light: Light | None = None,
        power: Power | None = None,
        dark_slot: int = 0,
        duration_s: float | None = None,
        commands: Callable[[], Sequence[str]] = tuple,
        answer: Callable[[str], None] = lambda text: None,
        each_turn: Callable[[], None] = lambda: None,
        record: Callable[[Sequence[ShownFrame]], None] = lambda frames: None,
        more: Callable[[], None] = lambda: None,
        ready: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
        progress: Progress = silent,
    ):
        if (light is None) != (power is None):
            raise InputError("lasers and their power are given together")
        self._panel, self._frames, self._playlist, self._timing = panel, frames, playlist, timing
        self._light, self._power, self._dark_slot = light, power, dark_slot
        self._duration_s = duration_s
        self._commands, self._answer, self._each_turn = commands, answer, each_turn
        self._record, self._more, self._ready, self._progress = record, more, ready, progress
        self._clock, self._sleep = clock, sleep
        self._queued: deque[Entry] = deque()
        self._number = 0
        self._plane = 0
        self._next_due_s = -math.inf
        self._began_s = clock()
        self._outstanding = False
        self._hand: tuple[int, int] | None = None
        self._quitting = False
        self._proven = self._lit = False
        self._finishing = False
        self._standing: int | None = None
        self.begun: int | None = None
        """Number of the queue entry with which the playlist began; None before. Black frames, and the first hologram
        while it waits for light, come before that entry."""
        self.blank = False
        self.sequencer = timing.sequencer(clock())
        """Counts and times of the play, valid during and after it."""

    def run(self) -> None:
        """Play to the end, or until the command `quit`. After an error, the lasers are dark.

        Raises:
            RigError: panel or lasers failed, or edges and frames differ; the error says by how many.
            HolodriverError: a file could not be read.
        """
        try:
            self._read_first()
            if self._quitting:
                return  # nothing was armed
            self._ready()
            self.sequencer = self._timing.sequencer(self._clock())
            if self._light is not None:
                self._light.begin(self.sequencer)
            self._began_s = self._clock()
            self._panel.stream(hold=self._timing.mode == "host")
            with urgently():
                while self._panel.playing:
                    self._turn()
        except BaseException as error:
            self._end_dark(error)
            raise
        if self._light is not None:
            try:
                self._light.end()
            except BaseException as error:
                self._end_dark(error)
                raise

    # ------------------------------------------------------------------ one turn

    def _turn(self) -> None:
        for line in self._commands():
            self._answer(self._obeyed(line))
        self._each_turn()
        self._more()
        self._feed()
        if self._panel.wait(self._patience_s()):
            frames = self._hear()
            if self._timing.mode == "host":
                self._light_by_hand()
            if self._light is not None:
                self._light.shown(frames, self._heard_since)
                self._light_up()
        else:
            self._forgive_waiting()
            self.sequencer.quiet(self._clock())

    def _patience_s(self) -> float:
        """Time to wait for frames until something else is due, s."""
        return min(HEARTBEAT_S, max(0.0, self._next_due_s - self._clock())) if self._waits_for_light() else HEARTBEAT_S

    def _waits_for_light(self) -> bool:
        return self._timing.mode == "host" and not self._outstanding and self._next_due_s > self._clock()

    def _hear(self) -> list[ShownFrame]:
        """Take in the reports of shown frames; free the slots that are not shown any more."""
        frames = self._panel.shown[:]
        del self._panel.shown[: len(frames)]
        self.sequencer.shown(frames, self._clock())
        self._record(frames)
        if frames:
            self._standing = frames[-1].hologram
            while self._queued and self._queued[0].number < frames[-1].entry:
                self._queued.popleft()
        self._progress("playing", self.sequencer.frames, 0, f"{self.sequencer.dropped} dropped")
        return frames

    def _heard_since(self) -> int:
        self._panel.wait(0)
        return len(self._panel.shown)

    def _light_up(self) -> None:
        """Switch on the light, once frames and edges agree and the first hologram is shown."""
        assert self._light is not None
        if self._proven:
            if not self._lit and self._standing != CHECK:
                self._lit = True
                self._send_powers()
                self._began_s = self._clock()
        elif self._light.proven:
            self._proven = True
            self._began_s = self._clock()
        elif self.sequencer.frames > PROOF_CYCLES * len(self._timing.planes):
            raise RigError(
                f"after {self.sequencer.frames} frames it is not known whether edges and frames agree",
                remedy="the lasers have stayed dark; check the sync cable and the controller's line",
            )

    # ------------------------------------------------------------------ frames

    def _read_first(self) -> None:
        """Wait until memory is full of holograms; for a stream, whose end is not known, until a few are there."""
        due, known = self._clock() + START_TIMEOUT_S, 0
        while not self._playlist.finished:
            self._more()
            cycles = LOOK_AHEAD if self._playlist.complete else CYCLES_AHEAD
            wanted = self._playlist.upcoming(cycles)[: self._frames.capacity]
            self._frames.want(self._playlist.upcoming(LOOK_AHEAD), ())
            there = sum(self._frames.slot(hologram) is not None for hologram in wanted)
            if wanted and there == len(wanted):
                return
            if there != known or not wanted:
                due, known = self._clock() + START_TIMEOUT_S, there
                self._progress("reading ahead", there, len(wanted))
            if self._clock() > due:
                raise RigError(f"no hologram was read for {START_TIMEOUT_S:g} s")
            for line in self._commands():
                self._answer(self._obeyed(line))
            self._sleep(0.002 if wanted else 0.02)

    def _feed(self) -> None:
        """Queue the next frames, a little ahead of the display."""
        counts = self._light is None or self._proven
        if counts and self._duration_s is not None and self._clock() - self._began_s >= self._duration_s:
            self._playlist.stop()
        if self._timing.mode == "host":
            self._feed_by_hand()
        else:
            while len(self._queued) <= CYCLES_AHEAD and self._queue_next(self._timing.planes):
                pass
        held = {entry.slot for entry in self._queued}
        self._frames.want(self._playlist.upcoming(LOOK_AHEAD), held)

    def _feed_by_hand(self) -> None:
        """Queue the next frame in mode "host", once the light of the frame before is certainly over."""
        at_end = self._playlist.finished and self._plane == 0
        if (self._queued and self._outstanding) or (self._clock() < self._next_due_s and not at_end):
            return
        self._queued.clear()
        if self._queue_next((self._timing.planes[self._plane],), whole=self._plane == 0):
            self._outstanding = True
            self._plane = (self._plane + 1) % len(self._timing.planes)

    def _queue_next(self, planes: tuple[int, ...], *, whole: bool = True) -> bool:
        """Queue one entry if there is one, and return whether there was; `whole` for a cycle's first or only entry."""
        if self._finishing:
            return False
        if whole:
            if self._playlist.finished:
                self._finishing = True
                self._panel.finish()
                return False
            if self._light is not None and not self._proven:
                return self._queue(self._dark_slot, CHECK, planes)
            hologram = self._playlist.position
            slot = None if self._playlist.waiting else self._frames.slot(hologram)
            if slot is None:
                return False
            if self._light is None or self._lit:  # before light, the first hologram waits: none may be lost in the dark
                self.begun = self._number if self.begun is None else self.begun
                self._playlist.take()
            self._hand = hologram, self._dark_slot if self.blank else slot
        assert self._hand is not None  # the first entry of a cycle has set it
        hologram, slot = self._hand
        return self._queue(slot, hologram, planes)

    def _queue(self, slot: int, hologram: int, planes: tuple[int, ...]) -> bool:
        if hologram == CHECK:
            self._hand = hologram, slot
        entry = Entry(self._number, slot, hologram, planes)
        self._panel.queue(entry)
        self._queued.append(entry)
        self._number += 1
        return True

    def _forgive_waiting(self) -> None:
        """Tell the sequencer that a wait in mode "host" is intended: the display has not died."""
        if self._timing.mode == "host" and not self._outstanding:
            self.sequencer.expected_quiet(self._clock())
            if self._light is not None:
                self._light.waiting()

    # ------------------------------------------------------------------ lasers

    def _light_by_hand(self) -> None:
        """Trigger the light of a frame in mode "host", and set the time at which the next frame may come."""
        timing = self._timing
        self._outstanding = False
        self._sleep(timing.host_delay_s)
        if self._light is not None:
            self._light.trigger()
        # the trigger has been carried out; the controller itself ends the light after its own times
        self._next_due_s = self._clock() + timing.blanking_s + timing.on_time_s + timing.dark_gap_s

    def _send_powers(self) -> None:
        if self._light is None or self._power is None or not self._lit:
            return
        dark = self.blank or self._quitting
        self._light.powers(
            {colour: 0.0 if dark else watts for colour, watts in zip(Colour, self._power.watts, strict=False)}
        )

    # ------------------------------------------------------------------ live control

    def _obeyed(self, line: str) -> str:
        """Obey a command line and return the answer."""
        if not line.strip():
            return "ok"
        try:
            return self._obey(read_command(line))
        except InputError as error:
            return f"error: {error}"

    def _obey(self, command: Command) -> str:
        playlist = self._playlist
        match command.verb:
            case "next" | "previous":
                playlist.go(1 if command.verb == "next" else -1)
            case "go":
                playlist.go_to(command.hologram)
            case "pause":
                playlist.paused = not playlist.paused if command.on is None else command.on
            case "sweep":
                playlist.sweep(not playlist.sweeping if command.on is None else command.on)
            case "blank":
                self.blank = not self.blank if command.on is None else command.on
                self._send_powers()  # light changes at once, frames change after the queued ones
            case "power":
                self._set_power(command)
            case "quit":
                self.quit()
            case "help":
                return f"ok {HELP}"
            case _:
                pass
        return f"ok {self.status()}"

    def _set_power(self, command: Command) -> None:
        if self._power is None:
            raise InputError("the lasers are not armed", remedy="start with --arm")
        highest = self._power.highest_w * command.power_factor
        if command.power_mw is not None:
            highest = command.power_mw * 1e-3
        self.use(Power(highest, self._power.balance, self._power.limits_w))

    def use(self, power: Power) -> None:
        """Set new powers of the lasers; to be called only in the thread that plays."""
        self._power = power
        self._send_powers()

    def quit(self) -> None:
        """Make the lasers dark and end the play; to be called only in the thread that plays."""
        self._quitting = True
        self._send_powers()
        self._playlist.stop()

    def status(self) -> str:
        """Describe the state of the play in one line."""
        playlist = self._playlist
        states = [
            name
            for name, on in (("paused", playlist.paused), ("sweeping", playlist.sweeping), ("blank", self.blank))
            if on
        ]
        light = "dark" if self._power is None else f"{self._power.highest_w * 1e3:.4g} mW"
        return " ".join([f"hologram {playlist.position + 1}/{playlist.count}", light, *states])

    # ------------------------------------------------------------------ the end

    def _end_dark(self, error: BaseException) -> None:
        """Make the lasers dark, then stop the panel; further errors become notes on `error`."""
        if self._light is not None:
            self._try(self._light.end_dark, error)
        self._try(self._panel.stop, error)
        self._hear()

    def _try(self, step: Callable[[], None], error: BaseException) -> None:
        try:
            step()
        except HolodriverError as failure:
            error.add_note(str(failure))
