"""The warning before a play that is too fast for the disk, and the measured reading speed."""

import math

import pytest

from holodriver.rig.play.fit import forecast


@pytest.mark.parametrize(
    ("holograms", "capacity", "pace", "needed", "shown_s"),
    [
        (10, 10, 0.1, 20, math.inf),  # memory holds them all
        (1000, 10, None, 20, math.inf),  # nobody had to read
        (1000, 10, 25.1, 20, math.inf),  # the pace that is left suffices
        (1000, 100, 20, 20, 24),  # what was read ahead lasts 25 s
    ],
)
def test_nothing_is_said_where_all_will_be_well(holograms, capacity, pace, needed, shown_s):
    assert forecast(holograms, capacity, pace, needed, shown_s) is None


def test_the_time_is_that_in_which_what_was_read_ahead_is_used_up():
    """100 holograms, 20 a second shown, 16 of 20 a second left for reading: gone after 25 s."""
    said = forecast(1000, 100, 20, 20, 26)
    assert "20 holograms a second are shown and about 16 can be read: after 25 s the 100 of 1000" in said
    assert "after 5 s the 100 of 1000" in forecast(1000, 100, 0.01, 20, math.inf)
