"""Playing holograms: frames on the panel and lasers in step, or dark."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from holodriver.errors import HolodriverError, InputError
from holodriver.progress import Progress, silent
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.laser_driver import LaserDriver
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.play.sequencer import HEARTBEAT_S, Ask, Sequencer
from holodriver.rig.simulated.box_logic import MAX_ON_TIME_US

WATCHDOG_MS = 250
"""Silence after which the box goes dark, ms: the longest the protocol allows."""

BLANKING_FRACTION = 0.2
ON_FRACTION = 0.6
"""Shares of a refresh period; together short of 1, so that light has ended before the next frame comes."""

DEFAULT_POWER_W = 0.001


class PlayingPanel(Protocol):
    """What the player needs of a panel: `PanelProcess` has it."""

    native_shape: tuple[int, int]
    refresh_hz: float
    shown: list[ShownFrame]
    playing: bool

    def preload(self, holograms: Sequence[np.ndarray]) -> None: ...
    def start(self, cycles: int) -> None: ...
    def wait(self, timeout_s: float) -> bool: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class PlayReport:
    """What a play was like that ended dark with colours and frames in step: any other raises. Times are seconds."""

    frames_shown: int
    dropped: int
    """Refreshes that brought no new frame."""
    late: int
    """Flips that came more than 1.2 periods after the one before."""
    comparisons: int
    """How often frames and edges were compared."""
    interval_median_s: float | None
    """Between two flips; None where there was one flip alone."""
    interval_max_s: float | None
    period_s: float
    edges: int
    """Sync edges that the laser controller counted; 0 if it was not asked."""
    colour_errors: int = 0
    """How often the controller was found on the colour of another frame."""
    starved: int = 0
    """Frames shown again because the next hologram was not read in time."""
    unlit: int = 0
    """Frames that stayed dark because they were confirmed too late, or not at all."""

    def rows(self) -> list[tuple[str, str]]:
        """The report as pairs of name and value, for a table."""
        return [
            ("frames shown", str(self.frames_shown)),
            ("refreshes without a new frame", f"{self.dropped} ({self.late} late flips)"),
            ("flip interval, median", f"{_ms(self.interval_median_s)} ({_ms(self.period_s)} wanted)"),
            ("flip interval, longest", _ms(self.interval_max_s)),
            ("sync edges counted", str(self.edges)),
            ("comparisons with the lasers", str(self.comparisons)),
            ("colour errors", str(self.colour_errors)),
            ("frames left dark, confirmed too late", str(self.unlit)),
            *([("shown again, the next was not read", str(self.starved))] if self.starved else []),
        ]


def play(
    frames: Sequence[np.ndarray],
    panel: PlayingPanel,
    lasers: LaserDriver,
    *,
    cycles: int | None = None,
    duration_s: float | None = None,
    powers_w: Sequence[float] | None = None,
    colours: Sequence[Colour] | None = None,
    blanking_s: float | None = None,
    on_time_s: float | None = None,
    progress: Progress = silent,
) -> PlayReport:
    """Show holograms, each colour's frame lit by its laser; whatever happens, it ends dark.

    The lasers are stepped by the panel's sync edges ("external" mode). The box's watchdog is fed only while the panel
    reports new frames: a display process that dies or hangs leaves the lasers dark. The box's count of edges is
    compared with the frames shown about every 50 ms, and exactly at the end.

    Args:
        frames: one array a hologram, (C, h, w) uint8 at the panel's native size, all with the same colours.
        panel: shows them; a `PanelProcess`.
        lasers: connected; stays connected, disarmed.
        cycles: how often all holograms are shown; each cycle shows every hologram's colours once.
        duration_s: instead of `cycles`, for how long, s; rounded up to whole cycles.
        powers_w: laser power for each colour, W; 1 mW unless given.
        colours: what lights each of the C frames; red, green, blue unless given.
        blanking_s: dark time after a flip, s; a fifth of the refresh period unless given.
        on_time_s: light after that, s; three fifths of the period, or the most that the box allows.
        progress: told the frames shown.

    Raises:
        InputError: frames, colours, powers or times that cannot be played; no laser was armed.
        RigError: panel or lasers failed, the interlock tripped, or edges and frames differ (says by how many); the
            lasers have been made dark.
    """
    colours = _playable(frames, colours)
    powers_w = [DEFAULT_POWER_W] * len(colours) if powers_w is None else list(powers_w)
    if len(powers_w) != len(colours):
        raise InputError(f"{len(powers_w)} laser powers for {len(colours)} colours", where="powers_w")
    period = 1 / panel.refresh_hz
    blanking_s = BLANKING_FRACTION * period if blanking_s is None else blanking_s
    on_time_s = min(ON_FRACTION * period, MAX_ON_TIME_US / 1e6) if on_time_s is None else on_time_s
    if blanking_s < 0 or on_time_s <= 0 or blanking_s + on_time_s >= period:
        raise InputError(
            f"blanking {blanking_s * 1e3:g} ms and light {on_time_s * 1e3:g} ms do not fit a refresh of "
            f"{period * 1e3:.3g} ms: a colour would reach into the next frame"
        )
    cycles = _cycles(cycles, duration_s, period * len(frames) * len(colours))

    panel.preload(frames)
    lasers.sequence(colours, blanking_s=blanking_s, on_time_s=on_time_s, source="EXT")
    for colour, watts in zip(colours, powers_w, strict=True):
        lasers.set_power(colour, watts)
    lasers.set_watchdog(WATCHDOG_MS)
    sequencer = Sequencer(colours, now_s=time.perf_counter())
    try:
        lasers.arm()
        panel.start(cycles)
        total = cycles * len(frames) * len(colours)
        while panel.playing:
            _watch(panel, lasers, sequencer)
            progress("playing", len(panel.shown), total, f"{sequencer.dropped} dropped")
        lasers.heartbeat()  # an interlock or a watchdog that struck in the last frames is said here
    except BaseException as error:
        _end_dark(panel, lasers, error)
        raise
    lasers.disarm()
    edges = lasers.edges()
    sequencer.shown(panel.shown[sequencer.frames :], time.perf_counter())
    sequencer.finally_counted(edges)
    return report_of(sequencer, period)


def _watch(panel: PlayingPanel, lasers: LaserDriver, sequencer: Sequencer) -> None:
    """Wait for frames for a heartbeat's time; if they came, tell the box, and compare its count with theirs."""
    if not panel.wait(HEARTBEAT_S):
        if panel.playing:
            sequencer.quiet(time.perf_counter())
        return
    now = time.perf_counter()
    sequencer.shown(panel.shown[sequencer.frames :], now)
    if sequencer.ask(now) is not Ask.nothing:
        lasers.heartbeat()
        counted = lasers.edges()
        panel.wait(0)
        sequencer.counted(counted, sequencer.frames, len(panel.shown))


