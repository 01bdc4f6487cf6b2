"""The state machine that compares colours and frames, without a clock and without a device.

The player tells the sequencer what happened and when: frames were shown, the controller counted edges, time passed.
The sequencer answers what the player must ask the controller next, or raises the error that stops the play. Simulated
and real plays use the same sequencer, so results of simulated plays hold for real ones.
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
"""Number of counts in a row that may be ahead of the frames: one such count may be a frame whose report is under way.
"""

MARGIN = 0.1
"""Uncertainty of the time of an edge, as a share of a subfield."""

INTERVALS_KEPT = 10_000
"""Number of the latest flip intervals kept for the median; a play may last for weeks."""


class Ask(StrEnum):
    """The question or command that the player must send to the laser controller now."""

    nothing = "nothing"
    """Send nothing."""
    beat = "beat"
    """Ask whether the controller is still armed, and for its count of edges."""
    confirm = "confirm"
    """Confirm the shown frame, which lights it, and ask for the count of edges."""
    trigger = "trigger"
    """Step to the colour of the shown frame by command."""


class Sequencer:
    """Counts frames and edges, feeds the watchdog only while frames come, and finds colours out of step.

    Args:
        steps: the colours that are on after each edge, in turn.
        edges_per_frame: number of sync edges for each flip; 0 for mode "host", which has no edges.
        gated: whether the controller's light waits for a confirmation of every frame.
        subfield_s: for a packed panel that shows the colours of a frame in turn, again with every refresh: time between
            two edges, s; 0 in other modes.
        edge_delay_s: time from a flip to its first edge in mode "packed", s.
        now_s: time at which the play begins, s.
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
        """Whether light may come: the edges of a packed panel must first be matched to the colours."""
        self._last_frame_s = now_s
        self._last_beat_s = -math.inf
        self._suspicions = 0
        self._intervals: list[float] = []
        self._last_flip: ShownFrame | None = None
        self._fresh = False
        self.frames = 0
        """Number of flips reported so far."""
        self.dropped = 0
        """Number of refreshes without a new frame so far."""
        self.late = 0
        """Number of flips that came more than 1.2 periods after the flip before."""
        self.starved = 0
        """Number of holograms shown again because the next hologram was not read in time."""
        self.comparisons = 0
        """How often frames and edges were compared."""
        self.unlit = 0
        """Number of frames that stayed dark because their confirmation was late or missing."""
        self.colour_errors = 0
        """How often the controller stood on the colour of another frame."""
        self.interval_max_s: float | None = None
        """Longest time between two flips, s; None before the second flip."""
        self.edges: int | None = None
        """Number of sync edges in the controller's last answer."""

    @property
    def interval_median_s(self) -> float | None:
        """Median time between two flips, s; None before the second flip."""
        return median(self._intervals) if self._intervals else None

    def shown(self, frames: Sequence[ShownFrame], now_s: float) -> None:
        """Take in frames that the panel has shown; the player hears of them at `now_s`, s."""
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
        """Say that no frame was queued until `now_s`, s, so that none is missing."""
        self._last_frame_s = now_s

    def quiet(self, now_s: float) -> None:
        """Say that no frame came until `now_s`, s.

        Raises:
            RigError: frames have been missing for too long; without messages, the controller's watchdog has made the
                lasers dark.
        """
        if now_s - self._last_frame_s > STOPPED_S:
            raise RigError(
                f"the display process has shown nothing for {STOPPED_S:g} s, after {self.frames} frames",
                remedy="the lasers are dark; see what else keeps the machine busy",
            )

    def ask(self, now_s: float) -> Ask:
        """Decide what to ask the controller at `now_s`, s: nothing without a new frame, so a dead display goes dark."""
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
        """Compare the controller's count with the frames while frames go on.

        The display process sends an edge before it reports the frame. Fewer edges than frames known before the question
        are therefore lost edges; one edge more than frames known after the answer may be a report under way.

        Args:
            counted: the controller's answer.
            before: number of frames known before the question.
            after: number of frames known after the answer.

        Raises:
            RigError: there are too few or too many edges; the error says by how many.
        """
        self.edges = counted.edges
        ahead = counted.edges > after * self._edges_per_frame
        self._suspicions = self._suspicions + 1 if ahead else 0
        self.unlit += self._gated and ahead
        if counted.edges < (lost := before * self._edges_per_frame) or self._suspicions >= SUSPICIONS:
            raise self._mismatch(counted.edges, before if counted.edges < lost else after)
        self._judge_colour(counted)

    def counted_subfields(self, counted: EdgeCount, asked_s: float, answered_s: float) -> bool | None:
        """Compare the controller's count on a packed panel, taken between `asked_s` and `answered_s`, with the frames.

        The edges of a packed panel never stop, and the controller itself notices a missing or a surplus edge. Here, the
        number of edges is compared with the frames, and the controller's colour with the subfield shown at the time.

        Returns:
            Whether the colour is right; None if the answer took too long to tell.

        Raises:
            RigError: the colour is wrong after it was right before, or edges were lost; the error says by how many.
        """
        self.edges = counted.edges
        if self.aligned:
            self._compare_packed(counted)
        assert self._last_flip is not None  # the player asks for a count only after a frame was shown
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
        """Take edges and colours to be in step from now on, beginning with this count."""
        self.aligned = True
        self._base = counted, self.frames

    def _compare_packed(self, counted: EdgeCount) -> None:
        edges, frames = counted.edges - self._base[0].edges, self.frames - self._base[1]
        if edges < (frames - 1) * self._edges_per_frame:
            raise self._mismatch(edges, frames)

    def finally_counted(self, counted: EdgeCount) -> None:
        """Compare the controller's count after the last frame with the number of frames.

        Raises:
            RigError: the two differ; the error says by how many.
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
        """Compare the controller's count after a step by command: there must be one step for every frame."""
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
