"""`holodriver synth`: holograms of focal stacks and of pictures with depth."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.interrupt import stopping_on_interrupt
from holodriver.cli.options import Overwrite, Profile, display_profile

if TYPE_CHECKING:
    from holodriver.farm.farm import Farm
    from holodriver.farm.unit import Batch


class Method(StrEnum):
    """How the wave field is found."""

    net = "net"
    opt = "opt"
    net_opt = "net+opt"
    ncgh = "ncgh"
    dcgh = "dcgh"
    points = "points"
    flat = "flat"


class NearLevel(StrEnum):
    """Which end of the grey scale is near in a depth picture."""

    black = "black"
    white = "white"


def synth(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(help="Focal stack (NAME.stack), folder of them, or picture with depth (NAME_depth.png beside)."),
    ],
    output: Annotated[Path, typer.Option("-o", "--output", help="Hologram to write (NAME.holo), or folder for many.")],
    method: Annotated[
        Method | None,
        typer.Option(
            help="net: DEHNet, at once; opt: by optimisation; net+opt: optimised from what DEHNet found; the others: "
            "baselines. Net for a picture and opt for a focal stack if left out."
        ),
    ] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Most steps of the optimiser for each colour.")] = 500,
    tolerance: Annotated[
        float, typer.Option(min=0, help="Relative change of the loss over five steps that counts as converged.")
    ] = 1e-3,
    beta: Annotated[
        float | None, typer.Option(min=0, help="Weight of the all-in-focus term; planes − 1 if left out.")
    ] = None,
    gamma: Annotated[float | None, typer.Option(help="Its depth attention; 2·(planes − 1) if left out.")] = None,
    within_slit: Annotated[
        bool, typer.Option("--within-slit", help="Keep the field inside the passband of the display's slit (net, opt).")
    ] = False,
    padding: Annotated[int, typer.Option(min=0, help="Dark pixels on every side, so that light may leave (opt).")] = 0,
    memory: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="GiB that the optimiser may use beyond the focal stack; with less it computes more. Most of what is "
            "free if left out.",
        ),
    ] = None,
    depth: Annotated[
        Path | None, typer.Option("--depth", help="Depth of a picture; NAME_depth.png beside it if left out.")
    ] = None,
    near: Annotated[
        NearLevel | None,
        typer.Option(help="What is near in it; black if left out, white in NAME_rgbd_lr.png (Looking Glass)."),
    ] = None,
    planes: Annotated[int, typer.Option(min=2, help="Focal planes made of a picture with depth.")] = 21,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Folder of networks; those that come along if left out.")
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(help="What runs DEHNet: float (the fastest in float32), auto (the fastest), or a name of doctor."),
    ] = "float",
    device: Annotated[str, typer.Option(help="torch device, such as cpu or cuda.")] = "cpu",
    names: Annotated[
        bool,
        typer.Option("--names", help="Print each hologram's name as it is made, and nothing else: for play -."),
    ] = False,
    profile: Profile = None,
    jobs: farming.Jobs = 1,
    threads: farming.Threads = None,
    scheduler: farming.Scheduler = None,
    cluster: farming.Cluster = None,
    cluster_option: farming.ClusterOption = None,
    retries: farming.Retries = farming.RETRIES,
    dry_run: farming.DryRun = False,
    overwrite: Overwrite = False,
) -> None:
    """Compute the hologram of a focal stack or a picture with depth, and score it against what it should show."""
    from holodriver.errors import InputError
    from holodriver.scores.table import HEADINGS, table_rows
    from holodriver.tasks.hologram import Job, RgbdSettings, SynthSettings, compute, is_folder_of_stacks, is_picture

    display = display_profile(profile)
    settings = SynthSettings(
        method=method.value if method else "net" if is_picture(source) else "opt",
        beta=beta,
        gamma=gamma,
        iterations=iterations,
        tolerance=tolerance,
        within_slit=within_slit,
        padding=padding,
        memory=None if memory is None else memory * 2**30,
        device=device,
        weights=farming.absolute(weights),
        runtime=runtime,
    )
    if (depth or near) and not is_picture(source):
        raise InputError("is not a picture, which --depth and --near are for", where=source)
    if is_folder_of_stacks(source):
        from holodriver.tasks.batches.holograms import holograms_batch

        farm = farming.farm_of(jobs, threads, scheduler, cluster, cluster_option, retries)
        batch = holograms_batch(source, output, display, settings, overwrite=overwrite)
        _each(batch, farm, names=names, dry_run=dry_run)
        return
    farming.only_for_batches(context, "a folder of focal stacks")
    rgbd = RgbdSettings(depth, near.value if near else None, planes)
    with console.reporting() as progress:
        scores = compute(
            Job(source, output),
            display,
            settings,
            rgbd,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
            interruptible=stopping_on_interrupt,
        )
    if names:
        console.say(str(output))
        return
    if scores is not None:
        console.table(HEADINGS, table_rows([scores]))
    console.say(f"wrote {output}")


def _each(batch: "Batch", farm: "Farm", *, names: bool, dry_run: bool) -> None:
    from holodriver.farm.unit import Outcome
    from holodriver.scores.table import HEADINGS, table_rows
    from holodriver.tasks.batches.holograms import scores_of

    def name(outcome: Outcome) -> None:
        if names and outcome.error is None:
            console.say(str(outcome.unit.outputs[0]))

    if dry_run:
        farming.show_plan(batch, farm)
        return
    outcomes = farming.do(batch, farm, quiet=names, made=name)
    known = scores_of(outcomes)
    if known and not names:
        rows = table_rows([scores for _, scores in known])
        console.table(("hologram", *HEADINGS), [(of, *row) for (of, _), row in zip(known, rows, strict=True)])
    if not names:
        made = [outcome for outcome in outcomes if outcome.attempts and outcome.error is None]
        console.say(f"wrote {len(made)} to {batch.folder}")
    farming.judge(outcomes, quiet=names)
