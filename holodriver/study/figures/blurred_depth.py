"""Fig. 9: the depth map of an all-in-focus picture against one that considers defocus blur."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.scene.stack import FocalStack
from holodriver.study.depth_errors import JUMP
from holodriver.study.drawing import WIDTH, Box, crop, frame, save, show, styled
from holodriver.study.work import Outcome, Work
from holodriver.synthesis.loss import LossWeights

SHARE = 0.34
"""Side of the enlarged part, as a share of the picture's shorter side."""
MIDDLE = 0.5
"""Normalised depth between front and rear if the part has no gap between its depths."""


def blurred_depth(work: Work, path: Path) -> Outcome:
    """Compare both depth maps at rear focus: the border of the rear object, and the RMS difference `at_odds`."""
    scene = work.scenes.shown()
    stack = scene.stack
    sharp, blurred = stack.all_in_focus_depth, stack.depths[-1]
    box = _most_changed(stack)
    level = _gap(crop(sharp, box))
    rear = {"all-in-focus depth": crop(sharp, box) > level, "blur-considered depth": crop(blurred, box) > level}
    _draw(path, stack, box, rear)
    maps = {"all-in-focus depth": sharp, "blur-considered depth": blurred}
    rows: list[tuple] = []
    numbers: dict[str, float] = {}
    for name, where in rear.items():
        conflict = at_odds(stack, maps[name])
        rows.append((name, round(float(where.mean()), 4), round(conflict, 4)))
        numbers[f"rear share, {name}"], numbers[f"at odds, {name}"] = float(where.mean()), conflict
    says = (
        f"{scene.name}, {scene.size}; the detail of {box[2]} px at row {box[0]}, column {box[1]} is the one in which "
        f"the two depth maps differ most; surfaces behind t = {level:.2f} count as rear.",
        "The blur-considered depth is the front-most of ten one-ray samples at the rear focal plane. In this plane the "
        "second term of Eq. 2 asks for the sharp picture wherever the depth map is in focus. The RMS is its difference "
        "from the camera's picture over the whole picture, with the weights of Eq. 2.",
    )
    columns = ("rear object by", "share of the detail", "RMS difference from the rear-focused picture")
    arrays = {"all_in_focus_depth": sharp, "rear_focus_depth": blurred, "box": np.array(box)}
    return Outcome("Fig. 9: all-in-focus against blur-considered depth", columns, rows, numbers, says, arrays)


def at_odds(stack: FocalStack, depth: NDArray[np.floating]) -> float:
    """RMS difference of the last plane's picture from the all-in-focus image, weighted as in Eq. 2's second term.

    Args:
        stack: focal stack.
        depth: normalised depth (H, W) for the weights.
    """
    gamma = LossWeights.for_planes(stack.planes).gamma
    weight = np.exp(-2 * (gamma * (depth.astype(np.float64) - float(stack.positions[-1]))) ** 2)
    square = np.square(stack.images[-1].astype(np.float64) - stack.all_in_focus).mean(0)
    total = float(weight.sum())
    return float(np.sqrt((weight * square).sum() / total)) if total else 0.0


def _most_changed(stack: FocalStack) -> Box:
    """Place in which most pixels differ between the two depth maps."""
    side = round(SHARE * min(stack.shape))
    changed = (stack.all_in_focus_depth - stack.depths[-1] > JUMP).astype(np.float32)
    count = cv2.boxFilter(changed, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT)
    half = side // 2
    inside = count[half : stack.shape[0] - half, half : stack.shape[1] - half]
    y, x = np.unravel_index(int(inside.argmax()), inside.shape)
    return int(y), int(x), side


def _gap(depth: NDArray[np.floating]) -> float:
    """Depth between front and rear: the middle of the widest gap between the values of `depth`."""
    values = np.unique(depth)
    if len(values) < 2:
        return MIDDLE
    low, high = np.quantile(depth, (0.02, 0.98))
    values = values[(values >= low) & (values <= high)]
    if len(values) < 2:
        return MIDDLE
    at = int(np.diff(values).argmax())
    return float((values[at] + values[at + 1]) / 2)


def _draw(path: Path, stack: FocalStack, box: Box, rear: dict[str, NDArray[np.bool_]]) -> None:
    red = "#e6261f"
    sharp, rear_focus = stack.all_in_focus, stack.images[-1]
    plain, considered = rear.values()
    with styled() as plt:
        figure, grid = plt.subplots(2, 3, figsize=(WIDTH, WIDTH * 0.735), layout="constrained")
        figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
        (a, b, c), (d, e, f) = grid
        show(a, sharp)
        frame(a, box, "white")
        show(b, crop(stack.all_in_focus_depth, box))
        show(c, crop(stack.depths[-1], box))
        for axes, picture, where in (
            (d, sharp, plain), (e, rear_focus, plain), (f, rear_focus, considered)
        ):  # fmt: skip
            show(axes, crop(picture, box))
            axes.contour(where.astype(float), levels=[0.5], colors=red, linewidths=1.0)
        for axes, text in zip(grid.ravel(), (
            "a  all in focus", "b  all-in-focus depth", "c  blur-considered depth, rear focus",
            "d  rear by b, all in focus", "e  rear by b, rear focus", "f  rear by c, rear focus",
        ), strict=True):  # fmt: skip
            axes.set_title(text, loc="left")
        save(figure, path)
