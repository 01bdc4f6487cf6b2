"""A fixed simulated depth estimator, and the usual scores of depth, for depth.py.

The simulated estimator knows the exact inverse depth of each picture and degrades it as a network does, differently at
each size: features at half the network's resolution, blur, a slow bias that grows with size (a network trained at 384
pixels loses the layout of larger pictures), noise, and an unknown affine map.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.depth.size import Floats, Picture, network_size
from holodriver.files.exr import read_exr
from holodriver.optics.colour import srgb_encode
from holodriver.optics.focus import normalised_depth

MULTIPLE = 32
GRID = 2  # size of a feature, pixels of the network's input
BLUR = 1.5  # standard deviation, features
BIAS_AT_384 = 0.035  # standard deviation, as a fraction of the depth range
NOISE = 0.015  # standard deviation, as a fraction of the depth range
NATIVE = 384
SEED = 0


class SimulatedEstimator:
    """A replacement for a depth network; its depth depends only on the picture and the size."""

    name = "simulated"

    def __init__(self, blur: float = BLUR, misplaced: float = 0.0) -> None:
        """Make an estimator.

        Args:
            blur: standard deviation of the blur, features.
            misplaced: standard deviation of the distance between its edges and the true edges, pixels of the picture.
        """
        self.blur, self.misplaced = blur, misplaced
        self._known: dict[bytes, tuple[int, Floats]] = {}

    def learn(self, picture: Picture, inverse: Floats) -> None:
        """Remember the exact inverse depth of a picture and of its mirror image."""
        number = len(self._known)
        self._known[_digest(picture)] = number, inverse
        self._known[_digest(picture[:, ::-1])] = number + 1, np.ascontiguousarray(inverse[:, ::-1])

    def predict(self, pictures: Sequence[Picture], long_side: int) -> list[Floats]:
        """Degraded inverse depth (h, w) of each picture."""
        return [self._spoilt(*self._known[_digest(picture)], long_side) for picture in pictures]

    def squashed(self, picture: Picture, side: int) -> Floats:
        """Degraded inverse depth (side, side) of a network that squeezes every picture into a square."""
        number, inverse = self._known[_digest(picture)]
        return self._at(number, inverse, side, (side, side))

    def _spoilt(self, number: int, inverse: Floats, long_side: int) -> Floats:
        size = network_size((inverse.shape[0], inverse.shape[1]), long_side, MULTIPLE)
        return self._at(number, inverse, long_side, size)

    def _at(self, number: int, inverse: Floats, long_side: int, size: tuple[int, int]) -> Floats:
        rng = np.random.default_rng([SEED, number, long_side])
        height, width = size
        grid = (width // GRID, height // GRID)
        low, high = np.percentile(inverse, (2, 98))
        if self.misplaced:
            inverse = _displaced(inverse, self.misplaced, np.random.default_rng([SEED, number]))
        values = cv2.GaussianBlur(cv2.resize(inverse, grid, interpolation=cv2.INTER_AREA), (0, 0), self.blur)
        slow = cv2.resize(rng.standard_normal((4, 6)).astype(np.float32), grid, interpolation=cv2.INTER_CUBIC)
        values = values + (high - low) * BIAS_AT_384 * long_side / NATIVE * slow
        grain = cv2.GaussianBlur(rng.standard_normal(grid[::-1]).astype(np.float32), (0, 0), 1.0)
        values = values + (high - low) * NOISE / 0.28 * grain  # the blur leaves 0.28 of the deviation
        scale, shift = np.exp(rng.normal(0, 0.1)), rng.normal(0, 0.1)
        return cv2.resize((scale * values + shift).astype(np.float32), (width, height))


def _displaced(inverse: Floats, by: float, rng: np.random.Generator) -> Floats:
    """Shift inverse depth by a smooth random field, which is equal at every size of the network."""
    height, width = inverse.shape
    fields = [cv2.GaussianBlur(rng.standard_normal((height, width)).astype(np.float32), (0, 0), 8) for _ in range(2)]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    dx, dy = (np.float32(by) * field / field.std() for field in fields)
    moved = cv2.remap(inverse, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _digest(picture: Picture) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=16).digest()


@dataclass(frozen=True)
class Scores:
    """Scores of an inverse depth after the best affine map to the true one."""

    abs_rel: float
    delta_1: float
    boundary_f1: float
    edge_abs_rel: float


def aligned(inverse: Floats, truth: Floats) -> Floats:
    """Map inverse depth to the true one by ordinary least squares, as the usual benchmarks do."""
    x, y = inverse.astype(np.float64), truth.astype(np.float64)
    scale = ((x - x.mean()) * (y - y.mean())).mean() / max(x.var(), 1e-20)
    return np.maximum(scale * (x - x.mean()) + y.mean(), 0.02 * y.max()).astype(np.float32)


def score(inverse: Floats, truth: Floats) -> Scores:
    """Score an inverse depth (H, W), up to scale and shift, against the exact one."""
    depth, exact = np.float32(1) / aligned(inverse, truth), np.float32(1) / truth
    relative = np.abs(depth - exact) / exact
    band = edge_band(exact)
    return Scores(
        float(relative.mean()),
        float((np.maximum(depth / exact, exact / depth) < 1.25).mean()),
        boundary_f1(depth, exact),
        float(relative[band].mean()),
    )


def edge_band(depth: Floats, ratio: float = 1.1, width: int = 9) -> NDArray[np.bool_]:
    """Mask of the pixels near a step of depth by a factor of more than `ratio`."""
    step = np.zeros(depth.shape, np.uint8)
    for axis in (0, 1):
        steps = np.abs(np.diff(np.log(depth), axis=axis)) > np.log(ratio)
        step[: steps.shape[0], : steps.shape[1]] |= steps.astype(np.uint8)
    return cv2.dilate(step, np.ones((width, width), np.uint8)) > 0


def boundary_f1(depth: Floats, exact: Floats) -> float:
    """Scale-invariant boundary F1 (Bochkovskii et al., "Depth Pro", 2024, section 3.2)."""
    thresholds = np.linspace(1.05, 1.25, 10)
    weights = thresholds / thresholds.sum()
    total = 0.0
    for threshold, weight in zip(thresholds, weights, strict=True):
        recall = precision = 0.0
        for found, true in zip(_boundaries(depth, threshold), _boundaries(exact, threshold), strict=True):
            both = (found & true).sum()
            recall += both / max(true.sum(), 1) / 4
            precision += both / max(found.sum(), 1) / 4
        if recall + precision > 0:
            total += weight * 2 * recall * precision / (recall + precision)
    return float(total)


def _boundaries(depth: Floats, threshold: float) -> list[NDArray[np.bool_]]:
    across, down = depth[:, 1:] / depth[:, :-1], depth[1:] / depth[:-1]
    return [across > threshold, 1 / across > threshold, down > threshold, 1 / down > threshold]


@dataclass(frozen=True)
class Frame:
    """One rendered picture and its exact depth."""

    picture: Picture
    inverse: Floats
    """Inverse depth (H, W), from 1 (near) to 0.2 (far)."""
    z: Floats
    """Depth (H, W) along the optical axis, scene units."""
    shot: int
    position: tuple[float, float, float]


@dataclass(frozen=True)
class Clip:
    """Rendered shots of a static scene, one after the other, and the focal length (pixels) of each."""

    frames: list[Frame]
    cameras: list[float]

    @property
    def shots(self) -> int:
        """Number of shots."""
        return len({frame.shot for frame in self.frames})

    def frames_of(self, shot: int) -> list[Frame]:
        """Frames of one shot."""
        return [frame for frame in self.frames if frame.shot == shot]

    def judged(self, shown: list[Floats]) -> tuple[float, float, float, float]:
        """Flicker, flicker at edges, temporal alignment error, and AbsRel of the inverse depth (H, W) of every frame.

        Each shot gets one affine map to the true inverse depth. If a point of the scene is seen in two frames, its
        inverse depth must change by as much as the true one; the excess is flicker, away from and near steps of depth.
        The alignment error is the mean relative change of depth along the same pairs, including the true change (Chen
        et al., "Video Depth Anything", 2025, section 4.1).
        """
        flat, edges, error, wrong = [], [], [], []
        one = np.float32(1)
        for shot in sorted({frame.shot for frame in self.frames}):
            pairs = [(f, s) for f, s in zip(self.frames, shown, strict=True) if f.shot == shot]
            truth = np.stack([frame.inverse for frame, _ in pairs]).astype(np.float32)
            found = aligned(np.stack([values for _, values in pairs]), truth)
            wrong.append(float((np.abs(1 / found - 1 / truth) * truth).mean()))
            for i in range(len(pairs) - 1):
                now, then = pairs[i][0], pairs[i + 1][0]
                places, seen = _reprojected(now, then, self.cameras[shot - self.frames[0].shot])
                later = cv2.remap(found[i + 1], places[..., 0], places[..., 1], cv2.INTER_LINEAR)
                later_truth = np.asarray(
                    cv2.remap(truth[i + 1], places[..., 0], places[..., 1], cv2.INTER_LINEAR), np.float32
                )
                change = np.abs((later - found[i]) - (later_truth - truth[i]))
                there = (one / np.maximum(later_truth, 0.02)).astype(np.float32)
                band = edge_band(one / truth[i], 1.05, 11) | edge_band(there, 1.05, 11)
                flat.append(float(change[seen & ~band].mean()))
                edges.append(float(change[seen & band].mean()))
                error.append(float((np.abs(1 / np.maximum(later, 0.02) - 1 / found[i]) * found[i])[seen].mean()))
        return tuple(float(np.mean(values)) for values in (flat, edges, error, wrong))  # type: ignore[return-value]


def _reprojected(now: Frame, then: Frame, focal: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Positions (H, W, 2) of the points of frame `now` in frame `then`, and a mask of the points visible there."""
    height, width = now.z.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    right, down = (x - (width - 1) / 2) * now.z / focal, (y - (height - 1) / 2) * now.z / focal
    moved = np.subtract(then.position, now.position)
    z = now.z + moved[2]
    u = focal * (right - moved[0]) / z + (width - 1) / 2
    v = focal * (down + moved[1]) / z + (height - 1) / 2
    places = np.stack([u, v], axis=-1).astype(np.float32)
    there = cv2.remap(then.z, places[..., 0], places[..., 1], cv2.INTER_NEAREST, borderValue=-1)
    return places, np.abs(there - z) < 0.02


