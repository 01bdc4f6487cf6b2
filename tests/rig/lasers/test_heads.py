"""Laser heads of other makes, against scripted ones on a pseudo-terminal."""

import os
import select
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from holodriver.errors import InputError, RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.arming import ArmOrder, StepOrder
from holodriver.rig.lasers.coherent_obis import CoherentObis
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.head_template import HeadTemplate
from holodriver.rig.lasers.heads import LaserHead
from holodriver.rig.lasers.makes import HEADS, HeadSetup, Lasers, LaserSetup
from holodriver.rig.play.checks import check_heads, check_rig
from holodriver.rig.settings import ControllerSettings, HeadSettings, PanelSettings, Rig
from holodriver.rig.simulated.simulated_box import SimulatedBox

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs pseudo-terminals")


class ScriptedPort:
    """A pseudo-terminal on which `answer` says what comes back for each line."""

    def __init__(self, answer: Callable[[str], str], end: bytes):
        import tty

        self._answer, self._end = answer, end
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.heard: list[str] = []
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        waiting = b""
        while self._stop not in select.select([self._master, self._stop], [], [])[0]:
            waiting += os.read(self._master, 1024)
            while self._end in waiting:
                line, _, waiting = waiting.partition(self._end)
                self.heard.append(line.decode("ascii"))
                os.write(self._master, self._answer(self.heard[-1]).encode("ascii"))

    def unplug(self) -> None:
        if self._thread.is_alive():
            os.write(self._stopper, b"!")
            self._thread.join()
            for end in (self._slave, self._master, self._stop, self._stopper):
                os.close(end)


class Obis:
    """What an OBIS answers."""

    def __init__(self) -> None:
        self.values = {"SOUR:POW:LEV:IMM:AMPL": "0.10000", "SOUR:AM:STAT": "OFF", "SYST:LOCK": "ON", "SYST:AUT": "ON"}
        self.fixed = {"SYST:INF:MOD": "OBIS 640-100", "SYST:INF:SNUM": "LX1234"}

    def __call__(self, line: str) -> str:
        name, _, value = line.partition(" ")
        if name.endswith("?"):
            known = self.values | self.fixed
            return f"{known[name[:-1]]}\r\nOK\r\n" if name[:-1] in known else "ERR-113\r\n"
        if name == "SOUR:POW:LEV:IMM:AMPL" and float(value) > 0.11:
            return "ERR-222\r\n"
        self.values[name] = value
        return "OK\r\n"


@pytest.fixture
def obis() -> Iterator[tuple[ScriptedPort, Obis]]:
    answers = Obis()
    port = ScriptedPort(answers, b"\r")
    yield port, answers
    port.unplug()


@pytest.fixture(scope="module")
def box():
    with SimulatedBox.open() as simulated:
        yield simulated


def test_an_obis_is_dark_until_armed_behind_the_gate(obis, box):
    port, answers = obis
    with LaserController.open(box.port) as gate, CoherentObis.open(port.port, limit_w=0.005, gate=gate) as head:
        assert head.identity() == "Coherent,OBIS 640-100,LX1234"
        head.set_power(0.002)
        assert answers.values["SOUR:POW:LEV:IMM:AMPL"] == "0.00200"
        with pytest.raises(RigError, match="stays lit when its host dies, so it is not armed"):
            head.arm()
        assert answers.values["SOUR:AM:STAT"] == "OFF"
        gate.arm()
        head.arm()
        assert answers.values["SOUR:AM:STAT"] == "ON"
        assert (answers.values["SOUR:AM:EXT"], answers.values["SYST:AUT"]) == ("DIG", "OFF")
    assert answers.values["SOUR:AM:STAT"] == "OFF"


def test_a_head_left_above_its_limit_is_not_armed(obis, box):
    port, answers = obis
    with LaserController.open(box.port) as gate, CoherentObis.open(port.port, limit_w=0.005, gate=gate) as head:
        gate.arm()
        with pytest.raises(RigError, match=r"says 0\.1 W, over its limit of 0\.005 W"):
            head.arm()
        assert answers.values["SOUR:AM:STAT"] == "OFF"
        with pytest.raises(InputError, match=r"laser power is 0\.006, expected watts from 0 to 0\.005"):
            head.set_power(0.006)


def test_an_open_interlock_of_the_head_is_told(obis, box):
    port, answers = obis
    answers.values["SYST:LOCK"] = "OFF"
    with LaserController.open(box.port) as gate, CoherentObis.open(port.port, limit_w=0.2, gate=gate) as head:
        gate.arm()
        with pytest.raises(RigError, match="own interlock or key keeps it dark"):
            head.arm()
        with pytest.raises(RigError, match=r"refuses 'SOUR:POW.*ERR-222"):
            head.set_power(0.15)


