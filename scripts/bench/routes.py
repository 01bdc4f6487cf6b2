"""Compare the two routes to a focal stack: plane by plane with a thin lens, and refocused from pinhole views.

    python scripts/bench/routes.py [--size 128] [--planes 21] [--spp 16] [--reference 1024] [--record]

The bench renders the demo scene with a perspective camera by both routes, in turns, and a reference with many samples
and no denoiser. It prints the processor time of each route (Blender and driver together) and its PSNR against the
reference.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

import numpy as np
import record

from holodriver.blender.find import Blender, find_blender
from holodriver.blender.stack import render_stack
from holodriver.files.stack import read_stack
from holodriver.scene.render_job import RenderJob, Route
from holodriver.scene.stack import FocalStack

BORDER_PX = 8  # border without a score, as in all scores: half the blur circle


def measure(options: argparse.Namespace, results: record.Section) -> None:
    """Render by both routes, in turns, and compare with the reference."""
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
        kinds: list[tuple[str, Route, int]] = [
            ("plane by plane, denoised", "planes", spp) for spp in (options.spp, *options.plane_spp)
        ]
        kinds.insert(1, ("refocus", "refocus", options.spp))
        seconds: dict[tuple[str, int], list[float]] = {}
        stacks: dict[tuple[str, int], FocalStack] = {}
        for _ in range(options.repeat):
            for name, route, spp in kinds:
                job = RenderJob(**common, planes=options.planes, samples=spp, route=route)
                stacks[name, spp], took = _timed(job, Path(folder) / f"{route}.stack", blender)
                seconds.setdefault((name, spp), []).append(took)
    scale = float(reference.exposed().images.mean() / reference.images.mean())
    rows = []
    for (name, spp), stack in stacks.items():
        chosen = [0, (options.planes - 1) // 2, options.planes - 1]
        scores = [_psnr(stack.images[i] * scale, reference.images[j] * scale) for j, i in enumerate(chosen)]
        means = stack.images.mean(axis=(1, 2, 3))
        spread = f"{means.max() / means.min() - 1:.2%}"
        rows.append((name, spp, f"{statistics.median(seconds[name, spp]):.1f}", *(f"{s:.1f}" for s in scores), spread))
    headings = ("route", "samples", "CPU s", "PSNR dB near", "middle", "far", "energy of the planes differs by")
    results.table(headings, rows)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=128, help="pixels of a side")
    parser.add_argument("--planes", type=int, default=21, help="focal planes")
    parser.add_argument("--spp", type=int, default=16, help="samples per pixel of both routes")
    parser.add_argument(
        "--plane-spp", type=int, nargs="*", default=[], help="further numbers of samples for plane by plane"
    )
    parser.add_argument("--reference", type=int, default=1024, help="samples per pixel of the reference")
    parser.add_argument("--repeat", type=int, default=1, help="times that each is rendered")
    record.add_option(parser)
    options = parser.parse_args()
    about = (
        f"The demo scene, perspective, {options.size} × {options.size} pixels, {options.planes} planes, against "
        f"{options.reference} samples a pixel without denoiser; processor time of Blender and driver together."
    )
    with record.section("routes", "Two routes to a focal stack", about=about, write=options.record) as results:
        measure(options, results)


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
    main()
