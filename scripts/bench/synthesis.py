"""Measure the synthesis: time of a step, memory, convergence, and scores on rendered scenes.

    python scripts/bench/synthesis.py core            a step compared with its transforms alone, and with autograd
    python scripts/bench/synthesis.py memory          peak memory, ours and autograd's, and of a full HD hologram
    python scripts/bench/synthesis.py roads STACK     steps and time to the PSNR of the best of four Adam runs
    python scripts/bench/synthesis.py odak STACK      against odak's multi-plane optimiser, which must be installed
    python scripts/bench/synthesis.py blur            blur diameter along and across the slit
    python scripts/bench/synthesis.py quality STACK…  all methods on rendered focal stacks, as a table

All variants run in one process, in turns, with equal numbers of threads and in float32; times are medians. All commands
take `--record`.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the command line; autograd gains as much from it

import numpy as np
import record
import torch
from synthesis_peers import Autograd, adam, colour_losses, crop, flat, odak, silence_odak

from holodriver.cli import console
from holodriver.files.stack import read_stack
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.focus import positions
from holodriver.panel.behind_slit import read_back
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.lut import AmplitudeLut
from holodriver.scene.layered import focal_stack
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import blur_diameters
from holodriver.scores.table import score_field
from holodriver.study.figures.performance import alternated
from holodriver.study.scenes import GREY, disc_scene
from holodriver.synthesis.baselines import dcgh, flat_phase, ncgh, superposed
from holodriver.synthesis.loss import ColourLoss, LossWeights
from holodriver.synthesis.optimise import minimise, synthesise
from holodriver.synthesis.panel_aware import refine_frames
from holodriver.system.threads import side_by_side

RATES = (0.01, 0.02, 0.05, 0.1)
ADAM_STEPS = 500
SHORT = 0.1
"""Distance below Adam's final PSNR at which a method counts as converged, dB."""

HEADINGS = {
    "core": "Synthesis: a step",
    "memory": "Synthesis: memory",
    "roads": "Synthesis: steps and time to the minimum",
    "odak": "Synthesis against odak",
    "blur": "Synthesis: blur after the slit",
    "quality": "Synthesis: all methods on rendered scenes",
}


def random_stack(width: int, height: int, planes: int = 21) -> FocalStack:
    """Make a focal stack of noise as target: its content does not change the time of a step."""
    rng = np.random.default_rng(0)
    images = rng.random((planes, 3, height, width), np.float32)
    depths = rng.random((planes, height, width), np.float32)
    return FocalStack(images, depths, images[0], depths[0], np.linspace(0, 1, planes, dtype=np.float32), "linear", 15.0)


def core(size: int, rounds: int, results: record.Section) -> None:
    """Compare a step of the optimiser for all colours with its transforms alone and with autograd."""
    stack, profile = random_stack(size, size), REFERENCE.resized(size, size)
    losses, start = colour_losses(stack, profile), flat(stack)
    plain, fields = Autograd(stack, profile), start.clone()
    many = [loss.planes(field) for loss, field in zip(losses, start, strict=True)]

    def steps(count: int) -> None:
        for loss, field in zip(losses, start, strict=True):
            minimise(loss, field, iterations=count, tolerance=0)

    def transforms() -> None:
        for planes in many:
            side_by_side(torch.fft.ifft2, planes)
            side_by_side(torch.fft.fft2, planes)
            side_by_side(torch.fft.fft2, planes[:2])

    ours = sum(loss.at(torch.fft.fft2(field, norm="ortho"))[0] for loss, field in zip(losses, start, strict=True))
    console.say(f"the same loss: {ours:.6f} here, {plain.gradient(start)[0]:.6f} by autograd")
    works: dict[str, Callable[[], object]] = {
        "start": lambda: steps(2),
        "more": lambda: steps(7),
        "its 44 transforms a colour": transforms,
        "autograd": lambda: plain.gradient(fields),
    }
    seconds = alternated(works, rounds)
    step = (seconds.pop("more") - seconds.pop("start")) / 5
    rows = [("a step", f"{1e3 * step:.0f}", "1.00")]
    rows += [(name, f"{1e3 * value:.0f}", f"{value / step:.2f}") for name, value in seconds.items()]
    results.table(("what", "ms", "times a step"), rows, title=f"{size} × {size}, 3 colours, 21 planes, medians")
    results.say(
        f"A step takes {step / seconds['its 44 transforms a colour']:.2f} times its transforms alone; autograd takes "
        f"{seconds['autograd'] / step:.1f} times as long as a step."
    )


