"""Casting: the calls to Bridge for each kind of file, their order, and the end of a cast."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from lookingglass.simulated_bridge import GO, MONITOR, SIXTEEN

from holodriver.cli.app import main
from holodriver.errors import BridgeError, InputError
from holodriver.files.hop import write_hop
from holodriver.files.images import picture_size
from holodriver.lookingglass.bridge import Bridge
from holodriver.lookingglass.cast import casting, choose, opened_item, read_item, wait_for_displays
from holodriver.lookingglass.parallax import ViewSettings
from holodriver.optics.lookingglass import looking_glass

SHOW = ["show_window", "instance_playlist", "insert_playlist_entry", "play_playlist"]
END = ["transport_control_pause", "show_window", "exit_orchestration"]


@pytest.fixture
def picture(tmp_path):
    """Writes a black picture of a name and size."""

    def write(name: str, width: int = 64, height: int = 48) -> Path:
        path = tmp_path / name
        cv2.imwrite(str(path), np.zeros((height, width, 3), np.uint8))
        return path

    return write


def cast(server, item, **options):
    with Bridge(**server.addresses) as bridge, casting(item, bridge, **options) as session:
        return session.shown(10.0)


def test_a_quilt_is_played_whole_and_leaves_a_dark_display(bridges, picture):
    server = bridges(MONITOR, GO)
    path = picture("a_qs11x6a0.5625.png")
    assert cast(server, read_item(path))
    assert server.endpoints[2:] == ["available_output_devices", *SHOW, *END]  # all of the playlist before it is played
    (entry,) = server.playlists[server.playing]
    told = {name: entry[name] for name in ("rows", "cols", "view_count", "aspect", "isRGBD", "uri", "focus", "zoom")}
    shape = {"rows": 6, "cols": 11, "view_count": 66, "aspect": 0.5625}
    assert told == shape | {"isRGBD": 0, "uri": str(path), "focus": 0.0, "zoom": 1.0}
    assert server.paused
    assert server.window == {1: False}


@pytest.mark.parametrize(
    ("name", "size", "place", "aspect"),
    [
        ("a_rgbd_lr.png", (40, 30), 2, 20 / 30),
        ("a_rgbd_rl.png", (40, 30), 3, 20 / 30),
        ("a_rgbd_tb.png", (40, 30), 1, 40 / 15),
        ("a_rgbd_bt.png", (40, 30), 0, 40 / 15),
    ],
)
def test_rgbd_is_told_where_its_depth_is_and_becomes_the_views_of_the_display(
    bridges, picture, name, size, place, aspect
):
    server = bridges(SIXTEEN)
    item = read_item(picture(name, *size), settings=ViewSettings(1.5, 0.25, 1.2))
    assert cast(server, item)
    (entry,) = server.playlists[server.playing]
    assert entry["depth_loc"] == place
    assert entry["aspect"] == pytest.approx(aspect)  # of the colour half
    assert (entry["rows"], entry["cols"], entry["quilt_size_x"]) == (6, 8, 7680)
    assert (entry["depthiness"], entry["focus"], entry["zoom"], entry["depth_inversion"]) == (1.5, 0.25, 1.2, 0)


def test_any_other_picture_is_one_view(bridges, picture):
    server = bridges(GO)
    assert cast(server, read_item(picture("a.jpg", 30, 20)))
    (entry,) = server.playlists[server.playing]
    assert (entry["rows"], entry["cols"], entry["view_count"], entry["aspect"]) == (1, 1, 1, 1.5)


def test_each_playlist_has_a_name_of_its_own(bridges, picture):
    """To one of a known name Bridge would add."""
    server = bridges(GO)
    item = read_item(picture("a.png"))
    for _ in range(2):
        cast(server, item)
    assert sorted(len(entries) for entries in server.playlists.values()) == [1, 1]


def test_what_bridge_cannot_open_is_told_from_what_it_shows(bridges, picture):
    server = bridges(GO, plays=False)
    with Bridge(**server.addresses) as bridge, casting(read_item(picture("a.png")), bridge) as session:
        assert not session.shown(0.3)
    assert server.window == {1: False}


def test_another_playlist_that_starts_is_not_ours(bridges, picture):
    server = bridges(GO, plays=False)
    with Bridge(**server.addresses) as bridge, casting(read_item(picture("a.png")), bridge) as session:
        server.tell("New Item Playing", index=0, playlist_name="somebody else's")
        assert not session.shown(0.3)
        server.tell("New Item Playing", index=0, playlist_name=session.playlist)
        assert session.shown(10.0)


@pytest.mark.parametrize("call", ["show_window", "instance_playlist", "insert_playlist_entry", "play_playlist"])
def test_a_call_that_fails_leaves_no_playing_window(bridges, picture, call):
    server = bridges(GO)
    with Bridge(**server.addresses) as bridge:
        server.answers[call] = b""
        with pytest.raises(BridgeError, match=call), casting(read_item(picture("a.png")), bridge):
            pass
        assert server.endpoints[-2:] == ["transport_control_pause", "show_window"]


def test_an_error_while_it_is_shown_ends_it_even_if_it_should_be_kept(bridges, picture):
    server = bridges(GO)
    with (
        pytest.raises(KeyboardInterrupt),
        Bridge(**server.addresses) as bridge,
        casting(read_item(picture("a.png")), bridge, keep=True),
    ):
        raise KeyboardInterrupt
    assert server.endpoints[-3:] == END


def test_what_is_kept_goes_on(bridges, picture):
    server = bridges(GO)
    assert cast(server, read_item(picture("a.png")), keep=True)
    assert (server.paused, server.window) == (False, {1: True})


def test_no_display_is_said_before_anything_is_played(bridges, picture):
    server = bridges(MONITOR)
    with (
        Bridge(**server.addresses) as bridge,
        pytest.raises(BridgeError, match="no Looking Glass is connected"),
        casting(read_item(picture("a.png")), bridge),
    ):
        pass
    assert not set(SHOW) & set(server.endpoints)


def test_one_of_several_displays_is_chosen_by_its_number(bridges, picture):
    server = bridges(GO, SIXTEEN)
    assert cast(server, read_item(picture("a.png")), head=2)
    assert server.window == {2: False}
    with Bridge(**server.addresses) as bridge, pytest.raises(BridgeError, match=r"no Looking Glass 7.*1 \(go_p LKG"):
        choose(bridge.displays(), 7)


def test_a_display_that_comes_later_is_waited_for(bridges):
    server = bridges()
    pauses = []

    def plug_in(seconds):
        pauses.append(seconds)
        server.displays = (GO,)

    with Bridge(**server.addresses) as bridge:
        assert [display.serial for display in wait_for_displays(bridge, 60.0, pause=plug_in)] == ["LKG-E01234"]
        assert len(pauses) == 1
        server.displays = ()
        assert wait_for_displays(bridge, 0.0, pause=plug_in) == []


def test_a_bridge_without_events_is_an_error(bridges, picture):
    server = bridges(GO, events=False, mistakes=True)
    with (
        Bridge(**server.addresses) as bridge,
        pytest.raises(BridgeError, match="tells no events"),
        casting(read_item(picture("a.png")), bridge),
    ):
        pass


def test_a_hop_file_is_unpacked_while_it_is_shown(bridges, picture, tmp_path):
    hop = write_hop(tmp_path / "a.hop", picture("a_qs8x6a0.75.png"), looking_glass("portrait"), focus=0.1, zoom=1.1)
    server = bridges(GO)
    with opened_item(hop) as item:
        assert cast(server, item)
        assert item.path.is_file()
    assert not item.path.exists()
    (entry,) = server.playlists[server.playing]
    assert (entry["cols"], entry["rows"], entry["aspect"], entry["focus"], entry["zoom"]) == (8, 6, 0.75, 0.1, 1.1)


def test_what_a_file_says_of_itself_is_not_said_again(picture, tmp_path):
    hop = write_hop(tmp_path / "a.hop", picture("a_qs8x6a0.75.png"), looking_glass("portrait"))
    named = picture("go_qs5x9a1.77z1.2f0.1.jpg")
    for path, options, said in (
        (hop, {"settings": ViewSettings(focus=0.2)}, "--focus"),
        (hop, {"side": "left"}, "--side"),
        (hop, {"kind": "picture"}, "--as"),
        (named, {"settings": ViewSettings(zoom=1.1)}, "--zoom"),
    ):
        with pytest.raises(InputError, match=said), opened_item(path, **options):
            pass


def test_a_quilt_needs_a_name_that_says_how_it_lies(picture):
    with pytest.raises(InputError, match="has no name of a quilt"):
        read_item(picture("a.png"), kind="quilt")
    assert read_item(picture("go_qs5x9a1.77z1.2f0.1.jpg")).settings == ViewSettings(1.0, 0.1, 1.2)


def run(server, *arguments):
    ports = ["--host", "127.0.0.1", "--http-port", str(server.http_port), "--event-port", str(server.event_port)]
    command = [sys.executable, "-m", "holodriver", "looking-glass", *map(str, arguments), *ports]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_command_says_what_bridge_did(bridges, picture):
    server = bridges(GO)
    done = run(server, "cast", picture("a_qs11x6a0.5625.png"), "--duration", 0)
    assert done.returncode == 0, done.stderr
    assert "Bridge 2.6.3 says that it shows a_qs11x6a0.5625.png (quilt) on go_p LKG-E01234 (head 1)" in done.stdout
    assert server.endpoints[-3:] == END
    done = run(server, "devices", "--connected")
    assert "LKG-E01234" in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize(("end", "status"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_an_end_from_outside_leaves_a_dark_display(bridges, picture, end, status):
    server = bridges(GO)
    ports = ["--host", "127.0.0.1", "--http-port", str(server.http_port), "--event-port", str(server.event_port)]
    command = [sys.executable, "-m", "holodriver", "looking-glass", "cast", str(picture("a.png")), *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as running:
        assert running.stdout is not None
        for line in running.stdout:
            if "Ctrl-C ends it" in line:
                break
        assert server.window == {1: True}
        running.send_signal(end)
        running.stdout.read()
    assert running.returncode == status
    assert server.endpoints[-3:] == END
    assert server.window == {1: False}


def test_a_quilt_is_made_for_the_display_that_is_connected(bridges, tmp_path):
    """The 16" Landscape asks for 8 × 6 views, whatever our table says."""
    server = bridges(SIXTEEN)
    cv2.imwrite(str(tmp_path / "a_rgbd_lr.png"), np.full((9, 32, 3), 128, np.uint8))
    connected = f"connected@127.0.0.1:{server.http_port}"
    command = ["quilt", tmp_path / "a_rgbd_lr.png", "-o", tmp_path / "b.jpg", "--device", connected]
    assert main(["looking-glass", *map(str, command)]) == 0
    assert picture_size(tmp_path / "b_qs8x6a1.77778.jpg") == (7680, 4320)
    assert server.endpoints[-1] == "exit_orchestration"


def test_the_command_fails_in_one_line_when_nothing_is_shown(bridges, picture):
    done = run(bridges(GO, plays=False), "cast", picture("a.png"), "--patience", 1)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(
        "error: go_p LKG-E01234 (head 1): Bridge 2.6.3 took the picture, but"
    )
