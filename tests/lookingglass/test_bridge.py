"""Communication with Looking Glass Bridge: its reports, its silences, and its absence."""

import http.client
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lookingglass.simulated_bridge import GO, MONITOR, SIXTEEN, TOKEN, display, held

from holodriver.errors import BridgeError, InputError
from holodriver.lookingglass.bridge import Bridge, _connected, _event, model_of


def test_what_bridge_reports_goes_before_the_table(bridges):
    """The 16" Landscape asks for 8 × 6 views, the table has 7 × 7."""
    with Bridge(**bridges(MONITOR, GO, SIXTEEN).addresses) as bridge:
        assert bridge.version == "2.6.3"
        go, sixteen = bridge.displays()
    assert (go.head, go.serial, go.known) == (1, "LKG-E01234", True)
    assert (go.display.quilt, go.display.view_cone, go.display.screen) == ((4092, 4092), 54, (1440, 2560))
    assert (sixteen.display.columns, sixteen.display.rows, sixteen.display.quilt) == (8, 6, (7680, 4320))
    assert sixteen.display.aspect == 1.77778


def test_the_conversation_is_ended_with_its_token(bridges):
    server = bridges(GO)
    with Bridge(**server.addresses) as bridge:
        bridge.displays()
    assert server.endpoints == [
        "bridge_version",
        "enter_orchestration",
        "available_output_devices",
        "exit_orchestration",
    ]
    assert server.calls[-1][1] == {"orchestration": TOKEN}


def test_no_display_is_no_display_although_bridge_says_completion(bridges):
    with Bridge(**bridges().addresses) as bridge:
        assert bridge.displays() == []
    with Bridge(**bridges(MONITOR).addresses) as bridge:
        assert bridge.displays() == []


def test_a_display_of_a_later_model_is_taken_as_it_says(bridges):
    later = display(
        3,
        "LKG-Z9",
        "later",
        {"screenW": {"value": 5000}, "screenH": {"value": 4000}, "viewCone": {"value": 60.0}},
        {"quiltX": 6000, "quiltY": 6000, "tileX": 10, "tileY": 10, "quiltAspect": 1.25},
    )
    with Bridge(**bridges(later).addresses) as bridge:
        (found,) = bridge.displays()
    assert not found.known
    assert (found.display.views, found.display.view_cone, found.display.aspect) == (100, 60, 1.25)


def test_the_simulated_bridge_is_as_silent_as_the_real_one(bridges):
    """Only PUT does anything; all else is 200 and nothing."""
    server = bridges(GO, mistakes=True)
    for method, path in (("POST", "/bridge_version"), ("GET", "/bridge_version"), ("PUT", "/play_nothing")):
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port)
        connection.request(method, path, json.dumps({}))
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (200, b"")
        connection.close()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "answered with nothing: this Bridge does not know the call"),
        (b"<html>", "which is not what Bridge says"),
        (b"[]", "which is not what Bridge says"),
        (b'{"status": {"value": "Completion"}, "payload": "x"}', "answered without a value"),
        (b'{"status": {"value": "Failure"}}', "did not succeed: Bridge says 'Failure'"),
    ],
)
def test_silence_and_nonsense_are_errors(bridges, answer, said):
    server = bridges(GO)
    with Bridge(**server.addresses) as bridge:
        server.answers["available_output_devices"] = answer
        with pytest.raises(BridgeError, match=said):
            bridge.displays()


def test_a_bridge_that_hangs_is_given_up(bridges):
    server = bridges(GO)
    bridge = Bridge(**server.addresses, patience=0.3)
    server.delay = lambda endpoint: server.released.wait() if endpoint == "available_output_devices" else None
    with pytest.raises(BridgeError, match=r"gave no answer within 0\.3 s"):
        bridge.displays()


def test_absent_bridge_is_one_line_that_says_how_to_get_it():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BridgeError) as caught:
        Bridge("127.0.0.1", http_port=port)
    assert "does not answer" in str(caught.value)
    assert "https://lookingglassfactory.com/software/looking-glass-bridge" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_the_machine_that_was_named_is_spoken_to(bridges, monkeypatch):
    """Not even a proxy of the environment."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    spoken: list[object] = []
    connect = socket.create_connection
    monkeypatch.setattr(
        socket,
        "create_connection",
        lambda address, *rest, **named: spoken.append(address[0]) or connect(address, *rest, **named),
    )
    with Bridge(**bridges(GO).addresses) as bridge, bridge.events():
        bridge.displays()
    assert set(spoken) == {"127.0.0.1"}


@pytest.mark.parametrize("host", ["a b", "http://x/", "x/y", ""])
def test_names_that_are_no_machine_are_refused(host):
    with pytest.raises(InputError, match="is no name of a machine"):
        Bridge(host)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@given(JSON, JSON, JSON)
def test_no_report_of_a_display_brings_us_down(entry, calibration, quilt):
    assert _connected(entry) is None
    fields = {"hardwareVersion": held("", "x"), "calibration": held("", json.dumps(calibration))}
    made = _connected({"value": {**fields, "defaultQuilt": held("", json.dumps(quilt))}})
    assert made is None or made.display.views >= 2


@given(st.sampled_from(["quiltX", "quiltY", "tileX", "tileY", "quiltAspect"]), JSON)
def test_wrong_numbers_of_a_display_do_not_become_a_quilt(name, value):
    quilt = {"quiltX": 4092, "quiltY": 4092, "tileX": 11, "tileY": 6, "quiltAspect": 0.5625, name: value}
    made = _connected(display(1, "LKG-E1", "go_p", {}, quilt))
    assert made is None or min(made.display.tile) >= 1


@given(st.text() | st.binary() | JSON.map(json.dumps))
def test_no_event_brings_us_down(message):
    assert _event(message) is None


def test_models_are_known_by_their_serial_numbers():
    named = {serial: model_of(serial) for serial in ("LKG-E01234", "LKG-PORT-00012", "LKG-J00332", "LKG-4K-001", "X")}
    assert {serial: model and model.name for serial, model in named.items()} == {
        "LKG-E01234": "go",
        "LKG-PORT-00012": "portrait",
        "LKG-J00332": "16-gen3-landscape",
        "LKG-4K-001": "15.6-gen1",
        "X": None,
    }
