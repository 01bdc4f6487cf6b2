"""The order of holograms in a play."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holodriver.errors import InputError
from holodriver.rig.play.playlist import Playlist


def taken(playlist: Playlist, cycles: int) -> list[int]:
    found = []
    while not playlist.finished and len(found) < cycles:
        found.append(playlist.take())
    return found


def test_a_play_shows_each_once_and_ends():
    assert taken(Playlist(3), 10) == [0, 1, 2]


def test_a_loop_begins_again():
    assert taken(Playlist(3, loop=True), 7) == [0, 1, 2, 0, 1, 2, 0]


def test_rounds_show_all_of_them_so_often():
    assert taken(Playlist(3, rounds=2), 10) == [0, 1, 2, 0, 1, 2]
    assert taken(Playlist(1, rounds=3), 10) == [0, 0, 0]
    assert Playlist(2, rounds=2).upcoming(10) == [0, 1]
    with pytest.raises(InputError, match="rounds is 0"):
        Playlist(3, rounds=0)


def test_a_slow_rate_shows_each_for_several_cycles_in_the_mean():
    assert taken(Playlist(4, rate=0.4), 10) == [0, 0, 0, 1, 1, 2, 2, 2, 3, 3]


def test_a_fast_rate_leaves_some_out_and_counts_them():
    playlist = Playlist(9, rate=3)
    assert taken(playlist, 10) == [0, 3, 6]
    assert playlist.skipped == 6


def test_a_pause_stays_where_it_is_and_what_comes_after_it_is_known():
    playlist = Playlist(3)
    playlist.take()
    playlist.paused = True
    assert taken(playlist, 3) == [1, 1, 1]
    assert playlist.upcoming(5) == [1, 2]
    playlist.paused = False
    assert taken(playlist, 5) == [1, 2]


def test_a_sweep_goes_forth_and_back():
    playlist = Playlist(3)
    playlist.sweep(True)
    assert taken(playlist, 8) == [0, 1, 2, 1, 0, 1, 2, 1]


def test_next_and_previous_go_round_the_ends():
    playlist = Playlist(3, loop=True)
    playlist.go(-1)
    assert playlist.take() == 2
    playlist.go_to(1)
    assert playlist.take() == 1
    with pytest.raises(InputError, match="no hologram 4, expected 1 to 3"):
        playlist.go_to(3)


def test_a_stream_waits_for_what_has_not_come():
    playlist = Playlist(0, complete=False)
    assert playlist.waiting
    playlist.extend()
    assert playlist.take() == 0
    assert playlist.waiting
    assert not playlist.finished
    playlist.extend()
    playlist.end()
    assert taken(playlist, 5) == [1]


@given(
    st.integers(1, 6),
    st.floats(0.1, 3),
    st.booleans(),
    st.lists(st.sampled_from(["take", "next", "previous", "pause", "sweep", "go"]), max_size=60),
)
def test_it_is_always_on_a_hologram_that_there_is(count, rate, loop, acts):
    playlist = Playlist(count, rate=rate, loop=loop)
    for act in acts:
        match act:
            case "take":
                assert 0 <= playlist.take() < count
            case "next" | "previous":
                playlist.go(1 if act == "next" else -1)
            case "pause":
                playlist.paused = not playlist.paused
            case "sweep":
                playlist.sweep(not playlist.sweeping)
            case "go":
                playlist.go_to(count - 1)
        assert all(0 <= hologram < count for hologram in playlist.upcoming(10))


@pytest.mark.parametrize("rate", [0, -1, float("inf"), float("nan")])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(InputError, match="holograms for each cycle"):
        Playlist(1, rate=rate)
