"""The laser client, on a real serial port with a separate process behind it, and without a port."""

import os
import signal
import time

import pytest

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers import controller
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.laser_driver import EdgeCount, LaserDriver
from holodriver.rig.simulated.box_link import default_transport
from holodriver.rig.simulated.box_logic import LaserBox
from holodriver.rig.simulated.simulated_box import SimulatedBox


@pytest.fixture(scope="module")
def box():
    with SimulatedBox.open() as simulated:
        yield simulated


@pytest.fixture
def lasers(box):
    with LaserController.open(box.port) as controller:
        yield controller


def test_a_box_that_nobody_talked_to_is_dark_and_disarmed():
    with SimulatedBox.open() as fresh:
        report = fresh.report()
        assert not report.armed
        assert report.lit == ()
        assert report.pulses == []


@pytest.mark.parametrize("transport", sorted({"socket", default_transport()}))
def test_over_either_wire_the_client_sets_what_it_says(transport):
    with SimulatedBox.open(transport=transport) as box, LaserController.open(box.port) as lasers:
        assert lasers.identity().startswith("holodriver")
        lasers.set_power(Colour.GREEN, 0.0123)
        lasers.sequence([Colour.BLUE, {Colour.GREEN, Colour.RED}], blanking_s=0.0008, on_time_s=0.002)
        lasers.set_watchdog(200)
        settings = box.report().settings
        assert lasers.power(Colour.GREEN) == settings.powers_w[Colour.GREEN] == 0.0123
        assert settings.sequence == ((Colour.BLUE,), (Colour.RED, Colour.GREEN))
        assert (settings.blanking_us, settings.on_time_us, settings.source) == (800, 2000, "EXT")
        assert settings.watchdog_ms == 200
        lasers.arm()
        lasers.heartbeat()
        assert lasers.edges() == EdgeCount(0, ())
        assert box.report().armed
    assert not lasers.connected


def test_a_refusal_says_what_the_box_says(lasers):
    with pytest.raises(RigError, match=r"refused 'SOUR1:POW.*Data out of range; 0 to 0\.05 W"):
        lasers.set_power(Colour.RED, 1.0)
    with pytest.raises(InputError, match="laser power is nan, expected watts from 0"):
        lasers.set_power(Colour.RED, float("nan"))
    with pytest.raises(InputError, match="not one line"):
        lasers.ask("OUTP ON\nOUTP ON")
    assert lasers.power(Colour.RED) == 0


def test_leaving_the_block_by_an_error_ends_dark(box):
    def fail() -> None:
        with lasers:
            lasers.arm()
            raise KeyboardInterrupt

    lasers = LaserController.open(box.port)
    with pytest.raises(KeyboardInterrupt):
        fail()
    report = box.report()
    assert not report.armed
    assert (lasers.connected, lasers.armed) == (False, False)


def test_connecting_again_comes_back_disarmed(box):
    first = LaserController.open(box.port)
    first.arm()
    first._serial.close()  # the host's program goes without a word, and a new one comes within the watchdog time
    with LaserController.open(box.port) as second:
        assert second.dark()
        assert not box.report().armed


