"""Measure the speed of DEHNet, and the number of steps that it saves the optimiser.

    python scripts/bench/dehnet.py speed              each runtime, with encoding, against plain PyTorch eager
    python scripts/bench/dehnet.py shapes 12x34 …     networks of other channels × convolutions, with random weights
    python scripts/bench/dehnet.py warmstart STACK…   steps saved if the optimiser begins with the network's field

`speed` and `shapes` run all variants in turns, in one process, and print medians. `scripts/bench/dehnet_quality.py`
measures the quality of the holograms. Each command takes `--record`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the command line; eager PyTorch gains as much from it

import numpy as np
import record
import torch

from holodriver.dehnet.architecture import DEHNet, DEHNetShape
from holodriver.dehnet.load_weights import Networks, load_networks
from holodriver.dehnet.runtimes.base import Model, Runtime
from holodriver.dehnet.runtimes.kinds import present
from holodriver.dehnet.speed import measure_stream, picture
from holodriver.dehnet.stream import Stream
from holodriver.dehnet.synthesiser import NetworkSynthesiser
from holodriver.dehnet.training.export import export
from holodriver.dehnet.training.quantise import Recipe, rounded
from holodriver.errors import HolodriverError
from holodriver.files.stack import read_stack
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.lut import AmplitudeLut
from holodriver.scene.stack import FocalStack
from holodriver.scores.table import score_field
from holodriver.study.figures.performance import alternated
from holodriver.synthesis.optimise import Synthesis, synthesise

EAGER = "torch"
"""Name of the runtime with which all others are compared."""

HEADINGS = {
    "speed": "DEHNet: speed of the runtimes",
    "shapes": "DEHNet: speed of networks of other shapes",
    "warmstart": "DEHNet as the start of the optimiser",
}


def speed(networks: Networks, size: tuple[int, int], rounds: int, results: record.Section) -> None:
    """Time each runtime from a picture with depth to panel frames: networks of three colours, and encoding."""
    image, luts = picture(size), (AmplitudeLut.linear(),) * 3
    streams, works = {}, {}
    for kind in present():
        synthesiser = NetworkSynthesiser(networks, REFERENCE, runtime=kind.name)
        stream = Stream(synthesiser, luts, size)
        streams[kind.name] = stream

        def whole(stream: Stream = stream) -> None:
            stream.encode(stream.network(stream.prepare(image)))

        works[kind.name] = whole
    seconds = alternated(works, rounds)
    rows = [
        (name, f"{value:.2f}", f"{seconds[EAGER] / value:.1f}")
        for name, value in sorted(seconds.items(), key=lambda item: item[1])
    ]
    title = f"{size[0]} × {size[1]}, three colours, prepared, network, encoded; medians"
    results.table(("runtime", "s", "times as fast as eager PyTorch"), rows, title=title)
    fastest = min(seconds, key=lambda name: seconds[name])
    stages = measure_stream(streams[fastest].synthesiser, luts, size, frames=max(rounds, 3))
    parts = [(name, f"{1e3 * value:.0f}", f"{1 / value:.2f}") for name, value in stages.stages.items()]
    parts.append(("overlapped", f"{1e3 * stages.latency:.0f}", f"{stages.rate:.2f}"))
    results.table(("stage", "latency ms", "frames a second"), parts, title=f"{fastest}, streamed")
    if not torch.cuda.is_available():
        results.say("CUDA was not measured.")


def shapes(names: Sequence[str], size: tuple[int, int], rounds: int, threads: int, results: record.Section) -> None:
    """Time one colour with the first int8 runtime, for networks of several shapes."""
    width, height = size
    pixels = np.random.default_rng(0).random((2, height, width), dtype=np.float32)
    kind = next(kind for kind in present() if kind.precision == "int8")
    multiplications, works = {}, {}
    for name in names:
        channels, convolutions = (int(part) for part in name.split("x"))
        shape = DEHNetShape(channels, convolutions)
        content = rounded(export(DEHNet(shape)), [pixels[None, :, :128, :128]], Recipe())
        runtime = kind.make(Model(content, shape, quantised=True), threads, None)
        multiplications[name] = shape.multiplications

        def whole(runtime: Runtime = runtime) -> None:
            runtime(pixels)

        works[name] = whole
    seconds = alternated(works, rounds)
    rows = [(name, multiplications[name], f"{1e3 * value:.0f}") for name, value in seconds.items()]
    title = f"{kind.name}, {width} × {height}, one colour, {threads} threads; medians"
    results.table(("channels x convolutions", "multiplications a pixel", "ms"), rows, title=title)


def warmstart(networks: Networks, paths: Sequence[Path], iterations: int, results: record.Section) -> None:
    """Count the optimiser's steps from flat phase and from the network's field, to its tolerance and to equal loss."""
    rows, saved = [], []
    for path in paths:
        stack = read_stack(path).exposed()
        profile = REFERENCE.resized(stack.shape[1], stack.shape[0])
        net = NetworkSynthesiser(networks, profile, runtime="float").field(stack.all_in_focus, stack.all_in_focus_depth)
        plain = synthesise(stack, profile, iterations=iterations)
        warm = synthesise(stack, profile, iterations=iterations, start=net)
        there = [steps_to(other, one[-1]) for one, other in zip(plain.history, warm.history, strict=True)]
        flat_steps, warm_steps = steps(plain), steps(warm)
        saved.append(1 - sum(there) / flat_steps)
        rows.append(
            (
                path.name,
                f"{psnr(net, stack):.2f}",
                f"{flat_steps}: {psnr(plain.field, stack):.2f}",
                f"{warm_steps}: {psnr(warm.field, stack):.2f}",
                f"{sum(there)}",
                f"{100 * saved[-1]:.0f} %",
            )
        )
    headings = ("stack", "net dB", "opt steps: dB", "net+opt steps: dB", "net+opt steps to opt's loss", "saved")
    results.table(headings, rows, title="Steps of three colours together")
    results.say(f"On average {100 * np.mean(saved):.0f} % of the steps are saved.")


def steps(result: Synthesis) -> int:
    """Number of steps of all colours together."""
    return sum(len(history) - 1 for history in result.history)


def steps_to(history: Sequence[float], loss: float) -> int:
    """Number of steps until the loss is at most `loss`; all steps if it never is."""
    return next((step for step, value in enumerate(history) if value <= loss), len(history) - 1)


def psnr(field: WaveField, stack: FocalStack) -> float:
    """PSNR of the field's images, mean over planes, dB."""
    return score_field("", field, stack).means()["psnr"]


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("speed")
    timing.add_argument("--size", default="1920x1080", help="pixels, WIDTHxHEIGHT")
    timing.add_argument("--rounds", type=int, default=3, help="measurements of each runtime, in turns")
    shaped = commands.add_parser("shapes")
    shaped.add_argument("shapes", nargs="+", metavar="CHANNELSxCONVOLUTIONS")
    shaped.add_argument("--size", default="960x540", help="pixels, WIDTHxHEIGHT")
    shaped.add_argument("--rounds", type=int, default=7, help="measurements of each shape, in turns")
    shaped.add_argument("--threads", type=int, default=1, help="threads of the runtime")
    warm = commands.add_parser("warmstart")
    warm.add_argument("stacks", type=Path, nargs="+", help="focal stacks")
    warm.add_argument("--iterations", type=int, default=500, help="largest number of optimiser steps")
    for command in (timing, warm):
        command.add_argument("--weights", type=Path, help="folder of networks; if left out, the built-in ones")
    record.add_option(timing, shaped, warm)
    given = parser.parse_args()
    with record.section(f"dehnet {given.command}", HEADINGS[given.command], write=given.record) as results:
        if given.command == "warmstart":
            warmstart(load_networks(given.weights), given.stacks, given.iterations, results)
            return
        width, height = (int(part) for part in given.size.split("x"))
        if given.command == "speed":
            speed(load_networks(given.weights), (width, height), given.rounds, results)
        else:
            shapes(given.shapes, (width, height), given.rounds, given.threads, results)


if __name__ == "__main__":
    try:
        main()
    except HolodriverError as error:
        sys.exit(f"dehnet.py: {error}")
