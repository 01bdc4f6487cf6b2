"""Measure quilts warped from colour and depth: their quality against rendered views, and their time and memory.

    python scripts/bench/quilt.py quality [--renders FOLDER] [--pictures FOLDER] [--record]
    python scripts/bench/quilt.py speed [--record]

`quality` renders the demo scene from nine viewpoints over the cone of a Looking Glass Go, and once with depth, at half
the Go's resolution; renders that are already in FOLDER are used again. The warped views, and those of a plain backward
warp (each pixel is fetched from the place that its own depth gives, one `cv2.remap` for each view) on the same grid,
are compared with the rendered ones: on all pixels, on those that the middle view sees, on those that it does not see
(the disocclusion band), and on those outside of the middle view. Scores are of sRGB values with data range 1. `speed`
runs all variants in turns; times are medians.
"""

import argparse
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import record
from numpy.typing import NDArray

from holodriver.blender.quilt import QuiltJob, render_quilt
from holodriver.blender.stack import render_stack
from holodriver.cli import console
from holodriver.files.quilt import QuiltCanvas, read_quilt, write_quilt
from holodriver.files.stack import read_all_in_focus
from holodriver.lookingglass.grid import FINE, Grid, working_grid
from holodriver.lookingglass.parallax import Geometry, ViewSettings, stack_geometry
from holodriver.lookingglass.quilt import draw_views, make_layers, make_quilt
from holodriver.optics.colour import srgb_encode
from holodriver.optics.lookingglass import LookingGlass, looking_glass
from holodriver.scene.render_job import RenderJob
from holodriver.scene.rgbd import RgbdImage
from holodriver.scores.psnr_ssim import ssim
from holodriver.study.figures.performance import alternated

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

