"""Studies of what the optimiser is asked for: planes, weights, depth maps, and the measure of likeness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.optics.field import WaveField
from holodriver.scores.table import score_images
from holodriver.study.drawing import WIDTH, bars, curves, marked, save, styled
from holodriver.study.measures import in_focus_psnr
from holodriver.study.methods import OPT, changed
from holodriver.study.ms_ssim import ADAM_MSE, MS_SSIM, mean_ms_ssim, optimise_by_adam
from holodriver.study.scenes import Scene
from holodriver.study.settings import shown_on
from holodriver.study.store import FIELD, Timed, digest, with_positions
from holodriver.study.work import Outcome, Work
from holodriver.synthesis.loss import LossWeights

MEASURES = {"psnr": "PSNR dB", "ssim": "SSIM", "in focus": "in-focus PSNR dB"}
DENSE = 41
"""Planes of the layered scenes on which numbers of planes are compared."""
SHARES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)
"""β in the paper's, which is N − 1."""
ATTENTIONS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0)
"""γ in the paper's, which is 2·(N − 1)."""
LOSS_SIDE = 128
"""Pixels of the middle of each scene on which MS-SSIM is minimised: autograd takes its time."""
MOST_STEPS = 100
"""Of Adam, which at this rate converges in 50 to 100 on layered scenes."""


@dataclass(frozen=True)
class Point:
    """One value of what is varied: the scores of every scene."""

    value: Any
    scores: tuple[dict[str, float], ...]

    def mean(self, name: str) -> float:
        """Over scenes."""
        return float(np.mean([score[name] for score in self.scores]))

    def spread(self, name: str) -> float:
        """Standard deviation over scenes."""
        return float(np.std([score[name] for score in self.scores]))


def measured(field: WaveField, scene: Scene) -> dict[str, float]:
    """Scores of a field on a scene."""
    images = field.intensities(scene.stack.positions.tolist())
    mean = score_images("", images, scene.stack).means()
    return {"psnr": mean["psnr"], "ssim": mean["ssim"], "in focus": in_focus_psnr(images, scene.stack)}


