"""The scenes of studies: rendered in Blender, drawn in layers, given by the user, or built for one measurement."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from holodriver.blender.stack import render_stack
from holodriver.files.stack import read_stack
from holodriver.optics.display import DisplayProfile
from holodriver.optics.focus import positions
from holodriver.progress import Progress
from holodriver.scene.layered import Layer, LayeredScene, focal_stack
from holodriver.scene.random_layers import random_scene
from holodriver.scene.render_job import DEMO, RANDOM, RenderJob
from holodriver.scene.stack import FocalStack
from holodriver.study.settings import Settings
from holodriver.study.store import STACK, Kept, Store, folder_digest

CUBES = (3, 4, 6)
"""Sides of the cubes of Fig. 2a, pixels."""
GREY = 0.05
"""Intensity round cubes and discs."""


@dataclass(frozen=True)
class Scene:
    """An exposed focal stack, the key by which entries name it, and what it is called."""

    stack: FocalStack
    key: str
    name: str

    @property
    def size(self) -> str:
        """For tables: width × height."""
        return f"{self.stack.shape[1]} × {self.stack.shape[0]}"


class Scenes:
    """Makes and keeps the scenes that studies ask for."""

    def __init__(
        self,
        settings: Settings,
        display: DisplayProfile,
        store: Store,
        progress: Progress,
        blender: Path | None = None,
    ):
        self.settings, self.display, self._store, self._progress = settings, display, store, progress
        self._blender = blender

    def shown(self) -> Scene:
        """The scene that figures show: the user's first, the demo scene, or layers."""
        s = self.settings
        if s.stacks:
            return self.given()[0]
        if s.source == "layered":
            return self.layered(s.seed)
        return self.rendered(DEMO, s.seed)

    def several(self) -> list[Scene]:
        """The scenes over which is averaged."""
        s = self.settings
        if s.stacks:
            return self.given()
        if s.source == "layered":
            return [self.layered(s.seed + n) for n in range(s.scenes)]
        return [self.rendered(RANDOM, s.seed + n) for n in range(s.scenes)]

    def given(self) -> list[Scene]:
        """The user's stacks."""
        return [
            Scene(read_stack(path).exposed(), folder_digest(path, ("*.exr", "*.json")), path.stem)
            for path in self.settings.stacks
        ]

    def rendered(self, scene: str, seed: int) -> Scene:
        """A scene of the add-on's by Blender."""
        s = self.settings
        job = RenderJob(
            scene=scene,
            width=s.size,
            height=s.size,
            planes=s.planes,
            coc_max=self.display.coc_max,
            samples=s.samples,
            seed=seed,
        )
        inputs = {"scene": scene, "size": s.size, "planes": s.planes, "samples": s.samples, "seed": seed}
        inputs["coc_max"] = self.display.coc_max

        def write(path: Path) -> None:
            render_stack(job, path, blender=self._blender, progress=self._progress)

        path, key = self._store.made(f"{scene}-{s.size}-{seed}", inputs, STACK.suffix, write, rendered=True)
        name = "demo scene" if scene == DEMO else f"random scene {seed}"
        return Scene(read_stack(path).exposed(), key, name)

    def layered(
        self, seed: int, size: tuple[int, int] | None = None, planes: int | None = None, coc_max: float | None = None
    ) -> Scene:
        """Layers drawn at random; `size` is (width, height)."""
        width, height = size or (self.settings.size, self.settings.size)

        def drawn() -> LayeredScene:
            side = max(width, height)
            scene = random_scene(np.random.default_rng(seed), side)
            if width == height:
                return scene
            top, left = (side - height) // 2, (side - width) // 2
            return cropped(scene, slice(top, top + height), slice(left, left + width))

        inputs = {"kind": "random layers", "size": [width, height], "seed": seed}
        return self._layers(f"layers-{width}x{height}-{seed}", f"layered scene {seed}", inputs, drawn, planes, coc_max)

    def cubes(self, size: int) -> Scene:
        """Squares of 3, 4 and 6 pixels at the near plane on grey at the far one."""
        inputs = {"kind": "cubes", "size": size, "sides": list(CUBES)}
        return self._layers(f"cubes-{size}", "cubes", inputs, lambda: cube_scene(size), exposed=False)

    def wall(self, size: int, planes: int, coc_max: float | None = None) -> Scene:
        """A texture that fills the near plane: nothing hides anything, so that its blur is known everywhere."""
        inputs = {"kind": "wall", "size": size}
        return self._layers(f"wall-{size}", "textured wall", inputs, lambda: wall_scene(size), planes, coc_max)

    def _layers(
        self,
        name: str,
        called: str,
        inputs: dict,
        draw: Callable[[], LayeredScene],
        planes: int | None = None,
        coc_max: float | None = None,
        *,
        exposed: bool = True,
    ) -> Scene:
        planes = self.settings.planes if planes is None else planes
        coc_max = self.display.coc_max if coc_max is None else coc_max

        def compute() -> FocalStack:
            return focal_stack(draw(), positions(planes), coc_max, progress=self._progress)

        inputs = inputs | {"planes": planes, "coc_max": coc_max}
        kept: Kept[FocalStack] = self._store.keep(name, inputs, STACK, compute)
        return Scene(kept.value.exposed() if exposed else kept.value, kept.key, called)


