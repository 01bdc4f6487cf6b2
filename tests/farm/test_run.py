"""Batches of small files: finished units stay, others are computed, failures are reported, after kills at any time."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
import units
from hypothesis import given
from hypothesis import strategies as st

from holodriver.errors import FileFormatError, HolodriverError, InputError, OutputExistsError
from holodriver.farm.farm import Farm
from holodriver.farm.manifest import Manifest
from holodriver.farm.run import plan_of, run
from holodriver.farm.unit import Batch, Needs, Unit, failures, fingerprint
from holodriver.files.atomic import remove_leftovers, scratch_folder, written_file

TWO = Farm(jobs=2, threads=1)


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(units.__file__).parent))


def batch(folder: Path, *more: Unit, count: int = 3, **fields) -> Batch:
    plain = tuple(units.unit(folder / f"{number}.txt") for number in range(count))
    return Batch("test", folder, fields.pop("settings", {"size": 1}), (*plain, *more), **fields)


def records(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "test.batch.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("farm", [Farm(), TWO], ids=["alone", "two"])
def test_each_unit_is_done_once_and_its_report_kept(tmp_path: Path, farm: Farm) -> None:
    prepared = []

    def prepare(progress, warn) -> dict:
        prepared.append(1)
        return {"shared": "!"}

    outcomes = run(batch(tmp_path, prepare=prepare), farm)
    assert [outcome.attempts for outcome in outcomes] == [1, 1, 1]
    assert (tmp_path / "2.txt").read_text() == "2!"
    (tmp_path / "1.txt").unlink()
    outcomes = run(batch(tmp_path, prepare=prepare, count=4), farm)  # one is gone, one is new
    assert [outcome.attempts for outcome in outcomes] == [0, 1, 0, 1]
    assert [outcome.report["length"] for outcome in outcomes if outcome.report] == [1, 1, 1, 1]
    assert ((tmp_path / "1.txt").read_text(), len(prepared)) == ("1!", 1)


def test_each_process_has_its_share_of_the_threads(tmp_path: Path) -> None:
    outcomes = run(batch(tmp_path), Farm(jobs=2, threads=3))
    assert {outcome.report["threads"] for outcome in outcomes if outcome.report} == {"3"}


@pytest.mark.parametrize("farm", [Farm(), TWO], ids=["alone", "two"])
def test_failures_are_tried_again_then_told_while_the_rest_goes_on(tmp_path: Path, farm: Farm) -> None:
    lame = units.unit(tmp_path / "lame.txt", units.fail, 1)
    hopeless = units.unit(tmp_path / "hopeless.txt", units.fail, 9)
    wrong = units.unit(tmp_path / "wrong.txt", units.refuse)
    told: list[str] = []
    outcomes = run(batch(tmp_path, lame, hopeless, wrong), farm, warn=told.append)
    assert [outcome.attempts for outcome in outcomes] == [1, 1, 1, 2, 2, 1]  # wrong input stays wrong
    assert str(failures(outcomes)) == "2 of 6 failed: hopeless.txt, wrong.txt"
    assert outcomes[4].error == "not yet"
    assert len(told) == 2
    plan = plan_of(batch(tmp_path, lame, hopeless, wrong), farm)
    assert [unit.name for unit in plan.todo] == ["hopeless.txt", "wrong.txt"]
    assert plan.failed["hopeless.txt"] == "not yet"


def test_a_unit_whose_process_dies_is_tried_again_and_leaves_nothing(tmp_path: Path) -> None:
    frail = units.unit(tmp_path / "frail.txt", units.die, 1)
    deadly = units.unit(tmp_path / "deadly.txt", units.die, 9)
    outcomes = run(batch(tmp_path, frail, deadly), TWO)
    assert (tmp_path / "frail.txt").read_text() == "whole"
    assert [outcome.error is None for outcome in outcomes] == [True, True, True, True, False]
    assert "signal 9" in str(outcomes[4].error)
    made = {path.name for path in tmp_path.iterdir() if path.suffix != ".count"}
    assert made == {"0.txt", "1.txt", "2.txt", "frail.txt", "test.batch.jsonl"}


KILLED = """
import os, sys
from pathlib import Path
import units
from holodriver.farm.farm import Farm
from holodriver.farm.run import run
from holodriver.farm.unit import Batch
folder, jobs, at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
all = tuple(units.unit(folder / f"{n}.txt") for n in range(3))
done = []
def made(outcome):
    done.append(outcome)
    if len(done) == at:
        os.kill(os.getpid(), 9)
