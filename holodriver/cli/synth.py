"""`holodriver synth`: compute holograms of focal stacks and of pictures with depth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console, farming
from holodriver.cli.interrupt import stopping_on_interrupt
from holodriver.cli.options import Depth, Device, Overwrite, Profile, Runtime, Weights, display_profile
from holodriver.errors import InputError
from holodriver.files.rgbd import Near as NearEnd
from holodriver.synthesis.methods import Method

if TYPE_CHECKING:
    from holodriver.farm.unit import Batch


Near = Annotated[
    NearEnd | None,
    typer.Option(
        help="The end of the depth's grey scale that is near. By default it is black, or white in videos and "
        "NAME_rgbd_lr.png."
    ),
]


def synth(
    source: Annotated[Path, typer.Argument(help="A focal stack, a folder of them, or a picture with depth.")],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="The hologram to write (NAME.holo), or a folder for many holograms.")
    ],
    method: Annotated[
        Method | None,
        typer.Option(
            help="'net' is DEHNet, which takes a moment; 'opt' optimises; 'net+opt' optimises what DEHNet found; the "
            "others are baselines. By default a picture gets 'net' and a focal stack gets 'opt'."
        ),
    ] = None,
    iterations: Annotated[int, typer.Option(min=1, help="Largest number of optimiser steps for each colour.")] = 500,
    tolerance: Annotated[
        float,
        typer.Option(min=0, help="The optimiser stops when the loss changes by this share or less over five steps."),
    ] = 1e-3,
    attention: Annotated[
        str | None,
        typer.Option(
            metavar="BETA,GAMMA",
            help="The weight of the all-in-focus term of the loss and its depth attention. By default they are "
            "planes − 1 and 2·(planes − 1).",
        ),
    ] = None,
    within_slit: Annotated[
        bool, typer.Option("--within-slit", help="Keep the field inside the slit's passband (methods net and opt).")
    ] = False,
    padding: Annotated[
        int, typer.Option(min=0, help="Dark pixels on every side, into which light may leave (opt).")
    ] = 0,
    memory: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="The memory in GiB that the optimiser may use beyond the focal stack. With less it computes longer. "
            "By default it may use most of the free memory.",
        ),
    ] = None,
    depth: Depth = None,
    near: Near = None,
    weights: Weights = None,
    runtime: Runtime = "float",
    device: Device = "cpu",
    profile: Profile = None,
    overwrite: Overwrite = False,
) -> None:
    """Compute the hologram of a focal stack or of a picture with depth, and score it against what it should show.

    A picture becomes a focal stack of as many planes as the display profile has. A folder of focal stacks takes the
    options of batches, such as --jobs and --dry-run, which 'holodriver --help' explains.
    """
    from holodriver.scores.table import HEADINGS, table_rows
    from holodriver.tasks.batches.holograms import holograms_batch
    from holodriver.tasks.hologram import SynthSettings, compute, is_folder_of_stacks, is_picture

    display = display_profile(profile)
    try:
        beta, gamma = (None, None) if attention is None else (float(part) for part in attention.split(","))
    except ValueError:
        raise InputError(f"is {attention!r}, expected two numbers such as 20,40", where="--attention") from None
    settings = SynthSettings(
        method=method or ("net" if is_picture(source) else "opt"),
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
        _many(holograms_batch(source, output, display, settings, overwrite=overwrite))
        return
    with farming.alone("a folder of focal stacks"), console.reporting() as progress:
        scores = compute(
            source,
            output,
            display,
            settings,
            depth=depth,
            near=near,
            overwrite=overwrite,
            progress=progress,
            warn=console.warn,
            interruptible=stopping_on_interrupt,
        )
    if scores is not None:
        console.table(HEADINGS, table_rows([scores]))
    console.wrote(output)


def _many(batch: "Batch") -> None:
    from holodriver.scores.table import HEADINGS, table_rows
    from holodriver.tasks.batches.holograms import scores_of

    outcomes = farming.run_batch(batch)
    if outcomes is None:
        return
    known = scores_of(outcomes)
    if known:
        rows = table_rows([scores for _, scores in known])
        console.table(("hologram", *HEADINGS), [(of, *row) for (of, _), row in zip(known, rows, strict=True)])
    console.say(f"wrote {len(farming.made_of(outcomes))} to {batch.folder}")
    farming.judge(outcomes)
