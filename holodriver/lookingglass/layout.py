"""RGB-D as Looking Glass Studio imports it: cut to a display's aspect, in a size that suits the display."""

from dataclasses import dataclass

import cv2
import numpy as np

from holodriver.errors import InputError
from holodriver.lookingglass.choices import Fit
from holodriver.optics.lookingglass import LookingGlass
from holodriver.scene.rgbd import RgbdImage


@dataclass(frozen=True)
class Layout:
    """Size and shape of the colour half.

    Raises:
        InputError: the size is out of range.
    """

    display: LookingGlass | None = None
    """Display whose aspect is used, and whose screen limits the number of pixels; None: the source's aspect and
    size."""
    size: tuple[int, int] | None = None
    """Width and height of each half, pixels; used in place of the display's."""
    fit: Fit = "crop"
    even: bool = False
    """Whether the sides are made even, as video needs them."""

    def __post_init__(self) -> None:
        if self.size is not None and not all(2 <= side <= 16_384 for side in self.size):
            raise InputError(f"size is {self.size[0]} × {self.size[1]}, expected 2 to 16384 pixels a side")

    def half(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Width and height of each half for a source of (H, W), pixels."""
        height, width = shape
        if self.size is not None:
            return self._evened(*self.size)
        if self.display is None:
            return self._evened(width, height)
        aspect = self.display.aspect
        inside = (width / height > aspect) == (self.fit == "crop")
        wide, high = (height * aspect, float(height)) if inside else (float(width), width / aspect)
        screen = self.display.screen or self.display.tile
        shrink = min(1.0, screen[0] / wide, screen[1] / high)  # enlarging would invent pixels
        return self._evened(max(2, round(wide * shrink)), max(2, round(high * shrink)))

    def _evened(self, width: int, height: int) -> tuple[int, int]:
        return (width - width % 2, height - height % 2) if self.even else (width, height)


def laid_out(image: RgbdImage, layout: Layout) -> RgbdImage:
    """Picture in the size and shape of a layout; padding is black and far."""
    width, height = layout.half(image.shape)
    h, w = image.shape
    if (h, w) == (height, width):
        return image
    wider = w / h > width / height
    if layout.fit == "crop":
        across, down = (round(h * width / height), h) if wider else (w, round(w * height / width))
        across, down = max(1, min(across, w)), max(1, min(down, h))
        top, left = (h - down) // 2, (w - across) // 2
        color = image.color[:, top : top + down, left : left + across]
        return _resized(color, image.depth[top : top + down, left : left + across], width, height, image)
    inner = (width, max(1, round(width * h / w))) if wider else (max(1, round(height * w / h)), height)
    small = _resized(image.color, image.depth, *inner, image)
    top, left = (height - inner[1]) // 2, (width - inner[0]) // 2
    margins = ((top, height - inner[1] - top), (left, width - inner[0] - left))
    return RgbdImage(
        np.pad(small.color, ((0, 0), *margins)),
        np.pad(small.depth, margins, constant_values=1),
        image.mapping,
        image.provenance,
    )


def _resized(color: np.ndarray, depth: np.ndarray, width: int, height: int, like: RgbdImage) -> RgbdImage:
    smaller = width * height <= color.shape[1] * color.shape[2]
    planes = np.ascontiguousarray(color.transpose(1, 2, 0))
    made = cv2.resize(planes, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    # depth is picked, never mixed, because between two surfaces there is nothing
    picked = cv2.resize(np.ascontiguousarray(depth), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return RgbdImage(
        np.asarray(made, np.float32).transpose(2, 0, 1), np.asarray(picked, np.float32), like.mapping, like.provenance
    )
