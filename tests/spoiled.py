"""A picture with exact depth, and an estimator that degrades the depth as a network does."""

from collections.abc import Sequence

import cv2
import numpy as np

from holodriver.depth.size import network_size


def scene(height: int = 180, width: int = 320, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Picture (H, W, 3) and inverse depth (H, W) of discs and boxes, 0.3 to 1, before a slanted ground."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    inverse = (0.3 + 0.2 * y / height).astype(np.float32)
    picture = np.full((height, width, 3), 90.0) + 20 * np.sin(x / 9)[..., None]
    for depth in np.sort(rng.uniform(0.5, 1, 6)):
        mask = np.zeros((height, width), np.uint8)
        centre = int(rng.uniform(0.1, 0.9) * width), int(rng.uniform(0.1, 0.9) * height)
        if rng.random() < 0.5:
            cv2.circle(mask, centre, int(0.18 * height), 1, -1)
        else:
            half = int(0.15 * height)
            corners = (centre[0] - half, centre[1] - half), (centre[0] + half, centre[1] + half)
            cv2.rectangle(mask, *corners, 1, -1)
        inverse[mask > 0] = depth
        picture[mask > 0] = rng.uniform(30, 230, 3)
    picture += rng.normal(0, 2, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8), inverse


class Spoiler:
    """Blur, slow bias, noise and an affine map of its own at every size."""

    name = "spoiler"

    def __init__(self, inverse: np.ndarray, *, noise: float = 0.01, bias: float = 0.02, affine: bool = True):
        self.inverse, self.noise, self.bias, self.affine = inverse, noise, bias, affine
        self.seen: list[tuple[tuple[int, int], int]] = []

    def predict(self, pictures: Sequence[np.ndarray], long_side: int) -> list[np.ndarray]:
        made = []
        for picture in pictures:
            self.seen.append((picture.shape[:2], long_side))
            rng = np.random.default_rng(long_side)
            height, width = network_size(picture.shape[:2], long_side, 32)
            values = cv2.GaussianBlur(cv2.resize(self.inverse, (width // 2, height // 2)), (0, 0), 1.5)
            slow = cv2.resize(rng.standard_normal((3, 4)).astype(np.float32), values.shape[::-1])
            values = values + self.bias * long_side / 384 * slow + rng.normal(0, self.noise, values.shape)
            scale, shift = (np.exp(rng.normal(0, 0.3)), rng.normal(0, 1)) if self.affine else (1.0, 0.0)
            made.append(cv2.resize((scale * values + shift).astype(np.float32), (width, height)))
        return made


def misfit(found: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute error after the best affine map, of the truth's range."""
    found = cv2.resize(found, truth.shape[::-1])
    scale, shift = np.polyfit(found.ravel(), truth.ravel(), 1)
    return float(np.abs(scale * found + shift - truth).mean() / np.ptp(truth))
