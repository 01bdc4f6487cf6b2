"""An animation from Blender to a playing sequence, by a Dask cluster of two workers, one of which is killed midway.

    python scripts/animation_on_a_farm.py FOLDER [--frames 24] [--size 64] [--planes 3] [--iterations 10]
    python scripts/animation_on_a_farm.py FOLDER --efficiency [--units 12]

The first renders the frames and computes their holograms twice: undisturbed in this process, and by two workers, of
which the one is killed with all of its processes after a third of the frames, and again after a third of the holograms.
Then it compares all arrays, encodes the holograms, and plays them on the simulated rig. The second measures what a
second process is worth: each job by one and by two processes of one thread, in turns; and what a unit costs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from kill_and_resume import contents, descendants

from holodriver.blender.find import clean_environment, find_blender
from holodriver.blender.stack import RenderJob
from holodriver.farm.farm import Farm
from holodriver.farm.run import run
from holodriver.farm.unit import Batch, Outcome, failures
from holodriver.optics.display import REFERENCE
from holodriver.tasks.batches.animation import frames_batch
from holodriver.tasks.batches.holograms import holograms_batch
from holodriver.tasks.hologram import SynthSettings

PROGRAM = (sys.executable, "-m", "holodriver", "--progress", "none")
SCENES = Path(__file__).resolve().parents[1] / "tests" / "blender_addon" / "scenes.py"


def batches(scene: Path, folder: Path, options: argparse.Namespace) -> tuple[Batch, Path]:
    """The frames to render; and where the holograms go, whose batch can be made once the frames are there."""
    job = RenderJob(
        scene=str(scene),
        width=options.size,
        height=options.size,
        planes=options.planes,
        coc_max=4.0,
        samples=options.spp,
        depth_samples=2,
        frames=tuple(range(1, options.frames + 1)),
    )
    return frames_batch(job, folder / "film.stacks"), folder / "holograms"


def holograms(batch: Batch, folder: Path, options: argparse.Namespace) -> Batch:
    """The holograms of rendered frames."""
    return holograms_batch(batch.folder, folder, REFERENCE, SynthSettings(iterations=options.iterations))


def checked(outcomes: list[Outcome]) -> list[Outcome]:
    """The outcomes, if none is a failure.

    Raises:
        HolodriverError: one is.
    """
    if error := failures(outcomes):
        raise error
    return outcomes


class Cluster:
    """A scheduler, and workers that are processes of their own, each doing one unit at a time."""

    def __init__(self, folder: Path, workers: int):
        self.address = f"file:{folder / 'scheduler.json'}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = open(folder / "cluster.log", "ab")  # noqa: SIM115 - as long as the cluster
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        while not self._file.exists():
            time.sleep(0.1)
        self.address = json.loads(self._file.read_text())["address"]
        for number in range(workers):
            self.join(number)

    def join(self, number: int) -> None:
        """Let one more worker join."""
        self._start("worker", "--nthreads", "1", "--no-dashboard", "--name", f"worker{number}")

    def kill(self, number: int) -> None:
        """Kill a worker with all of its processes, as its machine's loss of power would."""
        process = self._processes[1 + number]
        for pid in (process.pid, *descendants(process.pid)):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        process.wait()

    def end(self) -> None:
        """Stop all of it."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait()
        self._log.close()

    def _start(self, kind: str, *options: str) -> None:
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind, "--scheduler-file", str(self._file), *options]
        self._processes.append(subprocess.Popen(command, stdout=self._log, stderr=self._log))


def disturbed(batch: Batch, cluster: Cluster, victim: int) -> list[Outcome]:
    """Do a batch on a cluster; a worker is killed after a third of it."""
    done: list[Outcome] = []

    def made(outcome: Outcome) -> None:
        done.append(outcome)
        if len(done) == len(batch.units) // 3:
            cluster.kill(victim)
            print(f"    killed worker {victim} after {len(done)} of {len(batch.units)}", flush=True)

    return checked(run(batch, Farm(scheduler=cluster.address), made=made))


def farm(scene: Path, options: argparse.Namespace) -> int:
    """Render, compute, compare and play; 1 if anything differs."""
    here, there = options.folder / "undisturbed", options.folder / "farm"
    for folder in (here, there):
        shutil.rmtree(folder, ignore_errors=True)
    begun = time.monotonic()
    frames, output = batches(scene, here, options)
    checked(run(frames, Farm(threads=1)))
    checked(run(holograms(frames, output, options), Farm(threads=1)))
    print(f"undisturbed: {time.monotonic() - begun:.0f} s", flush=True)
    begun = time.monotonic()
    cluster = Cluster(options.folder, 2)
    try:
        frames, output = batches(scene, there, options)
        disturbed(frames, cluster, 0)
        cluster.join(2)
        disturbed(holograms(frames, output, options), cluster, 1)
    finally:
        cluster.end()
    print(f"two workers, each killed once: {time.monotonic() - begun:.0f} s", flush=True)
    wrong = 0
    for name in ("film.stacks", "holograms"):
        expected, found = contents(here / name), contents(there / name)
        same = expected.keys() == found.keys() and all(
            all(map(np.array_equal, arrays, found[key])) for key, arrays in expected.items()
        )
        print(f"{name}: {len(found)} of {options.frames}, {'all arrays equal' if same else 'DIFFERENT'}", flush=True)
        wrong += not same or len(found) != options.frames
    sequence = [str(path) for path in sorted(output.glob("*.holo"))]
    subprocess.run([*PROGRAM, "encode", *sequence], check=True, stdout=subprocess.DEVNULL)
    film = options.folder / "seen.mp4"
    film.unlink(missing_ok=True)
    subprocess.run([*PROGRAM, "play", *sequence, "--cycles", "1", "--film", str(film)], check=True)
    return 1 if wrong else 0


def efficiency(scene: Path, options: argparse.Namespace) -> int:
    """What a second process is worth, and what a unit costs."""
    options.frames = options.units
    seconds: dict[tuple[str, int], list[float]] = {}
    costs: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for jobs in (1, 2) if turn % 2 else (2, 1):
            folder = options.folder / f"by_{jobs}"
            shutil.rmtree(folder, ignore_errors=True)
            frames, output = batches(scene, folder, options)
            # a pool for one as well, so that both pay for starting a process
            for name, batch in (("render", frames), ("synth", None)):
                batch = batch or holograms(frames, output, options)
                begun = time.monotonic()
                outcomes = checked(run(batch, Farm(jobs=2, threads=1) if jobs == 2 else Farm(threads=1)))
                seconds.setdefault((name, jobs), []).append(time.monotonic() - begun)
                if jobs == 1:
                    costs.setdefault(name, []).extend(outcome.seconds for outcome in outcomes)
    for name in ("render", "synth"):
        one, two = (median(seconds[name, jobs]) for jobs in (1, 2))
        print(
            f"{name}: {options.units} units, one process {one:.1f} s, two {two:.1f} s: {one / two:.2f} times as fast, "
            f"efficiency {one / two / 2:.2f}; a unit {median(costs[name]):.2f} s"
        )
    return 0


def main(arguments: Sequence[str]) -> int:
    """Do what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=24)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--planes", type=int, default=3)
    parser.add_argument("--spp", type=int, default=4)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--efficiency", action="store_true")
    parser.add_argument("--units", type=int, default=8, help="with --efficiency")
    parser.add_argument("--rounds", type=int, default=2, help="with --efficiency")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    scene = options.folder / "moving.blend"
    if not scene.exists():
        command = find_blender().command(SCENES, ["moving", str(scene), "persp", "24"])
        subprocess.run(command, check=False, env=clean_environment(), capture_output=True)
    return efficiency(scene, options) if options.efficiency else farm(scene, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
