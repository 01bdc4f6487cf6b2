"""Descriptions of monitors and the choice of one, without a display."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rig.screens import made_up_edid

from holodriver.errors import InputError, RigError
from holodriver.rig.panel.edid import HEADER, Edid, read_edid
from holodriver.rig.panel.monitors import Monitor, chosen_monitor, panel_monitor

names = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), max_size=12)
maker = st.text(st.characters(min_codepoint=ord("A"), max_codepoint=ord("Z")), min_size=3, max_size=3)


@given(maker, names, names.filter(bool))
def test_names_in_an_edid_are_read(maker, name, serial):
    assert read_edid(made_up_edid(maker, name, serial)) == Edid(maker, name, serial)


@given(st.binary(max_size=300))
def test_whatever_a_monitor_sends_is_read_or_is_no_edid(data):
    read_edid(data)
    found = read_edid(HEADER + data)
    assert found is None or found.name.isprintable()


def monitor(index: int, connector: str, name: str = "", serial: str = "", x: int = 0, width: int = 1920) -> Monitor:
    maker = "MAY" if name else ""
    return Monitor(index, connector, maker, name, serial, x, 0, width, 1080, 60.0, index == 0, 1.0, 0.0)


THREE = [
    monitor(0, "eDP-1"),
    monitor(1, "DP-1", "IRIS-U62", "0001", x=1920),
    monitor(2, "DP-2", "IRIS-U62", "0002", x=3840),
]


@pytest.mark.parametrize(
    ("selector", "index"),
    [("DP-1", 1), ("dp-2", 2), ("IRIS-U62 0002", 2), ("MAY IRIS-U62 0001", 1), ("2", 2), ("0", 0)],
)
def test_a_monitor_is_chosen_by_what_tells_it_apart(selector, index):
    assert chosen_monitor(selector, THREE).index == index


def test_a_name_comes_before_an_index():
    assert chosen_monitor("0", [*THREE, monitor(3, "HDMI-1", "0", x=5760)]).connector == "HDMI-1"


@pytest.mark.parametrize("selector", ["IRIS-U62", "MAY IRIS-U62"])
def test_two_of_a_name_are_told_by_their_connectors(selector):
    with pytest.raises(InputError, match=r"2 monitors are called .*choose one by its connector: DP-1, DP-2"):
        chosen_monitor(selector, THREE)


@pytest.mark.parametrize("selector", ["", " ", "3", "-1", "IRIS", "1.0"])
def test_what_names_none_lists_all(selector):
    with pytest.raises(InputError, match=r"there are 0: eDP-1.*1: DP-1 'MAY IRIS-U62'.*2: DP-2"):
        chosen_monitor(selector, THREE)


def test_a_monitor_that_shares_the_desktop_with_another_is_refused():
    assert panel_monitor("DP-1", there=THREE) is THREE[1]
    overlapping = monitor(1, "DP-1", x=1919)
    with pytest.raises(RigError, match="same part of the desktop as 0: eDP-1"):
        panel_monitor("DP-1", allow_primary=True, there=[THREE[0], overlapping])
    with pytest.raises(RigError, match="primary monitor"):
        panel_monitor("0", there=THREE)
    assert panel_monitor("0", allow_primary=True, there=THREE) is THREE[0]


def test_a_monitor_of_another_size_or_one_that_the_desktop_scales_is_refused():
    assert panel_monitor("DP-1", (1080, 1920), there=THREE) is THREE[1]
    with pytest.raises(RigError, match="1920 × 1080 pixels, and the panel 3840 × 2160"):
        panel_monitor("DP-1", (2160, 3840), there=THREE)
    with pytest.raises(RigError, match=r"scales it by 1\.5"):
        panel_monitor("DP-1", there=[THREE[0], replace(THREE[1], scale=1.5)])
