"""Figs. 6 and 7: pictures with wrong depth, like the depth from networks and depth cameras."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.dehnet.synthesiser import exposure_of
from holodriver.depth.completion import completed
from holodriver.files.rgbd import read_rgbd
from holodriver.optics.colour import srgb_encode
from holodriver.optics.focus import positions
from holodriver.scene.rgbd import MeasuredDepth, RgbdImage
from holodriver.scene.stack import FocalStack
from holodriver.study.depth_errors import (
    MONOCULAR,
    DepthErrors,
    EdgeLight,
    darkest,
    edge_light,
    measured,
    noisy,
)
from holodriver.study.drawing import FRAMES, WIDTH, Box, crop, details_of, frame, save, show, styled
from holodriver.study.figures.focus import through_bench
from holodriver.study.methods import NCGH, NET, changed
from holodriver.study.scenes import Scene
from holodriver.study.store import folder_digest
from holodriver.study.work import Outcome, Work

NOISE_SEED = 7
DETAIL = 0.25
"""Side of a detail, as a share of the picture's shorter side."""
STEPS = 6
"""Number of focal distances of the small pictures."""
RENDERED = "rendered"


@dataclass(frozen=True)
class _Given:
    """A picture with depth."""

    scene: Scene
    """Scene with the depth that methods are given."""
    true: FocalStack | None
    """True focal stack of the scene, if it is known."""
    says: tuple[str, ...]
    """Sentences on the picture."""


def real_world(work: Work, path: Path) -> Outcome:
    """Fig. 6: DEHNet and nCGH from a picture with noisy depth, at several focal distances."""
    given = _photo(work) if work.settings.rgbd else _with_errors(work)
    stack = given.scene.stack
    foci = np.linspace(0, work.display.dioptres(0), STEPS)
    depths = [work.display.depth_at(float(value)) for value in foci]
    fields = {method: work.methods.field(method, given.scene).field for method in (NET, NCGH)}
    views = {method: field.intensities(depths) for method, field in fields.items()}
    rows: list[tuple] = []
    numbers: dict[str, float] = {}
    place = _edge_place(stack)
    if given.true is not None:
        true = given.true
        planes = true.positions.tolist()
        seen = {method: field.intensities(planes) for method, field in fields.items()}
        place = (*darkest(seen[NCGH], true, _side(true)), _side(true))
        lights = {RENDERED: edge_light(true.images, true)}
        lights |= {method: edge_light(images, true) for method, images in seen.items()}
        rows, numbers = _table(lights)
    boxes = (details_of(views[NET][-1], views[NET][0])[0], place)
    _draw_foci(path, stack, views, foci.tolist(), boxes)
    columns = ("method", "light at depth edges", "dark pixels there, %", "dark pixels elsewhere, %")
    arrays = {f"{method}_views": images for method, images in views.items()} | {"dioptres": foci}
    return Outcome("Fig. 6: a picture with noisy depth", columns, rows, numbers, given.says, arrays)


