"""Data sets of random scenes: each scene's focal stack is a unit with its own Blender; a manifest lists the scenes."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from holodriver.errors import InputError
from holodriver.farm.unit import Batch
from holodriver.files.atomic import remove_leftovers, written_file
from holodriver.files.manifest import StackManifest
from holodriver.files.stack import read_all_in_focus
from holodriver.scene.render_job import RenderJob
from holodriver.tasks.batches.animation import settings_of, stack_unit

DATASET = "dataset"
"""Kind of the batch, as its manifest records it; the name of the split is added."""

FORMAT, VERSION = "holodriver data set", 1

MANIFEST = "dataset.json"
"""Name of the file that lists the contents of a data set's folder."""

BINS = 10
"""Number of bins in the histogram of normalised depth."""

BACKGROUND = 0.999
"""Normalised depth from which a pixel counts as background: the wall behind all objects stands in the far plane."""


def dataset_batch(job: RenderJob, seeds: Sequence[int], folder: Path, *, blender: Path | None = None) -> Batch:
    """Batch that renders ``folder/SPLIT_00000.stack`` and so on, one focal stack for each random scene.

    Args:
        job: settings for all scenes; `job.seed` is ignored.
        seeds: seeds of the scenes.

    Raises:
        InputError: there are no scenes, or the route does not suit the camera.
    """
    if not seeds:
        raise InputError("no scenes are asked for", where=folder)
    if job.route == "refocus" and job.mapping != "dioptric":
        raise InputError("the refocus route needs a perspective camera", remedy="add --mapping dioptric")
    jobs = {folder / f"{job.split}_{seed:05d}.stack": replace(job, seed=seed) for seed in seeds}
    settings = settings_of(job)
    del settings["seed"]  # differs from scene to scene; scenes may be added at any time
    return Batch(
        kind=f"{DATASET}_{job.split}",
        folder=folder,
        settings=settings,
        units=tuple(stack_unit(each, path, blender) for path, each in jobs.items()),
        stage="rendering scenes",
    )


def write_dataset(folder: Path, known: dict[str, Any]) -> dict[str, Any]:
    """Write ``dataset.json``, which lists the scenes in the folder.

    The file contains for every scene the seed, the render settings, the largest difference in energy between planes,
    and the histogram of depths without the background.

    Args:
        known: descriptions, by name, of scenes that need not be read again; scenes read here are added.

    Returns:
        Descriptions of all scenes by name.
    """
    for path in sorted(folder.glob("*.stack")):
        if path.name not in known and (path / StackManifest.FILE_NAME).exists():
            known[path.name] = _described(path)
    scenes = dict(sorted(known.items()))
    text = json.dumps({"format": FORMAT, "version": VERSION, "scenes": scenes}, indent=1)
    remove_leftovers(folder / MANIFEST)  # of an earlier run that was killed
    with written_file(folder / MANIFEST, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return scenes


def depths_in_words(scenes: dict[str, Any]) -> str:
    """Summarise the distribution of all scenes' depths in one line."""
    mean = np.mean([scene["depth_histogram"] for scene in scenes.values()], 0)
    bins = " ".join(f"{share:.3f}" for share in mean)
    background = 100 * np.mean([scene["background"] for scene in scenes.values()])
    spread = 100 * max(scene["energy_spread"] for scene in scenes.values())
    return (
        f"{len(scenes)} scenes; shares of the depths 0 to 1 in {BINS} bins, background ({background:.0f} %) left out: "
        f"{bins}; planes of a scene differ in energy by {spread:.2f} % at most"
    )


def _described(path: Path) -> dict[str, Any]:
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
