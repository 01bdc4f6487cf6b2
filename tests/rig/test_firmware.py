"""The firmware in simulated time: when there is light, to the microsecond, and when it ends.

All times are the chip's own; no clock on the wall takes part.
"""

import random
from itertools import pairwise

import pytest
from rig.chip import CYCLES_PER_S, Change, Chip

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.controller import LaserController
from holodriver.rig.lasers.scpi import checksum, unseal

POWER_W = 0.01
BLANKING_S = 0.001
ON_S = 0.002
BYTE_S = 10 / 115200
LATENCY_S = 20e-6  # from a pin or a compare match to its effect: interrupts of 5 to 10 us, one after another
WATCHDOG_S = 0.25
HANG_S = 0.07  # the hardware watchdog's 60 ms, which simavr keeps exactly, and the boot
HANGING = ("hang 0", "hang 1")


@pytest.fixture
def chip(chip_programs):
    with Chip(chip_programs) as chip:
        yield chip


@pytest.fixture
def lasers(chip):
    with LaserController.open(chip.port) as lasers:
        yield lasers


def arm(lasers: LaserController, *, blanking_s: float = BLANKING_S, on_time_s: float = ON_S) -> None:
    for colour in Colour:
        lasers.set_power(colour, POWER_W)
    lasers.sequence(list(Colour), blanking_s=blanking_s, on_time_s=on_time_s)
    lasers.arm()


def light(changes: list[Change]) -> list[tuple[float, float, frozenset[int]]]:
    """Each time of light: from when, until when (s), what."""
    found = []
    for change, after in pairwise(changes):
        if change.lit:
            found.append((change.at_s, after.at_s, change.lit))
    return found


def test_it_boots_dark_and_disarmed_and_edges_change_nothing(chip, lasers):
    chip.edges(180, 50)
    chip.run_s(0.3)
    assert lasers.dark()
    assert chip.log() == []
    assert lasers.edges().edges == 0
    assert chip.tell("duty") == "0 0 0"


def test_it_boots_tripped_when_the_door_is_open(chip_programs):
    with Chip(chip_programs, interlock_closed=False) as chip, LaserController.open(chip.port) as lasers:
        assert lasers.interlock_tripped()
        chip.interlock(closed=True)
        with pytest.raises(RigError, match="a person must reset it at the box"):
            lasers.arm()
        chip.press_reset()
        lasers.arm()


def test_a_reset_button_that_is_stuck_resets_nothing(chip, lasers):
    chip.tell("button 1")
    chip.run_s(0.2)
    chip.interlock(closed=False)
    chip.interlock(closed=True)
    chip.run_s(0.2)
    assert lasers.interlock_tripped()


@pytest.mark.parametrize("hertz", [60, 180])
def test_colours_follow_edges_in_order_and_in_time(chip, lasers, hertz):
    arm(lasers)
    begun = chip.edges(hertz, 30)
    for _ in range(6):
        lasers.heartbeat()
        chip.run_s(5 / hertz)
    assert lasers.edges() == (30, (Colour.BLUE,))
    pulses = light(chip.log())
    assert [lit for _, _, lit in pulses] == [frozenset({number % 3 + 1}) for number in range(30)]
    delays = [start - (begun + (number + 1) / hertz) for number, (start, _, _) in enumerate(pulses)]
    widths = [end - start for start, end, _ in pulses]
    print(f"\n{hertz} Hz: light {cycles(min(delays))} to {cycles(max(delays))} cycles after the edge", end=", ")
    print(f"for {cycles(min(widths))} to {cycles(max(widths))} cycles")
    assert all(BLANKING_S <= delay < BLANKING_S + LATENCY_S for delay in delays)
    assert all(ON_S - LATENCY_S < width < ON_S + LATENCY_S for width in widths)


def cycles(seconds: float) -> int:
    return round(seconds * CYCLES_PER_S)


