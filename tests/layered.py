"""Small focal stacks of hard-edged layers, exact by construction, for tests that need no Blender."""

import numpy as np
from scipy.ndimage import gaussian_filter

from holodriver.scene.stack import FocalStack


def texture(rng: np.random.Generator, size: int, colours: int = 3) -> np.ndarray:
    """Smooth random texture (C, H, W) with values between 0.05 and 1."""
    noise = gaussian_filter(rng.normal(size=(colours, size, size)), (0, 1.5, 1.5), mode="wrap")
    noise += 2 * gaussian_filter(rng.normal(size=(1, size, size)), (0, 5, 5), mode="wrap")
    low, high = noise.min(), noise.max()
    return (0.05 + 0.95 * (noise - low) / (high - low)).astype(np.float32)


def layered_stack(size: int = 64, planes: int = 21, coc_max: float = 15.0, seed: int = 1, rays: int = 96) -> FocalStack:
    """A background at t = 1, a holed disc at t = 0.45, a bar at t = 0, averaged over the rays of a round aperture."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size] / size - 0.5
    radius = np.hypot(x + 0.1, y + 0.05)
    layers = [  # back to front: picture, where it is, depth
        (texture(rng, size), np.ones((size, size), bool), 1.0),
        (texture(rng, size), (radius < 0.32) & (radius > 0.12), 0.45),
        (texture(rng, size), (np.abs(x - 0.22) < 0.07) & (np.abs(y) < 0.4), 0.0),
    ]
    positions = np.linspace(0, 1, planes, dtype=np.float32)
    k = np.arange(rays) + 0.5
    angle, distance = k * np.pi * (3 - np.sqrt(5)), np.sqrt(k / rays)
    aperture = np.stack([distance * np.sin(angle), distance * np.cos(angle)], 1)

    def seen(ray: np.ndarray, focus: float) -> tuple[np.ndarray, np.ndarray]:
        picture, depth = np.zeros((3, size, size), np.float32), np.ones((size, size), np.float32)
        for image, mask, t in layers:
            shift = tuple(np.rint(ray * coc_max / 2 * (t - focus)).astype(int))
            here = np.roll(mask, shift, (0, 1))
            picture = np.where(here, np.roll(image, shift, (1, 2)), picture)
            depth = np.where(here, np.float32(t), depth)
        return picture, depth

    images, depths = [], []
    for focus in positions:
        views = [seen(ray, float(focus)) for ray in aperture]
        images.append(np.mean([picture for picture, _ in views], 0))
        depths.append(np.min([depth for _, depth in views[:: max(rays // 10, 1)]], 0))
    sharp, sharp_depth = seen(np.zeros(2), 0.0)
    return FocalStack(np.stack(images), np.stack(depths), sharp, sharp_depth, positions, "linear", coc_max)
