"""The controller's check of the edges: light waits for its frame, and edges must come in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

PERIOD_MS = 5


@pytest.fixture
def gated(armed):
    """Makes an armed state machine whose light waits for confirmations."""

    def make(**options):
        bench = armed(**options)
        for line in ("OUTP OFF", "SEQ:GATE ON", "OUTP ON"):
            bench.ask(line)
        return bench

    return make


@pytest.mark.parametrize(
    ("command", "value", "query", "answer"),
    [
        ("SEQ:GATE", "ON", "SEQ:GATE?", "1"),
        ("SEQUENCE:GATE", "0", "seq:gate?", "0"),
        ("SEQ:PER", "16667", "SEQUENCE:PERIOD?", "16667"),
    ],
)
def test_what_is_set_can_be_read_and_reset_clears_it(bench, command, value, query, answer):
    assert bench.ask(f"{command} {value}") == "OK"
    assert bench.ask(query) == answer
    bench.ask("*RST")
    assert bench.ask(query) == "0"


@pytest.mark.parametrize(
    ("line", "code"),
    [("SEQ:GATE 2", -224), ("SEQ:PER -1", -222), ("SEQ:PER 1000001", -222), ("SEQ:CONF? 1", -221), ("SEQ:CONF?", -109)],
)
def test_what_cannot_be_is_refused_and_changes_nothing(bench, line, code):
    before = bench.state()
    assert bench.refused(line).startswith(f"{code},")
    assert bench.state() == before


def test_neither_can_be_set_while_armed(bench):
    bench.ask("OUTP ON")
    for line in ("SEQ:GATE ON", "SEQ:PER 100"):
        assert bench.refused(line).startswith("-221,")
    bench.ask("OUTP OFF")


def test_light_comes_with_the_confirmation_and_ends_when_it_would_have(gated):
    bench = gated()
    bench.edge()
    bench.clock.pass_ms(2)
    assert bench.box.lit == {}
    assert bench.ask("SEQ:CONF? 1") == "1,1"
    assert list(bench.box.lit) == [0]
    bench.clock.pass_ms(3)
    assert bench.box.lit == {}
    (pulse,) = bench.box.pulses
    assert pulse.end_s - pulse.start_s == pytest.approx(0.002), "from the confirmation to 4 ms after the edge"


def test_an_early_confirmation_waits_for_the_blanking(gated):
    bench = gated()
    bench.edge()
    assert bench.ask("SEQ:CONF? 1") == "1,1"
    assert bench.box.lit == {}
    bench.clock.pass_ms(1.5)
    assert list(bench.box.lit) == [0]


def test_a_late_confirmation_lights_nothing(gated):
    bench = gated()
    bench.edge()
    bench.clock.pass_ms(5)
    bench.edge()
    assert bench.ask("SEQ:CONF? 1") == "2,2"
    bench.clock.pass_ms(2)
    assert bench.box.lit == {}
    assert bench.ask("SEQ:CONF? 2") == "2,2"
    assert list(bench.box.lit) == [1]


def test_more_frames_than_edges_disarms_and_says_by_how_many(gated):
    bench = gated()
    bench.edge()
    bench.ask("SEQ:CONF? 1")
    assert bench.send("SEQ:CONF? 3") == "ERR"
    assert not bench.box.armed
    assert "1 edges for 3 frames shown, 2 fewer; dark and disarmed" in bench.send("SYST:ERR?")


def test_a_power_that_is_changed_before_the_confirmation_has_no_light_of_the_old_power(gated):
    bench = gated()
    bench.edge()
    bench.ask("SOUR1:POW 0.001")
    bench.ask("SEQ:CONF? 1")
    bench.clock.pass_ms(2)
    assert bench.box.lit == {}


def test_arming_anew_forgets_an_edge_that_was_not_confirmed(gated):
    bench = gated()
    bench.edge()
    for line in ("OUTP OFF", "OUTP ON"):
        bench.ask(line)
    assert bench.ask("SEQ:CONF? 0") == "0,0"
    bench.clock.pass_ms(2)
    assert bench.box.lit == {}


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("pass"), st.floats(0.1, 8)),
            st.tuples(st.just("frame"), st.booleans()),
            st.tuples(st.just("stray edge"), st.none()),
            st.tuples(st.just("confirm"), st.none()),
        ),
        max_size=80,
    )
)
def test_whatever_is_lost_or_added_light_is_that_of_a_frame_that_was_confirmed(fresh, events):
    """Frames with and without their edge, edges without a frame, confirmations at any time but of what was shown."""
    bench = fresh()
    for line in ("SOUR1:POW 0.01", "SOUR2:POW 0.01", "SOUR3:POW 0.01", "SEQ:DEL 1000", "SEQ:WID 3000"):
        bench.ask(line)
    for line in ("TRIG:SOUR EXT", "SEQ:GATE ON", "OUTP ON"):
        bench.ask(line)
    shown, last_flip_s = 0, -1.0
    confirmed = set()
    for kind, value in events:
        if kind == "pass":
            bench.clock.pass_ms(value)
        elif kind == "stray edge":
            bench.edge()
        elif kind == "frame":
            bench.clock.pass_ms(max(0.0, PERIOD_MS - 1e3 * (bench.clock.now - last_flip_s)))
            shown, last_flip_s = shown + 1, bench.clock.now
            if value:
                bench.edge()
        elif shown:
            bench.send(f"SEQ:CONF? {shown}")
            confirmed.add(shown)
        if lit := bench.box.lit:
            assert bench.box.edges in confirmed
            assert list(lit) == [(bench.box.edges - 1) % 3], "the colour of the frame of that number"


def test_edges_in_time_light_and_one_out_of_time_disarms(armed):
    for first_ms, out_ms, says in ((5.0, 2.0, "0.4 periods"), (5.0, 10.0, "2 periods")):
        bench = armed(blanking_us=1000, on_time_us=3000)
        for line in ("OUTP OFF", f"SEQ:PER {PERIOD_MS * 1000}", "OUTP ON"):
            bench.ask(line)
        bench.edge()
        bench.clock.pass_ms(first_ms)
        bench.edge()
        assert bench.box.armed
        bench.clock.pass_ms(out_ms)
        bench.edge()
        assert not bench.box.armed
        bench.clock.pass_ms(2)
        assert bench.box.lit == {}
        assert says in bench.send("SYST:ERR?")
        assert len(bench.box.pulses) == 2
