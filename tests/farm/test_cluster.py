"""A local Dask cluster of two workers, one of which is killed in a unit, and the requests to a queue."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import units
from distributed import LocalCluster

from holodriver.errors import InputError
from holodriver.farm.cluster import queue_cluster
from holodriver.farm.executors import Here
from holodriver.farm.farm import Farm
from holodriver.farm.perform import Task, perform
from holodriver.farm.run import run
from holodriver.farm.unit import Batch, Needs, Surroundings


def test_one_of_two_workers_is_killed_in_the_middle_of_a_unit(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(units.__file__).parent))
    names = [tmp_path / f"{number}.txt" for number in range(6)]
    work = [units.unit(path) for path in names]
    work[2] = units.unit(names[2], units.die, 1)
    work[4] = units.unit(names[4], units.fail, 1)
    batch = Batch("test", tmp_path, {}, tuple(work), prepare=lambda progress, warn: {"shared": "!"})
    with LocalCluster(2, threads_per_worker=1, dashboard_address=None, silence_logs=50) as cluster:
        outcomes = run(batch, Farm(scheduler=cluster.scheduler_address))
        again = run(batch, Farm(scheduler=cluster.scheduler_address))
    assert [outcome.error for outcome in outcomes] == [None] * 6
    assert [path.read_text() for path in names] == ["0!", "1!", "whole", "3!", "at last!", "5!"]
    assert (units.attempts(names[2]), units.attempts(names[4])) == (2, 2)
    assert {outcome.report["threads"] for outcome in outcomes if outcome.report} == {"1"}
    assert [outcome.attempts for outcome in again] == [0] * 6
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]  # what the killed one left is gone


def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("holodriver.farm.cluster.PATIENCE_S", 0.2)
    batch = Batch("test", tmp_path, {}, (units.unit(tmp_path / "a.txt"),))
    with pytest.raises(InputError, match="no Dask scheduler answers"):
        run(batch, Farm(scheduler="tcp://127.0.0.1:9"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": "0.0"}, "where the batch runs"),
        ({"manifest": Path("/nowhere/test.batch.jsonl")}, "does not see /nowhere"),
        ({"unit": units.unit(Path("a"), needs=Needs(memory=1 << 60))}, "of memory"),
    ],
)
def test_a_worker_that_cannot_do_it_says_so(tmp_path: Path, change: dict, said: str) -> None:
    manifest = tmp_path / "test.batch.jsonl"
    manifest.touch()
    task = Task(units.unit(tmp_path / "a.txt"), manifest, Surroundings(), False)
    done = Here().submit(perform, replace(task, **change)).result()
    assert said in str(done.error)
    assert not (tmp_path / "a.txt").exists()


def test_a_queue_is_asked_for_what_a_unit_takes(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOLODRIVER_BLENDER", "/opt/blender/blender")
    for name in ("sbatch", "scancel"):  # asked for nothing here, only looked for
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert shutil.which("sbatch")
    options = (("queue", "gpu"), ("walltime", "04:00:00"))
    farm = Farm(jobs=50, threads=4, cluster="slurm", options=options)
    with queue_cluster(farm, memory=6 << 30) as cluster:
        script = cluster.job_script()
    for line in (
        "#SBATCH -p gpu",
        "#SBATCH -t 04:00:00",
        "#SBATCH --cpus-per-task=4",
        "#SBATCH --mem=6G",
        "export HOLODRIVER_THREADS='4'",
        "export HOLODRIVER_BLENDER='/opt/blender/blender'",
    ):
        assert line in script.splitlines()
    assert script.rstrip().endswith("--nthreads 1")  # one unit at a time, which has all four
    with pytest.raises(InputError, match="cluster-option"):
        queue_cluster(replace(farm, options=(("nonsense", "1"),)), memory=0)