WAYS = ("nothing", "step", "lean", "autograd", "autograd-one")


def memory(size: int, results: record.Section) -> None:
    """Write the table of the peak memory without the targets.

    The memory of the program itself is measured with 32 × 32 pixels and subtracted.
    """
    used = {}
    for way in WAYS:
        small, large = (peak_memory(way, side, side) for side in (32, size))
        used[way] = large - small
    data = {way: used[way] - used["nothing"] for way in WAYS[1:]}
    rows = [
        (name, f"{data[way]:.0f}", f"{data[way] / data['autograd']:.2f}", f"{data[way] / data['autograd-one']:.2f}")
        for way, name in (
            ("step", "ours, all held"),
            ("lean", "ours, the least"),
            ("autograd", "autograd, three colours"),
            ("autograd-one", "autograd, one colour"),
        )
    ]
    title = f"{size} × {size}, 3 colours, 21 planes: peak memory beyond the targets"
    results.table(("what", "MiB", "of autograd's", "of one colour's"), rows, title=title)
    width, height = REFERENCE.width, REFERENCE.height
    total = peak_memory("step", width, height)
    results.say(f"{width} × {height}, 21 planes: peak {total / 1024:.2f} GiB, targets of three colours included.")
    stack = random_stack(width, height)
    for name, budget in (("all held", None), ("0.9 GiB", 0.9 * 2**30)):
        results.say(f"A step of one colour there, {name}: {step_time(stack, budget):.2f} s.")


def step_time(stack: FocalStack, budget: float | None) -> float:
    """Time of one step of one colour, s."""
    loss = ColourLoss(stack, 1, REFERENCE, LossWeights.for_planes(stack.planes), memory=budget)
    start = flat(stack)[1]
    works = {str(n): partial(minimise, loss, start, iterations=n, tolerance=0) for n in (1, 3)}
    times = alternated(works, 3)
    return (times["3"] - times["1"]) / 2


def peak(way: str, width: int, height: int) -> None:
    """Make the targets and take some steps in the named way; must run in a separate process."""
    stack, profile = random_stack(width, height), REFERENCE.resized(width, height)
    if way in ("step", "lean"):
        budget = None if way == "step" else 44 * 8.0 * width * height
        for colour in range(3):
            loss = ColourLoss(stack, colour, profile, LossWeights.for_planes(stack.planes), memory=budget)
            minimise(loss, flat(stack)[colour], iterations=3, tolerance=0)
            del loss
    elif way == "autograd":
        Autograd(stack, profile).gradient(flat(stack))
    elif way == "autograd-one":
        for colour in range(3):
            Autograd(stack, profile, (colour,)).gradient(flat(stack)[colour : colour + 1])


def peak_memory(way: str, width: int, height: int) -> float:
    """Peak resident memory of `peak`, MiB, in a process whose allocator returns freed memory at once."""
    command = [sys.executable, __file__, "peak", way, "--width", str(width), "--height", str(height)]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    return float(child.stdout.split()[-1])


def roads(stack: FocalStack, profile: DisplayProfile, rounds: int, results: record.Section) -> None:
    """Write the table of steps and time to 0.1 dB below the mean PSNR of the best of four Adam runs of 500 steps."""
    finals = {}
    for rate in RATES:
        *_, (_, last) = adam(stack, profile, rate, ADAM_STEPS)
        finals[rate] = mean_psnr(WaveField(last, profile), stack)
    console.say(", ".join(f"Adam {rate:g}: {final:.2f} dB" for rate, final in finals.items()))
    best = max(finals, key=lambda rate: finals[rate])
    goal = finals[best] - SHORT

    def arrived(values: np.ndarray) -> bool:
        return mean_psnr(WaveField(values, profile), stack) >= goal

    theirs = next(step for step, values in adam(stack, profile, best, ADAM_STEPS) if arrived(values))

    def run(steps: int, *, plain: bool = False) -> np.ndarray:
        identity = (lambda gradient, field: gradient.clone()) if plain else None
        return np.stack(
            [
                minimise(loss, field, iterations=steps, tolerance=0, precondition=identity)[0].numpy()
                for loss, field in zip(colour_losses(stack, profile), flat(stack), strict=True)
            ]
        )

    ours = next(steps for steps in range(5, ADAM_STEPS) if arrived(run(steps)))
    plain = next(steps for steps in range(5, ADAM_STEPS, 5) if arrived(run(steps, plain=True)))

    def by_adam() -> None:
        for _ in adam(stack, profile, best, theirs):
            pass

    seconds = alternated(
        {f"Adam, rate {best:g}": by_adam, "L-BFGS": lambda: run(plain, plain=True), "ours": lambda: run(ours)}, rounds
    )
    steps = (theirs, plain, ours)
    baseline = next(iter(seconds.values()))
    rows = [
        (name, str(count), f"{value:.2f}", f"{value / baseline:.2f}")
        for (name, value), count in zip(seconds.items(), steps, strict=True)
    ]
    results.table(("method", "steps", "s", "of Adam's time"), rows, title=f"To {goal:.2f} dB, medians")


