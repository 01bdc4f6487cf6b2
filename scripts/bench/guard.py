"""Measure the cost of reading files in a separate, guarded process, compared with reading them in this process.

    python scripts/bench/guard.py [--stack FOLDER] [--rounds 7] [--record]

Unless a focal stack is given, one of 512 × 512 pixels and 21 planes is made of noise; a hologram, a photo and a video
of equal size are made too. Both ways run in turns, and each figure is a median. The start of the reading process, which
delays the first file, is measured separately.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import record

from holodriver.files.guard import guard
from holodriver.files.hologram import Hologram, read_hologram, write_hologram
from holodriver.files.photos import read_photo
from holodriver.files.stack import read_stack, write_stack
from holodriver.files.video.film import write_film
from holodriver.files.video.video import VideoReader
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.scene.stack import FocalStack

SIDE, PLANES, FRAMES = 512, 21, 25


def smooth(*shape: int) -> np.ndarray:
    """Noise between 0 and 1 with grains a few pixels wide, as in pictures."""
    rng = np.random.default_rng(0)
    made = [cv2.GaussianBlur(rng.random((SIDE, SIDE), np.float32), (0, 0), 2.5) for _ in range(int(np.prod(shape)))]
    values = np.stack(made).reshape(*shape, SIDE, SIDE)
    return (values - values.min()) / np.ptp(values)


def made(folder: Path) -> Path:
    """Write a focal stack of noise and return its path."""
    positions = np.linspace(0, 1, PLANES, dtype=np.float32)
    images, depths = smooth(PLANES, 3), smooth(PLANES)
    stack = FocalStack(images, depths, images[0], depths[0], positions, "linear", 15.0)
    write_stack(stack, folder / "a.stack")
    return folder / "a.stack"


def frames(path: Path) -> None:
    """Decode all frames of a video."""
    with VideoReader(path) as video:
        for _ in video.frames():
            pass


def readers(folder: Path, stack: Path | None) -> dict[str, Callable[[], object]]:
    """Write one file of each kind and return the functions that read them, by name."""
    profile = REFERENCE.resized(SIDE, SIDE)
    field = WaveField((smooth(3) + 1j * smooth(3)).astype(np.complex64), profile)
    write_hologram(folder / "a.holo", Hologram(field))
    pixels = np.rint(smooth(3).transpose(1, 2, 0) * 255).astype(np.uint8)
    cv2.imwrite(str(folder / "a.jpg"), pixels)
    write_film(folder / "a.mp4", (np.roll(pixels, 4 * n, 1) for n in range(FRAMES)), rate=Fraction(25))
    path = stack or made(folder)
    return {
        f"focal stack, {PLANES} planes" if stack is None else f"{path.name}, all planes": lambda: read_stack(path),
        "hologram, 3 colours, field": lambda: read_hologram(folder / "a.holo"),
        "photo, JPEG": lambda: read_photo(folder / "a.jpg"),
        f"video, {FRAMES} frames": lambda: frames(folder / "a.mp4"),
    }


def both_ways(read: Callable[[], object], rounds: int) -> tuple[float, float]:
    """Median times of reading through the reading process and in this process, ms."""
    seconds: dict[str, list[float]] = {"0": [], "1": []}
    for turn in range(rounds + 1):
        for without in seconds:
            os.environ[guard.WITHOUT] = without
            start = time.perf_counter()
            read()
            if turn:  # the first turn loads libraries in both processes
                seconds[without].append(time.perf_counter() - start)
    return statistics.median(seconds["0"]) * 1e3, statistics.median(seconds["1"]) * 1e3


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", type=Path, help="folder of a focal stack to read instead of noise")
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each way, in turns")
    record.add_option(parser)
    given = parser.parse_args()
    about = f"Reading files of {SIDE} × {SIDE} pixels through the guarded reading process, and without it."
    with record.section("guard", "Reading files safely", about=about, write=given.record) as results:
        start = time.perf_counter()
        guard.warm()
        started = (time.perf_counter() - start) * 1e3
        rows = []
        with tempfile.TemporaryDirectory() as name:
            for what, read in readers(Path(name), given.stack).items():
                guarded, direct = both_ways(read, given.rounds)
                rows.append((what, f"{guarded:.1f}", f"{direct:.1f}", f"{guarded / direct:.2f}"))
        results.table(("file", "guarded, ms", "in this process, ms", "ratio"), rows)
        results.say(f"The reading process takes {started:.0f} ms to start, once.")


if __name__ == "__main__":
    main()
