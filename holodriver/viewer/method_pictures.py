"""What the viewer shows: pictures of every focal plane by each method, scored and small enough for a page."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.images import srgb_pixels
from holodriver.panel.frames import PanelFrames
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import SCORES, StackScores, score_stack, smallest_size

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

RENDERED = "rendered"
"""Name of what a focal stack of a scene shows."""


@dataclass(frozen=True)
class Method:
    """One way to the pictures of all focal planes: rendered, or a hologram of some kind."""

    name: str
    seen: str
    """What was looked at: "focal stack", "panel frames", "wave field"."""
    pictures: tuple[Pixels, ...]
    """(h, w, 3) sRGB for each focal plane, red first, of the page's size."""
    scores: StackScores | None = None
    """Of the full size, against the focal stack."""
    frames: PanelFrames | None = None
    frames_note: str | None = None
    """What is to be known about the frames."""
    notes: tuple[str, ...] = ()
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """What its file says of it: field and value."""


def method_of(
    name: str,
    seen: str,
    planes: Iterable[Floats],
    size: tuple[int, int],
    *,
    against: FocalStack | None = None,
    frames: PanelFrames | None = None,
    frames_note: str | None = None,
    notes: Sequence[str] = (),
    facts: Sequence[tuple[str, str]] = (),
    progress: Progress = silent,
    count: int = 0,
) -> Method:
    """A method of its pictures (C, H, W), linear light, one at a time, so that a large sweep never stands in memory.

    Args:
        name: for the reader.
        seen: what was looked at.
        planes: of each focal plane, in order.
        size: (width, height) of the page's pictures.
        against: exposed focal stack to score against; one that is too small to score gives no scores.
        frames: panel frames, shown beside the pictures.
        frames_note: what is to be known about them.
        notes: sentences for the reader.
        facts: what the file says of it.
        progress: called for each plane, of `count`.

    Raises:
        InputError: more than three colours.
    """
    pictures: list[Pixels] = []
    scores: list[StackScores] = []
    for plane, light in enumerate(planes):
        if against is not None and min(against.shape) >= smallest_size(against.coc_max):
            target = against.images[plane : plane + 1]
            scores.append(score_stack(light[None], target, coc_max=against.coc_max))
        pictures.append(srgb_pixels(shrunk(light, size)))
        progress(f"Looking at {name}", plane + 1, count)
    columns: Any = (tuple(getattr(one, key)[0] for one in scores) for key in SCORES[:4])
    joined = StackScores(*columns) if scores else None
    return Method(name, seen, tuple(pictures), joined, frames, frames_note, tuple(notes), tuple(facts))


def shrunk(light: Floats, size: tuple[int, int]) -> Floats:
    """Light (C, H, W) or (H, W) averaged down to `size` (width, height); as it is if that is its size."""
    if light.shape[-2:] == size[::-1]:
        return light
    channels = light if light.ndim == 3 else light[None]
    resized = [cv2.resize(np.ascontiguousarray(c), size, interpolation=cv2.INTER_AREA) for c in channels]
    small = np.stack(resized).astype(np.float32)
    return small if light.ndim == 3 else small[0]


def page_size(shape: tuple[int, int], width: int) -> tuple[int, int]:
    """(width, height) of pictures (H, W) that are at most `width` pixels wide.

    Raises:
        InputError: `width` is too small for anything to be seen.
    """
    if width < 16:
        raise InputError(f"pictures of {width} pixels show nothing, expected at least 16", where="--width")
    height, full = shape
    if full <= width:
        return full, height
    return width, max(1, round(height * width / full))