def against_odak(stack: FocalStack, profile: DisplayProfile, counts: tuple[int, ...], results: record.Section) -> None:
    """Write the table of PSNR and SSIM of odak's optimiser and ours after equal numbers of iterations."""
    silence_odak()
    padding = profile.height // 2  # odak pads to twice the size; all fields are scored with that padding
    rows = []

    def add(name: str, steps: object, seconds: float, field: WaveField) -> None:
        mean = score_field("", field, stack, padding=padding).means()
        rows.append((name, str(steps), f"{seconds:.1f}", f"{mean['psnr']:.2f}", f"{mean['ssim']:.4f}"))

    def ours(steps: int, beta: float | None) -> tuple[float, WaveField]:
        start = time.perf_counter()
        field = synthesise(stack, profile, iterations=steps, tolerance=0, beta=beta, padding=padding).field
        return time.perf_counter() - start, field

    ours(2, 0)  # compiles
    for count in counts:
        for name, complex_field in (("odak, complex field", True), ("odak, phase only", False)):
            found = odak(stack, profile, count, complex_field=complex_field)
            add(name, count, found.seconds, WaveField(found.field, profile))
        add("ours, no all-in-focus term", count, *ours(count, 0))
        add("ours, Eq. 2", count, *ours(count, None))
    results.table(("method", "iterations", "s", "PSNR dB", "SSIM"), rows, title=f"{profile.height}², 21 planes")


def mean_psnr(field: WaveField, stack: FocalStack) -> float:
    """PSNR of the field's images, mean over planes, dB."""
    return score_field("", field, stack).means()["psnr"]


def discs(size: int = 192) -> tuple[FocalStack, DisplayProfile]:
    """Make a focal stack of bright discs on grey, with rows at normalised depths 0, 0.5 and 1, and its display."""
    return focal_stack(disc_scene(size), positions(21), REFERENCE.coc_max), REFERENCE.resized(size, size)


def blur(results: record.Section) -> None:
    """Write the table of the blur diameter of small discs, along and across the carrier, from second moments."""
    stack, profile = discs()
    opt = synthesise(stack, profile).field
    narrow = synthesise(stack, profile, within_slit=True).field
    frames = encode(narrow, automatic_gains([narrow]), AmplitudeLut.simulated_panel(profile.wavelengths))
    fields = {"OPT": opt, "in the slit": narrow, "frames": read_back(frames), "nCGH": ncgh(stack, profile)}
    size, third = profile.height, profile.height // 3
    planes = stack.positions.tolist()
    images = {"rendered": stack.images, **{name: field.intensities(planes) for name, field in fields.items()}}
    axes = (0, 1) if profile.carrier_axis == "y" else (1, 0)
    rows = []
    for n in range(0, 21, 4):
        for colour, name in ((0, "red"), (2, "blue")):
            cells = [(slice(0, third), slice(c, c + third)) for c in range(0, size - third + 1, third)]
            row = []
            for pictures in images.values():
                found = np.mean([blur_diameters(pictures[n, colour][cell], 1.2 * GREY) for cell in cells], axis=0)
                row += [f"{found[axis]:.1f}" for axis in axes]
            rows.append((f"{REFERENCE.coc_max * planes[n]:.1f}", name, *row))
    headings = [f"{name} {axis}" for name in images for axis in ("along", "across")]
    results.table(("px", "colour", *headings), rows, title="Diameter of discs at the near plane, px, focus moving away")
    for axis, name in ((profile.carrier_axis, "along"), ("x" if profile.carrier_axis == "y" else "y", "across")):
        reaches = ", ".join(f"{reach:.1f}" for reach in profile.reach(axis))
        results.say(f"Reach of the slit {name} the carrier: {reaches} px (red, green, blue).")