def holes(work: Work, path: Path) -> Outcome:
    """Fig. 7: DEHNet and nCGH from a depth camera's depth with filled holes, seen through the simulated bench."""
    scene = work.scenes.shown()
    stack = scene.stack
    raw = measured(stack.all_in_focus_depth, stack.all_in_focus, NOISE_SEED)
    estimate = 1 - noisy(stack.all_in_focus_depth, MONOCULAR, NOISE_SEED)
    pixels = np.rint(255 * srgb_encode(stack.all_in_focus)).astype(np.uint8).transpose(1, 2, 0)
    filled = (1 - completed(MeasuredDepth(1 - raw), estimate, pixels)).clip(0, 1).astype(np.float32)
    given = changed(scene, "depth with filled holes", all_in_focus_depth=filled)
    seen = through_bench(work, given, (NET, NCGH))
    lights = {RENDERED: edge_light(stack.images, stack)}
    lights |= {method: edge_light(images, stack) for method, images in seen.items()}
    rows, numbers = _table(lights)
    known = np.isfinite(raw)
    error = np.abs(filled - stack.all_in_focus_depth)
    numbers |= {
        "holes": float(1 - known.mean()),
        "depth error measured": float(np.abs(raw - stack.all_in_focus_depth)[known].mean()),
        "depth error in filled holes": float(error[~known].mean()) if not known.all() else 0.0,
    }
    _draw_holes(path, stack, raw, filled, seen)
    says = (
        f"{scene.name}, {scene.size}; a simulated depth camera leaves {numbers['holes']:.1%} holes; its mean error "
        f"elsewhere is {numbers['depth error measured']:.3f}, and that of the filled holes "
        f"{numbers['depth error in filled holes']:.3f} (normalised depth).",
        "Holes are filled by holodriver.depth.completion from a simulated monocular estimate; no pretrained network "
        "was used. The pictures are of 8-bit panel frames seen through the simulated bench.",
    )
    columns = ("method", "light at depth edges", "dark pixels there, %", "dark pixels elsewhere, %")
    return Outcome("Fig. 7: measured depth with holes, filled", columns, rows, numbers, says,
                   {"depth_with_holes": raw, "depth_filled": filled})  # fmt: skip


def _with_errors(work: Work) -> _Given:
    scene = work.scenes.shown()
    rough = noisy(scene.stack.all_in_focus_depth, DepthErrors(), NOISE_SEED)
    off = float(np.abs(rough - scene.stack.all_in_focus_depth).mean())
    says = (
        f"{scene.name}, {scene.size}, with depth errors like those of a network or a sensor: blurred and misplaced "
        f"edges, slow errors, noise, 8 bits; the mean error is {off:.3f} of the range. --rgbd takes a photo instead.",
    )
    return _Given(changed(scene, "noisy depth", all_in_focus_depth=rough), scene.stack, says)


def _photo(work: Work) -> _Given:
    path = work.settings.rgbd
    assert path is not None
    image = _at_most(read_rgbd(path), max(work.settings.wide))
    light = image.color * np.float32(exposure_of(image.color))
    planes = positions(3).astype(np.float32)
    # the stack only holds picture and depth: DEHNet and nCGH use nothing else
    stack = FocalStack(np.stack([light] * 3), np.stack([image.depth] * 3), light, image.depth, planes, image.mapping,
                       work.display.coc_max)  # fmt: skip
    scene = Scene(stack, folder_digest(path) + f"-{image.shape[1]}x{image.shape[0]}", path.name)
    return _Given(scene, None, (f"{path.name}, {scene.size}, with its own depth; there is no true focal stack.",))


def _at_most(image: RgbdImage, side: int) -> RgbdImage:
    """Shrink an image so that no side is longer than `side` pixels; depth is that of the nearest pixel."""
    scale = side / max(image.shape)
    if scale >= 1:
        return image
    size = round(image.shape[1] * scale), round(image.shape[0] * scale)
    color = cv2.resize(image.color.transpose(1, 2, 0), size, interpolation=cv2.INTER_AREA)
    depth = np.asarray(cv2.resize(image.depth, size, interpolation=cv2.INTER_NEAREST), np.float32)
    return RgbdImage(np.ascontiguousarray(color.transpose(2, 0, 1)), depth, image.mapping, image.provenance)


def _side(stack: FocalStack) -> int:
    return max(16, round(DETAIL * min(stack.shape)))


def _edge_place(stack: FocalStack) -> Box:
    """The detail with the steepest depth, for pictures without a true focal stack."""
    side = _side(stack)
    slope = np.hypot(*np.gradient(stack.all_in_focus_depth.astype(np.float64)))
    count = cv2.boxFilter(slope, -1, (side, side), borderType=cv2.BORDER_CONSTANT)
    half = side // 2
    inside = count[half : stack.shape[0] - half, half : stack.shape[1] - half]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(y), int(x), side


def _table(lights: dict[str, EdgeLight]) -> tuple[list[tuple], dict[str, float]]:
    rows = [
        (name, round(light.mean, 3), round(100 * light.dark, 2), round(100 * light.elsewhere, 2))
        for name, light in lights.items()
    ]
    return rows, {f"{name} dark at edges": light.dark for name, light in lights.items()}


