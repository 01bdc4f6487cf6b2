"""Figs. 3 and 4: front and rear focus of the wave fields, and of the panel's frames seen through the bench."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.panel.behind_slit import camera_exposure
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import simulated_bench
from holodriver.panel.lut import AmplitudeLut
from holodriver.scores.psnr_ssim import StackScores
from holodriver.scores.table import score_images
from holodriver.study.drawing import Tile, details_of, picture_grid, save, styled
from holodriver.study.looks import pictures
from holodriver.study.methods import FLAT, NCGH, NET, OPT, QNET
from holodriver.study.scenes import Scene
from holodriver.study.store import ARRAYS, Arrays
from holodriver.study.work import Outcome, Work

SCORES = ("psnr", "ssim", "psnr_srgb", "ssim_srgb")
ENDS = ("PSNR dB front", "SSIM front", "PSNR dB rear", "SSIM rear")
COLUMNS = ("method", "PSNR dB", "SSIM", "PSNR dB sRGB", "SSIM sRGB", *ENDS)


def simulation(work: Work, path: Path) -> Outcome:
    """Fig. 3: the wave fields themselves, with the all-in-focus image and the depth."""
    scene = work.scenes.shown()
    stack = scene.stack
    scores, ends = {}, {}
    for method in (OPT, NET, QNET, NCGH, FLAT):
        images = work.methods.field(method, scene).field.intensities(stack.positions.tolist())
        scores[method] = score_images(method, images, stack)
        ends[method] = images[[0, -1]]
    shown = (OPT, NET, NCGH)
    top = [Tile(stack.all_in_focus, "all in focus"), Tile(stack.images[0], "rendered")]
    bottom = [Tile(stack.all_in_focus_depth, "depth (near dark)"), Tile(stack.images[-1], "rendered")]
    for method in shown:
        for row, end in ((top, 0), (bottom, -1)):
            row.append(Tile(ends[method][end], "DEH" if method == OPT else method, _told(scores[method], end)))
    _draw(path, [top, bottom], scene)
    title = "Fig. 3: front and rear focus of the wave fields"
    numbers = _numbers(scores)
    return Outcome(title, COLUMNS, [_row(s) for s in scores.values()], numbers, (_of(scene), "No fitted scale."))


def experiment(work: Work, path: Path) -> Outcome:
    """Fig. 4: DEHNet against nCGH, from 8-bit panel frames through slit and lens of the simulated bench."""
    scene = work.scenes.shown()
    stack = scene.stack
    methods = (NET, QNET, NCGH, FLAT)
    seen = through_bench(work, scene, methods)
    scores = {method: score_images(method, images, stack) for method, images in seen.items()}
    rows: list[list[Tile | None]] = []
    for end in (0, -1):
        tiles: list[Tile | None] = [Tile(stack.images[end], "rendered")]
        tiles += [Tile(seen[method][end], method, _told(scores[method], end)) for method in (NET, NCGH)]
        rows.append(tiles)
    _draw(path, rows, scene)
    says = (
        _of(scene),
        "Burch-encoded 8-bit frames of one common gain, seen by a camera behind the slit of the simulated bench: "
        "a simulation of the experiment, no panel was lit.",
    )
    title = "Fig. 4: front and rear focus of the panel's frames"
    return Outcome(title, COLUMNS, [_row(s) for s in scores.values()], _numbers(scores), says)


def through_bench(
    work: Work, scene: Scene, methods: Sequence[str], positions: Sequence[float] | None = None
) -> dict[str, NDArray[np.float32]]:
    """Pictures (N, C, H, W) that a camera behind the slit takes of each method's frames, which have one gain.

    Args:
        positions: normalised depths of the focus; those of the scene's planes unless given.
    """
    planes = scene.stack.positions.tolist() if positions is None else list(positions)

    def compute() -> Arrays:
        fields = {method: work.methods.field(method, scene).field for method in methods}
        gains = automatic_gains(fields.values())
        luts = AmplitudeLut.simulated_panel(work.display.wavelengths)
        found: Arrays = {}
        for method, field in fields.items():
            frames = encode(field, gains, luts)
            bench, exposure = simulated_bench(frames), camera_exposure(field.profile, gains)
            found[method] = pictures(bench, frames, exposure, planes)
            work.progress("Looking through the bench", len(found), len(methods), method)
        return found

    inputs = {
        "scene": scene.key,
        "methods": list(methods),
        "positions": planes,
        "display": work.display.as_dict(),
        "weights": work.methods.weights_digest,
        "iterations": work.settings.iterations,
    }
    return work.store.keep("seen", inputs, ARRAYS, compute).value


def _draw(path: Path, rows: Sequence[Sequence[Tile | None]], scene: Scene) -> None:
    boxes = details_of(scene.stack.images[0], scene.stack.images[-1])
    with styled() as plt:
        save(picture_grid(plt, rows, ("front focus", "rear focus"), boxes), path)


def _told(scores: StackScores, plane: int) -> str:
    return f"{scores.psnr[plane]:.1f} dB / {scores.ssim[plane]:.2f}"


def _row(result: StackScores) -> tuple:
    s, mean = result, result.means()
    values = [mean[name] for name in SCORES] + [s.psnr[0], s.ssim[0], s.psnr[-1], s.ssim[-1]]
    return (s.name, *(round(value, 4) for value in values))


def _numbers(scores: dict[str, StackScores]) -> dict[str, float]:
    return {f"{method} {score}": result.means()[score] for method, result in scores.items() for score in SCORES}


def _of(scene: Scene) -> str:
    return f"{scene.name}, {scene.size}, {scene.stack.planes} planes, means over planes."
