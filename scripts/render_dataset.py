"""Render a data set of random scenes as focal stacks, one folder each, here or on a farm; a stopped run goes on.

    python scripts/render_dataset.py FOLDER --scenes 100 [--split train] [--first 0] [--size 256] [--spp 16] [--jobs 2]
    python scripts/render_dataset.py FOLDER --scenes 3000 --scheduler ADDRESS [--dry-run]
    python scripts/render_dataset.py FOLDER --scenes 8 --split test --mapping dioptric --route refocus --spp 1

Scene N has the seed N and becomes FOLDER/SPLIT_0000N.stack. The splits have no thing and no texture in common. After
each scene FOLDER/dataset.json says what the folder holds: of every scene its seed, how it was rendered, how far its
planes differ in energy, and how its depths are spread, background left out. The last line printed is that of all.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.blender.stack import RANDOM, ROUTES, SPLITS, RenderJob
from holodriver.cli import farming
from holodriver.cli.options import parse_size
from holodriver.errors import HolodriverError
from holodriver.farm.farm import Farm
from holodriver.farm.run import run
from holodriver.farm.unit import Batch, Outcome
from holodriver.files.atomic import remove_leftovers, written_file
from holodriver.files.manifest import StackManifest
from holodriver.files.stack import read_all_in_focus
from holodriver.optics.display import REFERENCE
from holodriver.tasks.batches.animation import dataset_batch

FORMAT, VERSION = "holodriver data set", 1

MANIFEST = "dataset.json"

BINS = 10
"""Of the histogram of normalised depth."""

BACKGROUND = 0.999
"""Normalised depth from which a pixel is background: the wall behind all things stands in the far plane."""


def describe(path: Path) -> dict[str, Any]:
    """What the manifest says of one focal stack."""
    image, manifest = read_all_in_focus(path)
    things = image.depth[image.depth < BACKGROUND]
    counts, _ = np.histogram(things, bins=BINS, range=(0, 1))
    energies = manifest.provenance.get("energies", [1.0])
    return {
        "seed": manifest.provenance.get("seed"),
        "split": manifest.provenance.get("split"),
        "width": manifest.width,
        "height": manifest.height,
        "planes": manifest.planes,
        "mapping": manifest.mapping,
        "renderer": manifest.renderer,
        "energy_spread": max(energies) - min(energies),
        "background": 1 - things.size / image.depth.size,
        "depth_histogram": [round(float(share), 5) for share in counts / max(things.size, 1)],
    }


def write_manifest(folder: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Write what the folder holds; scenes in `known` are not read again. Returns the scenes."""
    for path in sorted(folder.glob("*.stack")):
        if path.name not in known and (path / StackManifest.FILE_NAME).exists():
            known[path.name] = describe(path)
    scenes = dict(sorted(known.items()))
    text = json.dumps({"format": FORMAT, "version": VERSION, "scenes": scenes}, indent=1)
    remove_leftovers(folder / MANIFEST)  # of a run that was killed here
    with written_file(folder / MANIFEST, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return scenes


def depths_of(scenes: Sequence[dict[str, Any]]) -> str:
    """One line: how the depths of all scenes are spread."""
    mean = np.mean([scene["depth_histogram"] for scene in scenes], 0)
    bins = " ".join(f"{share:.3f}" for share in mean)
    background = 100 * np.mean([scene["background"] for scene in scenes])
    spread = 100 * max(scene["energy_spread"] for scene in scenes)
    return (
        f"{len(scenes)} scenes; shares of the depths 0 to 1 in {BINS} bins, background ({background:.0f} %) left out: "
        f"{bins}; planes of a scene differ in energy by {spread:.2f} % at most"
    )


def main(arguments: Sequence[str]) -> int:
    """Render what is missing; 1 if a scene failed, 2 if nothing could be asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="seed of the first scene")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--size", default="256", help="pixels: one number for a square, or WIDTHxHEIGHT")
    parser.add_argument("--planes", type=int, default=REFERENCE.planes)
    parser.add_argument("--spp", type=int, default=16)
    parser.add_argument("--no-denoise", action="store_true", help="leave the noise: the denoiser's last bits vary")
    parser.add_argument("--mapping", choices=("linear", "dioptric"), default="linear")
    parser.add_argument("--route", choices=ROUTES, default="planes", help="refocus: with --mapping dioptric alone")
    parser.add_argument("--depth-samples", type=int, default=10, help="one-ray depth renders of each plane")
    parser.add_argument("--jobs", type=int, default=1, help="scenes at a time, each a Blender of its own")
    parser.add_argument("--blender", type=Path)
    parser.add_argument("--threads", type=int, help="of each; its share of the cores, or 1 on a farm, if left out")
    parser.add_argument("--scheduler", help="address of the Dask scheduler whose workers render")
    parser.add_argument("--cluster", help="queue whose machines render: slurm; --jobs is how many of its jobs")
    parser.add_argument(
        "--cluster-option", action="append", metavar="NAME=VALUE", help="for the queue; may be repeated"
    )
    parser.add_argument("--retries", type=int, default=1, help="how often a scene that failed is rendered again")
    parser.add_argument("--dry-run", action="store_true", help="only say what is done, what is to do, what it needs")
    options = parser.parse_args(arguments)
    if options.route == "refocus" and options.mapping != "dioptric":
        parser.error("--route refocus needs --mapping dioptric")
    try:
        farm = farming.farm_of(
            options.jobs,
            options.threads,
            options.scheduler,
            options.cluster,
            options.cluster_option,
            options.retries,
        )
        width, height = parse_size(options.size)
        jobs = {
            options.folder / f"{options.split}_{seed:05d}.stack": RenderJob(
                scene=RANDOM,
                width=width,
                height=height,
                planes=options.planes,
                coc_max=REFERENCE.coc_max,
                samples=options.spp,
                denoise=not options.no_denoise,
                depth_samples=options.depth_samples,
                mapping=options.mapping,
                route=options.route,
                seed=seed,
                split=options.split,
            )
            for seed in range(options.first, options.first + options.scenes)
        }
        batch = dataset_batch(jobs, options.folder, blender=options.blender and options.blender.absolute())
    except HolodriverError as error:
        print(f"render_dataset.py: {error}", file=sys.stderr)
        return 2
    return _render(batch, farm, options)


def _render(batch: Batch, farm: Farm, options: argparse.Namespace) -> int:
    known: dict[str, Any] = {}
    begun, made = time.monotonic(), 0

    def tell(outcome: Outcome) -> None:
        nonlocal made
        if outcome.error is None:
            made += 1
            write_manifest(options.folder, known)
            print(f"{outcome.unit.outputs[0]}  {(time.monotonic() - begun) / made:.0f} s a scene", flush=True)

    try:
        if options.dry_run:
            farming.show_plan(batch, farm)
            return 0
        outcomes = run(batch, farm, warn=lambda text: print(f"warning: {text}", file=sys.stderr, flush=True), made=tell)
        if scenes := write_manifest(options.folder, known):
            print(depths_of(list(scenes.values())))
        farming.judge(outcomes)
    except KeyboardInterrupt:
        print("render_dataset.py: stopped; the same command goes on", file=sys.stderr, flush=True)
        return 130
    except HolodriverError as error:
        print(f"render_dataset.py: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