def test_a_head_that_is_unplugged_is_let_go_of(obis, box):
    port, _ = obis
    with LaserController.open(box.port) as gate:
        head = CoherentObis.open(port.port, limit_w=0.2, gate=gate)
        port.unplug()
        with pytest.raises(RigError, match=r"does not answer.*the gate keeps it dark"):
            head.identity()
        assert not head.connected
        head.close()


def test_a_rig_of_controller_and_head_lights_and_darkens_together(obis, box):
    port, answers = obis
    setup = LaserSetup(
        box.port, dict.fromkeys(Colour, 0.005), heads={Colour.RED: HeadSetup("coherent-obis", port.port)}
    )
    lasers = Lasers.open(setup)
    assert lasers.identities()["red"].startswith("Coherent,OBIS")
    steps = StepOrder(list(Colour), blanking_s=0.001, on_time_s=0.002)
    lasers.arm(ArmOrder({Colour.RED: 0.001}, setup.limits_w), steps)
    assert (answers.values["SOUR:AM:STAT"], box.report().armed) == ("ON", True)
    assert answers.values["SOUR:POW:LEV:IMM:AMPL"] == "0.00100"
    lasers.disarm()
    assert (answers.values["SOUR:AM:STAT"], box.report().armed) == ("OFF", False)
    lasers.close()


def test_the_template_is_a_driver_that_works():
    values = {"POW": "0", "EMIT": "0", "INTERLOCK": "CLOSED", "*IDN": "maker,model,1"}

    def answer(line: str) -> str:
        name, _, value = line.partition(" ")
        if name.endswith("?"):
            return f"{values[name[:-1]]}\n"
        values[name] = value
        return "OK\n"

    port = ScriptedPort(answer, b"\n")
    head = HeadTemplate.open(port.port, limit_w=0.01)
    assert head.identity() == "maker,model,1"
    head.set_power(0.0025)
    assert values["POW"] == "0.002500"
    with pytest.raises(RigError, match="stays lit"):
        head.arm()
    head.close()
    assert port.heard[-1] == "EMIT?"
    port.unplug()


class LeftOn(LaserHead):
    """A head that somebody left emitting, of a make whose driver does nothing about it when it is opened."""

    emits = True

    def _identity_hw(self) -> str:
        return "left on"

    def _set_emission_hw(self, on: bool) -> None:
        self.emits = on

    def _emission_hw(self) -> bool:
        return self.emits

    def _power_hw(self) -> float:
        return 0.0

    def _interlock_open_hw(self) -> bool:
        return False

    def _nothing(self, *_: object) -> None: ...

    _prepare_hw = _set_power_hw = _close_hw = _nothing  # type: ignore[assignment]


def test_a_head_that_was_left_on_is_dark_before_the_gate_ever_opens(box, monkeypatch):
    monkeypatch.setitem(HEADS, "left-on", LeftOn)
    setup = LaserSetup(box.port, {Colour.RED: 0.01}, heads={Colour.RED: HeadSetup("left-on", "none")})
    lasers = Lasers.open(setup)
    assert not lasers.heads[Colour.RED].emits
    assert not box.report().armed
    lasers.close()


def test_a_rig_check_judges_each_head_by_what_answers(obis):
    port, answers = obis
    answers.values["SOUR:AM:STAT"] = "ON"  # somebody left it on
    heads = HeadSettings(
        red=f"coherent-obis {port.port}", green="coherent-obis /dev/nonexistent9", blue="nosuchmake /dev/x"
    )
    rig = Rig(panel=PanelSettings(monitor="simulated"), controller=ControllerSettings(port="simulated"), heads=heads)
    red, green, blue = check_heads(rig)
    assert (red.line, red.good, red.found) == ("heads.red", True, "Coherent,OBIS 640-100,LX1234, dark")
    assert answers.values["SOUR:AM:STAT"] == "OFF"
    assert green.good is blue.good is False
    assert "/dev/nonexistent9: the port cannot be opened" in green.found
    assert "'nosuchmake' is no make of laser head: coherent-obis" in blue.found
    answers.values["SYST:LOCK"] = "OFF"
    (locked, *_) = check_heads(rig)
    assert locked.good is False
    assert "OBIS 640-100,LX1234: its own interlock or key keeps it dark" in locked.found
    assert {one.line for one in check_rig(rig) if one.good is False} >= {"heads.red", "heads.green", "heads.blue"}
