"""Whether colours and frames are in step: the player's state machine, without a clock and without a device.

It is told what happened and when (frames that came to stand, the controller's counts, that time passed) and says what
the player has to ask next, or raises what stops the play. The player drives it with real panels and real time, the
scripted runs with simulated ones, so that what is shown of the one holds for the other.
"""

import math
from collections.abc import Sequence
from enum import StrEnum
from statistics import median

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.laser_driver import EdgeCount
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.settings import HEARTBEAT_S, STOPPED_S

SUSPICIONS = 3
"""A count one ahead of the frames may be a frame whose report is under way; this often in a row it is not."""

MARGIN = 0.1
"""Share of a subfield by which the time of its edge is not known."""

INTERVALS_KEPT = 10_000
"""Latest flip intervals of which the median is reported; a play may last for weeks."""


class Ask(StrEnum):
    """What the player has to ask the laser controller now."""

    nothing = "nothing"
    beat = "beat"
    """Is it armed still? and its count of edges."""
    confirm = "confirm"
    """Light the frame that stands, and its count of edges."""
    trigger = "trigger"
    """Step to the colour of the frame that stands, by command."""


class Sequencer:
    """Counts frames and edges, feeds the watchdog only while frames come, and finds what is out of step.

    Args:
        steps: the colours that are on after each edge, in turn.
        edges_per_frame: sync edges that the panel gives for each flip; 0 where there are none ("host" mode).
        gated: the controller's light waits for a confirmation of every frame.
        subfield_s: "packed" mode: time between the edges of a panel that shows the colours of one frame one after
            another, again with every refresh, a new frame or not, s; 0 in other modes.
        edge_delay_s: from a flip to its first edge, s ("packed" mode).
        now_s: the time at which the play begins, s.
    """

    def __init__(
        self,
        steps: Sequence[Colour | tuple[Colour, ...]],
        *,
        edges_per_frame: int = 1,
        gated: bool = False,
        subfield_s: float = 0.0,
        edge_delay_s: float = 0.0,
        now_s: float = 0.0,
    ):
        self._steps = tuple((step,) if isinstance(step, Colour) else step for step in steps)
        self._edges_per_frame = edges_per_frame
        self._gated = gated
        self._subfield_s = subfield_s
        self._edge_delay_s = edge_delay_s
        self._base = EdgeCount(0, ()), 0
        self.aligned = not subfield_s
        """Whether light may come: a packed panel's edges must first be found to belong to the right colours."""
        self._last_frame_s = now_s
        self._last_beat_s = -math.inf
        self._suspicions = 0
        self._intervals: list[float] = []
        self._last_flip: ShownFrame | None = None
        self._fresh = False
        self.frames = 0
        """Flips heard of."""
        self.dropped = 0
        """Refreshes without a new frame so far."""
        self.late = 0
        """Flips that came more than 1.2 periods after the one before."""
        self.starved = 0
        """Holograms shown again because the next one was not there in time."""
        self.comparisons = 0
        """How often frames and edges were compared."""
        self.unlit = 0
        """Frames that stayed dark because they were confirmed too late, or not at all."""
        self.colour_errors = 0
        """How often the controller was found on the colour of another frame."""
        self.interval_max_s: float | None = None
        self.edges: int | None = None
        """Sync edges that the controller counted when it was last asked."""

    @property
    def interval_median_s(self) -> float | None:
        """Between two flips; None before the second."""
        return median(self._intervals) if self._intervals else None

    def shown(self, frames: Sequence[ShownFrame], now_s: float) -> None:
        """Frames came to stand, which the player hears now (s)."""
        for frame in frames:
            self.frames += 1
            self.dropped += frame.flip.dropped
            self.late += frame.flip.dropped > 0
            self.starved += frame.starved
            if self._last_flip is not None:
                interval = frame.flip.at_s - self._last_flip.flip.at_s
                self.interval_max_s = max(interval, self.interval_max_s or 0.0)
                if len(self._intervals) == INTERVALS_KEPT:
                    self._intervals[self.frames % INTERVALS_KEPT] = interval
                else:
                    self._intervals.append(interval)
            self._last_flip = frame
            self._last_frame_s = now_s
            self._fresh = True

    def expected_quiet(self, now_s: float) -> None:
        """No frame was asked for until now (s)."""
        self._last_frame_s = now_s

    def quiet(self, now_s: float) -> None:
        """No frame came until now (s).

        Raises:
            RigError: for too long; the watchdog has made it dark, as nothing was said to the controller.
        """
        if now_s - self._last_frame_s > STOPPED_S:
            raise RigError(
                f"the display process has shown nothing for {STOPPED_S:g} s, after {self.frames} frames",
                remedy="the lasers are dark; see what else keeps the machine busy",
            )

    def ask(self, now_s: float) -> Ask:
        """What to ask the controller now (s): nothing unless a new frame came, so that a dead display is dark."""
        if not self._fresh:
            return Ask.nothing
        if not self._edges_per_frame:
            self._fresh = False
            return Ask.trigger
        if self._gated:
            self._fresh = False
            return Ask.confirm
        if self.aligned and now_s - self._last_beat_s < HEARTBEAT_S:
            return Ask.nothing
        self._fresh = False
        self._last_beat_s = now_s
        return Ask.beat

    def counted(self, counted: EdgeCount, before: int, after: int) -> None:
        """The controller's count, while frames go on.

        The display process sends an edge before it reports the frame, so an edge less than frames known before the
        question is an edge lost; one more than frames known after it may be a report under way.

        Args:
            counted: its answer.
            before: frames known when it was asked.
            after: frames known when the answer was there.

        Raises:
            RigError: edges were lost, or there are too many; says by how many.
        """
        self.edges = counted.edges
        ahead = counted.edges > after * self._edges_per_frame
        self._suspicions = self._suspicions + 1 if ahead else 0
        self.unlit += self._gated and ahead
        if counted.edges < (lost := before * self._edges_per_frame) or self._suspicions >= SUSPICIONS:
            raise self._mismatch(counted.edges, before if counted.edges < lost else after)
        self._judge_colour(counted)

    def counted_subfields(self, counted: EdgeCount, asked_s: float, answered_s: float) -> bool | None:
        """The count of a controller on a packed panel, which was taken between two times (s).

        Its edges never stop, and the controller itself sees whether one is missing or too many; here their number is
        compared with the frames, and the colour with the part of the frame that was shown at that time.

        Returns:
            Whether the colours are right; None if the answer took too long to tell.

        Raises:
            RigError: they have been right before, or edges were lost; says by how many.
        """
        self.edges = counted.edges
        if self.aligned:
            self._compare_packed(counted)
        assert self._last_flip is not None  # a count is asked for once a frame stands
        begun = self._last_flip.flip.at_s + self._edge_delay_s
        first, last = ((at_s - begun) / self._subfield_s for at_s in (asked_s, answered_s))
        if not (math.floor(first - MARGIN) == math.floor(last + MARGIN) and 0 <= first < len(self._steps)):
            return None
        expected = self._steps[math.floor(first)]
        right = counted.colours == expected
        self.comparisons += 1
        if self.aligned and not right:
            raise self._wrong_colour(counted, expected)
        return right

    def align(self, counted: EdgeCount) -> None:
        """From now on edges and colours are taken to be in step."""
        self.aligned = True
        self._base = counted, self.frames

    def _compare_packed(self, counted: EdgeCount) -> None:
        edges, frames = counted.edges - self._base[0].edges, self.frames - self._base[1]
        if edges < (frames - 1) * self._edges_per_frame:
            raise self._mismatch(edges, frames)

    def finally_counted(self, counted: EdgeCount) -> None:
        """The controller's count after the last frame.

        Raises:
            RigError: it is not that of the frames; says by how many.
        """
        self.edges = counted.edges
        expected = self.frames * self._edges_per_frame
        if self._subfield_s:
            self._compare_packed(counted)
        elif self._edges_per_frame and counted.edges != expected:
            raise self._mismatch(counted.edges, self.frames)
        else:
            self._judge_colour(counted)

    def triggered(self, counted: EdgeCount) -> None:
        """The controller's count after a step by command: it steps for every frame, or something is lost."""
        self.edges = counted.edges
        if counted.edges != self.frames:
            raise self._mismatch(counted.edges, self.frames, "steps")
        self._judge_colour(counted)

    def _judge_colour(self, counted: EdgeCount) -> None:
        self.comparisons += 1
        expected = self._steps[(counted.edges - 1) % len(self._steps)] if counted.edges else ()
        if counted.colours != expected:
            raise self._wrong_colour(counted, expected)

    def _wrong_colour(self, counted: EdgeCount, expected: tuple[Colour, ...]) -> RigError:
        self.colour_errors += 1
        return RigError(
            f"after {counted.edges} frames the laser controller stands on "
            f"{_names(counted.colours)} and the frame is {_names(expected)}",
            remedy="the lasers have been made dark; play again",
        )

    def _mismatch(self, edges: int, shown: int, what: str = "sync edges") -> RigError:
        self.colour_errors += 1
        expected = shown * (self._edges_per_frame or 1)
        more = "more" if edges > expected else "fewer"
        return RigError(
            f"the laser controller counted {edges} {what} for {shown} frames shown, {abs(edges - expected)} {more}: "
            "colours and frames are out of step",
            remedy="the lasers have been made dark; check the sync cable and the panel's refresh rate, then play again",
        )


def _names(colours: Sequence[Colour]) -> str:
    return " and ".join(colour.label for colour in colours) or "no colour"
