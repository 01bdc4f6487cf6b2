"""The summary of a play: what was shown, how evenly, and whether colours and frames stayed in step."""

from dataclasses import dataclass

from holodriver.rig.play.sequencer import Sequencer


@dataclass(frozen=True)
class PlayReport:
    """The figures of one play."""

    frames_shown: int
    """Number of panel flips, including the black frames before the light."""
    dropped: int
    """Number of refreshes without a new frame."""
    late: int
    """Number of flips that came more than 1.2 periods after the flip before."""
    comparisons: int
    """Number of comparisons of frames and sync edges."""
    interval_median_s: float | None
    """Median time between two flips, s; None if there was only one flip."""
    interval_max_s: float | None
    """Longest time between two flips, s; None if there was only one flip."""
    period_s: float
    """Planned time between two frames, s."""
    edges: int
    """Number of sync edges that the laser controller counted; 0 if the controller was not asked."""
    colour_errors: int = 0
    """How often the controller stood on the colour of another frame."""
    starved: int = 0
    """Number of frames shown again because the next hologram was not read in time."""
    unlit: int = 0
    """Number of frames that stayed dark because their confirmation was late or missing."""

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


def report_of(sequencer: Sequencer, period_s: float) -> PlayReport:
    """Summarise a play that has ended; `period_s` is the planned time between two frames, s."""
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
