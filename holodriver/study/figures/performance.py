"""Fig. 5: time and quality of the methods, at two sizes."""

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.panel.encoder import Encoder, automatic_gains
from holodriver.panel.lut import AmplitudeLut
from holodriver.scene.layered import focal_stack
from holodriver.scores.psnr_ssim import StackScores
from holodriver.study.drawing import INKS, WIDTH, bars, save, styled
from holodriver.study.methods import FLAT, NCGH, NET, OPT, QNET
from holodriver.study.scenes import Scene, disc_scene
from holodriver.study.settings import shown_on
from holodriver.study.store import JSON
from holodriver.study.work import Outcome, Work

METHODS = (OPT, NET, QNET, NCGH, FLAT)
LABELS = {OPT: "OPT", NET: "NET", QNET: "qNET", NCGH: "nCGH", FLAT: "flat"}
PAPER_STEPS = 500
WIDE_SCENES = 2
"""Layered scenes of the second size, where the user gave none: they cost minutes each."""
ENCODING = "encoding"


def performance(work: Work, path: Path) -> Outcome:
    """Seconds of each method and its PSNR and SSIM, over scenes, for each size of scene."""
    groups = _by_size(work)
    rows, numbers, says = [], {}, []
    panels = []
    for number, scenes in enumerate(groups):
        timing = timed(work, scenes[0])
        scores = {}
        for method in METHODS:
            scores[method] = [work.methods.scored(method, scene) for scene in scenes]
            work.progress("Scoring", len(scores), len(METHODS), f"{method}, {scenes[0].size}")
        tag = ("small", "wide")[min(number, 1)]
        for method, results in scores.items():
            means = [_over(results, name) for name in ("psnr", "ssim", "psnr_srgb", "ssim_srgb")]
            seconds = timing["seconds"].get(method)
            rows.append((scenes[0].size, method, len(scenes), seconds, *(round(v, 4) for pair in means for v in pair)))
            numbers[f"{tag} {method} psnr"], numbers[f"{tag} {method} ssim"] = means[0][0], means[1][0]
            if seconds is not None:
                numbers[f"{tag} {method} seconds"] = seconds
        numbers[f"{tag} height"], numbers[f"{tag} width"] = map(float, scenes[0].stack.shape)
        numbers[f"{tag} {ENCODING} seconds"] = timing["seconds"][ENCODING]
        numbers[f"{tag} {PAPER_STEPS} steps seconds"] = timing["step"] * PAPER_STEPS
        rows.append((scenes[0].size, ENCODING, "", timing["seconds"][ENCODING], *("",) * 8))
        panels.append((scenes, timing, scores))
        kinds = ", ".join(sorted({scene.name.rstrip(" 0123456789") for scene in scenes}))
        says.append(
            f"{scenes[0].size}: {len(scenes)} scenes ({kinds}), {scenes[0].stack.planes} planes. Times are medians of "
            f"{work.settings.rounds} alternated rounds on {timing['cores']} cores, {timing['machine']}, load before "
            f"{timing['load']:.1f}; OPT once, until it converged ({timing['steps']} steps in three colours; "
            f"{timing['step']:.3g} s for one step of three); runtimes {timing['runtimes']}. CUDA: not measured."
        )
    _draw(path, panels)
    pairs = ("PSNR dB", "SSIM", "PSNR dB sRGB", "SSIM sRGB")
    columns = ("size", "method", "scenes", "seconds", *(f"{name}{end}" for name in pairs for end in ("", " sd")))
    return Outcome("Fig. 5: time and quality", columns, rows, numbers, tuple(says))


def timed(work: Work, scene: Scene) -> dict[str, Any]:
    """Seconds of each method on one scene, measured once on this machine."""
    inputs = {
        "scene": scene.key,
        "iterations": work.settings.iterations,
        "rounds": work.settings.rounds,
        "weights": work.methods.weights_digest,
        "machine": [platform.node(), os.cpu_count()],
        "display": work.display.as_dict(),
    }
    return work.store.keep("timing", inputs, JSON, lambda: _measure(work, scene)).value


