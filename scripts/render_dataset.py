"""Render a data set of random scenes as focal stacks, one folder each; what is there is left out, so it can go on.

    python scripts/render_dataset.py FOLDER --scenes 100 [--split train] [--first 0] [--size 256] [--spp 16]

Scene N has the seed N and becomes FOLDER/SPLIT_0000N.stack. The splits have no thing and no texture in common.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from holodriver.errors import HolodriverError
from holodriver.files.manifest import StackManifest
from holodriver.optics.display import REFERENCE
from holodriver.rendering.blender import find_blender
from holodriver.rendering.render import RANDOM, SPLITS, RenderJob, render_stack


def main(arguments: Sequence[str]) -> int:
    """Render what is missing; 1 if a scene failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--scenes", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="seed of the first scene")
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--size", type=int, default=256, help="pixels, square")
    parser.add_argument("--planes", type=int, default=REFERENCE.planes)
    parser.add_argument("--spp", type=int, default=16)
    parser.add_argument("--mapping", choices=("linear", "dioptric"), default="linear")
    parser.add_argument("--blender", type=Path)
    options = parser.parse_args(arguments)
    try:
        blender = find_blender(options.blender)
    except HolodriverError as error:
        print(f"render_dataset.py: {error}", file=sys.stderr)
        return 1
    failed, begun, made = 0, time.monotonic(), 0
    for seed in range(options.first, options.first + options.scenes):
        path = options.folder / f"{options.split}_{seed:05d}.stack"
        if (path / StackManifest.FILE_NAME).exists():
            continue
        try:
            job = RenderJob(
                scene=RANDOM,
                width=options.size,
                height=options.size,
                planes=options.planes,
                coc_max=REFERENCE.coc_max,
                samples=options.spp,
                mapping=options.mapping,
                seed=seed,
                split=options.split,
            )
            render_stack(job, path, blender=blender)
        except HolodriverError as error:
            failed += 1
            print(f"{path}: {error}", file=sys.stderr, flush=True)
            continue
        made += 1
        print(f"{path}  {(time.monotonic() - begun) / made:.0f} s a scene", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