def planes(work: Work, path: Path) -> Outcome:
    """Holograms that know every n-th plane alone, scored on all planes."""
    own = not work.settings.stacks
    scenes = _dense(work) if own else work.scenes.several()
    most = min(scene.stack.planes for scene in scenes) - 1
    counts = [most // step + 1 for step in range(most, 0, -1) if most % step == 0]
    points = []
    for count in counts:
        scores = []
        for scene in scenes:
            chosen = np.arange(0, scene.stack.planes, (scene.stack.planes - 1) // (count - 1))
            fewer = Scene(with_positions(scene.stack, chosen), digest(scene.key, chosen.tolist()), scene.name)
            scores.append(measured(work.methods.field(OPT, fewer).field, scene))
        points.append(Point(count, tuple(scores)))
        work.progress("Varying planes", len(points), len(counts))
    says = _said(scenes, f"targets of every n-th plane, scored on all {most + 1}; β and γ follow their number")
    best = max(points, key=lambda point: point.mean("psnr"))
    numbers = _numbers(points) | {"best planes": float(best.value)}
    enough = next(point.value for point in points if point.mean("psnr") > best.mean("psnr") - 0.1)
    numbers["planes within 0.1 dB of the best"] = float(enough)
    return _outcome(work, path, "Number of planes", "planes", points, numbers, says, paper=21)


def beta(work: Work, path: Path) -> Outcome:
    """Weight of the all-in-focus term."""

    def options(scene: Scene, share: float) -> dict[str, float]:
        return {"beta": share * (scene.stack.planes - 1)}

    return _vary(work, path, "Weight β of the all-in-focus term", "β / (N − 1)", SHARES, options, paper=1.0)


def gamma(work: Work, path: Path) -> Outcome:
    """Depth attention of the all-in-focus term."""

    def options(scene: Scene, share: float) -> dict[str, float]:
        return {"gamma": share * 2 * (scene.stack.planes - 1)}

    return _vary(
        work,
        path,
        "Depth attention γ of the all-in-focus term",
        "γ / 2(N − 1)",
        ATTENTIONS,
        options,
        paper=1.0,
        log=True,
    )


def all_in_focus(work: Work, path: Path) -> Outcome:
    """With and without the all-in-focus term."""
    scenes = work.scenes.several()
    cases: dict[str, dict[str, float]] = {"with": {}, "without": {"beta": 0.0}}
    points = [
        Point(name, tuple(measured(work.methods.field(OPT, scene, options).field, scene) for scene in scenes))
        for name, options in cases.items()
    ]
    gain = {name: points[1].mean(name) - points[0].mean(name) for name in MEASURES}
    numbers = _numbers(points) | {f"gain without, {name}": value for name, value in gain.items()}
    return _compared(path, "The all-in-focus term", "all-in-focus term", points, numbers, _said(scenes))


def depth(work: Work, path: Path) -> Outcome:
    """The all-in-focus depth map against blur-considered ones in the second term of Eq. 2."""
    scenes = work.scenes.several()
    points = []
    for name in ("all-in-focus", "blur-considered"):
        scores = []
        for scene in scenes:
            stack = scene.stack
            sharp = np.ascontiguousarray(np.broadcast_to(stack.all_in_focus_depth, stack.depths.shape))
            given = scene if name == "blur-considered" else changed(scene, "all-in-focus depth", depths=sharp)
            scores.append(measured(work.methods.field(OPT, given).field, scene))
        points.append(Point(name, tuple(scores)))
    gain = {name: points[1].mean(name) - points[0].mean(name) for name in MEASURES}
    numbers = _numbers(points) | {f"gain of blur-considered, {name}": value for name, value in gain.items()}
    return _compared(path, "Depth maps of the all-in-focus term", "depth map", points, numbers, _said(scenes))


def loss(work: Work, path: Path) -> Outcome:
    """Eq. 2 by the mean square and by MS-SSIM."""
    scenes = [_middle(scene, LOSS_SIDE) for scene in work.scenes.several()]
    points = []
    kinds = ("MSE (OPT)", ADAM_MSE, MS_SSIM)
    for name in kinds:
        scores = []
        for scene in scenes:
            field = work.methods.field(OPT, scene).field if name == kinds[0] else _by_adam(work, scene, name)
            scores.append(measured(field, scene) | _of_structure(scene, field))
        points.append(Point(name, tuple(scores)))
        work.progress("Minimising", len(points), len(kinds), name)
    numbers = _numbers(points, ("psnr", "ssim", "in focus", "ms-ssim", "defects"))
    steps = min(work.settings.iterations, MOST_STEPS)
    says = _said(
        scenes,
        f"MSE is Eq. 2; MS-SSIM replaces both of its squares by 1 − MS-SSIM; both by the same Adam, {steps} "
        "steps, from flat phase; defects are the pixels that are off by more than 0.2 of full scale",
    )
    extra = {"ms-ssim": "MS-SSIM", "defects": "defects %"}
    return _compared(path, "Measure of likeness", "loss", points, numbers, says, MEASURES | extra)


def _by_adam(work: Work, scene: Scene, name: str) -> WaveField:
    profile = shown_on(work.display, scene.stack.shape)
    weights = LossWeights.for_planes(scene.stack.planes)
    steps = min(work.settings.iterations, MOST_STEPS)
    inputs = {"scene": scene.key, "loss": name, "steps": steps, "display": profile.as_dict()}

    def compute() -> Timed:
        return optimise_by_adam(scene.stack, profile, weights, kind=name, steps=steps, progress=work.progress)

    return work.store.keep(name.replace(" ", "-"), inputs, FIELD, compute).value.field


def _of_structure(scene: Scene, field: WaveField) -> dict[str, float]:
    """MS-SSIM over planes and the share of pixels that are far off, in percent."""
    images = field.intensities(scene.stack.positions.tolist())
    off = np.abs(images - scene.stack.images).max(1) > 0.2
    return {"ms-ssim": mean_ms_ssim(images, scene.stack.images), "defects": 100 * float(off.mean())}


def _middle(scene: Scene, side: int) -> Scene:
    """The middle of a scene, at most `side` pixels wide and high."""
    rows, columns = (slice((n - min(n, side)) // 2, (n + min(n, side)) // 2) for n in scene.stack.shape)
    if (rows.stop - rows.start, columns.stop - columns.start) == scene.stack.shape:
        return scene
    stack = scene.stack
    part = replace(
        stack,
        images=stack.images[..., rows, columns],
        depths=stack.depths[..., rows, columns],
        all_in_focus=stack.all_in_focus[..., rows, columns],
        all_in_focus_depth=stack.all_in_focus_depth[rows, columns],
    )
    return Scene(part, digest(scene.key, "middle", side), f"{scene.name}, its middle")


def _dense(work: Work) -> list[Scene]:
    s = work.settings
    return [work.scenes.layered(s.seed + n, planes=DENSE) for n in range(s.scenes)]


def _vary(
    work: Work,
    path: Path,
    title: str,
    what: str,
    values: Sequence[float],
    options: Callable[[Scene, float], dict[str, float]],
    *,
    paper: float,
    log: bool = False,
) -> Outcome:
    scenes = work.scenes.several()
    points = []
    for value in values:
        fields = [work.methods.field(OPT, scene, options(scene, value)).field for scene in scenes]
        points.append(Point(value, tuple(map(measured, fields, scenes))))
        work.progress(f"Varying {what}", len(points), len(values))
    return _outcome(work, path, title, what, points, _numbers(points), _said(scenes), paper=paper, log=log)


def _outcome(
    work: Work,
    path: Path,
    title: str,
    what: str,
    points: list[Point],
    numbers: dict[str, float],
    says: tuple[str, ...],
    *,
    paper: float,
    log: bool = False,
) -> Outcome:
    x = [float(point.value) for point in points]
    with styled() as plt:
        figure, row = plt.subplots(1, 3, figsize=(WIDTH, 2.3), layout="constrained")
        for axes, (name, text) in zip(row, MEASURES.items(), strict=True):
            curves(axes, x, {OPT: [point.mean(name) for point in points]})
            if log:
                axes.set_xscale("log", base=2)
                axes.set_xticks(x, [f"{value:g}" for value in x])
            axes.set(xlabel=what, ylabel=text)
            marked(axes, paper, "paper")
        save(figure, path)
    columns, rows = table(what, points, MEASURES)
    return Outcome(title, columns, rows, numbers, says)


def _compared(
    path: Path,
    title: str,
    what: str,
    points: list[Point],
    numbers: dict[str, float],
    says: tuple[str, ...],
    measures: dict[str, str] = MEASURES,
) -> Outcome:
    names = [str(point.value) for point in points]
    with styled() as plt:
        figure, row = plt.subplots(1, len(measures), figsize=(WIDTH, 2.2), layout="constrained")
        for axes, (name, text) in zip(row, measures.items(), strict=True):
            values, spread = [point.mean(name) for point in points], [point.spread(name) for point in points]
            bars(axes, names, values, spread)
            for place, value in enumerate(values):
                place_above = (place, value + spread[place])
                axes.annotate(f"{value:.3g}", place_above, xytext=(0, 2), textcoords="offset points", ha="center",
                              fontsize=6.5)  # fmt: skip
            top = max(value + more for value, more in zip(values, spread, strict=True))
            low = 0.0 if name == "defects" else min(v - more for v, more in zip(values, spread, strict=True))
            axes.set_ylim(max(0.0, low - 0.6 * (top - low)), top + 0.15 * (top - low))
            axes.set_ylabel(text)
        save(figure, path)
    columns, rows = table(what, points, measures)
    return Outcome(title, columns, rows, numbers, says)


def table(what: str, points: list[Point], measures: dict[str, str]) -> tuple[tuple[str, ...], list[tuple]]:
    """Columns and rows: mean and standard deviation over scenes of each measure."""
    columns = (what, *(f"{text}{end}" for text in measures.values() for end in ("", " sd")))
    rows = [
        (point.value, *(round(v, 4) for name in measures for v in (point.mean(name), point.spread(name))))
        for point in points
    ]
    return columns, rows


def _numbers(points: list[Point], names: Sequence[str] = tuple(MEASURES)) -> dict[str, float]:
    return {f"{point.value} {name}": point.mean(name) for point in points for name in names}


def _said(scenes: Sequence[Scene], more: str = "") -> tuple[str, ...]:
    sizes = ", ".join(sorted({scene.size for scene in scenes}))
    names = ", ".join(scene.name for scene in scenes)
    said = f"{len(scenes)} scenes of {sizes}, {scenes[0].stack.planes} planes ({names}); means over planes and scenes."
    return (said, f"{more[0].upper()}{more[1:]}.") if more else (said,)
