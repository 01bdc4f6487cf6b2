"""Kill each batch at random moments, resume it, and compare its files with those of an undisturbed run.

    python scripts/drills/kill_and_resume.py FOLDER [--kills 50] [--job synth --job frames …] [--jobs 2] [--seed 0]
        [--record]

Each batch has a few small units. It runs once undisturbed, and then repeatedly. Each repetition is killed (`kill -9`)
after a random time, at most the time of the undisturbed run: half of the time only the driver, half of the time all of
its processes at once, like a loss of power. Then the same command resumes the batch. When the batch is complete, all
pixels of its files must be equal to those of the undisturbed run, no other file may exist, and the manifest must list
each unit as done at most once. Then the batch begins afresh, until it was killed as often as wanted.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import record

from holodriver.files.hologram import read_hologram
from holodriver.files.stack import read_stack, write_stack
from holodriver.files.video.video import VideoReader
from holodriver.scene.layered import focal_stack
from holodriver.scene.random_layers import random_scene
from holodriver.scene.stack import FocalStack
from holodriver.system import children

PROGRAM = (sys.executable, "-m", "holodriver", "--progress", "json")

MADE = "made"
"""Name of the folder for a batch's files; the names of the files begin with it."""

RENDER = ("--size", "16", "--planes", "2", "--spp", "1", "--no-denoise")

RENDERED = {"frames", "dataset", "rendered_quilts"}
"""Names of the batches whose arrays Blender computes."""


@dataclass(frozen=True)
class Drill:
    """A batch of small units."""

    name: str
    command: tuple[str, ...]
    """Command line without inputs and without the output folder."""
    inputs: Callable[[Path], list[str]] = field(default=lambda folder: [])
    """Function that makes the inputs in a folder and returns their arguments."""

    def arguments(self, inputs: Sequence[str], folder: Path, jobs: int) -> list[str]:
        """Complete command line."""
        # the last bits of an optimised field depend on the number of threads
        return [*self.command, *inputs, "-o", str(folder), "--jobs", str(jobs), "--threads", "1"]


def small_stack(seed: int) -> FocalStack:
    """Make a focal stack of random layers, 32 × 32 pixels and 3 planes."""
    scene = random_scene(np.random.default_rng(seed), 32)
    return focal_stack(scene, np.linspace(0, 1, 3, dtype=np.float32), 4.0, rays=12)


def stacks(folder: Path) -> list[str]:
    """Make a folder of six focal stacks; return its path as an argument."""
    for seed in range(6):
        path = folder / "stacks" / f"{seed}.stack"
        if not path.exists():
            write_stack(small_stack(seed), path)
    return [str(folder / "stacks")]


def each_stack(folder: Path) -> list[str]:
    """Make six focal stacks; return the path of each as an argument."""
    return [str(path) for path in sorted(Path(stacks(folder)[0]).iterdir())]


def library(folder: Path) -> list[str]:
    """Make photos and a tiny depth network; return their arguments."""
    import torch
    from transformers import DPTConfig, DPTForDepthEstimation

    photos, model = folder / "photos", folder / "model"
    if not model.exists():
        photos.mkdir(parents=True, exist_ok=True)
        y, x = np.mgrid[:48, :64]
        for number in range(6):
            levels = np.stack([x * 4, y * 5, np.full_like(x, 40 * number)], axis=-1)
            Image.fromarray(levels.clip(0, 255).astype(np.uint8)).save(photos / f"{number}.png")
        torch.manual_seed(0)
        network = DPTForDepthEstimation(
            DPTConfig(
                hidden_size=32,
                num_hidden_layers=4,
                num_attention_heads=2,
                intermediate_size=64,
                image_size=96,
                neck_hidden_sizes=[8, 8, 16, 16],
                fusion_hidden_size=16,
                backbone_out_indices=[0, 1, 2, 3],
            )
        )
        for module in network.head.modules():  # otherwise the last rectifier would cut off the output
            if isinstance(module, torch.nn.Conv2d) and module.bias is not None:
                torch.nn.init.ones_(module.bias)
        network.save_pretrained(model)
        (model / "preprocessor_config.json").write_text('{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}')
    return [str(photos), "--backend", str(model)]