GO = looking_glass("go")
NINE = replace(GO, columns=3, rows=3).sized(3 * (GO.tile[0] // 2), 3 * (GO.tile[1] // 2))


def gain(grid: Grid, display: LookingGlass, view: int) -> float:
    """Shift, in samples of the grid, that a view gives to a point one unit of depth in front of the focus."""
    return grid.reach * display.offset(view) / abs(display.offset(display.views - 1))


def backward(grid: Grid, gain: float) -> Floats:
    """Warp a view (h, w, 3), sRGB 0 … 1, red first: each pixel is fetched from the place that its own depth gives."""
    height, width = grid.depth.shape
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x -= np.float32(gain) * (grid.depth - np.float32(grid.focus))
    moved = cv2.remap(grid.color, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return srgb_encode(moved.reshape(height, width // FINE, FINE, 3).mean(2))


def hidden(grid: Grid, gain: float) -> tuple[Mask, Mask]:
    """Masks (h, w) of a view's pixels that are hidden in the middle view, and of those outside of it, by splatting."""
    height, width = grid.depth.shape
    at = np.arange(width)[None] + gain * (grid.depth - grid.focus)
    reached = np.zeros((height, width + 1), bool)
    for share in (0.0, 0.25, 0.5, 0.75):  # fill the gaps between neighbours on one surface
        step = np.diff(at, axis=1, append=at[:, -1:])
        place = np.where(np.abs(step) < 3, at + share * step, at)
        inside = (place > -0.5) & (place < width - 0.5)
        np.put_along_axis(reached, np.where(inside, np.rint(place), width).astype(int), True, 1)
    open_ = ~reached[:, :width].reshape(height, width // FINE, FINE).any(2)
    left = gain * (np.array([0.0, 1.0]) - grid.focus)
    columns = (np.arange(width // FINE) + 0.5) * FINE
    beyond = (columns < left.max()) | (columns > width + left.min())
    return open_ & ~beyond, open_ & beyond


def decibels(a: Floats, b: Floats, where: Mask) -> float:
    """PSNR of the pixels in a mask, dB; NaN if the mask is empty."""
    return float(-10 * np.log10(np.mean((a - b)[where] ** 2))) if where.any() else float("nan")


def renders(folder: Path, samples: int) -> tuple[RgbdImage, Geometry, ViewSettings, Path]:
    """Load the demo scene with its depth, and the rendered views; whatever is missing is rendered."""
    width, height = round(2 * NINE.tile[1] * NINE.aspect), 2 * NINE.tile[1]
    stack, quilt = folder / "demo.stack", folder / "true_qs3x3a0.5625.png"
    with console.reporting() as progress:
        if not stack.exists():
            job = RenderJob(
                scene="demo", width=width, height=height, planes=2, coc_max=1.0, samples=samples, mapping="dioptric",
                depth_samples=1,
            )  # fmt: skip
            render_stack(job, stack, progress=progress)
        image, manifest = read_all_in_focus(stack)
        geometry = stack_geometry(manifest.near, manifest.far, manifest.mapping, manifest.camera, manifest.shape)
        assert geometry is not None
        if not quilt.exists():
            focus = 2 / (1 / geometry.near + 1 / geometry.far)
            render_quilt(QuiltJob.of(NINE, scene="demo", samples=samples, focus=focus), quilt, progress=progress)
    return image, geometry, ViewSettings(), quilt


def quality(folder: Path, samples: int, pictures: Path | None, results: record.Section) -> None:
    """Write the table of warped and plainly warped views, compared with rendered ones."""
    image, geometry, settings, quilt = renders(folder, samples)
    true, layout = read_quilt(quilt)
    warped = make_quilt(image, NINE, settings, geometry=geometry)
    grid = working_grid(image, NINE, settings, geometry)
    rows = []
    for view in range(NINE.views):
        move = gain(grid, NINE, view)
        band, beyond = hidden(grid, move)
        seen = ~(cv2.dilate((band | beyond).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
        target, ours = (pixels[layout.place(view)][..., ::-1] / 255 for pixels in (true, warped.pixels))
        plain = backward(grid, move)
        scores = [
            f"{decibels(ours, target, where):.1f} / {decibels(plain, target, where):.1f}"
            for where in (np.ones_like(band), seen, band, beyond)
        ]
        likeness = [ssim(made.transpose(2, 0, 1), target.transpose(2, 0, 1)) for made in (ours, plain)]
        share = f"{band.mean():.1%}"
        rows.append((f"{NINE.angle(view):+.1f}°", *scores, share, f"{likeness[0]:.3f} / {likeness[1]:.3f}"))
        if pictures is not None:
            pictures.mkdir(parents=True, exist_ok=True)
            marked = np.where((band | beyond)[..., None], target, target * 0.25)
            sheet = np.rint(np.hstack([target, ours, plain, marked]) * 255).astype(np.uint8)[..., ::-1]
            write_quilt(pictures / f"view_{view}.png", np.ascontiguousarray(sheet), overwrite=True)
    headings = ("view", "PSNR dB, all", "seen", "disoccluded", "beyond the sides", "share disoccluded", "SSIM, all")
    results.table(headings, rows, title="Each figure: warped / plain backward warp")
    if pictures is not None:
        console.say(f"wrote {pictures}: rendered, warped, warped backward, and the unseen pixels, for each view")


def full_hd() -> RgbdImage:
    """Make a picture of 1080 × 1920 with objects of all sizes at all depths; its content hardly changes the time."""
    rng = np.random.default_rng(0)
    color = cv2.resize(rng.random((240, 135, 3), np.float32), (1080, 1920), interpolation=cv2.INTER_LINEAR)
    depth = cv2.resize(rng.random((48, 27), np.float32), (1080, 1920), interpolation=cv2.INTER_NEAREST)
    return RgbdImage(np.asarray(color, np.float32).transpose(2, 0, 1), np.asarray(depth, np.float32))


def speed(rounds: int, folder: Path, results: record.Section) -> None:
    """Write the table of the time and memory needed to make a quilt."""
    image, settings = full_hd(), ViewSettings()
    canvas = QuiltCanvas(GO)
    output = folder / "speed_qs11x6a0.5625.png"

    def ours() -> None:
        make_quilt(image, GO, settings, canvas=canvas)

    def views() -> None:
        draw_views(layers, GO, canvas)

    def plain() -> None:
        grid = working_grid(image, GO, settings, None)
        for view in range(GO.views):
            canvas.add(view, np.rint(backward(grid, gain(grid, GO, view)) * 255).astype(np.uint8)[..., ::-1])

    layers = make_layers(image, GO, settings)
    works = {"whole quilt": ours, "of it the 66 views": views, "plain backward warp": plain,
             "writing the PNG": lambda: canvas.write(output, overwrite=True)}  # fmt: skip
    medians = alternated(works, rounds)
    output.unlink()
    rows = [(name, f"{seconds:.2f} s") for name, seconds in medians.items()]
    rows.append(("plain backward warp / whole quilt", f"{medians['plain backward warp'] / medians['whole quilt']:.1f}"))
    rows.append(("peak memory of a process that makes one quilt", f"{memory():.0f} MiB"))
    results.table(("Go quilt, 11 × 6 views, 4092², from 1080 × 1920", "median"), rows)


def memory() -> float:
    """Peak memory of a separate process that makes one quilt, libraries included, MiB."""
    done = subprocess.run([sys.executable, __file__, "once"], capture_output=True, text=True, check=True)
    return float(done.stdout)


def once() -> None:
    """Make one quilt and print the peak memory of this process, MiB."""
    make_quilt(full_hd(), GO)
    status = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))  # only on Linux


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("quality")
    one.add_argument("--renders", type=Path, default=Path("out/quilt"), help="folder of the renders")
    one.add_argument("--samples", type=int, default=64, help="samples per pixel of the renders")
    one.add_argument("--pictures", type=Path, help="folder for pictures of each view")
    two = commands.add_parser("speed")
    two.add_argument("--rounds", type=int, default=5, help="measurements of each variant, in turns")
    two.add_argument("--folder", type=Path, default=Path("."), help="folder for a temporary picture")
    commands.add_parser("once", help="used internally by speed")
    record.add_option(one, two)
    given = parser.parse_args()
    if given.command == "once":
        once()
    elif given.command == "quality":
        about = (
            "The demo scene, nine views over the 54° of a Looking Glass Go at its true depth and half its resolution; "
            "rendered views are the reference, sRGB."
        )
        with record.section("quilt quality", "Quilts: quality", about=about, write=given.record) as results:
            quality(given.renders, given.samples, given.pictures, results)
    else:
        with record.section("quilt speed", "Quilts: speed", write=given.record) as results:
            speed(given.rounds, given.folder, results)


if __name__ == "__main__":
    main()