def _end_dark(panel: PlayingPanel, lasers: LaserDriver, error: BaseException) -> None:
    """Dark first, then the panel; what fails on the way is noted on the error that led here."""
    for step in (lasers.disarm if lasers.connected else None, panel.stop):
        if step is not None:
            try:
                step()
            except HolodriverError as failure:
                error.add_note(str(failure))


def _playable(frames: Sequence[np.ndarray], colours: Sequence[Colour] | None) -> list[Colour]:
    """The colours of the frames, one for each plane."""
    if len(frames) == 0:
        raise InputError("there are no frames to play")
    shapes = {np.shape(hologram) for hologram in frames}
    if len(shapes) != 1:
        raise InputError(f"holograms of different shapes cannot play together: {sorted(shapes)}")
    (shape,) = shapes
    if len(shape) != 3:
        raise InputError(f"frames have the shape {shape}, expected (colours, h, w)")
    if colours is None and shape[0] not in (1, 3):
        raise InputError(f"frames have {shape[0]} colours; say which laser lights each", where="colours")
    chosen = [Colour(colour) for colour in (list(Colour)[: shape[0]] if colours is None else colours)]
    if len(chosen) != shape[0]:
        raise InputError(f"{len(chosen)} colours for {shape[0]} frames a hologram", where="colours")
    return chosen


def _cycles(cycles: int | None, duration_s: float | None, cycle_s: float) -> int:
    if (cycles is None) == (duration_s is None):
        raise InputError("give either a number of cycles or a duration")
    if duration_s is not None:
        if not (math.isfinite(duration_s) and duration_s > 0):
            raise InputError(f"duration is {duration_s!r} s, expected more than 0")
        return max(1, math.ceil(duration_s / cycle_s - 1e-9))
    assert cycles is not None
    if cycles < 1:
        raise InputError(f"cycles is {cycles!r}, expected a whole number from 1")
    return cycles


def report_of(sequencer: Sequencer, period_s: float) -> PlayReport:
    """What is known of a play that has ended, on a panel with so much time (s) between refreshes."""
    return PlayReport(
        frames_shown=sequencer.frames,
        dropped=sequencer.dropped,
        late=sequencer.late,
        comparisons=sequencer.comparisons,
        interval_median_s=sequencer.interval_median_s,
        interval_max_s=sequencer.interval_max_s,
        period_s=period_s,
        edges=sequencer.edges or 0,
        colour_errors=sequencer.colour_errors,
        starved=sequencer.starved,
        unlit=sequencer.unlit,
    )


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1e3:.2f} ms"