def videos(folder: Path) -> list[str]:
    """Make a folder with a photo and a video; return the arguments for the folder and the network."""
    import av

    _, option, model = library(folder)
    path = folder / "films" / "b.mp4"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "photos" / "0.png", path.parent / "a.png")
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=24)
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            for number in range(200):
                levels = np.full((48, 64, 3), number, np.uint8)
                levels[:, number % 64] = 255
                container.mux(stream.encode(av.VideoFrame.from_ndarray(levels, format="rgb24")))
            container.mux(stream.encode(None))
    return [str(path.parent), option, model]


DRILLS = (
    Drill("frames", (*PROGRAM, "render", "stack", "demo", "--frames", "1-2", *RENDER)),
    Drill(
        "dataset",
        (*PROGRAM, "render", "dataset", "--scenes", "2", *RENDER, "--depth-samples", "1"),
    ),
    Drill("synth", (*PROGRAM, "synth", "--iterations", "10"), inputs=stacks),
    Drill("rgbd", (*PROGRAM, "rgbd", "--pyr", "64"), inputs=library),
    Drill("videos", (*PROGRAM, "rgbd", "--pyr", "64"), inputs=videos),
    Drill(
        "quilts", (*PROGRAM, "looking-glass", "quilt", "--device", "go", "--size", "220x192"), inputs=each_stack
    ),
    Drill(
        "rendered_quilts",
        (*PROGRAM, "render", "quilt", "demo", "--frames", "1-2", "--display", "go", "--size", "220x192", "--spp", "1",
         "--no-denoise"),
    ),
)  # fmt: skip


def contents(folder: Path) -> dict[str, list[NDArray]]:
    """Read the arrays of all files that a batch made, except manifests, by file name.

    Raises:
        ValueError: the folder contains a file that no batch makes.
    """
    return {path.name: _arrays(path) for path in sorted(folder.iterdir()) if not path.name.endswith(".jsonl")}


def _arrays(path: Path) -> list[NDArray]:
    if path.suffix == ".stack":
        stack = read_stack(path)
        return [stack.images, stack.depths, stack.all_in_focus, stack.all_in_focus_depth, stack.positions]
    if path.suffix == ".holo":
        field_of = read_hologram(path).field
        assert field_of is not None
        return [field_of.values]
    if path.suffix == ".png":
        with Image.open(path) as image:
            return [np.asarray(image)]
    if path.suffix == ".mp4":
        with VideoReader(path) as reader:
            return [frame.pixels for frame in reader.frames()]
    if path.name == "dataset.json":
        return [np.array(sorted(json.loads(path.read_text())["scenes"]))]
    if path.name.endswith(".png.json"):
        return [np.array(path.read_text())]
    raise ValueError(f"{path} does not belong here")


def differences(folder: Path, expected: dict[str, list[NDArray]], *, rendered: bool = False) -> Iterator[str]:
    """List the differences of a folder and its manifest from the expected contents, one line for each difference.

    Cycles sometimes gives about one pixel in ten thousand a slightly different value, even on one thread (seen: a step
    of half precision, two grey levels). Files that are `rendered` may differ as much as two renders do.
    """
    equal = _nearly if rendered else np.array_equal
    try:
        found = contents(folder)
    except ValueError as error:
        yield str(error)
        return
    if found.keys() != expected.keys():
        yield f"contains {sorted(found)}, expected {sorted(expected)}"
        return
    for name, arrays in expected.items():
        same = len(arrays) == len(found[name]) and all(map(equal, arrays, found[name]))
        if not same:
            yield f"{name} differs"
    for manifest in folder.glob("*.jsonl"):
        lines = [json.loads(line) for line in manifest.read_text().splitlines()]
        done = [line["unit"] for line in lines if line.get("state") == "done"]
        if len(done) != len(set(done)):
            yield f"{manifest.name} lists units as done more than once"
        if any(line.get("state") == "failed" for line in lines):
            yield f"{manifest.name} lists units that failed"


