"""The player of a real rig: frames streamed to the panel, lasers in step, a person at the keys; or dark."""

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
"""Cycles of colours queued beyond the one that stands: the display process never waits for the host, and a key acts
within a quarter of a second at 50 Hz."""

CHECK = -1
"""Stands for the number of a hologram in the dark frames before there is light."""

PROOF_CYCLES = 200
"""Cycles of dark frames after which it should be known whether edges and frames agree."""

LOOK_AHEAD = 200
"""Cycles for which holograms are read ahead, as far as there is memory."""

START_TIMEOUT_S = 120.0
"""A hologram takes a second to read or to encode; a busy machine gets all the time it needs."""


class StreamingPanel(Protocol):
    """What the player needs of a panel: `PanelProcess` has it."""

    refresh_hz: float
    shown: list[ShownFrame]
    playing: bool

    def stream(self, *, hold: bool = False) -> None: ...
    def queue(self, entry: Entry) -> None: ...
    def finish(self) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...


class Frames(Protocol):
    """Where the holograms are: a `ReadAhead` has it."""

    capacity: int

    def slot(self, hologram: int) -> int | None: ...
    def want(self, holograms: Sequence[int], held: Collection[int]) -> None: ...


class LivePlayer:
    """Plays holograms under live control; however it ends, it is dark first.

    Args:
        panel: has the frames' slots open.
        frames: reads ahead.
        playlist: which hologram comes next.
        timing: how colours are kept in step.
        light: the lasers; None plays dark.
        power: of the lasers; needed with them.
        dark_slot: a slot of zeros, for `blank`.
        duration_s: end after this time, s; with lasers, it counts from the first light.
        commands: gives lines of the live control that have come.
        answer: takes the answer to each line.
        each_turn: called often; raises what must stop the play (a diffuser that stands).
        record: told of frames shown, in order.
        more: called often; extends the playlist of a stream.
        ready: called when as much has been read as is kept ahead, before the first frame.
        clock: s.
        sleep: waits for s.
        progress: told of frames shown.
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
        """Number of the entry with which the playlist began; None before. Black frames and a first hologram that waits
        for its light come before it."""
        self.blank = False
        self.sequencer = timing.sequencer(clock())
        """What is known of the play, during and after it."""

    def run(self) -> None:
        """Play to the end, or until somebody says `quit`.

        Raises:
            RigError: panel or lasers failed, or edges and frames differ (says by how many); it is dark.
            HolodriverError: a file could not be read; it is dark.
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
        """How long to wait for frames: until something else is due."""
        return min(HEARTBEAT_S, max(0.0, self._next_due_s - self._clock())) if self._waits_for_light() else HEARTBEAT_S

    def _waits_for_light(self) -> bool:
        return self._timing.mode == "host" and not self._outstanding and self._next_due_s > self._clock()

    def _hear(self) -> list[ShownFrame]:
        """Take in what was shown; let go of slots that are not shown any more."""
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
        """Light, once frames and edges have been found to agree and the first hologram stands."""
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
        """Wait until all that memory holds has been read; of a stream, whose end is not known, only the beginning."""
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
        """Queue what comes next, a little ahead of the display."""
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
        """Host mode: the next frame only once the light of the one before is over for sure."""
        at_end = self._playlist.finished and self._plane == 0
        if (self._queued and self._outstanding) or (self._clock() < self._next_due_s and not at_end):
            return
        self._queued.clear()
        if self._queue_next((self._timing.planes[self._plane],), whole=self._plane == 0):
            self._outstanding = True
            self._plane = (self._plane + 1) % len(self._timing.planes)

    def _queue_next(self, planes: tuple[int, ...], *, whole: bool = True) -> bool:
        """Queue one entry; whether there was one. `whole`: the first or only one of a cycle."""
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
            if self._light is None or self._lit:  # until then the first one stands, so that none is shown in the dark
                self.begun = self._number if self.begun is None else self.begun
                self._playlist.take()
            self._hand = hologram, self._dark_slot if self.blank else slot
        assert self._hand is not None  # a cycle begins with a whole one
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
        """A hand that waits on purpose is no display that has died."""
        if self._timing.mode == "host" and not self._outstanding:
            self.sequencer.expected_quiet(self._clock())
            if self._light is not None:
                self._light.waiting()

    # ------------------------------------------------------------------ lasers

    def _light_by_hand(self) -> None:
        """Host mode: light after the flip, and when the next frame may come."""
        timing = self._timing
        self._outstanding = False
        self._sleep(timing.host_delay_s)
        if self._light is not None:
            self._light.trigger()
        # the trigger has been carried out, so its light is over after the times that the box itself keeps
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
        """Do what a line says; the answer."""
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
                self._send_powers()  # light goes at once, the frames after those that are queued
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
        """Other powers of the lasers, from now on; only in the thread that plays."""
        self._power = power
        self._send_powers()

    def quit(self) -> None:
        """Dark, and the end; only in the thread that plays."""
        self._quitting = True
        self._send_powers()
        self._playlist.stop()

    def status(self) -> str:
        """What is going on, in one line."""
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
        """Dark first, then the panel; what fails on the way is noted on the error that led here."""
        if self._light is not None:
            self._try(self._light.end_dark, error)
        self._try(self._panel.stop, error)
        self._hear()

    def _try(self, step: Callable[[], None], error: BaseException) -> None:
        try:
            step()
        except HolodriverError as failure:
            error.add_note(str(failure))
