"""What it costs that a process of its own reads files, against reading them here.

    python scripts/bench_guard.py [--stack FOLDER] [--rounds 7]

A focal stack of 512 × 512 pixels and 21 planes is made of noise unless one is given, and a hologram, a photo and a
video of the same size. Both ways alternate in one run; each figure is the median. The first file of all waits for the
reading process to start, which is told apart.
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
    """Noise of a few pixels' width, 0 to 1, as pictures have it."""
    rng = np.random.default_rng(0)
    made = [cv2.GaussianBlur(rng.random((SIDE, SIDE), np.float32), (0, 0), 2.5) for _ in range(int(np.prod(shape)))]
    values = np.stack(made).reshape(*shape, SIDE, SIDE)
    return (values - values.min()) / np.ptp(values)


def made(folder: Path) -> Path:
    """A focal stack."""
    positions = np.linspace(0, 1, PLANES, dtype=np.float32)
    images, depths = smooth(PLANES, 3), smooth(PLANES)
    stack = FocalStack(images, depths, images[0], depths[0], positions, "linear", 15.0)
    write_stack(stack, folder / "a.stack")
    return folder / "a.stack"


def frames(path: Path) -> None:
    """Decode all of a video."""
    with VideoReader(path) as video:
        for _ in video.frames():
            pass


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stack", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    start = time.perf_counter()
    guard.warm()
    print(f"starting the reading process: {(time.perf_counter() - start) * 1e3:.0f} ms, once")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        profile = REFERENCE.resized(SIDE, SIDE)
        write_hologram(
            folder / "a.holo", Hologram(WaveField((smooth(3) + 1j * smooth(3)).astype(np.complex64), profile))
        )
        pixels = np.rint(smooth(3).transpose(1, 2, 0) * 255).astype(np.uint8)
        cv2.imwrite(str(folder / "a.jpg"), pixels)
        write_film(folder / "a.mp4", (np.roll(pixels, 4 * n, 1) for n in range(FRAMES)), rate=Fraction(25))
        work: dict[str, Callable[[], object]] = {}
        stack = arguments.stack or made(folder)
        work[f"{stack.name}: all planes"] = lambda: read_stack(stack)
        work["hologram, 3 colours, field"] = lambda: read_hologram(folder / "a.holo")
        work["photo, JPEG"] = lambda: read_photo(folder / "a.jpg")
        work[f"video, {FRAMES} frames"] = lambda: frames(folder / "a.mp4")
        for what, read in work.items():
            report(what, read, arguments.rounds)


def report(what: str, read: Callable[[], object], rounds: int) -> None:
    """Print one row."""
    seconds: dict[str, list[float]] = {"0": [], "1": []}
    for turn in range(rounds + 1):
        for without in seconds:
            os.environ[guard.WITHOUT] = without
            start = time.perf_counter()
            read()
            if turn:  # the first loads libraries, here and there
                seconds[without].append(time.perf_counter() - start)
    guarded, direct = (statistics.median(seconds[key]) * 1e3 for key in ("0", "1"))
    more = f"{guarded / direct:.2f} times, {guarded - direct:+.1f} ms"
    print(f"{what}: {guarded:.1f} ms guarded, {direct:.1f} ms here, {more}")


if __name__ == "__main__":
    main()
