"""Random layered scenes for training and tests; everything in them is drawn, nothing photographed.

Textures have the statistics of natural images (a spectrum that falls as a power of the frequency; dead leaves), or hard
edges like man-made things: stripes, checks, dots, flat colours. Things are ellipses, polygons, bars, rings, wires,
lattices and blobs with edges that run through pixels. They stand upright, lean or bulge, and are cut into depth slices.

Source: D. J. Field, "Relations between the statistics of natural images and the response properties of cortical cells",
J. Opt. Soc. Am. A 4 (1987); A. B. Lee, D. Mumford and J. Huang, "Occlusion models for natural images", IJCV 41 (2001).
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from holodriver.optics.focus import Mapping
from holodriver.scene.layered import SUBPIXELS, Layer, LayeredScene

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]

THICKNESS = 1 / 40
"""Thickness of a slice of a leaning or bulging thing, normalised depth; slices move by at most 0.2 px against each
other."""

OVERLAP = 2
"""Pixels by which a slice continues behind its nearer neighbours, so that no gap opens between slices."""

MOST_THINGS = 16
"""Largest number of things in a scene."""


def random_scene(rng: np.random.Generator, size: int, *, mapping: Mapping = "linear") -> LayeredScene:
    """A random scene of `size` × `size` pixels and three colours, with linear light from 0 to about 1."""
    spread = rng.uniform(0.2, 1) if rng.random() < 0.3 else 1.0  # some scenes use only a part of the depth range
    nearest = rng.uniform(0, 1 - spread)
    pool = [_texture(rng, size) for _ in range(3)]
    things = [_background(rng, size, nearest, spread)]
    for _ in range(rng.integers(1, MOST_THINGS + 1)):
        thing = _thing(rng, size, nearest, spread, pool)
        if thing is not None:
            things.append(thing)
    layers = [layer for thing in things for layer in thing.layers()]
    layers.sort(key=lambda layer: layer.t)
    return LayeredScene(tuple(layers), mapping, {"made by": "random layers"})


@dataclass(frozen=True)
class _Thing:
    """One surface in the scene."""

    samples: Mask
    """Samples that it covers, (S·size, S·size)."""
    color: Floats
    """Linear light of each pixel, (3, size, size)."""
    depth: Floats
    """Normalised depth of each pixel, (size, size)."""

    def layers(self) -> list[Layer]:
        size = self.depth.shape[0]
        mask = np.asarray(self.samples.reshape(size, SUBPIXELS, size, SUBPIXELS).any((1, 3)))
        if not mask.any():
            return []
        low, high = float(self.depth[mask].min()), float(self.depth[mask].max())
        count = max(1, math.ceil((high - low) / THICKNESS))
        if count == 1:
            return [Layer(self.color, mask, self.depth, self.samples)]
        number = np.minimum(((self.depth - low) / (high - low) * count).astype(np.int32), count - 1)
        parts = []
        kernel = np.ones((2 * OVERLAP + 1,) * 2, np.uint8)
        for which in range(count):
            own = mask & (number == which)
            if not own.any():
                continue
            reach = cv2.dilate(own.view(np.uint8), kernel).view(np.bool_) & mask & (number < which)
            part = own | reach
            depth = np.where(own, self.depth, low + (which + 0.5) * (high - low) / count).astype(np.float32)
            fine = self.samples & np.kron(part, np.ones((SUBPIXELS, SUBPIXELS), bool))
            if fine.any():
                parts.append(Layer(self.color, part, depth, fine))
        return parts


def _background(rng: np.random.Generator, size: int, nearest: float, spread: float) -> _Thing:
    everywhere = np.ones((size * SUBPIXELS,) * 2, bool)
    far = nearest + spread
    if rng.random() < 0.35:  # a wall or floor that leans
        depth = _leaning(rng, size, nearest + spread * rng.uniform(0, 0.6), far)
    else:
        depth = np.full((size, size), far if rng.random() < 0.7 else nearest + spread * rng.uniform(0.5, 1), np.float32)
    color = _texture(rng, size) * np.float32(rng.choice([0.0, 0.15, 0.5, 1.0], p=[0.1, 0.2, 0.3, 0.4]))
    return _Thing(everywhere, color, depth)


def _thing(rng: np.random.Generator, size: int, nearest: float, spread: float, pool: list[Floats]) -> _Thing | None:
    side = size * math.exp(rng.uniform(math.log(0.04), math.log(0.6)))
    centre = rng.uniform(-0.05, 1.05, 2) * size
    samples = _outline(rng, size, centre, side)
    if not samples.any():
        return None
    middle = nearest + spread * rng.random()
    kind = rng.random()
    if kind < 0.5:
        depth = np.full((size, size), middle, np.float32)
    else:
        deep = min(0.4, side / size) * rng.uniform(0.2, 1) * spread
        low, high = max(middle - deep / 2, 0.0), min(middle + deep / 2, 1.0)
        depth = _leaning(rng, size, low, high, centre, side) if kind < 0.75 else _bulging(size, centre, side, low, high)
    own = _texture(rng, size) if rng.random() < 0.5 else _moved(rng, pool[rng.integers(len(pool))])
    color = own * rng.uniform(0.2, 1.0, (3, 1, 1)) ** rng.uniform(0, 1)
    if rng.random() < 0.4:  # light from one side
        color = color * _ramp(rng, size, rng.uniform(0.2, 0.8), 1.0)
    return _Thing(samples, color.astype(np.float32), depth)


def _outline(rng: np.random.Generator, size: int, centre: NDArray[np.float64], side: float) -> Mask:
    """Samples (S·size, S·size) that a random thing of size `side` round `centre` covers."""
    s = SUBPIXELS
    canvas = np.zeros((size * s, size * s), np.uint8)
    x, y = centre * s
    half = side * s / 2
    angle = rng.uniform(0, 360)
    kind = rng.choice(
        ["ellipse", "polygon", "bar", "ring", "wires", "lattice", "blob"], p=[0.2, 0.25, 0.15, 0.1, 0.1, 0.08, 0.12]
    )
    shift, one = 4, 16  # OpenCV draws in sixteenths of a sample

    def points(values: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.rint(values * one).astype(np.int32)

    if kind in ("ellipse", "ring"):
        axes = half * rng.uniform(0.3, 1, 2)
        box = tuple(points(np.array([x, y])).tolist()), tuple(points(axes).tolist())
        cv2.ellipse(canvas, *box, angle, 0, 360, 1, -1, shift=shift)
        if kind == "ring":
            inner = axes * rng.uniform(0.4, 0.85)
            cv2.ellipse(canvas, box[0], tuple(points(inner).tolist()), angle, 0, 360, 0, -1, shift=shift)
    elif kind == "polygon":
        corners = np.sort(rng.uniform(0, 2 * math.pi, rng.integers(3, 9)))
        radius = half * rng.uniform(0.5, 1.2, len(corners))
        outline = np.stack([x + radius * np.cos(corners), y + radius * np.sin(corners)], 1)
        cv2.fillPoly(canvas, [points(outline)], 1, shift=shift)
    elif kind == "bar":
        along = np.array([math.cos(math.radians(angle)), math.sin(math.radians(angle))])
        across = np.array([-along[1], along[0]]) * max(half * rng.uniform(0.02, 0.6), 0.4 * s)
        along = along * half
        middle = np.array([x, y])
        cv2.fillPoly(
            canvas,
            [
                points(
                    np.array(
                        [
                            middle + along + across,
                            middle + along - across,
                            middle - along - across,
                            middle - along + across,
                        ]
                    )
                )
            ],
            1,
            shift=shift,
        )
    elif kind == "wires":
        for _ in range(rng.integers(1, 6)):
            steps = rng.normal(size=(12, 2)).cumsum(0)
            steps = cv2.GaussianBlur(steps, (1, 5), 1.0)
            path = np.array([x, y]) + half * steps / (np.abs(steps).max() + 1e-9)
            cv2.polylines(canvas, [points(path)], False, 1, int(rng.integers(2, 3 * s)), shift=shift)
    elif kind == "lattice":
        period, thick = rng.uniform(3, 14) * s, rng.uniform(0.15, 0.7)
        v, u = np.mgrid[: size * s, : size * s].astype(np.float32)
        turn = math.radians(angle)
        a, b = u * math.cos(turn) + v * math.sin(turn), v * math.cos(turn) - u * math.sin(turn)
        bars = (a % period < thick * period) | ((b % period < thick * period) & (rng.random() < 0.6))
        canvas[(np.hypot(u - x, v - y) < half) & bars] = 1
    else:
        noise = _noise(rng, size, rng.uniform(1.2, 2.2))[0]
        fine = cv2.resize(noise, None, fx=s, fy=s, interpolation=cv2.INTER_CUBIC)
        v, u = np.mgrid[: size * s, : size * s].astype(np.float32)
        canvas[fine > np.hypot(u - x, v - y) / half - 0.5] = 1
    return canvas.view(np.bool_)


def _texture(rng: np.random.Generator, size: int) -> Floats:
    """Random texture (3, size, size), linear light from 0 to about 1."""
    kind = rng.choice(
        ["noise", "leaves", "stripes", "checks", "dots", "flat", "glyphs"], p=[0.34, 0.16, 0.12, 0.1, 0.08, 0.1, 0.1]
    )
    one, other = rng.random((2, 3, 1, 1))
    if kind == "noise":
        grey = _noise(rng, size, rng.uniform(0.7, 1.7))[0]
        own = _noise(rng, size, rng.uniform(0.8, 1.6), 3)
        mixed = grey + rng.uniform(0, 0.8) * own
        low, high = np.percentile(mixed, (1, 99))
        values = ((mixed - low) / (high - low + 1e-9)).clip(0, 1) ** rng.uniform(0.6, 2.5)
        values = values * np.maximum(one, 0.3)
    elif kind == "leaves":
        values = _leaves(rng, size)
    elif kind == "flat":
        values = np.broadcast_to(one, (3, size, size))
    else:
        v, u = np.mgrid[:size, :size].astype(np.float32)
        turn = rng.uniform(0, math.pi)
        a, b = u * math.cos(turn) + v * math.sin(turn), v * math.cos(turn) - u * math.sin(turn)
        period = math.exp(rng.uniform(math.log(2.2), math.log(30)))
        if kind == "stripes":
            share = 0.5 + 0.5 * np.sin(2 * math.pi * a / period)
            share = share if rng.random() < 0.5 else (share * 6 - 2.5).clip(0, 1)
        elif kind == "checks":
            share = (np.sin(2 * math.pi * a / period) * np.sin(2 * math.pi * b / period) * 4 + 0.5).clip(0, 1)
        elif kind == "dots":
            share = np.zeros((size, size), np.float32)
            at = rng.integers(0, size, (2, rng.integers(5, size)))
            share[at[0], at[1]] = rng.random(at.shape[1])
            wide = rng.uniform(0.4, 1.6)
            share = cv2.GaussianBlur(share, (0, 0), wide) * (6.3 * wide**2 + 0.5)
        else:  # marks like letters, in lines
            cell = int(rng.integers(2, 6))
            bits = (rng.random((size // cell + 1, size // cell + 1)) < 0.5).astype(np.float32)
            bits[:: int(rng.integers(3, 7))] = 0
            share = cv2.resize(bits, None, fx=cell, fy=cell, interpolation=cv2.INTER_NEAREST)[:size, :size]
            share = cv2.GaussianBlur(share, (0, 0), 0.4)
        values = one + (other - one) * share.clip(0, 1)
    if rng.random() < 0.3:
        values = values * _ramp(rng, size, rng.uniform(0.1, 0.9), 1.0)
    return np.ascontiguousarray(values, dtype=np.float32).clip(0, 1.2)


def _noise(rng: np.random.Generator, size: int, power: float, channels: int = 1) -> Floats:
    """Noise (channels, size, size) of unit deviation whose amplitude falls as 1 / frequency^power."""
    f = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    f[0, 0] = 1
    wave = rng.normal(size=(channels, *f.shape)) + 1j * rng.normal(size=(channels, *f.shape))
    wave *= f**-power
    wave[:, 0, 0] = 0
    noise = np.fft.irfft2(wave, s=(size, size))
    return (noise / noise.std((1, 2), keepdims=True)).astype(np.float32)


def _leaves(rng: np.random.Generator, size: int) -> Floats:
    """Dead leaves (3, size, size): discs of random size and colour that cover each other."""
    s = 2
    picture = np.empty((size * s, size * s, 3), np.float32)
    picture[:] = rng.random(3)
    base, spread = rng.random(3), rng.uniform(0.1, 1)
    for _ in range(int(rng.integers(40, 200))):
        radius = s / math.sqrt(rng.uniform(1 / (0.3 * size) ** 2, 1 / 1.2**2))
        x, y = rng.uniform(0, size * s, 2)
        color = (base + spread * (rng.random(3) - 0.5)).clip(0.02, 1)
        cv2.circle(picture, (int(x), int(y)), max(1, int(radius)), color.tolist(), -1)
    small = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).transpose(2, 0, 1)


def _ramp(rng: np.random.Generator, size: int, low: float, high: float) -> Floats:
    """Values (size, size) that rise from `low` to `high` in a random direction."""
    turn = rng.uniform(0, 2 * math.pi)
    v, u = np.mgrid[:size, :size] / (size - 1) - 0.5
    along = u * math.cos(turn) + v * math.sin(turn)
    return (low + (high - low) * (along / math.sqrt(2) + 0.5)).astype(np.float32)


def _leaning(
    rng: np.random.Generator,
    size: int,
    low: float,
    high: float,
    centre: NDArray[np.float64] | None = None,
    side: float | None = None,
) -> Floats:
    """Depth (size, size) of a surface that leans from `low` to `high` over `side` pixels and is flat outside."""
    turn = rng.uniform(0, 2 * math.pi)
    v, u = np.mgrid[:size, :size].astype(np.float32)
    x, y = (size / 2, size / 2) if centre is None else centre
    side = size if side is None else side
    along = ((u - x) * math.cos(turn) + (v - y) * math.sin(turn)) / side + 0.5
    return (low + (high - low) * along.clip(0, 1)).astype(np.float32)


def _bulging(size: int, centre: NDArray[np.float64], side: float, low: float, high: float) -> Floats:
    """Depth (size, size) of a half ball that is nearest in its middle."""
    v, u = np.mgrid[:size, :size].astype(np.float32)
    away = np.hypot(u - centre[0], v - centre[1]) / (side * 0.6)
    return (high - (high - low) * np.sqrt((1 - away**2).clip(0, 1))).astype(np.float32)


def _moved(rng: np.random.Generator, picture: Floats) -> Floats:
    """A texture shifted and turned at random, sometimes with its colours exchanged."""
    turned = np.rot90(np.roll(picture, rng.integers(0, picture.shape[1], 2), (1, 2)), int(rng.integers(4)), (1, 2))
    return np.ascontiguousarray(turned[rng.permutation(3)] if rng.random() < 0.5 else turned)
