"""`holodriver sweep`: the paper's studies, one quantity varied."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.figures import (
    FOLDER,
    Blender,
    Cache,
    Count,
    From,
    Output,
    Planes,
    Quick,
    Seed,
    Size,
    Source,
    Stack,
    Steps,
    Weights,
    chosen_settings,
    tell,
    work_in,
)
from holodriver.cli.options import Overwrite, Profile

ALL = "all"


def sweep(
    studies: Annotated[
        list[str],
        typer.Argument(
            help="planes, beta, gamma, blur, distance, pupil, channels, all-in-focus, depth, loss, source, or all."
        ),
    ],
    output: Output = FOLDER,
    quick: Quick = False,
    stack: Stack = None,
    scenes_from: From = Source.rendered,
    size: Size = None,
    planes: Planes = None,
    scenes: Count = None,
    iterations: Steps = None,
    seed: Seed = None,
    weights: Weights = None,
    networks: Annotated[
        Path | None,
        typer.Option(
            "--networks",
            help="For channels: a folder with a folder of weights for each size (holodriver train --channels N); "
            "if left out, four sizes are trained.",
        ),
    ] = None,
    training_steps: Annotated[
        int | None, typer.Option("--training-steps", min=1, help="Of each of those; 2000, or 200 if quick.")
    ] = None,
    profile: Profile = None,
    cache: Cache = None,
    blender: Blender = None,
    overwrite: Overwrite = False,
) -> None:
    """Vary one quantity and measure: a table (CSV, JSON) and a plot of each study. What was computed is kept."""
    from holodriver.study.run import SWEEPS, run

    settings = chosen_settings(
        quick=quick, stack=stack, source=scenes_from, size=size, planes=planes, scenes=scenes, iterations=iterations,
        seed=seed, weights=weights, networks=networks, training_steps=training_steps,
    )  # fmt: skip
    chosen = list(SWEEPS) if ALL in studies else studies
    with console.reporting() as progress:
        work = work_in(output, settings, profile, cache, blender, progress=progress)
        results = run(work, "sweep", chosen, overwrite=overwrite)
    for result in results:
        tell(result)
