"""A rig as the stage of a measurement: armed once, and lit only during readings."""

import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from types import TracebackType
from typing import TypeVar

import numpy as np

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.power import Power, shown_colours
from holodriver.rig.measure.simulated_lab import NAME
from holodriver.rig.measure.stage import LONGEST_S, Frame, Stage
from holodriver.rig.panel.monitors import chosen_monitor
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.panel.slots import FrameSlots
from holodriver.rig.play.before_light import Heard, check_start, open_light, what_is_lit
from holodriver.rig.play.diffuser import DiffuserInput
from holodriver.rig.play.live import LivePlayer
from holodriver.rig.play.open_rig import OpenRig, open_rig, orientation_of, timing_of
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.settings import Rig
from holodriver.rig.simulated.simulated_rig import SIMULATED

Found = TypeVar("Found")

SETTLE_S = 0.1
"""Default time of light before a reading, s: a liquid crystal settles in about 10 ms, a laser's power more slowly."""

PLACES = 2
"""Number of frames kept in memory: the shown frame and the next one."""

STAND_TIMEOUT_S = 60.0
"""Longest wait until a frame is shown, s: a few refreshes are usual, a busy machine may need more."""

LOOK_AGAIN_S = 0.02
"""Time between two checks of a condition that a thread waits for, s."""


@dataclass(frozen=True)
class _Wanted:
    """A request for one frame under one light, for at most `longest_s` seconds."""

    place: int
    power: Power
    longest_s: float