def _nearly(one: NDArray, other: NDArray) -> bool:
    """Whether two arrays are equal except for one value in a thousand (or two values), which must be close."""
    if one.shape != other.shape or one.dtype != other.dtype:
        return False
    if one.dtype.kind not in "uf":
        return np.array_equal(one, other)
    near = 16.0 if one.dtype.kind == "u" else np.maximum(np.abs(one), 1e-2) / 16
    apart = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return bool((apart <= near).all() and np.count_nonzero(apart) <= max(2, one.size // 1000))


def run_whole(command: Sequence[str]) -> float:
    """Run a command to its end and return the duration, s.

    Raises:
        RuntimeError: the command failed.
    """
    begun = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return time.monotonic() - begun


def kill(process: subprocess.Popen[str], *, power: bool) -> None:
    """Kill the driver; with `power`, also all of its child processes, even those in their own process groups."""
    for pid in (process.pid, *(children.descendants(process.pid) if power else ())):
        children.kill(pid)
    process.wait()


def drill(job: Drill, folder: Path, kills: int, jobs: int, chance: random.Random) -> tuple[int, float, int, list[str]]:
    """Kill a batch a number of times; return numbers of files and comparisons, undisturbed time (s) and differences."""
    inputs = job.inputs(folder)
    whole, timing = folder / job.name / "undisturbed" / MADE, folder / job.name / "seconds.txt"
    if not timing.exists():  # otherwise an earlier run of this script measured it
        seconds = run_whole(job.arguments(inputs, whole, 1))
        timing.write_text(f"{seconds:.2f}")
    seconds = float(timing.read_text())
    expected = contents(whole)
    disturbed = folder / job.name / "disturbed" / MADE
    wrong: list[str] = []
    killed = ended = 0
    while killed < kills:
        command = job.arguments(inputs, disturbed, chance.randint(1, jobs))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        try:
            status = process.wait(timeout=chance.uniform(0, seconds))
        except subprocess.TimeoutExpired:
            kill(process, power=chance.random() < 0.5)
            killed += 1
            continue
        ended += 1
        wrong += [f"status {status}"] if status else []
        wrong += differences(disturbed, expected, rendered=job.name in RENDERED)
        shutil.rmtree(disturbed)
    run_whole(job.arguments(inputs, disturbed, jobs))
    wrong += differences(disturbed, expected, rendered=job.name in RENDERED)
    shutil.rmtree(disturbed)
    for line in wrong:
        print(f"{job.name}: {line}", flush=True)
    return len(expected), seconds, ended + 1, wrong


def main(arguments: Sequence[str]) -> int:
    """Drill the batches of the command line; return 1 if anything differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder for inputs and results")
    parser.add_argument("--kills", type=int, default=50, help="number of kills of each batch")
    parser.add_argument("--job", action="append", choices=[job.name for job in DRILLS], help="drill only this batch")
    parser.add_argument("--jobs", type=int, default=2, help="largest number of processes of a batch")
    parser.add_argument("--seed", type=int, default=0, help="seed of the times of the kills")
    record.add_option(parser)
    options = parser.parse_args(arguments)
    chosen = [job for job in DRILLS if job.name in (options.job or [job.name])]
    chance = random.Random(options.seed)
    options.folder.mkdir(parents=True, exist_ok=True)
    about = "Each batch killed with `kill -9` at random moments and resumed, compared with an undisturbed run."
    rows: list[tuple[object, ...]] = []
    with record.section("kill_and_resume", "Killed and resumed", about=about, write=options.record) as results:
        for job in chosen:
            files, seconds, compared, wrong = drill(job, options.folder, options.kills, options.jobs, chance)
            rows.append((job.name, files, f"{seconds:.1f}", options.kills, compared, len(wrong)))
        results.table(("job", "files", "s undisturbed", "killed", "compared", "differences"), rows)
    return 1 if any(row[-1] for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