run(Batch("test", folder, {"size": 1}, all), Farm(jobs=jobs, threads=1), made=made)
"""


@pytest.mark.skipif(os.name == "nt", reason="signals are Unix'")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_killed_run_goes_on(tmp_path: Path, jobs: int) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path), str(jobs), "2"], check=False)
    assert done.returncode == -9
    outcomes = run(batch(tmp_path))
    assert sum(outcome.attempts for outcome in outcomes) <= 1
    states = [line["unit"] for line in records(tmp_path) if line.get("state") == "done"]
    assert len(states) == len(set(states))
    assert {path.read_text() for path in tmp_path.glob("*.txt")} == {"0", "1", "2"}


def test_a_line_cut_off_by_a_loss_of_power_does_not_count(tmp_path: Path) -> None:
    run(batch(tmp_path))
    manifest = tmp_path / "test.batch.jsonl"
    whole = manifest.read_bytes()
    for cut in (1, 20):
        manifest.write_bytes(whole[:-cut])
        assert [outcome.attempts for outcome in run(batch(tmp_path))] == [0, 0, 0]  # its output is there
        assert manifest.read_bytes().endswith(b"\n")


@given(data=st.binary(max_size=300))
def test_a_damaged_manifest_is_one_clear_error_or_none(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "test.batch.jsonl").write_bytes(data)
    with suppress(FileFormatError, InputError):
        plan_of(batch(folder), Farm())


def test_other_settings_and_other_sources_are_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("a")
    sourced = units.unit(tmp_path / "s.txt", sources=(source,))
    run(batch(tmp_path, sourced))
    with pytest.raises(InputError, match="was begun with size 1, now it is 2"):
        run(batch(tmp_path, sourced, settings={"size": 2}))
    source.write_text("b")
    with pytest.raises(InputError, match=r"what s\.txt were made of has changed"):
        run(batch(tmp_path, sourced))
    outcomes = run(batch(tmp_path, sourced, settings={"size": 2}, overwrite=True))
    assert [outcome.attempts for outcome in outcomes] == [1, 1, 1, 1]


def test_a_run_that_makes_all_anew_goes_on_making_it_anew(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.txt").write_text("old")
    done = subprocess.run(
        [sys.executable, "-c", KILLED.replace('{"size": 1}, all', '{"size": 1}, all, True'), str(tmp_path), "1", "1"],
        check=False,
    )
    assert done.returncode == -9
    assert (tmp_path / "2.txt").read_text() == "old"
    outcomes = run(batch(tmp_path))
    assert [outcome.attempts for outcome in outcomes] == [0, 1, 1]
    assert (tmp_path / "2.txt").read_text() == "2"


def interrupted(whole: Batch, after: int) -> None:
    """Run a batch until so many units are done."""
    made = []

    def stop(outcome) -> None:
        made.append(outcome)
        if len(made) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(whole, made=stop)


def test_a_run_that_makes_all_anew_is_gone_on_with_by_the_same_command_and_by_no_other(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_text("a")

    def anew(**fields) -> Batch:
        whole = batch(tmp_path, units.unit(tmp_path / "s.txt", sources=(source,)), overwrite=True, **fields)
        return replace(whole, units=whole.units[::-1])

    assert [outcome.attempts for outcome in run(anew())] == [1, 1, 1, 1]
    interrupted(anew(), 2)  # which began from nothing: the run before came to its end
    assert len(plan_of(anew(), Farm()).done) == 2
    assert [outcome.attempts for outcome in run(anew())] == [0, 0, 1, 1]
    interrupted(anew(), 2)
    assert plan_of(anew(settings={"size": 2}), Farm()).done == ()
    assert plan_of(anew(count=4), Farm()).done == ()
    source.write_text("b")
    assert [outcome.attempts for outcome in run(anew())] == [1, 1, 1, 1]


def test_what_was_there_counts_until_the_run_that_makes_all_anew_is_on_record(tmp_path: Path, monkeypatch) -> None:
    run(batch(tmp_path))

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Manifest, "_append", kill)
        with pytest.raises(KeyboardInterrupt):
            run(batch(tmp_path, settings={"size": 2}, overwrite=True))
    with pytest.raises(InputError, match="was begun with size 1"):
        run(batch(tmp_path, settings={"size": 2}))


@pytest.mark.parametrize("old", [b"no JSON\n", b'{"format": "another"}\n', b"cut off"])
def test_a_damaged_manifest_is_made_anew_if_asked(tmp_path: Path, old: bytes) -> None:
    (tmp_path / "test.batch.jsonl").write_bytes(old)
    assert [outcome.attempts for outcome in run(batch(tmp_path, overwrite=True))] == [1, 1, 1]
    assert [outcome.attempts for outcome in run(batch(tmp_path))] == [0, 0, 0]


def test_any_part_of_a_source_that_changed_is_seen(tmp_path: Path) -> None:
    stack, depth = tmp_path / "a.stack", tmp_path / "depth"
    stack.mkdir()
    for name in ("stack.json", "plane_00.exr", "plane_01.exr"):
        (stack / name).write_text(name)
    depth.write_text("depth")
    before = fingerprint(stack), fingerprint(stack / "plane_00.exr", depth)
    assert fingerprint(stack) == before[0]
    (stack / "plane_01.exr").write_text("plane_02.exr")
    depth.write_text("thped")
    assert fingerprint(stack) != before[0]
    assert fingerprint(stack / "plane_00.exr", depth) != before[1]
    sourced = units.unit(tmp_path / "s.txt", sources=(stack,))
    run(batch(tmp_path, sourced))
    (stack / "plane_00.exr").unlink()
    with pytest.raises(InputError, match=r"what s\.txt were made of has changed"):
        run(batch(tmp_path, sourced))


def test_a_plan_refuses_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "new"):
        with pytest.raises(InputError, match="is not a folder"):
            plan_of(batch(folder), Farm())
        with pytest.raises(InputError, match="name another folder"):
            Manifest(batch(folder))


def test_what_is_not_ours_is_not_replaced(tmp_path: Path) -> None:
    pair = Unit("pair", units.write, (tmp_path / "a", ""), (tmp_path / "a", tmp_path / "b"))
    (tmp_path / "b").write_text("somebody's")
    with pytest.raises(InputError, match="already exists"):
        run(batch(tmp_path, pair))
    assert not (tmp_path / "test.batch.jsonl").exists()
    (tmp_path / "a").write_text("somebody's")
    assert [outcome.attempts for outcome in run(batch(tmp_path, pair))] == [1, 1, 1, 0]  # whole, and left out


def test_one_process_at_a_time(tmp_path: Path) -> None:
    def prepare(progress, warn) -> dict:
        code = "import sys, units; from pathlib import Path; from holodriver.farm.run import run\n"
        code += "from holodriver.farm.unit import Batch\n"
        code += "run(Batch('test', Path(sys.argv[1]), {'size': 1}, (units.unit(Path(sys.argv[1]) / '0.txt'),)))"
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
        assert "another process is working on this batch" in done.stderr
        return {}

    assert len(run(batch(tmp_path, prepare=prepare))) == 3


def test_what_does_not_fit_is_refused_with_numbers_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    huge = units.unit(folder / "huge.txt", needs=Needs(memory=1 << 60))
    with pytest.raises(InputError, match=r"1 units of 1073741824\.00 GiB memory each need .* are free"):
        run(batch(folder, huge))
    wide = units.unit(folder / "wide.txt", needs=Needs(disk=1 << 60))
    with pytest.raises(InputError, match=r"1073741824\.00 GiB of disk are needed, .* are free"):
        run(batch(folder, wide), TWO)
    assert not folder.exists()


def test_a_plan_changes_nothing(tmp_path: Path) -> None:
    plan = plan_of(batch(tmp_path / "new", count=2), TWO)
    assert ([unit.name for unit in plan.todo], plan.done) == (["0.txt", "1.txt"], ())
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"jobs": 0}, "--jobs"),
        ({"threads": 0}, "--threads"),
        ({"retries": -1}, "--retries"),
        ({"scheduler": "tcp://x:1", "cluster": "slurm"}, "two farms"),
        ({"scheduler": "tcp://x:1", "jobs": 2}, "--jobs"),
        ({"cluster": "pbs"}, "--cluster"),
        ({"options": (("a", "b"),)}, "--cluster-option"),
    ],
)
def test_farms_that_cannot_be(fields: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Farm(**fields)


def test_leftovers_of_a_killed_writer_go_and_nothing_else_does(tmp_path: Path) -> None:
    kept = {".a.txt", "a.txt", ".ab.abcdefgh.txt", ".a.short.txt", ".b.abcdefgh.txt", ".a.abcdefgh.png", ".a.abcdefgh"}
    for name in (*kept, ".a.abcdefgh.txt", ".a.txt.abcd_123"):
        (tmp_path / name).write_text("")
    for name in (".a.txt.12345678", "..a.abcdefgh.txt.12345678"):
        (tmp_path / name).mkdir()
    remove_leftovers(tmp_path / "a.txt")
    assert {path.name for path in tmp_path.iterdir()} == kept
    # a folder whose replacement was cut off between two renames comes back
    old = tmp_path / ".s.stack.old.abcdefgh" / "s.stack"
    old.mkdir(parents=True)
    (old / "stack.json").write_text("whole")
    remove_leftovers(tmp_path / "s.stack")
    assert (tmp_path / "s.stack" / "stack.json").read_text() == "whole"
    assert not old.parent.exists()


def test_a_scratch_folder_of_a_namesake_at_work_stays(tmp_path: Path) -> None:
    with scratch_folder(tmp_path / "a.mp4") as scratch:
        remove_leftovers(tmp_path / "a.png")
        assert scratch.is_dir()
        remove_leftovers(tmp_path / "a.mp4")  # its own, of a run before
        assert not scratch.exists()


def test_a_writer_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("before")

    def fail() -> None:
        with written_file(tmp_path / "a.txt", overwrite=True) as temporary:
            temporary.write_text("half")
            raise HolodriverError("no")

    with pytest.raises(HolodriverError):
        fail()
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "before")]
    with pytest.raises(OutputExistsError), written_file(tmp_path / "a.txt"):
        pass
