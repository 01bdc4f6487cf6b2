"""Measure DEHNet: how fast it runs, how much it helps the optimiser, and how good it is.

    python scripts/bench_dehnet.py speed              each runtime, with encoding, against plain PyTorch eager
    python scripts/bench_dehnet.py warmstart STACK…   steps that the optimiser saves when it begins with the network
    python scripts/bench_dehnet.py shapes 12x34 …     networks of other channels × convolutions, with random weights

    python scripts/bench_dehnet.py quality STACK…     OPT, DEHNet float and int8, nCGH, flat phase
    python scripts/bench_dehnet.py front STACK…       networks of several sizes: multiplications, dB lost
    python scripts/bench_dehnet.py holdout STACK…     another resolution, and depth with errors: dark lines

`speed` and `shapes` alternate what they compare in one process, take medians, and say what else the machine was
doing. The last three are those of `scripts/dehnet_quality.py`.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; eager PyTorch gains by it as much

import dehnet_quality
import numpy as np
import torch

from holodriver.cli import console
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


def load() -> str:
    """What else the machine was doing."""
    busy = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return f"{os.cpu_count()} cores, load of the last minute {busy}"


def speed(networks: Networks, size: tuple[int, int], rounds: int) -> None:
    """Networks of three colours and encoding, from a picture with depth to panel frames, by each runtime."""
    image, luts = picture(size), (AmplitudeLut.linear(),) * 3
    streams, works = {}, {}
    for kind in present():
        synthesiser = NetworkSynthesiser(networks, REFERENCE, runtime=kind.name)
        stream = Stream(synthesiser, luts, size)
        streams[kind.name] = stream

        def whole(stream: Stream = stream) -> None:
            stream.encode(stream.network(stream.prepare(image)))

        works[kind.name] = whole
    before = load()
    seconds = alternated(works, rounds)
    rows = [
        (name, f"{value:.2f}", f"{seconds[EAGER] / value:.1f}")
        for name, value in sorted(seconds.items(), key=lambda item: item[1])
    ]
    title = f"{size[0]} × {size[1]}, three colours, prepared, network, encoded ({before}; after it {load()})"
    console.table(("runtime", "s", "times as fast as eager PyTorch"), rows, title=title)
    fastest = min(seconds, key=lambda name: seconds[name])
    stages = measure_stream(streams[fastest].synthesiser, luts, size, frames=max(rounds, 3))
    parts = [(name, f"{1e3 * value:.0f}", f"{1 / value:.2f}") for name, value in stages.stages.items()]
    parts.append(("overlapped", f"{1e3 * stages.latency:.0f}", f"{stages.rate:.2f}"))
    console.table(("stage", "latency ms", "frames a second"), parts, title=f"{fastest}, streamed ({load()})")
    if not torch.cuda.is_available():
        console.say("CUDA: not measured, no GPU here")


def shapes(names: Sequence[str], size: tuple[int, int], rounds: int, threads: int) -> None:
    """One colour by the fastest runtime in int8, for networks of several shapes."""
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
    before = load()
    seconds = alternated(works, rounds)
    rows = [(name, multiplications[name], f"{1e3 * value:.0f}") for name, value in seconds.items()]
    title = f"{kind.name}, {width} × {height}, one colour, {threads} threads ({before}; after it {load()})"
    console.table(("channels x convolutions", "multiplications a pixel", "ms"), rows, title=title)


def warmstart(networks: Networks, paths: Sequence[Path], iterations: int) -> None:
    """Steps of the optimiser to its default tolerance, and to the loss that it ends with when it begins without."""
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
    console.table(headings, rows, title="steps are those of three colours together")
    console.say(f"saved on the mean: {100 * np.mean(saved):.0f} %")


def steps(result: Synthesis) -> int:
    """Of all colours."""
    return sum(len(history) - 1 for history in result.history)


def steps_to(history: Sequence[float], loss: float) -> int:
    """Steps until the loss is as low; all of them if it never is."""
    return next((step for step, value in enumerate(history) if value <= loss), len(history) - 1)


def psnr(field: WaveField, stack: FocalStack) -> float:
    """Mean over planes, dB."""
    return score_field("", field, stack).scores.means()["psnr"]


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    timing = commands.add_parser("speed")
    timing.add_argument("--size", default="1920x1080")
    timing.add_argument("--rounds", type=int, default=3)
    shaped = commands.add_parser("shapes")
    shaped.add_argument("shapes", nargs="+", metavar="CHANNELSxCONVOLUTIONS")
    shaped.add_argument("--size", default="960x540")
    shaped.add_argument("--rounds", type=int, default=7)
    shaped.add_argument("--threads", type=int, default=1)
    warm = commands.add_parser("warmstart")
    warm.add_argument("stacks", type=Path, nargs="+")
    warm.add_argument("--iterations", type=int, default=500)
    for command in (timing, warm):
        command.add_argument("--weights", type=Path, help="folder of networks; those that come along if left out")
    dehnet_quality.add_commands(commands)
    given = parser.parse_args()
    if given.command == "shapes":
        width, height = (int(part) for part in given.size.split("x"))
        shapes(given.shapes, (width, height), given.rounds, given.threads)
        return
    if given.command not in ("speed", "warmstart"):
        dehnet_quality.run(given)
        return
    networks = load_networks(given.weights)
    if given.command == "speed":
        width, height = (int(part) for part in given.size.split("x"))
        speed(networks, (width, height), given.rounds)
    else:
        warmstart(networks, given.stacks, given.iterations)


if __name__ == "__main__":
    try:
        main()
    except HolodriverError as error:
        sys.exit(f"bench_dehnet.py: {error}")