class RigStage(Stage):
    """A rig that shows one frame during a reading, lit by one laser as in a play.

    Entering the `with` block arms the lasers once, in the dark. Inside the block, a separate thread shows frames
    without a pause, and the laser supervisor watches over them as in a play; the lasers are at 0 W except during
    readings. However the block ends, the lasers are dark before anything else stops.

    Args:
        opened: the open panel and lasers.
        powers: powers of the lasers; each laser is lit alone, at its own power.
        settle_s: time of light before a reading begins, s.
        heard: receives the messages.
        calibrated: whether to check the rig's calibration as before a play; false for the measurement of a new one.

    Raises:
        InputError: the panel was not found.
        RigError: the start-up check failed, or the lasers could not be armed.
    """

    def __init__(
        self,
        opened: OpenRig,
        powers: Power,
        *,
        settle_s: float = SETTLE_S,
        heard: Heard | None = None,
        calibrated: bool = False,
    ):
        rig = opened.rig
        super().__init__(rig.profile(), *panel_identity(rig))
        self._opened, self._powers, self._settle_s, self._calibrated = opened, powers, settle_s, calibrated
        self._heard = Heard() if heard is None else heard
        # a gate would make the light depend on the host's speed, and is not needed: all frames here are equal
        self._timing, self._orientation = timing_of(rig, gated=False), orientation_of(rig)
        self._lasers = shown_colours(rig, len(self.profile.wavelengths))
        self._playlist = Playlist(PLACES, loop=True)
        self._playlist.paused = True
        self._stack = ExitStack()
        # shared with the thread that plays, under this lock
        self._news = threading.Condition()
        self._wanted = self._granted = _Wanted(0, replace(powers, highest_w=0.0), LONGEST_S)
        self._stood_s: float | None = None
        self._granted_s = 0.0
        self._cut = self._leaving = self._over = False
        self._failure: BaseException | None = None

    def __enter__(self) -> "RigStage":
        with self._stack as stack:
            rig = self._opened.rig
            self._slots = FrameSlots(self._orientation.shape(rig.panel.native_shape), PLACES + 1)
            stack.callback(self._slots.close)
            for slot in range(len(self._slots)):
                self._slots.write(slot, 0)
            self._opened.panel.open_slots(self._slots)
            self._diffuser = DiffuserInput.open(rig.diffuser, rig.folder)
            stack.callback(self._diffuser.close)
            check_start(self._opened, self._heard, arming=True, calibrated=self._calibrated)
            self._heard.say(f"ARMED: {what_is_lit(rig, self.profile.wavelengths, self._powers, self._timing)}")
            light = open_light(self._opened, self._timing, stack, ordered_w=self._powers.watts)
            self._player = LivePlayer(
                self._opened.panel,
                _Places(),
                self._playlist,
                self._timing,
                light=light,
                power=self._wanted.power,
                dark_slot=PLACES,
                each_turn=self._turn,
                record=self._record,
            )
            self._thread = threading.Thread(target=self._play, name="panel and lasers", daemon=True)
            self._thread.start()
            stack.callback(self._leave)  # the last callback runs first: the lasers go dark before anything else
            self._await(lambda: self._stood_s is not None)
            self._stack = stack.pop_all()
        return self

    @property
    def failed(self) -> bool:
        """Whether panel or lasers have failed, so that the lasers stay dark."""
        return self._failure is not None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
        if self._failure is None or self._failure is error:
            return
        if error is None:
            raise self._failure
        error.add_note(str(self._failure))

    def look(
        self, colour: int | None, frame: Frame, read: Callable[[], Found], *, longest_s: float = LONGEST_S
    ) -> Found:
        dark = replace(self._powers, highest_w=0.0)
        power = dark if colour is None else self._alone(self._lasers[colour])
        place = (self._wanted.place + 1) % PLACES
        colours = len(self.profile.wavelengths)
        self._slots.write(place, self._orientation.lay(np.repeat(frame[None], colours, axis=0)))
        self._want(_Wanted(place, power, longest_s))
        try:
            self._await(lambda: self._stood_s is not None and time.perf_counter() >= self._stood_s + self._settle_s)
            found = read()
        finally:
            done = self._want(_Wanted(place, dark, longest_s))
        self._await(lambda: self._granted is done)
        if self._cut:
            raise RigError(
                f"the meter took longer than the {longest_s:g} s for which there is light",
                remedy="average less, or see why it hangs",
            )
        return found

    def _alone(self, laser: Colour) -> Power:
        if laser not in self._timing.colours:
            raise InputError(f"the rig does not show {laser.label}", where="sequence.order")
        balance = tuple(share * (one == laser) for one, share in zip(Colour, self._powers.balance, strict=True))
        return replace(self._powers, balance=balance)

    def _want(self, wanted: _Wanted) -> _Wanted:
        with self._news:
            if wanted.place != self._wanted.place:
                self._stood_s, self._cut = None, False
            self._wanted = wanted
        return wanted

    def _await(self, done: Callable[[], bool]) -> None:
        """Wait until `done` returns true.

        Raises:
            RigError: panel or lasers have failed meanwhile; the lasers are dark.
        """
        due = time.monotonic() + STAND_TIMEOUT_S + self._settle_s
        with self._news:
            while not done():
                if self._over:
                    raise self._failure or RigError("panel and lasers have been stopped")
                if time.monotonic() > due:
                    raise RigError(f"the panel has not shown a frame within {STAND_TIMEOUT_S:g} s")
                self._news.wait(LOOK_AGAIN_S)

    # ------------------------------------------------------------------ the thread that plays

    def _play(self) -> None:
        try:
            self._player.run()
        except BaseException as error:
            self._failure = error
        with self._news:
            self._over = True
            self._news.notify_all()

    def _turn(self) -> None:
        """Carry out the latest request between two frames, and end light that lasts too long."""
        now = time.perf_counter()
        self._diffuser.check(now)
        with self._news:
            wanted, leaving = self._wanted, self._leaving
        if leaving:
            self._player.quit()
            return
        if wanted is not self._granted:
            if wanted.place != self._granted.place:
                self._playlist.go_to(wanted.place)
            self._player.use(wanted.power)
            with self._news:
                self._granted, self._granted_s = wanted, now
                self._news.notify_all()
        elif wanted.power.highest_w > 0 and not self._cut and now - self._granted_s > wanted.longest_s:
            self._player.use(replace(wanted.power, highest_w=0.0))
            self._cut = True

    def _record(self, frames: Sequence[ShownFrame]) -> None:
        with self._news:
            standing = [frame for frame in frames if frame.hologram == self._granted.place]
            if standing and self._stood_s is None and self._granted.place == self._wanted.place:
                self._stood_s = standing[0].flip.at_s
                self._news.notify_all()

    def _leave(self) -> None:
        """Make the lasers dark, wait for their confirmation and end the frames."""
        with self._news:
            self._leaving = True
        self._thread.join()


