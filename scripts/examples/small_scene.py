"""A small scene for the other examples: three striped balls before a chequered wall, as a picture with depth."""

from pathlib import Path

import numpy as np

import holodriver as hd
from holodriver.optics.focus import positions
from holodriver.scene.cut import layers_of
from holodriver.scene.layered import focal_stack


def picture(size: int = 128) -> hd.RgbdImage:
    """The scene as linear light and normalised depth, `size` × `size` pixels."""
    y, x = np.mgrid[:size, :size] / size
    color = (0.2 + 0.1 * x + 0.2 * ((np.floor(x * 12) + np.floor(y * 12)) % 2)) * np.ones((3, 1, 1))
    depth = np.ones((size, size))
    for left, top, radius, t, light in ((0.7, 0.3, 0.2, 0.7, 2), (0.45, 0.55, 0.22, 0.35, 1), (0.25, 0.7, 0.18, 0, 0)):
        inside = np.hypot(x - left, y - top) < radius
        stripes = 0.5 + 0.5 * np.sin(2 * np.pi * (x + y) / (0.03 + 0.02 * t))
        color = np.where(inside, 0.15 + 0.8 * stripes * np.eye(3)[light][:, None, None], color)
        depth[inside] = t
    return hd.RgbdImage(color.astype(np.float32), depth.astype(np.float32))


def stack(out: Path, size: int = 128) -> Path:
    """The path of the scene's focal stack of 21 planes in the folder `out`, where it is made unless it is there."""
    path = out / "scene.stack"
    if not path.is_dir():
        hd.write(path, focal_stack(layers_of(picture(size), coc_max=15.0), positions(21), coc_max=15.0))
    return path
