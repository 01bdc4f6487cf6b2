"""Compare the two routes to a focal stack: plane by plane through a thin lens, and refocused from pinhole views.

    python scripts/measure_routes.py [--size 128] [--planes 21] [--spp 16] [--reference 1024]

Renders the demo scene with a perspective camera by both routes, alternating, and a reference with many samples and no
denoiser; prints the processor time of each (Blender and driver together) and its PSNR against the reference.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from holodriver.blender.find import Blender, find_blender
from holodriver.blender.stack import RenderJob, render_stack
from holodriver.files.stack import read_stack
from holodriver.scene.stack import FocalStack

BORDER_PX = 8  # half the blur circle: left out, as in all scores


def main(arguments: Sequence[str]) -> int:
    """Render, compare, print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="pixels, square")
    parser.add_argument("--planes", type=int, default=21)
    parser.add_argument("--spp", type=int, default=16, help="samples a pixel of the quality compared")
    parser.add_argument(
        "--plane-spp", type=int, nargs="*", default=[], help="more qualities of the plane-by-plane route"
    )
    parser.add_argument("--reference", type=int, default=1024, help="samples a pixel of the reference")
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args(arguments)
    blender = find_blender()
    with tempfile.TemporaryDirectory(prefix="holodriver-routes-") as folder:
        common = {
            "scene": "demo",
            "mapping": "dioptric",
            "width": options.size,
            "height": options.size,
            "coc_max": 15.0,
        }
        exact = RenderJob(**common, planes=3, samples=options.reference, denoise=False, depth_samples=1)
        reference, _ = _timed(exact, Path(folder) / "reference.stack", blender)
        kinds = [("plane by plane", "planes", spp) for spp in (options.spp, *options.plane_spp)]
        kinds.insert(1, ("refocus", "refocus", options.spp))
        seconds: dict[tuple[str, int], list[float]] = {}
        stacks: dict[tuple[str, int], FocalStack] = {}
        for _ in range(options.repeat):
            for name, route, spp in kinds:
                job = RenderJob(**common, planes=options.planes, samples=spp, route=route)
                stacks[name, spp], took = _timed(job, Path(folder) / f"{route}.stack", blender)
                seconds.setdefault((name, spp), []).append(took)
        scale = float(reference.exposed().images.mean() / reference.images.mean())
        print("| route | quality | CPU s | PSNR dB near | middle | far | energy of the planes differs by |")
        print("|---|---|---|---|---|---|---|")
        for (name, spp), stack in stacks.items():
            chosen = [0, (options.planes - 1) // 2, options.planes - 1]
            scores = [_psnr(stack.images[i] * scale, reference.images[j] * scale) for j, i in enumerate(chosen)]
            means = stack.images.mean(axis=(1, 2, 3))
            spread = float(means.max() / means.min() - 1)
            row = " | ".join(f"{score:.1f}" for score in scores)
            print(
                f"| {name} | {spp} | {statistics.median(seconds[name, spp]):.1f} | {row} | {spread:.2%} |", flush=True
            )
    return 0


def _timed(job: RenderJob, path: Path, blender: Blender) -> tuple[FocalStack, float]:
    before = os.times()
    stack = read_stack(render_stack(job, path, overwrite=True, blender=blender))
    after = os.times()
    own = after.user + after.system - before.user - before.system
    return stack, own + after.children_user + after.children_system - before.children_user - before.children_system


def _psnr(image: np.ndarray, reference: np.ndarray) -> float:
    inside = (..., slice(BORDER_PX, -BORDER_PX), slice(BORDER_PX, -BORDER_PX))
    return float(-10 * np.log10(np.mean((image[inside] - reference[inside]) ** 2)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
