"""`holodriver train`: a DEHNet for one colour of a display."""

import math
import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite, Profile, display_profile

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

    from holodriver.dehnet.training.pool import PoolSize


RECORDS, SIZE = 4000, 128
"""Of a new pool: stacks, and pixels of a side of them."""
AT_FIRST = 4
"""Batches that the pool must hold before training begins."""


class RecipeName(StrEnum):
    """Recipes that come with holodriver."""

    paper = "paper"
    quick = "quick"


def train(
    output: Annotated[Path, typer.Argument(help="Weights to write (NAME.safetensors).")],
    colour: Annotated[int, typer.Option(min=0, help="Colour of the display: 0 red, 1 green, 2 blue.")] = 1,
    pool: Annotated[
        Path, typer.Option(help="Folder of the pool of focal stacks; made, and filled while the network learns.")
    ] = Path("training.pool"),
    records: Annotated[
        int | None, typer.Option(min=16, help=f"Stacks that a new pool has room for; {RECORDS} if left out.")
    ] = None,
    size: Annotated[int | None, typer.Option(min=32, help=f"Pixels of a side of them; {SIZE} if left out.")] = None,
    rendered: Annotated[
        list[Path] | None,
        typer.Option("--rendered", help="Folder of rendered stacks (scripts/render_dataset.py) to take crops of."),
    ] = None,
    crops: Annotated[int, typer.Option(min=1, help="Crops of each rendered stack.")] = 16,
    workers: Annotated[int, typer.Option(min=0, help="Processes that fill the pool.")] = 1,
    recipe: Annotated[
        RecipeName,
        typer.Option(
            help="paper: Adam 5e-4, 64 a step, batch normalisation, fused, again; quick: Muon, for a processor."
        ),
    ] = RecipeName.paper,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Most steps of each stage; the recipe's if left out.")
    ] = None,
    minutes: Annotated[float | None, typer.Option(min=0, help="Stop after so long.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Of the optimiser; the recipe's if left out.")] = None,
    rounded_steps: Annotated[
        int | None, typer.Option(min=0, help="Steps of a last stage, rounded as int8; the recipe's if left out.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Samples at a time; the recipe's if left out.")] = None,
    channels: Annotated[int, typer.Option(min=1, help="Channels of the network.")] = 12,
    convolutions: Annotated[int, typer.Option(min=4, help="Its convolutions, an even number.")] = 34,
    fold: Annotated[int, typer.Option(help="Side of the squares of pixels folded into channels: 1, 2 or 4.")] = 1,
    skips: Annotated[bool, typer.Option(help="A skip around every two convolutions.")] = True,
    start: Annotated[
        Path | None, typer.Option(help="Weights to start from, of another colour or display; in one stage.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the first weights and the order of samples.")] = 0,
    device: Annotated[str, typer.Option(help="torch device, such as cpu or cuda; torchrun chooses its own.")] = "cpu",
    profile: Profile = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what the pool holds, what is to be made, and what it needs.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Train a DEHNet for one colour; killed or stopped, the same command goes on from its last checkpoint.

    The checkpoint and the curve (CSV) lie beside the weights. On several GPUs:
    torchrun --nproc-per-node N -m holodriver train …
    """
    from dataclasses import replace

    from holodriver.dehnet.architecture import DEHNetShape, NetworkOptics
    from holodriver.dehnet.training import parallel
    from holodriver.dehnet.training.making import add_rendered, fill
    from holodriver.dehnet.training.pool import Pool, PoolSize
    from holodriver.dehnet.training.recipe import PAPER, QUICK
    from holodriver.dehnet.training.train import Trainer
    from holodriver.errors import InputError
    from holodriver.farm.budget import check_disk
    from holodriver.files.atomic import check_output
    from holodriver.files.weights import load_weights, save_weights

    display = display_profile(profile)
    if colour >= len(display.wavelengths):
        raise InputError(f"--colour is {colour}, expected one of the display's {len(display.wavelengths)}, from 0")
    check_output(output, overwrite=overwrite)
    given: dict[str, Any] = {"steps": steps, "learning_rate": learning_rate, "batch": batch}
    given |= {"rounded_steps": rounded_steps}
    recipes = {RecipeName.paper: PAPER, RecipeName.quick: QUICK}
    chosen = replace(recipes[recipe], **{name: value for name, value in given.items() if value is not None})
    shape = DEHNetShape(channels, convolutions, skips, fold)
    here = parallel.join() or device
    room = None
    if (pool / "pool.json").exists():
        there = Pool(pool).size
        _check_same(pool, there, records=records, size=size, planes=display.planes, coc_max=display.coc_max)
    else:
        there = room = PoolSize(records or RECORDS, size or SIZE, display.planes, 3, display.coc_max)
    if there.size % fold:
        raise InputError(f"has stacks of {there.size}², expected a multiple of the fold {fold}", where=pool)
    if there.records < AT_FIRST * chosen.batch:
        raise InputError(
            f"has room for {there.records} stacks, {AT_FIRST} batches of {chosen.batch} are needed",
            where=pool,
            remedy=f"take --records {AT_FIRST * chosen.batch} in a new pool, or --batch {there.records // AT_FIRST}",
        )
    first = parallel.rank() == 0
    needed = _disk_of_pool(pool, room) if first else 0
    if dry_run:
        parallel.leave()
        return
    makers: list[BaseProcess] = []
    if first:
        check_disk(needed, pool)
        held = Pool(pool, room)
        if rendered:
            stacks = sorted(path for folder in rendered for path in folder.glob("*.stack"))
            console.say(f"{add_rendered(held, stacks, crops, seed)} crops of {len(stacks)} rendered stacks in the pool")
        makers = fill(pool, workers)
    try:
        with console.reporting() as progress:
            if first:
                held.wait_for(AT_FIRST * chosen.batch, progress, lambda: any(maker.is_alive() for maker in makers))
            parallel.meet()
            held = Pool(pool)
            trainer = Trainer(
                held,
                shape,
                NetworkOptics.of(display, colour),
                chosen,
                seed=seed,
                device=here,
                start=load_weights(start) if start else None,
            )
            checkpoint = output.with_suffix(".checkpoint")
            if checkpoint.exists():
                trainer.resume(checkpoint)
            until = None if minutes is None else time.monotonic() + 60 * minutes
            weights = trainer.run(
                checkpoint, deadline=lambda: until is not None and time.monotonic() > until, progress=progress
            )
    finally:
        for maker in makers:
            maker.terminate()
    if first:
        save_weights(output, weights, overwrite=overwrite)
        last = trainer.state.history[-1]
        console.say(f"wrote {output}: {trainer.state.step} steps, validation loss {last['validation']:.4g}")
    parallel.leave()


def _check_same(folder: Path, there: "PoolSize", **wanted: float | None) -> None:
    """Refuse a pool that has another number than the options and the display, if they have one.

    Raises:
        InputError: it has; the message names it.
    """
    from holodriver.errors import InputError

    for name, value in wanted.items():
        has = getattr(there, name)
        if value is not None and not math.isclose(has, value, rel_tol=1e-6):
            raise InputError(
                f"the pool has {name} {has:g}, expected {value:g}",
                where=folder,
                remedy="give another --pool, or what fits it: --records, --size, --profile",
            )


def _disk_of_pool(folder: Path, room: "PoolSize | None") -> int:
    """Bytes that a pool will still take, new if `room` is given; says so.

    Raises:
        FileFormatError: what is there is no pool.
    """
    from holodriver.dehnet.training.pool import Pool
    from holodriver.farm.budget import free_disk
    from holodriver.farm.perform import in_gib

    if room is None:
        held = Pool(folder)
        size, missing = held.size, len(held.missing())
    else:
        size, missing = room, room.records
    needed = missing * size.record_bytes
    console.say(
        f"{folder}: {size.records - missing} of {size.records} stacks of {size.size}² × {size.planes} made; the rest "
        f"takes {in_gib(needed)} of disk ({in_gib(size.record_bytes)} each), {in_gib(free_disk(folder))} are free"
    )
    return needed
