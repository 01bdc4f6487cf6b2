"""Rules about light that hold to the microsecond, on a virtual clock."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.scpi import QUEUE_LENGTH, seal
from holodriver.rig.settings import MAX_ON_TIME_US, MAX_WATCHDOG_MS
from holodriver.rig.simulated.box_logic import LaserBox

RED, GREEN, BLUE = Colour


def test_it_boots_dark_and_disarmed_and_edges_make_no_light(pure):
    for _ in range(10):
        pure.edge()
        pure.clock.pass_ms(1)
        assert not pure.box.lit
    assert not pure.box.armed
    assert pure.box.pulses == []


def test_it_boots_tripped_when_the_door_is_open(pure):
    box = LaserBox(pure.clock, interlock_closed=False)
    assert box.receive(b"OUTP ON\n") == b"ERR\n"
    assert not box.armed


def test_a_colour_comes_on_after_the_blanking_for_the_on_time(armed):
    bench = armed()
    bench.edge()
    edge = bench.clock.now
    for wait_ms, lit in ((0.999, {}), (0.002, {RED: edge + 0.001}), (2.998, {RED: edge + 0.001}), (0.002, {})):
        bench.clock.pass_ms(wait_ms)
        assert bench.box.lit == pytest.approx(lit)
    (pulse,) = bench.box.pulses
    assert (pulse.edge, pulse.colours, pulse.powers_w) == (1, (RED,), (0.01,))
    assert (pulse.start_s, pulse.end_s) == pytest.approx((edge + 0.001, edge + 0.004), abs=1e-9)


def test_an_early_edge_ends_the_light_of_the_frame_before(armed):
    bench = armed()
    bench.edge()
    bench.clock.pass_ms(2)
    assert set(bench.box.lit) == {RED}
    bench.edge()
    assert not bench.box.lit
    (pulse,) = bench.box.pulses
    assert (pulse.colours, pulse.end_s) == ((RED,), bench.clock.now)


def test_without_the_next_edge_it_stays_dark(armed):
    bench = armed()
    bench.edge()
    bench.clock.pass_ms(4.001)
    for _ in range(200):
        bench.clock.pass_ms(100)
        bench.ask("*OPC?")
        assert not bench.box.lit
    assert len(bench.box.pulses) == 1


def test_no_on_time_is_longer_than_the_firmware_allows(armed):
    bench = armed(on_time_us=MAX_ON_TIME_US)
    bench.edge()
    bench.clock.pass_ms(200)
    bench.box.tick()
    (pulse,) = bench.box.pulses
    assert pulse.end_s - pulse.start_s <= MAX_ON_TIME_US / 1e6 + 1e-9


def test_colours_are_on_together_only_if_the_sequence_says_so(armed):
    bench = armed("1+3,2")
    seen = []
    for _ in range(4):
        bench.edge()
        bench.clock.pass_ms(2)
        seen.append(set(bench.box.lit))
        bench.clock.pass_ms(3)
    assert seen == [{RED, BLUE}, {GREEN}, {RED, BLUE}, {GREEN}]


def test_no_power_no_light_and_a_new_power_waits_for_the_next_edge(armed):
    bench = armed()
    bench.ask("SOUR2:POW 0")
    bench.edge()
    bench.clock.pass_ms(2)
    bench.ask("SOUR1:POW 0.02")
    assert not bench.box.lit, "the pulse would have had two powers"
    for expected in ({}, {BLUE}, {RED}):
        bench.clock.pass_ms(3)
        bench.edge()
        bench.clock.pass_ms(2)
        assert set(bench.box.lit) == set(expected)
    bench.clock.pass_ms(3)
    bench.box.tick()
    assert [pulse.powers_w for pulse in bench.box.pulses] == [(0.01,), (0.01,), (0.02,)]


@pytest.mark.parametrize("limit_ms", [1, 100, MAX_WATCHDOG_MS])
def test_a_silent_host_leaves_it_dark_at_the_watchdog_time_for_good(armed, limit_ms):
    bench = armed(blanking_us=0, on_time_us=MAX_ON_TIME_US)
    bench.ask(f"SYST:WDOG {limit_ms}")
    last_line = bench.clock.now
    while bench.clock.now < last_line + 0.6:
        bench.edge()
        bench.clock.pass_ms(0.7)
        assert bool(bench.box.lit) == (bench.clock.now < last_line + limit_ms / 1000)
    disarmed = bench.box.events[-1]
    assert (disarmed.kind, disarmed.reason) == ("disarmed", "watchdog")
    assert disarmed.at_s - last_line == pytest.approx(limit_ms / 1000, abs=1e-9)
    assert max(pulse.end_s for pulse in bench.box.pulses) <= disarmed.at_s
    assert bench.ask("SYST:ERR?").startswith("101,")
    bench.edge()
    assert not bench.box.lit, "talking again must not light it"


def test_time_that_passes_unobserved_still_ends_at_the_watchdog_time(armed):
    bench = armed()
    bench.edge()
    last_line = bench.clock.now
    bench.clock.pass_ms(10_000)
    bench.ask("*OPC?")
    assert bench.box.events[-1].at_s == pytest.approx(last_line + 0.25, abs=1e-9)


def test_noise_on_the_line_does_not_keep_it_armed(armed):
    bench = armed()
    for _ in range(30):
        bench.clock.pass_ms(10)
        bench.send("garbage")
    assert not bench.box.armed


def test_the_interlock_is_dark_at_once(armed):
    bench = armed()
    bench.edge()
    bench.clock.pass_ms(2)
    assert bench.box.lit
    bench.interlock(closed=False)
    assert not bench.box.lit
    assert bench.box.pulses[-1].end_s == bench.clock.now


def test_once_checksums_are_used_both_sides_use_them(pure):
    assert pure.send(seal("*OPC?")) == seal("1") == "1*31"
    assert pure.send("SYST:WDOG 100").startswith("ERR*")
    assert pure.box.settings.watchdog_ms == MAX_WATCHDOG_MS
    assert pure.send(seal("SYST:WDOG 100")) == seal("OK")
    pure.send(seal("*RST"))
    assert pure.send("*IDN?").startswith("ERR*")


def test_a_wrong_checksum_changes_nothing(pure):
    assert pure.send("SYST:WDOG 100*00") == "ERR"
    assert pure.box.settings.watchdog_ms == MAX_WATCHDOG_MS
    assert pure.send("SYST:ERR?").startswith("-360,")
    assert pure.send("*OPC?") == "1", "a wrong checksum does not switch checksums on"


def test_every_line_gets_one_answer_however_the_bytes_arrive(pure):
    data = b"*OPC?\n\nNOISE\xff\r\nOUTP?\r\n" + b"x" * 500 + b"\n*OPC?\n"
    whole = LaserBox(pure.clock).receive(data)
    pieces = b"".join(pure.box.receive(data[at : at + 1]) for at in range(len(data)))
    assert whole == pieces == b"1\nERR\nERR\n0\nERR\n1\n"


def test_the_error_queue_says_when_it_overflows(pure):
    for _ in range(QUEUE_LENGTH + 5):
        pure.send("?")
    entries = [pure.send("SYST:ERR?") for _ in range(QUEUE_LENGTH + 1)]
    assert entries[-2].startswith("-350,")
    assert entries[-1] == '0,"No error"'


VALID = ["SOUR1:POW 0.02", "SEQ:DEF 3,1", "SEQ:WID 77", "SEQ:DEL 5", "SYST:WDOG 50", "TRIG:SOUR EXT", "OUTP ON", "*RST"]
mangled = st.builds(
    lambda line, at, put, cut: line[: at % len(line)] + put + line[at % len(line) + cut :],
    st.sampled_from([line.encode() for line in VALID]),
    st.integers(0, 40),
    st.binary(max_size=3),
    st.integers(0, 3),
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.one_of(st.binary(max_size=300), mangled), max_size=20))
def test_any_bytes_either_are_a_command_or_change_nothing(fresh, blocks):
    bench = fresh()
    bench.ask("SOUR2:POW 0.01")
    for line in b"\n".join(blocks).split(b"\n"):
        bench.box.receive(b"*CLS\n")
        before = bench.state()
        answer = bench.send(line)
        assert answer
        if answer.startswith("ERR"):
            assert bench.state() == before
            # by the back door, as the line may have switched checksums on
            assert len(bench.box._errors) == 1


steps = st.one_of(
    st.tuples(st.just("edge")),
    st.tuples(st.just("pass"), st.floats(0, 400)),
    st.tuples(
        st.just("line"), st.sampled_from([*VALID, "OUTP OFF", "*OPC?", "SOUR3:POW 0.05", "*TRG", "SEQ:DEF 1+2,3"])
    ),
    st.tuples(st.just("interlock"), st.booleans()),
    st.tuples(st.just("reset")),
)


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(steps, max_size=80))
def test_light_only_while_armed_and_within_its_own_frame_whatever_happens(armed, history):
    bench = armed(blanking_us=500, on_time_us=20_000)
    edges = []
    for what, *value in history:
        if what == "edge":
            bench.edge()
            edges.append(bench.clock.now)
        elif what == "pass":
            bench.clock.pass_ms(value[0])
        elif what == "line":
            bench.send(value[0])
            edges += [bench.clock.now] if value[0] == "*TRG" else []
        elif what == "interlock":
            bench.interlock(closed=value[0])
        else:
            bench.press_reset()
        lit = set(bench.box.lit)
        assert bench.box.armed or not lit
        assert not (bench.box.armed and bench.box.tripped)
        assert bench.clock.now - bench.box.last_line_s < 0.25 or not bench.box.armed
    bench.clock.pass_ms(1000)
    bench.box.tick()
    switches = [
        (event.at_s, event.kind == "armed") for event in bench.box.events if event.kind in ("armed", "disarmed")
    ]
    assert not switches[-1][1]
    for pulse in bench.box.pulses:
        assert pulse.start_s < pulse.end_s <= pulse.start_s + MAX_ON_TIME_US / 1e6
        assert not [edge for edge in edges if pulse.start_s < edge < pulse.end_s], "on into the next frame"
        on = [state for at, state in switches if at <= pulse.start_s]
        assert on[-1], "on while disarmed"
        assert not [at for at, state in switches if pulse.start_s < at < pulse.end_s], "on through a disarming"
    for before, after in zip(bench.box.pulses, bench.box.pulses[1:], strict=False):
        assert before.end_s <= after.start_s, "two steps on together"
