"""The player on a rig in virtual time: whatever fails, no colour is lit on a wrong frame."""

import importlib.util
import random
import sys
from pathlib import Path
from types import ModuleType

import pytest

from holodriver.errors import RigError
from holodriver.rig.laser_colour import Colour
from holodriver.rig.simulated.box_logic import LaserBox

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "drills" / "rig_scripted_run.py"
FRAMES = 1500


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rig_scripted_run", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    sys.path.insert(0, str(SCRIPT.parent))  # as Python does for a script
    spec.loader.exec_module(module)
    return module


def often(script: ModuleType) -> dict:
    """Faults ten times as often as in the long run, but for drops, which stop nothing."""
    return {kind: rate if kind in ("drop", "interlock") else 5 * rate for kind, rate in script.RATES.items()}


KEPT = [("packed", False), ("external", False), ("external", True), ("host", False), ("host", True)]
"""Modes, and whether the supervisor holds the lasers or the player itself."""


@pytest.mark.parametrize(("mode", "supervised"), KEPT)
def test_no_colour_is_lit_on_a_wrong_frame_and_every_drop_is_counted(script, mode, supervised):
    outcome = script.run(mode, FRAMES, 7, often(script), supervised=supervised)
    assert outcome.wrong == []
    assert outcome.not_dark == 0
    assert outcome.counted_drops == outcome.true_drops > 0
    assert outcome.lit > FRAMES / 2, "a run in the dark shows nothing"
    assert sum(outcome.stopped.values()) - outcome.stopped["at its end"] > 3, "no fault stopped a play"


@pytest.mark.parametrize(("mode", "supervised"), KEPT)
def test_without_faults_every_play_comes_to_its_end_and_every_frame_is_lit(script, mode, supervised):
    outcome = script.run(mode, FRAMES, 1, {}, supervised=supervised)
    assert set(outcome.stopped) == {"at its end"}
    assert outcome.counted_drops == outcome.true_drops == 0
    assert outcome.wrong == []
    dark = 60 if mode == "packed" else 45 if supervised else 20  # until frames and edges are known to agree
    assert outcome.frames - outcome.lit <= dark * outcome.plays


def test_the_judge_finds_wrong_light_where_the_controller_does_not_watch(script):
    outcome = script.run("external", FRAMES, 7, often(script), watched=False)
    assert outcome.wrong


def test_a_mismatch_says_by_how_many(script):
    """The error of a lost edge names both numbers, whoever finds it."""
    world = script.World()
    box = LaserBox(world)
    faults = script.Faults(random.Random(0), {})
    line = script.VirtualLine(world, box, faults)
    line.sequence(list(Colour), blanking_s=0.003, on_time_s=0.01)
    line.watch_edges(gated=True)
    line.arm()
    box.edge()
    with pytest.raises(RigError, match="counted 1 sync edges for 3 frames shown, 2 fewer"):
        line.confirm(3)
    assert not box.armed
