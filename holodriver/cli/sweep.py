"""`holodriver sweep`: make the paper's studies, which vary one quantity each."""

from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.figures import (
    FOLDER,
    Cache,
    Count,
    From,
    Networks,
    Output,
    Planes,
    Quick,
    Seed,
    Stack,
    Steps,
    parse_side,
    tell,
    work_in,
)
from holodriver.cli.options import Overwrite, Profile, Weights

ALL = "all"


def sweep(
    studies: Annotated[
        list[str],
        typer.Argument(
            help="The studies planes, beta, gamma, blur, distance, pupil, channels, all-in-focus, depth, loss and "
            "source, or 'all'."
        ),
    ],
    output: Output = FOLDER,
    quick: Quick = False,
    stack: Stack = None,
    scenes_from: From = "rendered",
    size: Annotated[
        str | None,
        typer.Option("--size", help="The pixels of a side of own scenes. By default 512, or 128 with --quick."),
    ] = None,
    planes: Planes = None,
    scenes: Count = None,
    iterations: Steps = None,
    seed: Seed = None,
    weights: Weights = None,
    networks: Networks = None,
    training_steps: Annotated[
        int | None,
        typer.Option(
            "--training-steps",
            min=1,
            help="The training steps of each network of the study of channels. By default 2000, or 200 with --quick.",
        ),
    ] = None,
    profile: Profile = None,
    cache: Cache = None,
    overwrite: Overwrite = False,
) -> None:
    """Vary one quantity and measure: a table (CSV, JSON) and a plot of each study. Computed results are kept."""
    from holodriver.study.run import SWEEPS, run
    from holodriver.study.settings import chosen

    settings = chosen(
        quick=quick, source=scenes_from, stacks=tuple(stack or ()), size=None if size is None else parse_side(size),
        planes=planes, scenes=scenes, iterations=iterations, seed=seed, weights=weights, networks=networks,
        training_steps=training_steps,
    )  # fmt: skip
    with console.reporting() as progress:
        work = work_in(output, settings, profile, cache, progress=progress)
        results = run(work, "sweep", list(SWEEPS) if ALL in studies else studies, overwrite=overwrite)
    for result in results:
        tell(result)
