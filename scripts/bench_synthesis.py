"""Measure the synthesis: its core, its road to the minimum, its memory, and what it reaches on rendered scenes.

    .venv/bin/python scripts/bench_synthesis.py core       one step against its own transforms, and against autograd
    .venv/bin/python scripts/bench_synthesis.py converge   time to the loss of the best of four Adams
    .venv/bin/python scripts/bench_synthesis.py memory     peak memory and time of a step at 1920 × 1080
    .venv/bin/python scripts/bench_synthesis.py quality STACK…   all methods on rendered focal stacks, as a table

What is compared runs in one process, alternated, with the same threads and the same float32; times are medians.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does; autograd gains by it as much

import numpy as np
import torch

from holodriver.cli import console
from holodriver.files.stack import read_stack
from holodriver.optics.display import REFERENCE, DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import transfer_function
from holodriver.panel.burch import automatic_gains, encode, read_back
from holodriver.panel.lut import AmplitudeLut
from holodriver.quality.scores import score_field
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.baselines import dcgh, flat_phase, ncgh, superposed
from holodriver.synthesis.loss import ColourLoss, LossWeights
from holodriver.synthesis.optimise import minimise, synthesise
from holodriver.synthesis.panel_aware import refine_frames
from holodriver.threads import side_by_side

RATES = (0.01, 0.02, 0.05, 0.1)
ADAM_STEPS = 500


def random_stack(width: int, height: int, planes: int = 21) -> FocalStack:
    """Targets that cost as much as any: what is in them does not change the time of a step."""
    rng = np.random.default_rng(0)
    images = rng.random((planes, 3, height, width), np.float32)
    depths = rng.random((planes, height, width), np.float32)
    return FocalStack(images, depths, images[0], depths[0], np.linspace(0, 1, planes, dtype=np.float32), "linear", 15.0)


def spectrum_of(stack: FocalStack, colour: int) -> torch.Tensor:
    """Unitary spectrum of the flat-phase field of one colour."""
    return torch.fft.fft2(torch.from_numpy(np.sqrt(stack.all_in_focus[colour])).to(torch.complex64), norm="ortho")


class Autograd:
    """The same loss as a plain PyTorch module: kernels cached, all planes in one batch, the gradient by autograd."""

    def __init__(self, stack: FocalStack, colour: int, profile: DisplayProfile):
        weights = LossWeights.for_planes(stack.planes)
        shape, wavelength = profile.shape, profile.wavelengths[colour]
        positions = stack.positions.tolist()
        self.kernels = torch.stack(
            [
                transfer_function(shape, profile.pixel_pitch, wavelength, profile.z(t)).to(torch.complex64)
                for t in positions
            ]
        )
        self.images = torch.from_numpy(stack.images[:, colour])
        self.sharp = torch.from_numpy(stack.all_in_focus[colour])
        distance = torch.from_numpy(stack.depths) - torch.from_numpy(stack.positions)[:, None, None]
        self.attention, self.beta = torch.exp(-((weights.gamma * distance) ** 2)), weights.beta

    def gradient(self, field: torch.Tensor) -> tuple[float, torch.Tensor]:
        """Loss and its gradient at a complex field (H, W)."""
        variable = field.clone().requires_grad_()
        intensity = torch.fft.ifft2(torch.fft.fft2(variable) * self.kernels).abs() ** 2
        blurred = ((intensity - self.images) ** 2).mean(dim=(1, 2)).sum()
        focused = (((intensity - self.sharp) * self.attention) ** 2).mean(dim=(1, 2)).sum()
        loss = blurred + self.beta * focused
        loss.backward()
        assert variable.grad is not None
        return loss.item(), variable.grad


def alternated(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each work, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn:  # the first turn warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def core(size: int, rounds: int) -> None:
    """One step of the optimiser, all colours, against its own transforms alone and against autograd."""
    stack, profile = random_stack(size, size), REFERENCE.resized(size, size)
    losses = [ColourLoss(stack, colour, profile, LossWeights.for_planes(stack.planes)) for colour in range(3)]
    spectra = [spectrum_of(stack, colour) for colour in range(3)]
    fields = [loss.planes(spectrum) for loss, spectrum in zip(losses, spectra, strict=True)]
    moved = torch.empty_like(fields[0])
    plain = [Autograd(stack, colour, profile) for colour in range(3)]

    def step() -> None:
        for loss, spectrum, planes in zip(losses, spectra, fields, strict=True):
            loss.along(planes, spectrum, moved)
            loss.gradient(planes, moved, 0.0)

    def transforms() -> None:
        for planes in fields:
            side_by_side(torch.fft.ifft2, planes)
            side_by_side(torch.fft.fft2, planes)
            side_by_side(torch.fft.fft2, planes[:2])

    def autograd() -> None:
        for module, spectrum in zip(plain, spectra, strict=True):
            module.gradient(torch.fft.ifft2(spectrum, norm="ortho"))

    ours, theirs = losses[1].gradient(fields[1])[0], plain[1].gradient(torch.fft.ifft2(spectra[1], norm="ortho"))[0]
    console.say(f"same loss: {ours:.6f} here, {theirs:.6f} by autograd")
    seconds = alternated({"step": step, "its 44 transforms a colour": transforms, "autograd": autograd}, rounds)
    rows = [(name, f"{1e3 * value:.0f}", f"{value / seconds['step']:.2f}") for name, value in seconds.items()]
    console.table(("what", "ms", "times a step"), rows, title=f"{size} × {size}, 3 colours, 21 planes")
    ratio = seconds["step"] / seconds["its 44 transforms a colour"]
    console.say(f"a step takes {ratio:.2f} times its transforms alone")
    peaks = {way: peak_memory(["peak", way, "--size", str(size)]) for way in ("nothing", "step", "autograd")}
    used = {way: peaks[way] - peaks["nothing"] for way in ("step", "autograd")}
    console.say(
        f"peak memory beyond the targets: step {used['step']:.0f} MiB, autograd {used['autograd']:.0f} MiB, "
        f"ratio {used['step'] / used['autograd']:.2f}"
    )


def peak(way: str, width: int, height: int) -> None:
    """One step of one colour (they run one after another), or nothing but its targets; run in a process of its own."""
    stack, profile = random_stack(width, height), REFERENCE.resized(width, height)
    if way == "step":
        loss = ColourLoss(stack, 1, profile, LossWeights.for_planes(stack.planes))
        minimise(loss, spectrum_of(stack, 1), iterations=2, tolerance=0)
    elif way == "autograd":
        Autograd(stack, 1, profile).gradient(torch.fft.ifft2(spectrum_of(stack, 1), norm="ortho"))


def peak_memory(arguments: list[str]) -> float:
    """Peak resident memory (MiB) of this script run with `arguments`."""
    command = [sys.executable, __file__, *arguments]
    child = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(child.stdout.split()[-1])


def converge(stack: FocalStack, profile: DisplayProfile) -> None:
    """Seconds until the mean PSNR is 0.1 dB below that of Adam, best of four rates, after 500 steps."""

    def adam(rate: float, steps: int) -> tuple[float, list[tuple[float, np.ndarray]]]:
        """Final PSNR, and (seconds, field) every ten steps; the clock stands still while a field is kept."""
        losses = [ColourLoss(stack, c, profile, LossWeights.for_planes(stack.planes)) for c in range(3)]
        variables = [
            torch.view_as_real(torch.from_numpy(np.sqrt(stack.all_in_focus[c])).to(torch.complex64)).clone()
            for c in range(3)
        ]
        optimiser = torch.optim.Adam([v.requires_grad_() for v in variables], lr=rate)
        kept, spent = [], 0.0
        for step in range(steps):
            start = time.perf_counter()
            for variable, loss in zip(variables, losses, strict=True):
                spectrum = torch.fft.fft2(torch.view_as_complex(variable.detach()), norm="ortho")
                gradient = loss.gradient(loss.planes(spectrum))[1]
                variable.grad = torch.view_as_real(torch.fft.ifft2(gradient, norm="ortho")).clone()
            optimiser.step()
            spent += time.perf_counter() - start
            if step % 10 == 9:
                fields = [torch.view_as_complex(v.detach()).clone().numpy() for v in variables]
                kept.append((spent, np.stack(fields)))
        return mean_psnr(WaveField(kept[-1][1], profile), stack), kept

    runs = {rate: adam(rate, ADAM_STEPS) for rate in RATES}
    best = max(runs, key=lambda rate: runs[rate][0])
    goal = runs[best][0] - 0.1
    console.say(", ".join(f"Adam {rate:g}: {final:.2f} dB" for rate, (final, _) in runs.items()))
    theirs = next(s for s, values in runs[best][1] if mean_psnr(WaveField(values, profile), stack) >= goal)
    ours: float | None = None
    for steps in (10, 15, 20, 25, 30, 40, 50, 60, 80, 100, 150, 200):
        start = time.perf_counter()
        field = synthesise(stack, profile, iterations=steps, tolerance=0).field
        spent = time.perf_counter() - start
        reached = mean_psnr(field, stack)
        if reached >= goal:
            ours = spent
            console.say(f"ours: {reached:.2f} dB after {steps} steps in {spent:.1f} s")
            break
    console.say(f"goal {goal:.2f} dB; Adam (rate {best:g}) needs {theirs:.1f} s")
    if ours is not None:
        console.say(f"ours needs {ours / theirs:.2f} of Adam's time")


def mean_psnr(field: WaveField, stack: FocalStack) -> float:
    """Mean over planes of the PSNR, dB."""
    return score_field("", field, stack).scores.means()["psnr"]


def memory() -> None:
    """Peak memory at full HD, and the time of a step there."""
    width, height = REFERENCE.width, REFERENCE.height
    size = ["--width", str(width), "--height", str(height)]
    total = peak_memory(["peak", "step", *size])
    console.say(f"{width} × {height}, 21 planes: peak memory {total / 1024:.2f} GiB, targets of three colours included")
    stack, profile = random_stack(width, height), REFERENCE
    loss = ColourLoss(stack, 1, profile, LossWeights.for_planes(stack.planes))
    start = spectrum_of(stack, 1)
    times = []
    for steps in (1, 4):
        begun = time.perf_counter()
        minimise(loss, start, iterations=steps, tolerance=0)
        times.append(time.perf_counter() - begun)
    console.say(f"one step of one colour: {(times[1] - times[0]) / 3:.1f} s")


def quality(paths: list[Path], iterations: int) -> None:
    """All methods on focal stacks; mean over planes of each scene, then mean and sd over scenes."""
    results: dict[str, list[float]] = {}
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
            results.setdefault(name, []).append(mean_psnr(field, stack))
        console.say(f"{path.name}: OPT {results['OPT'][-1]:.2f}, nCGH {results['nCGH'][-1]:.2f} dB")
    rows = [
        (name, *(f"{value:.2f}" for value in values), f"{np.mean(values):.2f} ± {np.std(values):.2f}")
        for name, values in results.items()
    ]
    console.table(("PSNR, dB", *(path.stem for path in paths), "mean ± sd"), rows)


def main() -> None:
    """Read what to measure, measure it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("core", "converge", "memory", "quality", "peak"))
    parser.add_argument("rest", nargs="*", help="focal stacks (quality: all; converge: the first)")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--width", type=int)
    parser.add_argument("--height", type=int)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=500)
    given = parser.parse_args()
    if given.part == "core":
        core(given.size, given.rounds)
    elif given.part == "memory":
        memory()
    elif given.part == "peak":
        peak(given.rest[0], given.width or given.size, given.height or given.size)
        # Linux alone tells it for the process itself; getrusage would count what the parent held before.
        status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
        print(int(status.split()[0]) / 1024)
    elif not given.rest:
        parser.error("name at least one focal stack")
    elif given.part == "converge":
        stack = read_stack(Path(given.rest[0])).exposed()
        converge(stack, REFERENCE.resized(stack.shape[1], stack.shape[0]))
    else:
        quality([Path(path) for path in given.rest], given.iterations)


if __name__ == "__main__":
    main()