def _draw_foci(
    path: Path, stack: FocalStack, views: dict[str, NDArray], dioptres: list[float], boxes: Sequence[Box]
) -> None:
    tall = stack.shape[0] / stack.shape[1]
    with styled() as plt:
        large, small = WIDTH / 3 * tall, WIDTH / STEPS
        figure = plt.figure(figsize=(WIDTH, 2 * large + 4 * small + 0.9), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.015, h_pad=0.015, wspace=0.0, hspace=0.0, rect=(0, 0, 1, 0.985))
        upper, lower = figure.subfigures(2, 1, height_ratios=(2 * large + 0.45, 4 * small + 0.35))
        grid = upper.subplots(2, 3)
        for row, (method, images), given, title in zip(
            grid, views.items(), (stack.all_in_focus, stack.all_in_focus_depth), ("all in focus", "depth given"),
            strict=True,
        ):  # fmt: skip
            show(row[0], given)
            row[0].set_title(title)
            for axes, picture, focus in ((row[1], images[-1], "front focus"), (row[2], images[0], "rear focus")):
                show(axes, picture)
                axes.set_title(f"{method}, {focus}")
                for box, colour in zip(boxes, FRAMES, strict=True):
                    frame(axes, box, colour)
        strips = lower.subplots(2 * len(boxes), STEPS)
        for n, (box, colour) in enumerate(zip(boxes, FRAMES, strict=True)):
            for m, (method, images) in enumerate(views.items()):
                row = strips[2 * n + m]
                for axes, image, value in zip(row, images, dioptres, strict=True):
                    show(axes, crop(image, box))
                    if n == m == 0:
                        axes.set_title(f"{value:.1f} D")
                    for spine in axes.spines.values():
                        spine.set(visible=True, color=colour, linewidth=0.9)
                row[0].set_ylabel(method)
        save(figure, path)


def _draw_holes(path: Path, stack: FocalStack, raw: NDArray, filled: NDArray, seen: dict[str, NDArray]) -> None:
    side = _side(stack)
    box = (*darkest(seen[NCGH], stack, side), side)
    shown: list[tuple[str, Any]] = [
        ("colour", stack.all_in_focus),
        ("depth with holes", np.where(np.isfinite(raw), 0.9 * np.nan_to_num(raw), 1.0)),
        ("depth with filled holes", 0.9 * filled),
    ]
    tall = stack.shape[0] / stack.shape[1]
    with styled() as plt:
        large, small = WIDTH / 3 * tall + 0.2, 2 * WIDTH / 6 + 0.25
        figure = plt.figure(figsize=(WIDTH, large + small), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.015, h_pad=0.03, wspace=0.0, hspace=0.0, rect=(0, 0, 1, 0.985))
        upper, lower = figure.subfigures(2, 1, height_ratios=(large, small))
        for axes, (title, picture) in zip(upper.subplots(1, 3), shown, strict=True):
            show(axes, picture)
            axes.set_title(title)
            frame(axes, box, FRAMES[0])
        grid = lower.subplots(2, 6)
        for row, plane, focus in zip(grid, (0, -1), ("front focus", "rear focus"), strict=True):
            target = stack.images[plane]
            tiles = [("cropped", stack.all_in_focus), ("rendered", target)]
            tiles += [(method, images[plane]) for method, images in seen.items()]
            for axes, (title, picture) in zip(row, tiles, strict=False):
                show(axes, crop(picture, box))
                axes.set_title(title if plane == 0 else "")
            for axes, (method, images) in zip(row[len(tiles) :], seen.items(), strict=True):
                show(axes, crop(np.abs(images[plane] - target).mean(0), box), cmap="magma", vmin=0, vmax=0.4)
                axes.set_title(f"|{method} − rendered|" if plane == 0 else "", fontsize=7)
            row[0].set_ylabel(focus)
        save(figure, path)