@pytest.mark.parametrize("blanking_us", [0, 1, 15, 16, 17])
def test_light_is_as_short_as_it_was_ordered(chip, lasers, blanking_us):
    """Around 16 µs the firmware goes from waiting on the spot to compare interrupts."""
    for on_time_us in (1, 15, 16, 17, 100, 30000):
        arm(lasers, blanking_s=blanking_us / 1e6, on_time_s=on_time_us / 1e6)
        begun = chip.edges(25, 2)
        chip.run_s(0.12)
        pulses = light(chip.log())
        lasers.disarm()
        assert len(pulses) == 2
        for number, (start, end, _) in enumerate(pulses):
            assert blanking_us / 1e6 <= start - (begun + (number + 1) / 25) < blanking_us / 1e6 + LATENCY_S
            assert end - start < on_time_us / 1e6 + LATENCY_S


def test_light_that_reaches_beyond_the_next_edge_ends_there(chip, lasers):
    arm(lasers, blanking_s=0.0, on_time_s=0.03)
    begun = chip.edges(180, 12)
    chip.run_s(0.1)
    pulses = light(chip.log())
    assert len(pulses) == 12
    for number, (_, end, lit) in enumerate(pulses[:-1]):
        assert lit == {number % 3 + 1}
        assert end - (begun + (number + 2) / 180) < LATENCY_S


@pytest.mark.parametrize("edges", [True, False], ids=["edges go on", "edges stop"])
def test_silence_of_the_host_is_dark_within_250_ms(chip, lasers, edges):
    arm(lasers)
    begun = chip.edges(180, 1000 if edges else 3)
    chip.run_s(0.5)
    changes = chip.log()
    dark_s = next(change.at_s for change in changes if not change.gate and change.at_s > begun)
    assert dark_s - begun <= WATCHDOG_S
    assert dark_s - begun > 0.2, "it was the watchdog that ended it"
    assert not changes[-1].gate
    assert max(end for _, end, _ in light(changes)) <= dark_s
    with pytest.raises(RigError, match=r"101,.*Watchdog"):
        lasers.heartbeat()


def test_noise_is_silence(chip, lasers):
    arm(lasers)
    begun = chip.run_s(0)
    while chip.run_s(0.01) < begun + 0.3:
        lasers._serial.write(b"OUTP ON*00\n")
    dark_s = next(change.at_s for change in chip.log() if not change.gate and change.at_s > begun)
    assert dark_s - begun <= WATCHDOG_S
    lasers._in_step = False


@pytest.mark.parametrize("how", HANGING, ids=["interrupts off", "interrupts on"])
def test_a_hanging_program_is_reset_into_the_dark(chip, lasers, how):
    arm(lasers)
    chip.edges(180, 1000)
    chip.run_s(0.0325)  # 18 periods of edges do not fit: light is on
    assert chip.log()
    hung_s = chip.time(how)
    chip.run_s(0.2)
    changes = chip.log()
    dark_s = next(change.at_s for change in changes if not change.gate)
    assert dark_s - hung_s < HANG_S
    assert not changes[-1].gate
    assert all(not change.lit for change in changes if change.at_s >= dark_s), "edges went on and lit nothing"
    chip.edges(180, 0)
    lasers._checksums = lasers._in_step = False  # the chip has forgotten that it uses them
    with pytest.raises(RigError, match=r"103,.*hardware watchdog"):
        lasers.heartbeat()
    assert lasers.dark()


def test_missing_edges_are_dark(chip, lasers):
    arm(lasers)
    begun = chip.edges(180, 4)
    for _ in range(8):
        lasers.heartbeat()
        chip.run_s(0.05)
    last_s = begun + 4 / 180
    changes = chip.log()
    assert changes[-1].gate, "the host lived, so it stayed armed"
    assert max(end for _, end, _ in light(changes)) < last_s + BLANKING_S + ON_S + LATENCY_S


def test_the_interlock_is_dark_at_once_and_stays(chip, lasers):
    arm(lasers, blanking_s=0.0, on_time_s=0.005)
    chip.edges(180, 1000)
    chip.run_s(0.021)
    assert chip.log()[-1].lit, "light is on"
    opened_s = chip.interlock(closed=False)
    changes = chip.log()
    assert [(change.lit, change.gate) for change in changes] == [(frozenset(), True), (frozenset(), False)]
    assert all(change.at_s - opened_s < LATENCY_S for change in changes)
    chip.interlock(closed=True)
    chip.run_s(0.3)
    assert chip.log() == []
    with pytest.raises(RigError, match=r"102,.*Interlock"):
        lasers.heartbeat()


