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
"""Stacks of a new pool, and pixels of a side of each."""

AT_FIRST = 4
"""Batches that the pool must hold before training begins."""

COLOURS = 3
"""Colours of each stack of a pool."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class PoolSettings:
    """What a pool of focal stacks holds."""

    records: int | None = None
    """Number of stacks that it has room for; `RECORDS` if None and the pool is new."""
    size: int | None = None
    """Pixels of a side of each stack; `SIZE` if None and the pool is new."""
    rendered: Sequence[Path] = ()
    """Folders of rendered stacks, of which crops are taken."""
    crops: int = 16
    """Number of crops of each rendered stack."""
    seed: int = 0
    """Seed of the places of the crops."""


@dataclass(frozen=True)
class TrainSettings:
    """What learns, from what, and for how long."""

    colour: int = 1
    """Number of the display's colour, from 0."""
    pool: Path = Path("training.pool")
    workers: int = 1
    """Number of processes that fill the pool meanwhile."""
    recipe: Recipe = PAPER
    shape: DEHNetShape = field(default_factory=DEHNetShape)
    minutes: float | None = None
    """Time after which training stops, minutes."""
    start: Path | None = None
    """Weights that training starts from."""
    seed: int = 0
    """Seed of the first weights and of the order of samples."""
    device: str = "cpu"
    """torch device; `torchrun` chooses its own."""


@dataclass(frozen=True)
class Trained:
    """A network that was trained."""

    steps: int
    """Number of steps that it has learnt for."""
    loss: float
    """Last loss on the stacks that are kept for validation."""


def make_pool(
    folder: Path,
    settings: PoolSettings,
    display: DisplayProfile,
    *,
    workers: int = 0,
    dry_run: bool = False,
    progress: Progress = silent,
    say: Say = lambda text: None,
) -> Pool | None:
    """Make a pool of focal stacks, put crops of rendered stacks into it, and fill it if there are workers.

    What a pool holds already stays; what is missing is made while a network learns.

    Args:
        folder: where it lies, or will lie.
        settings: what it holds.
        display: planes and blur of the stacks are the display's.
        workers: number of processes that fill it now.
        dry_run: only say what it holds and what it needs; the result is None.
        progress: told how full it is.
        say: told in one line what the pool holds and what it needs, and how many crops there are.

    Raises:
        InputError: a pool is there that is of another size, or a rendered stack does not fit.
        HolodriverError: the disk is too small.
    """
    room = None
    if (folder / "pool.json").exists():
        _check_same(folder, records=settings.records, size=settings.size, display=display)
    else:
        room = _new_size(display, settings.records or RECORDS, settings.size or SIZE)
    needed = _disk_of_pool(folder, room, say)
    if dry_run:
        return None
    check_disk(needed, folder)
    pool = Pool(folder, room)
    if settings.rendered:
        stacks = sorted(path for inside in settings.rendered for path in inside.glob("*.stack"))
        count = add_rendered(pool, stacks, settings.crops, settings.seed)
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
) -> Trained | None:
    """Train a DEHNet for one colour; killed or stopped, the same call goes on from its last checkpoint.

    A pool that is not there is made with `RECORDS` stacks of `SIZE`² pixels. Processes that `torchrun` started learn
    as one; the first of them makes and fills the pool, and writes the weights.

    Args:
        output: weights to write; checkpoint and curve (CSV) lie beside them.
        settings: what learns, from what, and for how long.
        display: the display.
        dry_run: only say what the pool holds and what it needs; the result is None.
        overwrite: replace the weights.
        progress: told of the steps.
        say: told in one line what the pool holds and what it needs.

    Returns:
        what was trained; None in all processes but the first.

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
    return Trained(trainer.state.step, trainer.state.history[-1]["validation"]) if first else None


def _room(settings: TrainSettings, display: DisplayProfile) -> PoolSize | None:
    """The size of a pool that is to be made; None if it is there and fits display, network and recipe."""
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
    """Refuse a pool that has another number than the options and the display, if they have one.

    Raises:
        InputError: it has; the message names it.
    """
    there = Pool(folder).size
    wanted = {"records": records, "size": size, "planes": display.planes, "coc_max": display.coc_max}
    for name, value in wanted.items():
        has = getattr(there, name)
        if value is not None and not math.isclose(has, value, rel_tol=1e-6):
            raise InputError(
                f"the pool has {name} {has:g}, expected {value:g}",
                where=folder,
                remedy="give another pool, or what fits it: --records, --size, --profile",
            )


def _disk_of_pool(folder: Path, room: PoolSize | None, say: Say) -> int:
    """Bytes that a pool will still take, new if `room` is given; says so.

    Raises:
        FileFormatError: what is there is no pool.
    """
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
