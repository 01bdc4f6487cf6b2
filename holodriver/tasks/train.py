"""Training a DEHNet for one colour of a display, and the pool of focal stacks from which it learns."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from holodriver.dehnet.architecture import DEHNetShape, NetworkOptics
from holodriver.dehnet.training import parallel
from holodriver.dehnet.training.making import add_rendered, fill
from holodriver.dehnet.training.pool import Pool, PoolSize
from holodriver.dehnet.training.recipe import PAPER, Recipe
from holodriver.dehnet.training.train import Trainer
from holodriver.errors import InputError
from holodriver.farm.budget import check_disk, free_disk
from holodriver.farm.perform import in_gib
from holodriver.files.atomic import check_output
from holodriver.files.weights import load_weights, save_weights
from holodriver.optics.display import DisplayProfile
from holodriver.progress import Progress, silent

RECORDS, SIZE = 4000, 128
"""Number of stacks of a new pool, and pixels of a side of each."""

AT_FIRST = 4
"""Number of batches that the pool must hold before training begins."""

COLOURS = 3
"""Number of colours of each stack of a pool."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class TrainSettings:
    """Network, pool and recipe of a training."""

    colour: int = 1
    """Number of the display's colour, from 0."""
    pool: Path = Path("training.pool")
    workers: int = 1
    """Number of processes that fill the pool while the network learns."""
    recipe: Recipe = PAPER
    shape: DEHNetShape = field(default_factory=DEHNetShape)
    minutes: float | None = None
    """Time after which training stops, minutes."""
    start: Path | None = None
    """Weights from which training starts; random ones if None."""
    seed: int = 0
    """Seed of the first weights and of the order of samples."""
    device: str = "cpu"
    """torch device; `torchrun` chooses its own."""


def make_pool(
    folder: Path,
    display: DisplayProfile,
    *,
    records: int | None = None,
    size: int | None = None,
    rendered: Sequence[Path] = (),
    crops: int = 16,
    seed: int = 0,
    workers: int = 0,
    dry_run: bool = False,
    progress: Progress = silent,
    say: Say = lambda text: None,
) -> Pool | None:
    """Make a pool of focal stacks, put crops of rendered stacks into it, and fill it if there are workers.

    Stacks that a pool holds already stay; missing ones are made while a network learns.

    Args:
        folder: folder of the pool.
        display: the stacks have its number of planes and its blur.
        records: number of stacks that the pool has room for; `RECORDS` if None and the pool is new.
        size: pixels of a side of each stack; `SIZE` if None and the pool is new.
        rendered: folders of rendered stacks, of which crops are taken.
        crops: number of crops of each rendered stack.
        seed: seed of the places of the crops.
        workers: number of processes that fill the pool now.
        dry_run: only say what the pool holds and what it needs; the result is None.
        progress: told how full the pool is.
        say: told in one line what the pool holds and what it needs, and how many crops there are.

    Raises:
        InputError: the pool has another size, or a rendered stack does not fit.
        HolodriverError: the disk is too small.
    """
    room = None
    if (folder / "pool.json").exists():
        _check_same(folder, records=records, size=size, display=display)
    else:
        room = _new_size(display, records or RECORDS, size or SIZE)
    needed = _disk_of_pool(folder, room, say)
    if dry_run:
        return None
    check_disk(needed, folder)
    pool = Pool(folder, room)
    if rendered:
        stacks = sorted(path for inside in rendered for path in inside.glob("*.stack"))
        count = add_rendered(pool, stacks, crops, seed)
        say(f"{count} crops of {len(stacks)} rendered stacks in the pool")
    makers = fill(folder, workers)
    try:
        if makers:
            pool.wait_for(pool.size.records, progress, lambda: any(maker.is_alive() for maker in makers))
    finally:
        for maker in makers:
            maker.terminate()
    return pool


