"""Play thousands of panel frames on a rig in virtual time, with faults, and check that no wrong frame is lit.

    python scripts/drills/rig_scripted_run.py [--frames 10000] [--seed 0] [--mode external] [--record]

The player is the real one, and the laser controller is the state machine that the firmware implements. This script
simulates panel, sync wire and serial line on a virtual clock, so that a run with one seed is equal on every machine.
Random faults occur: frames that are dropped or delayed, missing or additional edges, late answers, a silent controller,
a display that dies, an interlock that opens. A play that a fault has stopped is started again, until the wanted number
of frames has been shown. Light is judged by comparing the light of the controller with the frame on the panel at that
time, which neither player nor controller knows.
"""

import argparse
import bisect
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from rig_virtual import (
    REFRESH_HZ,
    SUBFIELDS,
    Faults,
    Kind,
    Memory,
    Standing,
    VirtualLine,
    VirtualPanel,
    VirtualSupervisor,
    Waiting,
    World,
)

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import record

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.power import Power
from holodriver.rig.play.light import DirectLight, Light, Mode, SupervisedLight, Timing
from holodriver.rig.play.live import LivePlayer
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.simulated.box_logic import LaserBox, Pulse


@dataclass
class Outcome:
    """Results of a run of many plays."""

    mode: Mode
    frames: int = 0
    plays: int = 0
    lit: int = 0
    """Number of frames that were lit."""
    wrong: list[str] = field(default_factory=list)
    """Descriptions of light on a frame of another colour, or without a frame on the panel."""
    counted_drops: int = 0
    true_drops: int = 0
    stopped: Counter[str] = field(default_factory=Counter)
    """Number of plays that ended, by reason."""
    not_dark: int = 0
    """Number of plays after which the laser controller was not dark and disarmed."""
    longest_dark_s: float = 0.0
    """Longest time from the end of a play until the lasers were dark, by the controller's clock, s."""
    happened: Counter[Kind] = field(default_factory=Counter)


def run(
    mode: Mode,
    frames: int,
    seed: int,
    rates: dict[Kind, float],
    *,
    watched: bool = True,
    supervised: bool = False,
) -> Outcome:
    """Play until the wanted number of frames has been shown.

    Args:
        mode: method of synchronising colours and frames.
        frames: smallest number of frames to show.
        seed: seed of the faults.
        rates: probabilities of the faults, for each frame (of the interlock: for each play).
        watched: whether the controller checks the edges. Without the check there must be wrong light, or this drill
            could not detect it.
        supervised: whether the supervisor controls the lasers, as in `holodriver play`, instead of the player itself.
    """
    world = World()
    faults = Faults(random.Random(seed), rates)
    outcome = Outcome(mode, happened=faults.happened)
    colours = tuple(Colour)
    box = LaserBox(world)
    panel = VirtualPanel(world, box, faults, mode, len(colours))
    while outcome.frames < frames:
        outcome.plays += 1
        if box.tripped:
            box.interlock(closed=True)
            box.press_reset()
        if faults.strikes("interlock"):
            world.at(world.now + faults.rng.uniform(0.1, 2.0), lambda: box.interlock(closed=False))
        kept = timing(mode, colours, watched=watched)
        wait = Waiting(world)
        line = VirtualLine(world, box, faults)
        supervisor = VirtualSupervisor(world, line) if supervised else None
        if supervisor is None:
            light: Light = DirectLight(line, kept, world, wait)
        else:
            held: Any = supervisor
            light = SupervisedLight(held, kept, world, (1e-3,) * 3)
        player = LivePlayer(
            panel,
            Memory(),
            Playlist(40, loop=True),
            kept,
            light=light,
            power=Power(1e-3, (1.0, 0.8, 0.5), (1e-3,) * 3),
            duration_s=faults.rng.uniform(1, 20),
            clock=world,
            sleep=wait,
        )
        try:
            player.run()
            outcome.stopped["at its end"] += 1
        except RigError as error:
            outcome.stopped[reason(str(error))] += 1
        ended = world.now
        if supervisor is not None:
            supervisor.close()
        panel.stop()
        world.pass_until(world.now + 0.3)  # the watchdog's time
        box.tick()
        outcome.not_dark += box.armed or bool(box.lit)
        outcome.longest_dark_s = max(outcome.longest_dark_s, max((p.end_s for p in box.pulses), default=0) - ended)
        outcome.frames += player.sequencer.frames
        outcome.counted_drops += player.sequencer.dropped
        world.pass_until(world.now + 0.1)
    outcome.true_drops = panel.true_drops
    judge(outcome, panel.glass, box.pulses, colours)
    return outcome


def timing(mode: Mode, colours: tuple[Colour, ...], *, watched: bool = True) -> Timing:
    """Typical timing of a mode."""
    edge_s = 1 / REFRESH_HZ / (SUBFIELDS if mode == "packed" else 1)
    return Timing(
        mode,
        colours,
        planes=(0,) if mode == "packed" else (0, 1, 2),
        blanking_s=0.2 * edge_s,
        on_time_s=0.6 * edge_s,
        edges_per_frame=SUBFIELDS if mode == "packed" else 1,
        edge_period_s=edge_s if mode == "packed" else 0.0,
        gated=watched,
        host_delay_s=0.002 if mode == "host" else 0.0,
        dark_gap_s=0.002,
    )


