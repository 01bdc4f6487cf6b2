"""Options of all commands that do batches, and how a batch is shown: its plan, its progress, and what failed."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.farm.farm import Farm
    from holodriver.farm.unit import Batch, Outcome

PANEL = "Batches and farms"

Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        help="Units at a time, each in a process with its share of the cores; with --cluster: jobs in its queue.",
        rich_help_panel=PANEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Threads of each unit, or of the one piece of work; a unit's share of the cores, or 1 on a farm, if left "
        "out.",
        rich_help_panel=PANEL,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(help="Dask scheduler whose workers do the units, such as tcp://HOST:8786.", rich_help_panel=PANEL),
]
Cluster = Annotated[str | None, typer.Option(help="Queue whose machines do the units: slurm.", rich_help_panel=PANEL)]
ClusterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster-option",
        metavar="NAME=VALUE",
        help="For the queue, as dask-jobqueue names it, such as queue=gpu or walltime=04:00:00; may be repeated.",
        rich_help_panel=PANEL,
    ),
]
Retries = Annotated[int, typer.Option(min=0, help="How often a unit that failed is done again.", rich_help_panel=PANEL)]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Only say what is done, what is to do, and what it needs.", rich_help_panel=PANEL),
]

RETRIES = 1
"""If nobody says."""

_SHOWN = 40
"""Units that a plan names."""


def farm_of(
    jobs: int = 1,
    threads: int | None = None,
    scheduler: str | None = None,
    cluster: str | None = None,
    options: list[str] | None = None,
    retries: int = RETRIES,
) -> "Farm":
    """The farm that the options name.

    Raises:
        InputError: they contradict each other.
    """
    from holodriver.farm.farm import Farm

    pairs = []
    for text in options or []:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise InputError(f"is {text!r}, expected NAME=VALUE", where="--cluster-option")
        pairs.append((name.strip().replace("-", "_"), value))
    return Farm(jobs, threads, scheduler, cluster, tuple(pairs), retries)


def only_for_batches(context: typer.Context, what: str) -> None:
    """Refuse a command's options of a farm where there is one piece of work, which is done with `--threads`.

    Raises:
        InputError: one was given.
    """
    from holodriver.system.machine import limited_threads

    refuse_farm(context, f"is for {what}: this is one piece of work", but=("threads",))
    context.with_resource(limited_threads(context.params["threads"]))


def refuse_farm(context: typer.Context, why: str, *, but: tuple[str, ...] = ()) -> None:
    """Refuse a command's options of a farm.

    Raises:
        InputError: one was given that is not in `but`.
    """
    left_out = {"jobs": 1, "threads": None, "scheduler": None, "cluster": None, "cluster_option": None}
    for name, default in (left_out | {"retries": RETRIES, "dry_run": False}).items():
        if name not in but and context.params[name] not in (default, None, [], ()):
            raise InputError(why, where=f"--{name.replace('_', '-')}", remedy="leave it out")


def show_plan(batch: "Batch", farm: "Farm") -> None:
    """Print what a run would do, and refuse what would not fit."""
    from holodriver.farm.run import plan_of

    plan = plan_of(batch, farm)
    rows = [(unit.name, "done") for unit in plan.done]
    rows += [
        (unit.name, f"failed: {plan.failed[unit.name]}" if unit.name in plan.failed else "to do") for unit in plan.todo
    ]
    console.table(("unit", "state"), rows[:_SHOWN])
    if len(rows) > _SHOWN:
        console.say(f"… and {len(rows) - _SHOWN} more")
    console.table(("", "needed", "free"), plan.budget.rows())
    console.say(
        f"{len(plan.done)} of {len(rows)} done, {len(plan.todo)} to do by {farm.described()}, in {batch.folder}"
    )
    if farm.cluster:
        from holodriver.farm.cluster import queue_cluster

        with queue_cluster(farm, memory=plan.budget.memory) as asked:
            console.say(asked.job_script())
    plan.budget.check()


def do(
    batch: "Batch", farm: "Farm", *, quiet: bool = False, made: "Callable[[Outcome], None] | None" = None
) -> "list[Outcome]":
    """Do a batch, and print what was left out and what failed.

    Args:
        quiet: print nothing on standard output.
        made: told of each outcome.
    """
    from holodriver.farm.run import run

    with console.reporting() as progress:
        outcomes = run(batch, farm, progress=progress, warn=console.warn, made=made or (lambda outcome: None))
    before = [outcome for outcome in outcomes if not outcome.attempts]
    if before and not quiet:
        said = "which the run that was cut off had made" if batch.overwrite else "--overwrite makes them again"
        console.say(f"left out {len(before)} already in {batch.folder}; {said}")
    return outcomes


def judge(outcomes: "list[Outcome]", *, quiet: bool = False) -> None:
    """Print what failed as a table.

    Raises:
        HolodriverError: anything did.
    """
    from holodriver.farm.unit import failures

    error = failures(outcomes)
    if error is None:
        return
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if quiet:
        for outcome in failed:
            console.warn(f"{outcome.unit.name} failed: {outcome.error}")
    else:
        rows = [(outcome.unit.name, outcome.attempts, outcome.place, outcome.error) for outcome in failed]
        console.table(("failed", "attempts", "where", "why"), rows)
    raise error


def absolute(path: Path | None) -> Path | None:
    """The path as other processes understand it."""
    return None if path is None else path.absolute()