def train(
    output: Path,
    settings: TrainSettings,
    display: DisplayProfile,
    *,
    dry_run: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    say: Say = lambda text: None,
) -> tuple[int, float] | None:
    """Train a DEHNet for one colour; after a stop, the same call goes on from the last checkpoint.

    A missing pool is made with `RECORDS` stacks of `SIZE`² pixels. Processes that `torchrun` started learn together;
    the first of them makes and fills the pool, and writes the weights.

    Args:
        output: weights to write; checkpoint and curve (CSV) lie beside them.
        settings: network, pool and recipe.
        display: the display.
        dry_run: only say what the pool holds and what it needs; the result is None.
        overwrite: whether the weights are replaced.
        progress: told which step is done.
        say: told in one line what the pool holds and what it needs.

    Returns:
        Number of steps and last validation loss; None in all processes but the first.

    Raises:
        OutputExistsError: the weights exist and `overwrite` is false.
        InputError: pool, network, recipe and display do not fit together.
        HolodriverError: the disk is too small.
    """
    colours = len(display.wavelengths)
    if settings.colour >= colours:
        raise InputError(f"--colour is {settings.colour}, expected one of the display's {colours}, from 0")
    check_output(output, overwrite=overwrite)
    device = parallel.join() or settings.device
    room = _room(settings, display)
    first = parallel.rank() == 0
    needed = _disk_of_pool(settings.pool, room, say) if first else 0
    if dry_run:
        parallel.leave()
        return None
    makers = []
    if first:
        check_disk(needed, settings.pool)
        filled = Pool(settings.pool, room)
        makers = fill(settings.pool, settings.workers)
    try:
        if first:
            enough = AT_FIRST * settings.recipe.batch
            filled.wait_for(enough, progress, lambda: any(maker.is_alive() for maker in makers))
        parallel.meet()
        trainer = Trainer(
            Pool(settings.pool),
            settings.shape,
            NetworkOptics.of(display, settings.colour),
            settings.recipe,
            seed=settings.seed,
            device=device,
            start=load_weights(settings.start) if settings.start else None,
        )
        checkpoint = output.with_suffix(".checkpoint")
        if checkpoint.exists():
            trainer.resume(checkpoint)
        until = None if settings.minutes is None else time.monotonic() + 60 * settings.minutes
        weights = trainer.run(
            checkpoint, deadline=lambda: until is not None and time.monotonic() > until, progress=progress
        )
    finally:
        for maker in makers:
            maker.terminate()
    if first:
        save_weights(output, weights, overwrite=overwrite)
    parallel.leave()
    return (trainer.state.step, trainer.state.history[-1]["validation"]) if first else None


def _room(settings: TrainSettings, display: DisplayProfile) -> PoolSize | None:
    """The size of a new pool, or None if a pool is there that fits display, network and recipe."""
    folder, fold, batch = settings.pool, settings.shape.fold, settings.recipe.batch
    room = None
    if (folder / "pool.json").exists():
        _check_same(folder, display=display)
        there = Pool(folder).size
    else:
        there = room = _new_size(display, RECORDS, SIZE)
    if there.size % fold:
        raise InputError(f"has stacks of {there.size}², expected a multiple of the fold {fold}", where=folder)
    if there.records < AT_FIRST * batch:
        raise InputError(
            f"has room for {there.records} stacks, {AT_FIRST} batches of {batch} are needed",
            where=folder,
            remedy=f"take --records {AT_FIRST * batch} in a new pool, or --batch {there.records // AT_FIRST}",
        )
    return room


def _new_size(display: DisplayProfile, records: int, size: int) -> PoolSize:
    return PoolSize(records, size, display.planes, COLOURS, display.coc_max)


def _check_same(folder: Path, *, display: DisplayProfile, records: int | None = None, size: int | None = None) -> None:
    """Refuse a pool that differs from the options or from the display; the error names the number."""
    there = Pool(folder).size
    wanted = {"records": records, "size": size, "planes": display.planes, "coc_max": display.coc_max}
    for name, value in wanted.items():
        has = getattr(there, name)
        if value is not None and not math.isclose(has, value, rel_tol=1e-6):
            raise InputError(
                f"the pool has {name} {has:g}, expected {value:g}",
                where=folder,
                remedy="give another pool, or fitting --records, --size, --profile",
            )


def _disk_of_pool(folder: Path, room: PoolSize | None, say: Say) -> int:
    """Bytes of disk that a pool still needs; `room` is the size of a new pool. The line is also said."""
    if room is None:
        held = Pool(folder)
        size, missing = held.size, len(held.missing())
    else:
        size, missing = room, room.records
    needed = missing * size.record_bytes
    say(
        f"{folder}: {size.records - missing} of {size.records} stacks of {size.size}² × {size.planes} made; the rest "
        f"takes {in_gib(needed)} of disk ({in_gib(size.record_bytes)} each), {in_gib(free_disk(folder))} are free"
    )
    return needed
