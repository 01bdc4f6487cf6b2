"""Pictures of every focal plane by each method, scored and reduced to the size of the viewer's page."""

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
"""Name of the pictures of a rendered focal stack."""


@dataclass(frozen=True)
class Method:
    """Pictures of all focal planes by one method: rendered, or from a hologram."""

    name: str
    seen: str
    """Source of the pictures: "focal stack", "panel frames" or "wave field"."""
    pictures: tuple[Pixels, ...]
    """Picture of each focal plane at the page's size, sRGB (h, w, 3), red first."""
    scores: StackScores | None = None
    """Scores at full size against the focal stack."""
    frames: PanelFrames | None = None
    """Panel frames of the hologram, which the page shows beside the pictures."""
    frames_note: str | None = None
    """Note for the reader on the panel frames."""
    notes: tuple[str, ...] = ()
    """Sentences for the reader."""
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """Metadata of the method's file, as names and values."""


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
    """Score and shrink a method's pictures one at a time, so that they are never all in memory at full size.

    Args:
        name: name of the method.
        seen: source of the pictures: "focal stack", "panel frames" or "wave field".
        planes: picture of each focal plane, linear light (C, H, W).
        size: (width, height) of the page's pictures, pixels.
        against: exposed focal stack to score against; there are no scores if it is too small.
        frames: panel frames, which the page shows beside the pictures.
        frames_note: note for the reader on the panel frames.
        notes: sentences for the reader.
        facts: metadata of the method's file, as names and values.
        progress: called after each plane.
        count: number of planes, for `progress`.

    Raises:
        InputError: the pictures have more than three colours.
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
    """Light (C, H, W) or (H, W), averaged to `size` (width, height); not changed if it has this size."""
    if light.shape[-2:] == size[::-1]:
        return light
    channels = light if light.ndim == 3 else light[None]
    resized = [cv2.resize(np.ascontiguousarray(c), size, interpolation=cv2.INTER_AREA) for c in channels]
    small = np.stack(resized).astype(np.float32)
    return small if light.ndim == 3 else small[0]


def page_size(shape: tuple[int, int], width: int) -> tuple[int, int]:
    """Size (width, height) of a page's pictures with the aspect of `shape` (H, W), at most `width` pixels wide.

    Raises:
        InputError: `width` is below 16.
    """
    if width < 16:
        raise InputError(f"pictures of {width} pixels are too narrow, expected at least 16", where="--width")
    height, full = shape
    if full <= width:
        return full, height
    return width, max(1, round(height * width / full))