def cropped(scene: LayeredScene, rows: slice, columns: slice) -> LayeredScene:
    """A part of a layered scene; layers that do not reach into it are left out."""
    from holodriver.scene.layered import SUBPIXELS

    layers = []
    for layer in scene.layers:
        if not layer.mask[rows, columns].any():
            continue
        samples = layer.samples
        if samples is not None:
            fine = [slice(SUBPIXELS * span.start, SUBPIXELS * span.stop) for span in (rows, columns)]
            samples = samples[fine[0], fine[1]]
        layers.append(
            Layer(layer.color[:, rows, columns], layer.mask[rows, columns], layer.depth[rows, columns], samples)
        )
    layers.sort(key=lambda layer: layer.t)
    return LayeredScene(tuple(layers), scene.mapping, scene.provenance)


def cube_corners(size: int) -> list[tuple[int, int, int]]:
    """Top, left and side (pixels) of each cube, in a row."""
    step = size // len(CUBES)
    return [((size - side) // 2, step * n + (step - side) // 2, side) for n, side in enumerate(CUBES)]


def cube_scene(size: int) -> LayeredScene:
    """The scene of Fig. 2a: white squares at t = 0 on grey at t = 1."""
    mask = np.zeros((size, size), bool)
    for top, left, side in cube_corners(size):
        mask[top : top + side, left : left + side] = True
    return _bright_on_grey([(mask, 0.0)], size)


def disc_scene(size: int, radius: float = 4.0) -> LayeredScene:
    """White discs, a row of three at each of three depths, on grey at t = 1."""
    y, x = np.mgrid[:size, :size] + 0.5
    rows = []
    for row, t in enumerate((0.0, 0.5, 1.0)):
        mask = np.zeros((size, size), bool)
        for column in range(3):
            centre = (size * (2 * row + 1) / 6, size * (2 * column + 1) / 6)
            mask |= (y - centre[0]) ** 2 + (x - centre[1]) ** 2 <= radius**2
        rows.append((mask, t))
    return _bright_on_grey(rows, size)


def wall_scene(size: int, seed: int = 5) -> LayeredScene:
    """Texture with detail at all scales (see `texture`) at t = 0, in all colours the same."""
    light = np.tile(texture(size, seed), (3, 1, 1)).astype(np.float32)
    return LayeredScene((Layer(light, np.ones((size, size), bool), np.zeros((size, size), np.float32)),))


def texture(size: int, seed: int) -> NDArray[np.float64]:
    """Random texture (size, size) from 0.05 to 1 whose deviation is the same in every octave from 1 to 16 px."""
    rng = np.random.default_rng(seed)
    total = np.zeros((size, size))
    for scale in (1.0, 2.0, 4.0, 8.0, 16.0):
        octave = gaussian_filter(rng.normal(size=(size, size)), scale, mode="wrap")
        total += octave / octave.std()
    low, high = np.percentile(total, (1, 99))
    return 0.05 + 0.95 * ((total - low) / (high - low)).clip(0, 1)


def _bright_on_grey(masks: list[tuple[NDArray[np.bool_], float]], size: int) -> LayeredScene:
    shape = (3, size, size)
    layers = [Layer(np.ones(shape, np.float32), mask, np.full((size, size), t, np.float32)) for mask, t in masks]
    far = np.ones((size, size), np.float32)
    return LayeredScene((*layers, Layer(np.full(shape, GREY, np.float32), far > 0, far)))


def nearest_plane(stack: FocalStack, t: float) -> int:
    """Index of the focal plane nearest to a normalised depth."""
    return int(np.abs(stack.positions - t).argmin())


def spread_planes(stack: FocalStack, count: int) -> list[int]:
    """Indices of `count` planes from the first to the last, evenly."""
    return [round(n) for n in np.linspace(0, stack.planes - 1, min(count, stack.planes))]


def cell(corner: tuple[int, int, int], reach: float) -> tuple[slice, slice]:
    """The part of a picture round a square (top, left, side) up to `reach` pixels from it."""
    more = math.ceil(reach)
    top, left, side = corner
    return slice(max(top - more, 0), top + side + more), slice(max(left - more, 0), left + side + more)
