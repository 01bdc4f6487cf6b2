"""Fig. 2a: cubes of 3, 4 and 6 pixels, in focus and out of focus."""

from pathlib import Path

import numpy as np

from holodriver.scores.psnr_ssim import psnr
from holodriver.study.drawing import WIDTH, save, show, styled
from holodriver.study.measures import half_light_diameter
from holodriver.study.methods import DCGH, NCGH, NET, OPT
from holodriver.study.scenes import CUBES, GREY, cell, cube_corners, nearest_plane
from holodriver.study.work import Outcome, Work

SIZE = 144
"""Side of the scene, pixels."""
METHODS = (DCGH, NCGH, OPT, NET)
FOCI = {"in focus": 0.0, "half out of focus": 0.5, "out of focus": 1.0}
"""Normalised depth of each focus."""
RENDERED = "rendered"
REACH = 1.35
"""Distance round a cube within which its light is measured, in radii of the largest blur."""


def cubes(work: Work, path: Path) -> Outcome:
    """Show white squares at the near plane by each method, and measure the circle with half of their light."""
    scene = work.scenes.cubes(SIZE)
    stack = scene.stack
    planes = {name: nearest_plane(stack, t) for name, t in FOCI.items()}
    pictures = {RENDERED: [stack.images[n] for n in planes.values()]}
    for method in METHODS:
        field = work.methods.field(method, scene).field
        pictures[method] = [field.intensity(float(stack.positions[n])) for n in planes.values()]
    corners = cube_corners(SIZE)
    reach = REACH * (stack.coc_max / 2 + max(CUBES) / 2)
    rows, diameters = [], {}
    for method, seen in pictures.items():
        for corner, side in zip(corners, CUBES, strict=True):
            cut = cell(corner, reach)
            middle = (corner[0] - cut[0].start + (side - 1) / 2, corner[1] - cut[1].start + (side - 1) / 2)
            found = [half_light_diameter(p.mean(0)[cut], GREY, middle) for p in seen]
            likeness = [psnr(p[:, *cut], r[:, *cut]) for p, r in zip(seen, pictures[RENDERED], strict=True)]
            diameters[method, side] = found
            rows.append((method, side, *(round(d, 2) for d in found), *_shown(likeness)))
    _draw(path, pictures, list(planes))
    numbers = {
        f"{name} {side} px, {focus}": diameters[name, side][n]
        for name, side in diameters
        for n, focus in enumerate(FOCI)
    }
    for method in METHODS:
        for side in CUBES:
            numbers[f"{method} share of blur, {side} px"] = diameters[method, side][-1] / diameters[RENDERED, side][-1]
    diameter = tuple(f"half-light diameter px, {focus}" for focus in FOCI)
    columns = ("method", "cube px", *diameter, *(f"PSNR dB, {focus}" for focus in FOCI))
    says = (
        f"White squares of 3, 4 and 6 px at t = 0 on grey at t = 1, {scene.size}, {stack.planes} planes, blur up to "
        f"{stack.coc_max:g} px; exact layered target.",
        "The half-light diameter is that of the circle which holds half of a square's light.",
    )
    return Outcome("Fig. 2a: cubes in and out of focus", columns, rows, numbers, says,
                   {name.replace(" ", "_"): np.stack(seen) for name, seen in pictures.items()})  # fmt: skip


def _shown(decibels: list[float]) -> list[float | None]:
    return [None if np.isinf(value) else round(value, 2) for value in decibels]


def _draw(path: Path, pictures: dict, foci: list[str]) -> None:
    half = 15  # px above and below the row of cubes
    rows = slice(SIZE // 2 - half, SIZE // 2 + half)
    with styled() as plt:
        height = len(pictures) * (WIDTH - 0.7) / len(foci) * (2 * half / SIZE) + 0.5
        figure, grid = plt.subplots(len(pictures), len(foci), figsize=(WIDTH, height), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0.01, hspace=0.01)
        for axes, (method, seen) in zip(grid, pictures.items(), strict=True):
            for place, picture, focus in zip(axes, seen, foci, strict=True):
                show(place, picture[:, rows])
                if method == RENDERED:
                    place.set_title(focus)
            axes[0].set_ylabel(_label(method), rotation=0, ha="right", va="center", labelpad=6)
        step = SIZE // len(CUBES)
        for n, side in enumerate(CUBES):
            grid[-1, 0].text(step * (n + 0.5), 2 * half + 1, f"{side} px", ha="center", va="top", fontsize=7)
        save(figure, path)


def _label(method: str) -> str:
    return "DEH" if method == OPT else method