def judge(outcome: Outcome, glass: Sequence[Standing], pulses: Sequence[Pulse], colours: Sequence[Colour]) -> None:
    """Record the frames that were lit, and the light on wrong frames."""
    starts = [standing.since_s for standing in glass]
    lit: set[int] = set()
    period = 1 / REFRESH_HZ
    for pulse in pulses:
        first = bisect.bisect_right(starts, pulse.start_s) - 1
        last = bisect.bisect_left(starts, pulse.end_s - 1e-9) - 1
        if first < 0:
            outcome.wrong.append(f"edge {pulse.edge}: no frame was on the panel")
            continue
        for index in range(first, last + 1):
            standing = glass[index]
            lit.add(index)
            if len(standing.planes) == 1:
                right = colours[standing.planes[0]]
            else:  # a packed panel shows the colours of a frame in sequence within each refresh
                phase = (max(pulse.start_s, standing.since_s) % period) / period
                right = colours[int(phase * SUBFIELDS + 1e-6) % SUBFIELDS]
            if pulse.colours != (right,):
                outcome.wrong.append(
                    f"edge {pulse.edge} at {pulse.start_s:.4f} s: {pulse.colours[0].label} on a {right.label} frame"
                )
    outcome.lit = len(lit)


def reason(error: str) -> str:
    """Kind of an error, from its message without numbers."""
    for words in (
        "Watchdog",
        "Interlock",
        "Out of step",
        "out of step",
        "shown nothing",
        "does not answer",
        "stands on",
    ):
        if words in error:
            return words.lower()
    return error


RATES: dict[Kind, float] = {
    "drop": 0.01,
    "delay": 0.002,
    "late answer": 0.001,
    "missing edge": 0.0005,
    "extra edge": 0.0005,
    "controller silent": 0.0001,
    "display dead": 0.0002,
    "interlock": 0.1,
}


def main() -> int:
    """Read the command line and play; return 1 after wrong light, light after a play, or an uncounted dropped frame."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000, help="smallest number of frames of each run")
    parser.add_argument("--seed", type=int, default=0, help="seed of the faults")
    parser.add_argument(
        "--mode", choices=get_args(Mode), action="append", help="synchronisation; if left out, all three modes"
    )
    parser.add_argument(
        "--unwatched", action="store_true", help="controller without SEQ:GATE, which must light wrong frames"
    )
    record.add_option(parser)
    given = parser.parse_args()
    runs = [(mode, held) for mode in given.mode or get_args(Mode) for held in (False, True)]
    bad, rows = 0, []
    about = (
        "Frames on a rig in virtual time, with random faults: frames dropped and delayed, edges lost and added, late "
        "answers, a silent controller, a dead display, an open interlock. Light is judged by the frame on the panel."
    )
    key = "rig_scripted_run unwatched" if given.unwatched else "rig_scripted_run"
    heading = "Frames with faults, without the gate" if given.unwatched else "Frames with faults"
    with record.section(key, heading, about=about, write=given.record) as results:
        for mode, supervised in runs:
            if mode == "packed" and supervised:  # the player itself controls the lasers of a packed panel
                continue
            outcome = run(mode, given.frames, given.seed, RATES, watched=not given.unwatched, supervised=supervised)
            tell(outcome)
            bad += len(outcome.wrong) + outcome.not_dark + (outcome.true_drops != outcome.counted_drops)
            rows.append(
                (
                    mode,
                    "supervisor" if supervised else "player",
                    f"{outcome.frames:,}",
                    f"{outcome.true_drops}, {outcome.counted_drops}",
                    f"{outcome.plays - outcome.stopped['at its end']} of {outcome.plays}",
                    len(outcome.wrong),
                    outcome.not_dark,
                    f"{max(0.0, outcome.longest_dark_s) * 1e3:.1f}",
                )
            )
        results.table(COLUMNS, rows)
    return int(bad > 0)


COLUMNS = (
    "mode",
    "lasers held by",
    "frames",
    "dropped, counted",
    "plays stopped by a fault",
    "light on a wrong frame",
    "plays not dark after",
    "longest light after a stop, ms",
)


def tell(outcome: Outcome) -> None:
    """Print the faults of a run, the ends of its plays, and the first cases of wrong light."""
    print(f"{outcome.mode}: {outcome.plays} plays, {outcome.lit} of {outcome.frames} frames lit")
    print(f"  faults: {', '.join(f'{n} {kind}' for kind, n in sorted(outcome.happened.items()))}")
    print(f"  plays ended: {', '.join(f'{n} {why}' for why, n in sorted(outcome.stopped.items()))}")
    for line in outcome.wrong[:5]:
        print(f"    {line}")


if __name__ == "__main__":
    raise SystemExit(main())
