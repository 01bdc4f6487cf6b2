"""A small scene for the other examples: three striped balls in front of a chequered wall, as a picture with depth."""

from pathlib import Path

import numpy as np

import holodriver as hd
from holodriver.optics.focus import positions
from holodriver.scene.cut import layers_of
from holodriver.scene.layered import focal_stack


def picture() -> hd.RgbdImage:
    """Make the scene as an RGB-D image: linear light and normalised depth."""
    y, x = np.mgrid[:128, :128] / 128
    color = (0.2 + 0.1 * x + 0.2 * ((np.floor(x * 12) + np.floor(y * 12)) % 2)) * np.ones((3, 1, 1))
    depth = np.ones((128, 128))
    for left, top, t, light in ((0.7, 0.3, 0.7, 2), (0.45, 0.55, 0.35, 1), (0.25, 0.7, 0, 0)):
        inside = np.hypot(x - left, y - top) < 0.2
        stripes = (0.3 + 0.1 * y) * (1 + np.sin(200 * (x + y) / (1 + t)))
        color = np.where(inside, 0.15 + np.multiply.outer(np.eye(3)[light], stripes), color)
        depth[inside] = t
    return hd.RgbdImage(color.astype(np.float32), depth.astype(np.float32))


def stack(out: Path) -> Path:
    """Path of the scene's focal stack in the folder `out`; the stack is made if it does not exist."""
    if not (out / "scene.stack").is_dir():
        hd.write(out / "scene.stack", focal_stack(layers_of(picture(), 15.0), positions(21), 15.0))
    return out / "scene.stack"