NEAR, FAR = 10.0, 14.0
"""Depth range of the random scenes, scene units (blender_addon/scenes/backdrop.py)."""

FARTHEST = 0.2
"""Inverse depth of the far plane if that of the near plane is 1; corresponds to a range from 1 to 5 m."""


def read_frame(folder: Path, shot: int, frame: int, contrast: float = 1.0) -> tuple[Picture, Floats, Floats]:
    """Read a rendered picture, its exact inverse depth from 1 (near) to 0.2 (far), and its z in scene units.

    Args:
        contrast: factor for the picture's contrast round its mean colour; noise of one grey level is added afterwards.
    """
    names = [f"ViewLayer.Combined.{colour}" for colour in "RGB"]
    color = read_exr(folder / f"{shot}_{frame:03d}_color.exr", tuple(names)).channels
    z = read_exr(folder / f"{shot}_{frame:03d}_depth.exr", ("ViewLayer.Depth.Z",)).channels["ViewLayer.Depth.Z"]
    linear = np.stack([color[name] for name in names], axis=-1)
    encoded = srgb_encode(np.clip(linear / np.percentile(linear, 99.5), 0, 1))
    encoded = encoded.mean((0, 1)) + contrast * (encoded - encoded.mean((0, 1)))
    noisy = 255 * encoded + np.random.default_rng([shot, frame]).normal(0, 1, encoded.shape)
    t = np.clip(normalised_depth(np.clip(z, NEAR, FAR), NEAR, FAR, "dioptric"), 0, 1)
    return np.rint(np.clip(noisy, 0, 255)).astype(np.uint8), (1 - (1 - FARTHEST) * t).astype(np.float32), z


def read_clip(folder: Path) -> Clip:
    """Read all shots of a rendered clip."""
    cameras = json.loads((folder / "camera.json").read_text(encoding="utf-8"))
    frames = []
    for shot, camera in enumerate(cameras):
        for number, position in enumerate(camera["path"]):
            frames.append(Frame(*read_frame(folder, shot, number), shot, tuple(position)))
    return Clip(frames, [camera["focal_px"] for camera in cameras])