def quality(paths: list[Path], iterations: int, results: record.Section) -> None:
    """Write the table of all methods on focal stacks: mean over planes of each scene, then mean and sd over scenes."""
    found: dict[str, list[float]] = {}
    for path in paths:
        stack = read_stack(path).exposed()
        profile = REFERENCE.resized(stack.shape[1], stack.shape[0])
        sharp_depths = np.broadcast_to(stack.all_in_focus_depth, stack.depths.shape)
        opt = synthesise(stack, profile, iterations=iterations).field
        narrow = synthesise(stack, profile, iterations=iterations, within_slit=True).field
        luts = AmplitudeLut.simulated_panel(profile.wavelengths)
        frames = {name: encode(f, automatic_gains([f]), luts) for name, f in (("opt", opt), ("slit", narrow))}
        fields = {
            "OPT": opt,
            "OPT, no all-in-focus term": synthesise(stack, profile, iterations=iterations, beta=0).field,
            "OPT, all-in-focus depth": synthesise(
                replace(stack, depths=sharp_depths), profile, iterations=iterations
            ).field,
            "OPT, 8-bit frames read back": read_back(frames["opt"]),
            "OPT in the slit": narrow,
            "OPT in the slit, frames": read_back(frames["slit"]),
            "OPT in the slit, frames refined": read_back(refine_frames(frames["slit"], stack)),
            "nCGH": ncgh(stack, profile),
            "dCGH": dcgh(stack, profile),
            "superposed points": superposed(stack, profile),
            "flat phase": flat_phase(stack, profile),
        }
        for name, field in fields.items():
            found.setdefault(name, []).append(mean_psnr(field, stack))
        console.say(f"{path.name}: OPT {found['OPT'][-1]:.2f}, nCGH {found['nCGH'][-1]:.2f} dB")
    rows = [
        (name, *(f"{value:.2f}" for value in values), f"{np.mean(values):.2f} ± {np.std(values):.2f}")
        for name, values in found.items()
    ]
    results.table(("PSNR, dB", *(path.stem for path in paths), "mean ± sd"), rows)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=(*HEADINGS, "peak"))
    parser.add_argument("rest", nargs="*", help="focal stacks (quality: all; roads and odak: the first)")
    parser.add_argument("--size", type=int, help="pixels of a side (core, memory: 512; odak: 128)")
    parser.add_argument("--width", type=int, help="used internally by memory")
    parser.add_argument("--height", type=int, help="used internally by memory")
    parser.add_argument("--rounds", type=int, default=5, help="measurements of each variant, in turns")
    parser.add_argument("--iterations", type=int, default=500, help="largest number of optimiser steps (quality)")
    record.add_option(parser)
    given = parser.parse_args()
    if given.part == "peak":
        peak(given.rest[0], given.width, given.height)
        # Linux only; getrusage would also count memory that the parent process held before.
        status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
        print(int(status.split()[0]) / 1024)
        return
    if given.part in ("roads", "odak", "quality") and not given.rest:
        parser.error("give at least one focal stack")
    with record.section(f"synthesis {given.part}", HEADINGS[given.part], write=given.record) as results:
        measure(given, results)


def measure(given: argparse.Namespace, results: record.Section) -> None:
    """Measure the part that the command line asks for."""
    if given.part == "core":
        core(given.size or 512, given.rounds, results)
    elif given.part == "memory":
        memory(given.size or 512, results)
    elif given.part == "blur":
        blur(results)
    elif given.part == "quality":
        quality([Path(path) for path in given.rest], given.iterations, results)
    else:
        stack = read_stack(Path(given.rest[0])).exposed()
        if given.part == "roads":
            roads(stack, REFERENCE.resized(stack.shape[1], stack.shape[0]), given.rounds, results)
        else:
            against_odak(*crop(stack, given.size or 128), (5, 20, 60), results)


if __name__ == "__main__":
    main()
