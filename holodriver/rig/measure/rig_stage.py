"""A real rig as the stage of a measurement: armed once, and dark but while somebody looks."""

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
"""A liquid crystal settles in some 10 ms, a laser's power in some more."""

PLACES = 2
"""Frames kept: the one that stands, and the one that comes next."""

STAND_TIMEOUT_S = 60.0
"""A frame stands after a few refreshes; a busy machine gets all the time it needs."""

LOOK_AGAIN_S = 0.02


@dataclass(frozen=True)
class _Wanted:
    """What is to stand, under which light, and for how long that may last, s."""

    place: int
    power: Power
    longest_s: float


class RigStage(Stage):
    """A rig that shows one frame for as long as somebody looks, lit by one laser as it is lit in a play.

    Entering the `with` block arms, once, in the dark. Until it is left frames are shown without a pause, by a thread of
    its own, and the lasers' supervisor watches over them as over a play; the lasers are at 0 W but while something
    looks. However it is left, the lasers are dark before anything else stops.

    Args:
        opened: panel and lasers.
        powers: of the lasers; each is lit alone, at its own.
        settle_s: light before the reading begins, s.
        heard: who is told of it.
        calibrated: the rig's calibration counts, and is checked as before a play; not for who measures a new one.

    Raises:
        InputError: the panel is not there.
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
        # light that waits for each frame's confirmation is as long as the host is quick; here all frames are the same
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
            stack.callback(self._leave)  # the last to be noted is the first to be done: dark before all else
            self._await(lambda: self._stood_s is not None)
            self._stack = stack.pop_all()
        return self

    @property
    def failed(self) -> bool:
        """Whether panel or lasers have failed, so that it is dark for good."""
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
        """Wait until something is so.

        Raises:
            RigError: panel or lasers have failed meanwhile; they are dark.
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
        """Between two frames: do what is wanted, and end light that lasts too long."""
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
        """Dark, confirmed, and the end of the frames."""
        with self._news:
            self._leaving = True
        self._thread.join()


class _Places:
    """The frames that are there, as the player asks for them."""

    capacity = PLACES

    def slot(self, hologram: int) -> int | None:
        return hologram

    def want(self, holograms: Sequence[int], held: Collection[int]) -> None:
        """Nothing has to be read."""


def panel_identity(rig: Rig) -> tuple[str, str]:
    """Name and serial number by which a calibration of the rig's panel is known.

    Raises:
        InputError: the monitor is not there.
        RigError: there is no display.
    """
    if rig.panel.monitor == SIMULATED:
        return NAME, ""
    monitor = chosen_monitor(rig.panel.monitor)
    return monitor.name or monitor.connector, monitor.serial


def check_arming(rig: Rig, powers: Power, heard: Heard, *, arm: bool) -> None:
    """Refuse to measure without a person's order to arm, and say what it would light; nothing is opened for it.

    Raises:
        InputError: there is no such order, or the rig does not light all colours of its display.
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
    """A rig that a person may arm anew when it has gone dark, so that a long measurement goes on where it stopped.

    Args:
        rig: of the file.
        powers: of the lasers.
        heard: who is told of it.
        order: asked for a new order to arm, with what had happened; false ends the measurement.
        calibrated: see `RigStage`.

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
            with suppress(RigError):  # what has failed, it says once more
                self._stack.close()
            self._stage = self._opened()

    def _opened(self) -> RigStage:
        with ExitStack() as stack:
            opened = stack.enter_context(open_rig(self._rig))
            stage = stack.enter_context(RigStage(opened, self._powers, heard=self._heard, calibrated=self._calibrated))
            self._stack = stack.pop_all()
        return stage
