"""The summary of a play."""

from holodriver.rig.play.report import PlayReport


def test_a_play_of_one_flip_has_no_intervals_and_says_so():
    alone = PlayReport(
        frames_shown=1,
        dropped=0,
        late=0,
        comparisons=1,
        interval_median_s=None,
        interval_max_s=None,
        period_s=0.02,
        edges=1,
    )
    rows = dict(alone.rows())
    assert rows["flip interval, median"] == "– (20.00 ms wanted)"
    assert rows["flip interval, longest"] == "–"