def test_commands_that_must_be_dark_are_dark_at_once(chip, lasers):
    for line in ("OUTP OFF", "*RST"):
        arm(lasers)
        chip.edges(180, 1000)
        chip.run_s(0.02)
        lasers.ask(line)
        chip.edges(180, 0)
        changes = chip.log()
        assert not changes[-1].gate
        assert not changes[-1].lit


def test_a_colour_at_0_w_stays_dark_and_power_is_a_duty(chip, lasers):
    arm(lasers)
    lasers.set_power(Colour.GREEN, 0.0)
    lasers.set_power(Colour.RED, 0.05)
    assert chip.tell("duty") == "254 0 50"
    chip.edges(180, 6)
    chip.run_s(0.05)
    assert [lit for _, _, lit in light(chip.log())] == [{1}, {3}, {1}, {3}]
    lasers.disarm()
    assert chip.tell("duty") == "0 0 0"


WORDS = [
    "*IDN?", "*RST", "*CLS", "*TRG", "OUTP", "OUTP?", "OUTP ON", "ON", "OFF", "SOUR1:POW", "SOUR3:POW:LEV", "SOUR", "1",
    "2", "3", "0.01", "1e-3", "-5", "99999999999", "nan", "SEQ:DEF", "SEQ:DEL", "SEQ:WID", "SEQ:COUN?", "SYST:WDOG",
    "SYST:ERR?", "TRIG:SOUR", "EXT", "BUS", "IMM", ",", "+", ":", ";", "?", "*", "*3F", " ", "  ", "\t", "\r", "\0",
    "x",
]  # fmt: skip


def fuzzed(chance: random.Random) -> bytes:
    """A line that looks like one of ours, or not at all."""
    if chance.random() < 0.2:
        line = bytes(chance.choice([byte for byte in range(256) if byte != 10]) for _ in range(chance.randrange(200)))
    else:
        line = "".join(chance.choice(WORDS) for _ in range(chance.randrange(1, 8))).encode("ascii")
    if line and chance.random() < 0.2:
        place = chance.randrange(len(line))
        line = line[:place] + bytes([line[place] ^ 1 << chance.randrange(7)]) + line[place + 1 :]
    return line.replace(b"\n", b"x")


def sealed(line: bytes) -> bytes:
    return line + b"*%02X" % checksum(line.decode("ascii")) if line.isascii() else line


def test_1000_fuzzed_lines_change_nothing(flashed, fresh):
    """What the state machine refuses the firmware refuses too, for the same reason, and nothing has changed."""

    def prepared():
        bench = fresh()
        bench.send(sealed(b"*OPC?"))
        return bench

    def error(answer: str) -> str:
        return answer.partition(",")[0]

    def send(line: bytes) -> str:
        port.write(sealed(line) + b"\n")
        return unseal(port.readline().decode("ascii").strip())[0]

    for line in ("*CLS", "SOUR1:POW 0.0125", "SEQ:DEF 3,1+2,2", "SEQ:DEL 77", "SEQ:WID 1234", "SYST:WDOG 123"):
        flashed.ask(line)
    before, refused, chance = flashed.state(), 0, random.Random(8)
    port = flashed.controller._serial
    port.timeout = 1.0
    oracle = prepared()
    while refused < 1000:
        line = fuzzed(chance)
        if not oracle.send(sealed(line)).startswith("ERR"):
            oracle = prepared()  # a line that is right, by chance: for this test it is none
            send(b"*CLS")
            continue
        refused += 1
        assert send(line) == "ERR", line
        if refused % 4 == 0:
            assert error(send(b"SYST:ERR?")) == error(oracle.send(sealed(b"SYST:ERR?")))
            send(b"*CLS")
            oracle.send(sealed(b"*CLS"))
    flashed.controller._in_step = False
    assert flashed.state() == before
