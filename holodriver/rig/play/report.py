"""The summary of a play: what was shown, how evenly, and whether colours and frames stayed in step."""

from dataclasses import dataclass

from holodriver.rig.play.sequencer import Sequencer


@dataclass(frozen=True)
class PlayReport:
    """The figures of one play."""

    frames_shown: int
    """Flips of the panel, the black ones before there was light included."""
    dropped: int
    """Refreshes that brought no new frame."""
    late: int
    """Flips that came more than 1.2 periods after the one before."""
    comparisons: int
    """Comparisons of frames and sync edges."""
    interval_median_s: float | None
    """Median time between two flips, s; None where there was one flip alone."""
    interval_max_s: float | None
    """Longest time between two flips, s; None where there was one flip alone."""
    period_s: float
    """Time between two frames as it should be, s."""
    edges: int
    """Sync edges that the laser controller counted; 0 if it was not asked."""
    colour_errors: int = 0
    """Times at which the controller was found on the colour of another frame."""
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
