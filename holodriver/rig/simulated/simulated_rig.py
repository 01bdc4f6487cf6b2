"""A whole rig without hardware: display process and laser box process joined by a sync wire, and what a camera sees."""

import multiprocessing
from bisect import bisect_right
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf

import numpy as np

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.panel.panel import Held
from holodriver.rig.panel.panel_process import PanelProcess, ShownFrame
from holodriver.rig.simulated.box_link import Transport
from holodriver.rig.simulated.box_logic import Pulse
from holodriver.rig.simulated.faults import Faults
from holodriver.rig.simulated.simulated_box import SimulatedBox
from holodriver.rig.simulated.simulated_panel import SimulatedPanel


@dataclass(frozen=True)
class Exposure:
    """Pixels on the panel while a laser was on, or a frame that stayed dark.

    What stood on the panel is the display process's own record and what was lit is the laser box's; they are joined
    by time alone. A frame lit by the wrong laser shows here as just that.
    """

    frame_index: int
    """Which of the played holograms the display process says it was."""
    plane: int
    """Which of its colour frames."""
    flip_index: int
    """Flips before it in this play."""
    colour: Colour | None
    """The laser that the box had on; None if none was."""
    pixels: np.ndarray = field(repr=False)
    """What the panel held, (h, w) uint8, read-only."""
    lit_for_s: float
    """How long that laser was on while these pixels stood, s."""
    power_w: float
    """Its power, W."""


class SimulatedRig:
    """Panel and laser box in two processes of their own; leaving the `with` block ends both.

    Args:
        native_shape: panel pixels (h, w).
        refresh_hz: panel's refreshes a second, 1/s.
        transport: what the host talks to the box over; a pseudo-terminal where there are some.
        lose_edges: fault: flips whose sync edge gets lost.
        repeat_frames: fault: flips whose frame stays for two refreshes, with an edge for each.
        faults: more faults, by their chances.

    Raises:
        InputError: a size or rate that no panel has.
        RigError: a process did not come up.
    """

    def __init__(
        self,
        native_shape: tuple[int, int],
        refresh_hz: float = 180.0,
        *,
        transport: Transport | None = None,
        lose_edges: Collection[int] = (),
        repeat_frames: Collection[int] = (),
        faults: Faults | None = None,
    ):
        self._lasers: LaserController | None = None
        self._faults = faults = Faults() if faults is None else faults
        edges, wire = multiprocessing.Pipe(duplex=False)
        make_panel = partial(
            SimulatedPanel,
            native_shape,
            refresh_hz,
            wire,
            lose_edges={*lose_edges, *faults.flips(faults.lose, 0)},
            repeat_frames={*repeat_frames, *faults.flips(faults.drop, 1)},
            delay_flips=faults.delays(2),
        )
        try:
            self.box = SimulatedBox(edges, transport=transport, unplug_after_s=faults.unplug or None)
            try:
                self.panel = PanelProcess(make_panel, native_shape, refresh_hz)
            except BaseException:
                self.box.close()
                raise
        finally:
            # each end now lives in its process alone, so that either sees the other go
            edges.close()
            wire.close()

    def __enter__(self) -> "SimulatedRig":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def lasers(self) -> LaserController:
        """The client of the laser box, connected; the rig closes it at its own end.

        A serial port has one user, so this is the same client until that one is closed.
        """
        if self._lasers is None or not self._lasers.connected:
            self._lasers = LaserController(self.box.port)
        return self._lasers

    def exposures(self) -> list[Exposure]:
        """All that a camera would have integrated in the last play, in order.

        Raises:
            RigError: a process is gone, and its record with it.
        """
        held = self.panel.held()
        if held is None:
            raise RigError("this panel cannot tell what it showed")
        exposures = join_exposures(self.panel.shown, held, self.box.report().pulses)
        if not self._faults.drift:
            return exposures
        last = max(1, len(held.since_s) - 1)
        return [
            replace(one, power_w=one.power_w * (1 + self._faults.drift * one.flip_index / last)) for one in exposures
        ]

    def close(self) -> None:
        """Dark, then end both processes. Closing twice is allowed."""
        try:
            if self._lasers is not None:
                with suppress(RigError):  # a box that is gone needs no disarming
                    self._lasers.close()
        finally:
            try:
                self.panel.close()
            finally:
                self.box.close()


def join_exposures(shown: Sequence[ShownFrame], held: Held, pulses: Sequence[Pulse]) -> list[Exposure]:
    """Which pixels were lit by what: for each flip, the light that fell between it and the next.

    Args:
        shown: flips as the display process named them.
        held: pixels on the panel and since when, a flip each.
        pulses: light of the box, in order and not overlapping.

    Returns:
        For each flip, one exposure a laser and pulse that was on while it stood, or one without a colour.
    """
    exposures = []
    starts = [pulse.start_s for pulse in pulses]
    for index, since in enumerate(held.since_s):
        until = held.since_s[index + 1] if index + 1 < len(held.since_s) else inf
        frame, pixels = shown[index], held.contents[held.content[index]]
        found: list[tuple[Colour | None, float, float]] = []
        first = max(0, bisect_right(starts, since) - 1)  # the pulse before may reach into this flip
        for pulse in pulses[first:]:
            if pulse.start_s >= until:
                break
            lit_for = min(pulse.end_s, until) - max(pulse.start_s, since)
            if lit_for > 0:
                for laser, watts in zip(pulse.colours, pulse.powers_w, strict=True):
                    found.append((laser, lit_for, watts))
        for colour, lit_for, power in found or [(None, 0.0, 0.0)]:
            exposures.append(Exposure(frame.hologram, frame.plane, index, colour, pixels, lit_for, power))
    return exposures
