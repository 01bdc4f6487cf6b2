"""Take an animation from Blender to a playing sequence with a Dask cluster of two workers, and kill workers midway.

    python scripts/drills/animation_on_a_farm.py FOLDER [--frames 24] [--size 64] [--planes 3] [--iterations 10]
    python scripts/drills/animation_on_a_farm.py FOLDER --efficiency [--units 12]

The first command renders the animation frames and computes their holograms twice: undisturbed in this process, and by
two workers. One worker is killed with all of its processes after a third of the frames, the other after a third of the
holograms. Then the drill compares all arrays, encodes the holograms, and plays them on the simulated rig. The second
command measures the gain of a second process, by running each batch with one and with two processes of one thread, in
turns, and the time of a unit. Both take `--record`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
from kill_and_resume import contents

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import record

from holodriver.blender.find import blender_environment, find_blender
from holodriver.farm.farm import Farm
from holodriver.farm.run import run
from holodriver.farm.unit import Batch, Outcome, failures
from holodriver.optics.display import REFERENCE
from holodriver.scene.render_job import RenderJob
from holodriver.system import children
from holodriver.tasks.batches.animation import frames_batch
from holodriver.tasks.batches.holograms import holograms_batch
from holodriver.tasks.hologram import SynthSettings

PROGRAM = (sys.executable, "-m", "holodriver", "--progress", "none")
SCENES = Path(__file__).resolve().parents[2] / "tests" / "blender_addon" / "scenes.py"


def batches(scene: Path, folder: Path, options: argparse.Namespace) -> tuple[Batch, Path]:
    """Batch of the animation frames to render, and the folder for their holograms."""
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
    """Batch of the holograms of rendered frames; the frames must exist."""
    return holograms_batch(batch.folder, folder, REFERENCE, SynthSettings(iterations=options.iterations))


def checked(outcomes: list[Outcome]) -> list[Outcome]:
    """Return the outcomes if none is a failure.

    Raises:
        HolodriverError: a unit failed.
    """
    if error := failures(outcomes):
        raise error
    return outcomes


class Cluster:
    """A Dask scheduler and its workers, which are separate processes that compute one unit at a time."""

    def __init__(self, folder: Path, workers: int):
        self.address = f"file:{folder / 'scheduler.json'}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._log = open(folder / "cluster.log", "ab")  # noqa: SIM115 - open as long as the cluster runs
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        while not self._file.exists():
            time.sleep(0.1)
        self.address = json.loads(self._file.read_text())["address"]
        for number in range(workers):
            self.join(number)

    def join(self, number: int) -> None:
        """Start another worker."""
        self._start("worker", "--nthreads", "1", "--no-dashboard", "--name", f"worker{number}")

    def kill(self, number: int) -> None:
        """Kill a worker with all of its processes, like a loss of power."""
        process = self._processes[1 + number]
        for pid in (process.pid, *children.descendants(process.pid)):
            children.kill(pid)
        process.wait()

    def end(self) -> None:
        """Stop the workers and the scheduler."""
        for process in reversed(self._processes):
            process.terminate()
            process.wait()
        self._log.close()

    def _start(self, kind: str, *options: str) -> None:
        command = [sys.executable, "-m", "distributed.cli.dask_" + kind, "--scheduler-file", str(self._file), *options]
        self._processes.append(subprocess.Popen(command, stdout=self._log, stderr=self._log))


def disturbed(batch: Batch, cluster: Cluster, victim: int) -> list[Outcome]:
    """Run a batch on a cluster and kill a worker after a third of the units."""
    done: list[Outcome] = []

    def made(outcome: Outcome) -> None:
        done.append(outcome)
        if len(done) == len(batch.units) // 3:
            cluster.kill(victim)
            print(f"    killed worker {victim} after {len(done)} of {len(batch.units)}", flush=True)

    return checked(run(batch, Farm(scheduler=cluster.address), made=made))


def farm(scene: Path, options: argparse.Namespace, results: record.Section) -> int:
    """Render, compute, compare and play; return 1 if anything differs."""
    here, there = options.folder / "undisturbed", options.folder / "farm"
    for folder in (here, there):
        shutil.rmtree(folder, ignore_errors=True)
    begun = time.monotonic()
    frames, output = batches(scene, here, options)
    checked(run(frames, Farm(threads=1)))
    checked(run(holograms(frames, output, options), Farm(threads=1)))
    undisturbed = time.monotonic() - begun
    begun = time.monotonic()
    cluster = Cluster(options.folder, 2)
    try:
        frames, output = batches(scene, there, options)
        disturbed(frames, cluster, 0)
        cluster.join(2)
        disturbed(holograms(frames, output, options), cluster, 1)
    finally:
        cluster.end()
    by_two = time.monotonic() - begun
    wrong = 0
    rows = []
    for name in ("film.stacks", "holograms"):
        expected, found = contents(here / name), contents(there / name)
        same = expected.keys() == found.keys() and all(
            all(map(np.array_equal, arrays, found[key])) for key, arrays in expected.items()
        )
        rows.append((name, f"{len(found)} of {options.frames}", "all arrays equal" if same else "DIFFERENT"))
        wrong += not same or len(found) != options.frames
    results.table(("what", "made", "against the undisturbed run"), rows)
    results.say(f"The undisturbed run took {undisturbed:.0f} s, two workers that were each killed once {by_two:.0f} s.")
    sequence = [str(path) for path in sorted(output.glob("*.holo"))]
    subprocess.run([*PROGRAM, "encode", *sequence], check=True, stdout=subprocess.DEVNULL)
    film = options.folder / "seen.mp4"
    film.unlink(missing_ok=True)
    subprocess.run([*PROGRAM, "play", *sequence, "--cycles", "1", "--film", str(film)], check=True)
    return 1 if wrong else 0


def efficiency(scene: Path, options: argparse.Namespace, results: record.Section) -> int:
    """Write the table of times of each batch with one and with two processes, and of a unit."""
    options.frames = options.units
    seconds: dict[tuple[str, int], list[float]] = {}
    costs: dict[str, list[float]] = {}
    for turn in range(options.rounds):
        for jobs in (1, 2) if turn % 2 else (2, 1):
            folder = options.folder / f"by_{jobs}"
            shutil.rmtree(folder, ignore_errors=True)
            frames, output = batches(scene, folder, options)
            # a pool even for one process, so that both pay for starting processes
            for name, batch in (("render", frames), ("synth", None)):
                batch = batch or holograms(frames, output, options)
                begun = time.monotonic()
                outcomes = checked(run(batch, Farm(jobs=2, threads=1) if jobs == 2 else Farm(threads=1)))
                seconds.setdefault((name, jobs), []).append(time.monotonic() - begun)
                if jobs == 1:
                    costs.setdefault(name, []).extend(outcome.seconds for outcome in outcomes)
    rows = []
    for name in ("render", "synth"):
        one, two = (median(seconds[name, jobs]) for jobs in (1, 2))
        times = (f"{one:.1f}", f"{two:.1f}", f"{one / two:.2f}", f"{one / two / 2:.2f}", f"{median(costs[name]):.2f}")
        rows.append((name, options.units, *times))
    headings = ("job", "units", "one process, s", "two, s", "times as fast", "efficiency", "a unit, s")
    results.table(headings, rows, title="Medians")
    return 0


def main(arguments: Sequence[str]) -> int:
    """Run the drill or measure the efficiency; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for the scene and the results")
    parser.add_argument("--frames", type=int, default=24, help="frames of the animation")
    parser.add_argument("--size", type=int, default=64, help="width and height of the images, pixels")
    parser.add_argument("--planes", type=int, default=3, help="number of focal planes")
    parser.add_argument("--spp", type=int, default=4, help="samples per pixel")
    parser.add_argument("--iterations", type=int, default=10, help="largest number of optimiser steps")
    parser.add_argument("--efficiency", action="store_true", help="measure the gain of a second process")
    parser.add_argument("--units", type=int, default=8, help="units of each batch (--efficiency)")
    parser.add_argument("--rounds", type=int, default=2, help="measurements of each batch (--efficiency)")
    record.add_option(parser)
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    scene = options.folder / "moving.blend"
    if not scene.exists():
        command = find_blender().command(SCENES, ["moving", str(scene), "persp", "24"])
        subprocess.run(command, check=False, env=blender_environment(), capture_output=True)
    kind, heading = ("efficiency", "Two processes against one") if options.efficiency else ("", "Workers killed")
    with record.section(f"animation_on_a_farm {kind}".strip(), heading, write=options.record) as results:
        return efficiency(scene, options, results) if options.efficiency else farm(scene, options, results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
