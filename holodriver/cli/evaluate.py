"""`holodriver evaluate`: score holograms against a focal stack."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite


def evaluate(
    source: Annotated[list[Path], typer.Argument(help="Holograms (.holo) or folders of panel frames.")],
    against: Annotated[Path, typer.Option("--against", help="The focal stack that the holograms should show.")],
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Also write the scores of all planes to this file.")
    ] = None,
    lpips: Annotated[
        bool | None,
        typer.Option(
            "--lpips/--no-lpips",
            help="Compute LPIPS, too, even if its package must download something. By default it is computed only "
            "where everything for it is there.",
        ),
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="Also score the flat-phase hologram of the focal stack.")
    ] = True,
    overwrite: Overwrite = False,
) -> None:
    """Score what the wave fields show, and what a camera sees of the panel frames through the slit, plane by plane."""
    from holodriver.scores import evaluation
    from holodriver.scores.table import SCORE_HEADINGS
    from holodriver.tasks.evaluate import evaluate as scoring

    with console.reporting() as progress:
        found, stack, display = scoring(
            source,
            against,
            scores=as_json,
            lpips=lpips,
            baseline=baseline,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
        )
    means = evaluation.mean_rows(found)
    headings = SCORE_HEADINGS[: len(means[0]) - 2]  # without LPIPS where it was left out
    for one in found:
        if one.name != evaluation.FLAT:
            rows = evaluation.plane_rows(one, stack, display.dioptres)
            console.table(("plane", "dioptres", *headings), rows, title=f"{one.name}, {one.seen}")
        if one.note:
            console.say(f"{one.name}, {one.seen}: {one.note}")
    console.table(("hologram", "seen", *headings), means, title=f"Mean over {stack.planes} planes of {against}")
    if as_json is not None:
        console.wrote(as_json)
