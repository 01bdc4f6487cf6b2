"""`holodriver figures`: the counterparts of the paper's figures, and the page that holds its claims against them."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, display_profile, parse_size
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.progress import Progress
    from holodriver.study.run import Result
    from holodriver.study.settings import Settings
    from holodriver.study.work import Work

CLAIMS = "claims"
FOLDER = Path("studies")


class Source(StrEnum):
    """Where scenes come from."""

    rendered = "rendered"
    layered = "layered"


Output = Annotated[
    Path, typer.Option("-o", "--output", help="Folder for pictures, tables, data and what was computed.")
]
Cache = Annotated[
    Path | None, typer.Option("--cache", help="Folder of what was computed, to share; OUTPUT/cache if left out.")
]
Blender = Annotated[Path | None, typer.Option(help="Blender, or a Python that has bpy; else it is looked for.")]
Quick = Annotated[bool, typer.Option("--quick", help="Small: 128 pixels, 11 planes, 2 scenes, few steps.")]
Stack = Annotated[
    list[Path] | None,
    typer.Option("--stack", help="Focal stack to use in place of own scenes; may be repeated, the first is shown."),
]
From = Annotated[Source, typer.Option("--scenes-from", help="rendered in Blender, or layers drawn at random.")]
Size = Annotated[str | None, typer.Option("--size", help="Pixels of a side of own scenes; 512, or 128 if quick.")]
Planes = Annotated[int | None, typer.Option("--planes", min=3, help="Focal planes of own scenes; 21, or 11 if quick.")]
Count = Annotated[int | None, typer.Option("--scenes", min=1, help="Own scenes to average over; 5, or 2 if quick.")]
Steps = Annotated[int | None, typer.Option("--iterations", min=1, help="Most steps of the optimiser; 500, or 100.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of the first own scene.")]
Weights = Annotated[
    Path | None, typer.Option("--weights", help="Folder of networks; those that come along if left out.")
]


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"2a 3 4 5 6 7 9 phase-noise; {CLAIMS}: the page. All figures if left out."),
    ] = None,
    output: Output = FOLDER,
    quick: Quick = False,
    stack: Stack = None,
    scenes_from: From = Source.rendered,
    size: Size = None,
    wide: Annotated[
        str | None, typer.Option("--wide", help="Second size of figure 5; 1920x1080, or 256x144 if quick.")
    ] = None,
    planes: Planes = None,
    scenes: Count = None,
    iterations: Steps = None,
    seed: Seed = None,
    rgbd: Annotated[
        Path | None, typer.Option("--rgbd", help="A real picture with depth, for figure 6 (as `synth` takes it).")
    ] = None,
    weights: Weights = None,
    networks: Annotated[
        Path | None, typer.Option("--networks", help="For the claims: as for `sweep channels`.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option("--page", help=f"Where {CLAIMS} go; OUTPUT/claims.html if left out.")
    ] = None,
    as_made: Annotated[
        bool, typer.Option("--as-made", help="For the claims: make nothing, judge by the results that are there.")
    ] = False,
    profile: Profile = None,
    cache: Cache = None,
    blender: Blender = None,
    overwrite: Overwrite = False,
) -> None:
    """Make the paper's figures from our own scenes: PNG, table (CSV, JSON) and arrays (.npz) of each.

    What was computed is kept: a second run costs nothing, and a killed one goes on. `claims` makes all figures and
    sweeps, and a page that holds each of the paper's claims against them.
    """
    from holodriver.study.run import FIGURES, run

    settings = chosen_settings(
        quick=quick, stack=stack, source=scenes_from, size=size, wide=wide, planes=planes, scenes=scenes,
        iterations=iterations, seed=seed, rgbd=rgbd, weights=weights, networks=networks,
    )  # fmt: skip
    chosen = list(names or [])
    wants_page = CLAIMS in chosen or page is not None
    plain = [name for name in chosen if name != CLAIMS] or ([] if wants_page else list(FIGURES))
    with console.reporting() as progress:
        work = work_in(output, settings, profile, cache, blender, progress=progress)
        results = run(work, "figure", plain, overwrite=overwrite)
        written = None
        if wants_page:
            from holodriver.study.page import claims_page

            written = claims_page(work, page or output / "claims.html", as_made=as_made, overwrite=overwrite)
    for result in results:
        tell(result)
    if written is not None:
        console.table(("claim", "paper", "here", "same"), written.rows, title=f"{written.same} of {len(written.rows)}")
        console.say(f"wrote {written.path}")


def chosen_settings(*, quick: bool, source: Source, **given: object) -> "Settings":
    """The settings that options ask for."""
    from dataclasses import replace

    from holodriver.study.settings import QUICK, Settings

    values = {name: value for name, value in given.items() if value is not None}
    if "size" in values:
        width, height = parse_size(str(values["size"]))
        if width != height:
            raise InputError(f"--size is {values['size']!r}, expected one number: own scenes are square")
        values["size"] = width
    if "wide" in values:
        values["wide"] = parse_size(str(values["wide"]))
    stacks = values.pop("stack", None) or ()
    return replace(QUICK if quick else Settings(), source=source.value, stacks=tuple(stacks), **values)  # type: ignore[arg-type]


def work_in(
    output: Path,
    settings: "Settings",
    profile: Path | None,
    cache: Path | None,
    blender: Path | None,
    *,
    progress: "Progress",
) -> "Work":
    """What studies work with, in a folder."""
    from holodriver.study.work import Work

    return Work(output, settings, display_profile(profile), cache=cache, blender=blender, progress=progress)


def tell(result: "Result") -> None:
    """Print a result."""
    outcome = result.outcome
    console.table(
        outcome.columns, [["" if cell is None else cell for cell in row] for row in outcome.rows], title=outcome.title
    )
    for line in outcome.says:
        console.say(line)
    how = f"made in {result.seconds:.0f} s" if result.fresh else "as it was"
    console.say(f"{result.picture} ({how})")