def test_ctrl_c_between_a_line_and_its_answer_does_not_shift_answers(lasers, monkeypatch):
    lasers.arm()
    with monkeypatch.context() as interrupted:
        interrupted.setattr(lasers, "_read_line", lambda: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            lasers.edges()
    assert lasers.ask("SEQ:WID?") == "1000"
    lasers.disarm()
    assert lasers.dark()


def test_going_dark_by_itself_is_told_with_the_reason(box, lasers):
    lasers.arm()
    box.interlock(closed=False)
    with pytest.raises(RigError, match=r"gone dark by itself: 102,.*Interlock"):
        lasers.heartbeat()
    assert lasers.interlock_tripped()
    assert not lasers.armed
    box.interlock(closed=True)
    with pytest.raises(RigError, match="a person must reset it at the box"):
        lasers.arm()
    box.press_reset()
    lasers.arm()


def test_a_silent_host_is_dark_within_the_watchdog_time(box, lasers):
    begun = box.report().now_s
    lasers.arm()
    logged = box.wait_for("disarmed", since_s=begun)
    assert logged.event.reason == "watchdog"
    assert logged.event.at_s - box.report().last_line_s <= 0.25 + 1e-6
    with pytest.raises(RigError, match=r"101,.*Watchdog"):
        lasers.heartbeat()


def test_a_host_without_checksums_takes_up_those_of_the_box(box, lasers):
    lasers.close()
    with LaserController.open(box.port, checksums=False) as plain:
        assert plain.ask("*OPC?") == "1"


def test_an_unplugged_box_leaves_the_client_disconnected():
    with SimulatedBox.open() as box:
        lasers = LaserController.open(box.port)
        lasers.arm()
        box._process._process.kill()
        box._process._process.join()
        with pytest.raises(RigError, match=r"does not answer.*comes back disarmed"):
            lasers.heartbeat()
        assert (lasers.connected, lasers.armed) == (False, False)
        with pytest.raises(RigError, match="not connected"):
            lasers.arm()
        lasers.close()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_a_port_where_nobody_answers_is_refused():
    master, slave = os.openpty()
    try:
        with pytest.raises(RigError, match="no holodriver laser controller answers here"):
            LaserController.open(os.ttyname(slave), answer_timeout_s=0.01, connect_timeout_s=0.02)
    finally:
        os.close(master)
        os.close(slave)


class TalkingPort:
    """A serial port with something at its other end: each line it gets goes to `answer`, which gives bytes."""

    in_waiting = 0

    def __init__(self, answer):
        self._answer, self._waiting = answer, b""

    def write(self, data):
        self._waiting += self._answer(data)

    def read(self, size):
        came, self._waiting = self._waiting, b""
        return came

    def close(self):
        pass


@pytest.fixture
def connect(monkeypatch):
    """Connects to whatever answers so."""

    def connecting(answer, port=TalkingPort) -> LaserController:
        monkeypatch.setattr(controller, "open_port", lambda _: port(answer))
        return LaserController.open("port", answer_timeout_s=0.02, connect_timeout_s=0.1)

    return connecting


def test_a_box_that_still_boots_is_waited_for(connect):
    box, asked = LaserBox(time.perf_counter), []

    def answer(data):
        asked.append(data)
        identified = sum(b"*IDN?" in line for line in asked)
        return b"BOOT v1.0 ready\n" if identified == 1 and b"*IDN?" in data else box.receive(data)

    with connect(answer) as lasers:
        assert lasers.dark()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"BOOT v1.0 ready\n", "an answer whose checksum is missing, 'BOOT v1.0 ready'"),
        (b"\xff\xfe*01\n", "an answer that is not ASCII"),
        (b"ACME,multimeter*4D\n", "an answer whose checksum is wrong"),
    ],
    ids=["text", "noise", "checksum"],
)
def test_a_foreign_device_is_refused_with_what_it_answered(connect, answer, says):
    with pytest.raises(RigError, match="no holodriver laser controller answers here") as caught:
        connect(lambda data: answer if b"*IDN?" in data else b"")
    assert says in caught.value.what


def test_a_device_that_never_stops_talking_is_refused(connect):
    class Chatterer(TalkingPort):
        def read(self, size):
            return b"$GPGGA,1*4D"

    with pytest.raises(RigError, match=r"text without end, '\$GPGGA"):
        connect(lambda data: b"", Chatterer)


def test_a_port_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RigError, match=r"nowhere: the port cannot be opened"):
        LaserController.open(str(tmp_path / "nowhere"))


class HeadWithoutWatchdog(LaserDriver):
    """A laser of another make: takes everything and stays on when its host dies."""

    def _exchange_hw(self, line: str) -> str:
        return "0" if line.endswith("?") else "OK"


def test_a_head_without_a_watchdog_is_armed_only_behind_an_armed_controller(lasers):
    with pytest.raises(RigError, match="stays lit when its host dies"):
        HeadWithoutWatchdog("head").arm()
    head = HeadWithoutWatchdog("head", gate=lasers)
    with pytest.raises(RigError, match="stays lit when its host dies"):
        head.arm()
    lasers.arm()
    head.arm()
    assert head.armed
