"""Depth of a video without flicker: every frame gets the scale of its shot and follows the motion.

A network estimates every frame independently, with another scale, shift and slow bias. Here each frame is aligned to
the previous one, moved along the optical flow. A remaining difference counts as flicker if it is small and the picture
agrees, and as a real change otherwise. The range that becomes black and white changes slowly within a shot, with a few
frames of foresight, and immediately at a cut.
"""

from collections import deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.depth.fusion import Affine, edge_confidence, fit
from holodriver.depth.pipeline import is_flat, percentile_range
from holodriver.depth.size import Floats, Picture, resized, shrunk

AHEAD = 12
"""Number of frames before and after a frame that determine its range."""

KEPT = 0.93
"""Share of the previous frame in a pixel that agrees with it, equal to a mean over about 14 frames."""

NEWS = 0.2
"""Difference from the previous frame, as a share of the depth range, that counts as a real change (at e^−½)."""

SAME_LIGHT = 24.0
"""Difference of colour along the motion, levels of 255, up to which a pixel shows the same thing (at e^−½)."""

FLOW_SIDE = 400
"""Longest side of the pictures in which motion is found, pixels."""

LEAK = 0.02
"""Share of a frame's alignment that is dropped, so that alignment errors do not add up over a long shot."""

EDGE_BLUR = 4.0
"""Blur of the correction at edges, pixels, so that edges of the previous frame do not smear over this one."""

CUT_COLORS, SURE_COLORS = 0.25, 0.55
"""Hellinger distances of colour histograms from which on a cut is likely, and certain."""

CUT_LIGHT = 10.0
"""Mean difference of colour that motion does not explain, levels of 255, from which on a likely cut is one."""


@dataclass(frozen=True)
class Stable:
    """Depth of one frame in the scale of its shot."""

    inverse: Floats
    """Inverse depth (h, w)."""
    low: float
    """Inverse depth that becomes 0."""
    high: float
    """Inverse depth that becomes 1."""
    shot: int
    """Number of the shot, from 0."""


@dataclass
class _Frame:
    inverse: Floats
    range: tuple[float, float]
    shot: int