def _measure(work: Work, scene: Scene) -> dict[str, Any]:
    methods, profile = work.methods, shown_on(work.display, scene.stack.shape)
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    small = focal_stack(disc_scene(48), scene.stack.positions, scene.stack.coc_max, rays=8)
    methods.timed(OPT, small, shown_on(work.display, small.shape))  # compiles
    whole = methods.timed(OPT, scene.stack, profile)
    fast = {method: (lambda m=method: methods.timed(m, scene.stack, profile)) for method in (NET, QNET, NCGH, FLAT)}
    field = fast[NET]().field
    luts = AmplitudeLut.simulated_panel(profile.wavelengths)
    encoder = Encoder(profile, automatic_gains([field]), luts)
    works: dict[str, Callable[[], object]] = {**fast, ENCODING: lambda: encoder.encode(field.values)}
    seconds = alternated(works, work.settings.rounds)
    steps = sum(whole.notes["steps"])
    runtimes = {LABELS[m]: methods.network(m == QNET, profile).kind.name for m in (NET, QNET)}
    return {
        "seconds": {OPT: whole.seconds, **seconds},
        "steps": steps,
        "step": 3 * whole.seconds / steps,
        "runtimes": runtimes,
        "load": load,
        "cores": os.cpu_count(),
        "machine": platform.processor() or platform.machine(),
    }


def alternated(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each work, run in turns after one turn that warms up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn:
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def _by_size(work: Work) -> list[list[Scene]]:
    """Scenes of one size each, the smaller first; of the second size layered ones where none were given."""
    groups: dict[tuple[int, int], list[Scene]] = {}
    for scene in work.scenes.several():
        groups.setdefault(scene.stack.shape, []).append(scene)
    if len(groups) == 1:
        count = min(WIDE_SCENES, work.settings.scenes)
        wide = [work.scenes.layered(work.settings.seed + n, work.settings.wide) for n in range(count)]
        groups.setdefault(wide[0].stack.shape, []).extend(wide)
    return [groups[shape] for shape in sorted(groups, key=lambda shape: shape[0] * shape[1])][:2]


def _over(results: Sequence[StackScores], name: str) -> tuple[float, float]:
    values = [result.means()[name] for result in results]
    return float(np.mean(values)), float(np.std(values))


def _draw(path: Path, panels: list[tuple[list[Scene], dict[str, Any], dict[str, list[StackScores]]]]) -> None:
    with styled() as plt:
        figure, grid = plt.subplots(len(panels), 3, figsize=(WIDTH, 2.2 * len(panels) + 0.1), layout="constrained")
        for number, (row, (scenes, timing, scores)) in enumerate(zip(np.atleast_2d(grid), panels, strict=True)):
            names = [method for method in METHODS if method != FLAT]
            _bars(row[0], names, [timing["seconds"][m] for m in names], None, "{:.3g} s")
            row[0].set_yscale("log")
            row[0].yaxis.set_major_formatter(lambda value, place: f"{value:g}")
            row[0].yaxis.set_minor_formatter(lambda value, place: "")
            low, high = row[0].get_ylim()
            row[0].set_ylim(low, high * 3)
            row[0].set_ylabel("seconds")
            for axes, name, text, form in (
                (row[1], "psnr", "PSNR, dB", "{:.1f}"), (row[2], "ssim", "SSIM", "{:.3f}")
            ):  # fmt: skip
                over = [_over(scores[m], name) for m in METHODS]
                _bars(axes, list(METHODS), [mean for mean, _ in over], [sd for _, sd in over], form)
                axes.set_ylabel(text)
                lowest = min(mean - sd for mean, sd in over)
                highest = max(mean + sd for mean, sd in over)
                axes.set_ylim(max(0, lowest - 0.35 * (highest - lowest)), highest + 0.2 * (highest - lowest))
            for axes, letter in zip(row, "abcdef"[3 * number :], strict=False):
                axes.set_title(letter, loc="left", fontweight="bold")
            row[1].set_title(f"{scenes[0].size}, {len(scenes)} scenes", fontsize=8)
        save(figure, path)


def _bars(axes: Any, names: list[str], values: list[float], spread: list[float] | None, form: str) -> None:
    bars(axes, names, values, spread)
    axes.set_xticks(range(len(names)), [LABELS[name] for name in names])
    for place, value in enumerate(values):
        top = value + (spread[place] if spread else 0)
        axes.annotate(
            form.format(value), (place, top), xytext=(0, 3), textcoords="offset points", ha="center", va="bottom",
            fontsize=6.5, color=INKS["rendered"],
        )  # fmt: skip