class _Places:
    """The hologram store of `LivePlayer`, in which all frames are always in memory."""

    capacity = PLACES

    def slot(self, hologram: int) -> int | None:
        return hologram

    def want(self, holograms: Sequence[int], held: Collection[int]) -> None:
        """Do nothing, because no frame has to be read."""


def panel_identity(rig: Rig) -> tuple[str, str]:
    """Name and serial number of the rig's panel, as calibrations store them.

    Raises:
        InputError: the monitor was not found.
        RigError: there is no display.
    """
    if rig.panel.monitor == SIMULATED:
        return NAME, ""
    monitor = chosen_monitor(rig.panel.monitor)
    return monitor.name or monitor.connector, monitor.serial


def check_arming(rig: Rig, powers: Power, heard: Heard, *, arm: bool) -> None:
    """Refuse to measure without a person's order to arm, and say what would be lit; no device is opened.

    Raises:
        InputError: there is no order, or the rig does not light all colours of its display.
    """
    if not rig.controller.port:
        raise InputError("the rig has no laser controller", where=rig.name, remedy="set controller.port in its file")
    for laser in shown_colours(rig, len(rig.profile().wavelengths)):
        if laser.label not in rig.sequence.order:
            raise InputError(
                f"the rig does not show {laser.label}", where="sequence.order", remedy="measure all colours"
            )
        if not rig.limits.watts[laser]:
            raise InputError("is 0: this colour is never lit", where=f"limits.{laser.label}_mw")
    if not arm:
        heard.say(f"with --arm {what_is_lit(rig, rig.profile().wavelengths, powers, timing_of(rig))}")
        raise InputError("measuring needs light, and nothing is lit unasked", where="--arm", remedy="pass --arm")


class PersistentStage(Stage):
    """A rig that a person may arm again after the lasers went dark, so that a long measurement can go on.

    Args:
        rig: settings of the rig.
        powers: powers of the lasers.
        heard: receives the messages.
        order: asks a person for a new order to arm; the argument says what happened, and false ends the measurement.
        calibrated: whether to check the rig's calibration, as in `RigStage`.

    Raises:
        RigError: the rig cannot be opened or armed.
    """

    def __init__(
        self, rig: Rig, powers: Power, heard: Heard, order: Callable[[str], bool], *, calibrated: bool = False
    ):
        self._rig, self._powers, self._heard, self._order, self._calibrated = rig, powers, heard, order, calibrated
        self._stack = ExitStack()
        super().__init__(rig.profile(), *panel_identity(rig))

    def __enter__(self) -> "PersistentStage":
        self._stage = self._opened()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def look(
        self, colour: int | None, frame: Frame, read: Callable[[], Found], *, longest_s: float = LONGEST_S
    ) -> Found:
        while True:
            try:
                return self._stage.look(colour, frame, read, longest_s=longest_s)
            except RigError as error:
                if not (self._stage.failed and self._order(str(error))):
                    raise
            with suppress(RigError):  # closing raises the same failure again
                self._stack.close()
            self._stage = self._opened()

    def _opened(self) -> RigStage:
        with ExitStack() as stack:
            opened = stack.enter_context(open_rig(self._rig))
            stage = stack.enter_context(RigStage(opened, self._powers, heard=self._heard, calibrated=self._calibrated))
            self._stack = stack.pop_all()
        return stage