class Stabiliser:
    """Stabiliser of a video's depth: takes frames in order and returns them, stable, `AHEAD` frames later."""

    def __init__(self) -> None:
        self._inverse: Floats | None = None
        self._small: Picture | None = None
        self._histogram: Floats | None = None
        self._shot = 0
        self._waiting: deque[_Frame] = deque()
        self._given: deque[_Frame] = deque(maxlen=AHEAD)

    def push(self, picture: Picture, inverse: Floats) -> list[Stable]:
        """Take the next frame; returns the frames that are ready.

        Args:
            picture: (H, W, 3), any size.
            inverse: (h, w), with its own scale and shift.
        """
        height, width = picture.shape[:2]
        scale = min(1.0, FLOW_SIDE / max(height, width))
        small = shrunk(picture, (max(16, round(height * scale)), max(16, round(width * scale))))
        histogram = _histogram(small)
        if self._small is None or self._inverse is None or self._histogram is None:
            stable = inverse
        elif is_flat(*percentile_range(self._inverse)) or is_flat(
            *percentile_range(inverse)
        ):  # there is no common scale
            self._shot += 1
            stable = inverse
        else:
            flow = _flow(small, self._small)
            before = _moved(self._small, flow)
            off = np.abs(_smooth(small) - _smooth(before)).max(axis=-1)
            if is_cut(float(cv2.compareHist(histogram, self._histogram, cv2.HISTCMP_BHATTACHARYYA)), float(off.mean())):
                self._shot += 1
                stable = inverse
            else:
                stable = _followed(inverse, self._inverse, flow, off, picture)
        self._inverse, self._small, self._histogram = stable, small, histogram
        self._waiting.append(_Frame(stable, percentile_range(stable), self._shot))
        return self._ready(AHEAD)

    def finish(self) -> list[Stable]:
        """Return the remaining frames at the end of the video."""
        return self._ready(0)

    @property
    def waiting(self) -> int:
        """Number of frames taken and not yet returned."""
        return len(self._waiting)

    def _ready(self, ahead: int) -> list[Stable]:
        given = []
        while len(self._waiting) > ahead:
            frame = self._waiting[0]
            near = [other.range for other in (*self._given, *self._waiting) if other.shot == frame.shot]
            low, high = np.mean(near[: 2 * AHEAD + 1], axis=0)
            given.append(Stable(frame.inverse, float(low), float(high), frame.shot))
            self._given.append(self._waiting.popleft())
        return given

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything on which the next frames depend, as arrays."""
        frames = [*self._given, *self._waiting]
        state: dict[str, NDArray[Any]] = {
            "shot": np.array(self._shot),
            "given": np.array(len(self._given)),
            "ranges": np.array([frame.range for frame in frames], np.float64).reshape(-1, 2),
            "shots": np.array([frame.shot for frame in frames], np.int64),
        }
        for name, value in (("inverse", self._inverse), ("small", self._small), ("histogram", self._histogram)):
            if value is not None:
                state[name] = value
        if self._waiting:
            state["waiting"] = np.stack([frame.inverse for frame in self._waiting])
        return state

    @classmethod
    def restored(cls, state: dict[str, NDArray[Any]]) -> "Stabiliser":
        """Make a stabiliser that continues from `state`."""
        made = cls()
        made._shot = int(state["shot"])
        made._inverse, made._small = state.get("inverse"), state.get("small")
        made._histogram = state.get("histogram")
        count = int(state["given"])
        for index, (low, high) in enumerate(state["ranges"]):
            shot = int(state["shots"][index])
            if index < count:  # of returned frames, only the range is still needed
                made._given.append(_Frame(np.empty((0, 0), np.float32), (float(low), float(high)), shot))
            else:
                made._waiting.append(_Frame(state["waiting"][index - count], (float(low), float(high)), shot))
        return made


def is_cut(colors: float, light: float) -> bool:
    """Whether a new shot begins.

    Args:
        colors: Hellinger distance of the colour histograms of two frames, 0 … 1.
        light: mean difference of their colours along the motion, levels of 255.
    """
    return colors > SURE_COLORS or (colors > CUT_COLORS and light > CUT_LIGHT)


def _followed(inverse: Floats, before: Floats, flow: Floats, off: Floats, picture: Picture) -> Floats:
    """Inverse depth of a frame in the scale of the previous frame, with its flicker damped."""
    shape = inverse.shape[0], inverse.shape[1]
    factor = np.array([shape[1] / flow.shape[1], shape[0] / flow.shape[0]], np.float32)
    wide = np.asarray(cv2.resize(flow, shape[::-1]), np.float32) * factor
    moved = _moved(resized(before, shape), wide)
    same = resized(np.exp(-((off / SAME_LIGHT) ** 2) / 2).astype(np.float32), shape) * _inside(wide)
    unit = _symmetric_fit(inverse, moved, same)
    inverse = Affine(unit.scale ** (1 - LEAK), (1 - LEAK) * unit.shift)(inverse)
    low, high = percentile_range(moved)
    span = max(high - low, 1e-12)
    gap = moved - inverse
    # judged over several pixels, because grain alone is not a change
    news = cv2.GaussianBlur(gap, (0, 0), 2.0) / np.float32(NEWS * span)
    damped = np.float32(KEPT) * same * np.exp(-(news**2) / 2) * gap
    edges = edge_confidence(picture, inverse)
    smooth = cv2.GaussianBlur(damped, (0, 0), EDGE_BLUR)
    return (inverse + damped + np.minimum(2 * edges, 1) * (smooth - damped)).astype(np.float32)


def _symmetric_fit(source: Floats, target: Floats, weights: Floats) -> Affine:
    """Affine map between two noisy fields; a one-sided fit would shrink the result a little at every frame."""
    there, back = fit(source, target, weights), fit(target, source, weights)
    good = weights > 0.5
    if there.scale <= 0 or back.scale <= 0 or not good.any():  # no overlap: only the ranges are aligned
        (low, high), (down, up) = percentile_range(source), percentile_range(target)
        scale = (up - down) / (high - low) if high > low else 1.0
        return Affine(scale, down - scale * low)
    scale = float(np.sqrt(there.scale / back.scale))
    return Affine(scale, float(np.median(target[good] - np.float32(scale) * source[good])))


def _flow(now: Picture, before: Picture) -> Floats:
    """Position of each pixel in the previous picture, relative to the present one: (h, w, 2), pixels."""
    if before.shape != now.shape:
        return np.zeros((*now.shape[:2], 2), np.float32)
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (now, before)]
    start = np.zeros((*now.shape[:2], 2), np.float32)
    return np.asarray(finder.calc(grey[0], grey[1], start), np.float32)


def _places(flow: Floats) -> Floats:
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return flow + np.stack([x, y], axis=-1)


def _moved(values: Any, flow: Floats) -> Any:
    """Move `values` of the previous frame to where this frame sees them."""
    places = _places(flow)
    return cv2.remap(values, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _inside(flow: Floats) -> Floats:
    """Mask, 1 for pixels that were in view in the previous frame, else 0."""
    height, width = flow.shape[:2]
    places = _places(flow)
    x, y = places[..., 0], places[..., 1]
    return ((x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)).astype(np.float32)


def _smooth(picture: Picture) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.0), np.float32)


def _histogram(picture: Picture) -> Floats:
    found = cv2.calcHist([picture], [0, 1, 2], None, [8, 8, 8], [0, 256] * 3).ravel()
    return np.asarray(found / max(found.sum(), 1), np.float32)
