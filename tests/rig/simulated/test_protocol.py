"""The serial protocol, on the state machine, and through the client on the simulated controller and the firmware."""

import pytest

DARK_AND_DISARMED = (False, False, 0, ())


def test_reset_is_dark_and_disarmed_with_the_settings_of_boot(bench):
    at_boot = bench.state()
    for line in ("SOUR1:POW 0.01", "SEQ:DEF 3,2,1", "SEQ:DEL 7", "SEQ:WID 9", "SYST:WDOG 100", "TRIG:SOUR EXT"):
        assert bench.ask(line) == "OK"
    bench.ask("OUTP ON")
    assert bench.ask("*RST") == "OK"
    assert bench.state() == at_boot
    assert bench.state()[1:] == DARK_AND_DISARMED


@pytest.mark.parametrize(
    ("command", "value", "query", "answer"),
    [
        ("SOUR1:POW:LEV:IMM:AMPL", "0.0125", "SOUR1:POW:LEV:IMM:AMPL?", "0.0125"),
        ("SOUR3:POW:LEV:IMM:AMPL", "5E-3", "sour3:pow?", "0.005"),
        ("source2:power:level:immediate:amplitude", ".05", ":SOURCE2:POWer:AMPL?", "0.05"),
        ("OUTP", "ON", "OUTPUT:STATE?", "1"),
        ("OUTP", "OFF", "OUTP?", "0"),
        ("TRIG:SOUR", "EXT", "TRIGGER:SOURCE?", "EXT"),
        ("TRIG:SOUR", "bus", "TRIG:SOUR?", "BUS"),
        ("SEQ:DEF", "1,2,3", "SEQ:DEF?", "1,2,3"),
        ("SEQ:DEF", "3, 2+1", "SEQ:DEF?", "3,1+2"),
        ("SEQ:DEL", "800", "SEQ:DEL?", "800"),
        ("SEQ:WID", "3333", "SEQ:WID?", "3333"),
        ("SYST:WDOG", "120", "SYST:WDOG?", "120"),
    ],
)
def test_what_is_set_can_be_read(bench, command, value, query, answer):
    assert bench.ask(f"{command} {value}") == "OK"
    assert bench.ask(query) == answer


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", -113),
        ("LASERS ON", -113),
        ("OUTP:STAT:ON", -113),
        ("OUTP", -109),
        ("OUTP MAYBE", -224),
        ("OUTP? 1", -108),
        ("*RST 1", -108),
        ("*TRG", -211),
        ("SOUR1:POW 0.0501", -222),
        ("SOUR1:POW -0.001", -222),
        ("SOUR1:POW 1e999", -222),
        ("SOUR1:POW nan", -104),
        ("SOUR1:POW 1_0", -104),
        ("SOUR4:POW 0.01", -114),
        ("SOUR0:POW 0.01", -114),
        ("SOUR:POW 0.01", -113),
        ("SYST:WDOG 0", -222),
        ("SYST:WDOG 100.5", -104),
        ("SEQ:DEF 1,2,4", -224),
        ("SEQ:DEF 1,,2", -224),
        ("SEQ:DEF 1+1", -224),
        ("SEQ:DEF " + ",".join("123" * 6), -223),
        ("SEQ:WID 0", -222),
        ("SEQ:WID 30001", -222),
        ("SEQ:DEL -1", -222),
        ("TRIG:SOUR IMM", -224),
        ("OUTP ON;OUTP ON", -224),
        ("OUTP\tON", -101),
        ("OUTP " + " " * 200 + "ON", -363),
        ("*IDN?" * 100, -363),
    ],
)
def test_a_refused_line_changes_nothing_and_leaves_its_error(bench, line, code):
    bench.ask("SOUR1:POW 0.01")
    before = bench.state()
    assert bench.refused(line).startswith(f"{code},")
    assert bench.state() == before
    assert bench.ask("SYST:ERR?") == '0,"No error"'


@pytest.mark.parametrize("asked", ["251", "1000", "1e9", "9e99", "250.5"])
def test_a_longer_watchdog_time_is_cut_to_250_ms(bench, asked):
    assert bench.ask(f"SYST:WDOG {asked}") == "OK"
    assert bench.ask("SYST:WDOG?") == "250"


def test_an_armed_box_refuses_what_would_shift_colours_against_frames(bench):
    bench.ask("OUTP ON")
    for line in ("SEQ:DEF 2", "SEQ:DEL 1", "SEQ:WID 1", "TRIG:SOUR EXT"):
        assert bench.refused(line).startswith("-221,")
    assert bench.ask("SEQ:DEF?") == "1,2,3"


def test_edges_are_counted_from_arming_with_the_colour_now(bench):
    bench.ask("TRIG:SOUR EXT")
    bench.ask("SEQ:DEF 2,3,1+2")
    bench.edge()
    assert bench.ask("SEQ:COUN?") == "0,0"
    bench.ask("OUTP ON")
    for expected in ("1,2", "2,3", "3,1+2", "4,2"):
        bench.edge()
        assert bench.ask("SEQ:COUN?") == expected
    bench.ask("OUTP OFF")
    bench.edge()
    assert bench.ask("SEQ:COUN?") == "4,2"
    bench.ask("OUTP ON")
    assert bench.ask("SEQ:COUN?") == "0,0"


def test_by_command_the_sequence_steps_on_the_trigger_alone(bench):
    bench.ask("TRIG:SOUR BUS")
    bench.ask("OUTP ON")
    bench.edge()
    assert bench.ask("SEQ:COUN?") == "0,0"
    bench.ask("*TRG")
    assert bench.ask("SEQ:COUN?") == "1,1"


def test_an_interlock_trip_latches_until_a_person_resets_it(bench):
    bench.ask("OUTP ON")
    bench.interlock(closed=False)
    assert bench.ask("OUTP?") == "0"
    assert bench.ask("OUTP:PROT:INTL:TRIP?") == "1"
    assert bench.ask("SYST:ERR?").startswith("102,")
    bench.press_reset()
    assert bench.ask("OUTP:PROT:INTL:TRIP?") == "1", "reset with the door open"
    bench.interlock(closed=True)
    for line in ("*RST", "*CLS", "OUTP OFF"):
        bench.ask(line)
    assert bench.refused("OUTP ON").startswith("-221,")
    assert bench.ask("OUTP:PROT:INTL:TRIP?") == "1"
    bench.press_reset()
    assert bench.ask("OUTP?") == "0", "a reset arms nothing"
    assert bench.ask("OUTP ON") == "OK"


def test_common_commands(bench):
    bench.ask("*ESR?")
    assert bench.ask("*IDN?").startswith("holodriver,laser controller,")
    assert bench.ask("*OPC?") == "1"
    bench.refused("NONSENSE")
    assert int(bench.ask("*ESR?")) & 0x20, "command error"
    assert bench.ask("*ESR?") == "0"
    bench.refused("SEQ:WID 0")
    assert int(bench.ask("*ESR?")) & 0x10, "execution error"
