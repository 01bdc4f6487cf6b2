"""`holodriver figures`: make counterparts of the paper's figures, and the page that judges its claims."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, Weights, display_profile, parse_size
from holodriver.errors import InputError
from holodriver.study.settings import Source

if TYPE_CHECKING:
    from holodriver.progress import Progress
    from holodriver.study.run import Result
    from holodriver.study.settings import Settings
    from holodriver.study.work import Work

CLAIMS, PAGE = "claims", "page"
FOLDER = Path("studies")

Output = Annotated[Path, typer.Option("-o", "--output", help="The folder for pictures, tables, data and results.")]
Cache = Annotated[Path | None, typer.Option("--cache", help="The folder of kept results. By default OUTPUT/cache.")]
Quick = Annotated[bool, typer.Option("--quick", help="Work small: 128 pixels, 11 planes, 2 scenes and few steps.")]
Stack = Annotated[
    list[Path] | None,
    typer.Option("--stack", help="A focal stack in place of own scenes. It may be repeated; the first one is shown."),
]
From = Annotated[
    Source, typer.Option("--scenes-from", help="Whether own scenes are rendered, or drawn as random layers.")
]
Planes = Annotated[
    int | None, typer.Option("--planes", min=3, help="Focal planes of own scenes. By default 21, or 11 with --quick.")
]
Count = Annotated[
    int | None, typer.Option("--scenes", min=1, help="How many own scenes. By default 5, or 2 with --quick.")
]
Steps = Annotated[
    int | None,
    typer.Option(
        "--iterations", min=1, help="The optimiser's largest number of steps. By default 500, or 100 with --quick."
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="The seed of the first own scene.")]
Networks = Annotated[
    Path | None,
    typer.Option(
        "--networks",
        help="A folder with a folder of weights for each size of network, for the study of channels. By default four "
        "sizes are trained.",
    ),
]


def figures(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"The figures 2a 3 4 5 6 7 9 phase-noise (default: all); '{CLAIMS}', which makes all figures, sweeps "
            f"and the page of claims; or '{PAGE}', which makes the page from the results that are there."
        ),
    ] = None,
    output: Output = FOLDER,
    quick: Quick = False,
    stack: Stack = None,
    scenes_from: From = "rendered",
    size: Annotated[
        str | None,
        typer.Option(
            "--size",
            help="The side of own scenes and the second size of figure 5, pixels. By default 512,1920x1080, or "
            "128,256x144 with --quick.",
        ),
    ] = None,
    planes: Planes = None,
    scenes: Count = None,
    iterations: Steps = None,
    seed: Seed = None,
    rgbd: Annotated[
        Path | None, typer.Option("--rgbd", help="A real picture with depth for figure 6, as synth takes it.")
    ] = None,
    weights: Weights = None,
    networks: Networks = None,
    profile: Profile = None,
    cache: Cache = None,
    overwrite: Overwrite = False,
) -> None:
    """Make the paper's figures from our own scenes: PNG, table (CSV, JSON) and arrays (.npz) of each.

    Computed results are kept: a second run costs nothing, and a killed one goes on. The page OUTPUT/claims.html holds
    each of the paper's claims against the figures and sweeps. HOLODRIVER_BLENDER names the Blender to use.
    """
    from holodriver.study.page import claims_page
    from holodriver.study.run import FIGURES, run
    from holodriver.study.settings import chosen

    side, wide = _sizes(size)
    settings = chosen(
        quick=quick, source=scenes_from, stacks=tuple(stack or ()), size=side, wide=wide, planes=planes, scenes=scenes,
        iterations=iterations, seed=seed, rgbd=rgbd, weights=weights, networks=networks,
    )  # fmt: skip
    asked = list(names or FIGURES)
    with console.reporting() as progress:
        work = work_in(output, settings, profile, cache, progress=progress)
        results = run(work, "figure", [name for name in asked if name not in (CLAIMS, PAGE)], overwrite=overwrite)
        page = None
        if CLAIMS in asked or PAGE in asked:
            page = claims_page(work, output / "claims.html", as_made=CLAIMS not in asked, overwrite=overwrite)
    for result in results:
        tell(result)
    if page is not None:
        console.table(("claim", "paper", "here", "same"), page.rows, title=f"{page.same} of {len(page.rows)}")
        console.wrote(page.path)


def _sizes(text: str | None) -> tuple[int | None, tuple[int, int] | None]:
    """The side of own scenes, and the width and height of the second size of figure 5, pixels."""
    if text is None:
        return None, None
    first, comma, second = text.partition(",")
    return parse_side(first), parse_size(second) if comma else None


def parse_side(text: str) -> int:
    """Pixels of a side, of a text such as "512".

    Raises:
        InputError: the text is something else, or names two different sides.
    """
    width, height = parse_size(text)
    if width != height:
        raise InputError(f"--size is {text!r}, expected one number: own scenes are square")
    return width


def work_in(
    output: Path, settings: "Settings", profile: Path | None, cache: Path | None, *, progress: "Progress"
) -> "Work":
    """The settings, display, cache and folder of studies."""
    from holodriver.study.work import Work

    return Work(output, settings, display_profile(profile), cache=cache, progress=progress)


def tell(result: "Result") -> None:
    """Print the table, the remarks and the picture of a figure or a sweep."""
    outcome = result.outcome
    console.table(
        outcome.columns, [["" if cell is None else cell for cell in row] for row in outcome.rows], title=outcome.title
    )
    for line in outcome.says:
        console.say(line)
    how = f"made in {result.seconds:.0f} s" if result.fresh else "as it was"
    console.name(result.picture)
    console.say(f"{result.picture} ({how})")
