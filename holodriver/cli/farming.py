"""Batches on the command line: the options about who does the units, and how a batch is shown."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.farm.farm import Farm
    from holodriver.farm.unit import Batch, Outcome

PANEL = "Batches and farms (render, synth, rgbd, looking-glass quilt)"

Jobs = Annotated[
    int,
    typer.Option(
        min=1,
        help="The number of units that are done at the same time, each in its own process. With --cluster it is the "
        "number of jobs in the queue.",
        rich_help_panel=PANEL,
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="The number of threads that each unit computes with. By default it is its share of the cores, or one "
        "thread on a farm.",
        rich_help_panel=PANEL,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="The Dask scheduler whose workers do the units, such as tcp://HOST:8786.",
        rich_help_panel=PANEL,
    ),
]
Cluster = Annotated[
    str | None, typer.Option(metavar="slurm", help="The queue whose machines do the units.", rich_help_panel=PANEL)
]
ClusterOption = Annotated[
    list[str] | None,
    typer.Option(
        "--cluster-option",
        metavar="NAME=VALUE",
        help="A setting for the queue, as dask-jobqueue names it, such as queue=gpu. It may be repeated.",
        rich_help_panel=PANEL,
    ),
]
Retries = Annotated[
    int, typer.Option(min=0, help="The number of times that a failed unit is done again.", rich_help_panel=PANEL)
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Only say what is done, what is to do and what it needs. It also works with train.",
        rich_help_panel=PANEL,
    ),
]

RETRIES = 1
"""Default number of times that a failed unit is done again."""

_SHOWN = 40
"""Largest number of units whose names a plan prints."""

COMMANDS = ("render", "synth", "rgbd", "rgbd-video", "looking-glass")
"""Commands that do batches."""


@dataclass(frozen=True)
class Given:
    """Global options about batches; the fields have the names of the options."""

    jobs: int = 1
    threads: int | None = None
    scheduler: str | None = None
    cluster: str | None = None
    cluster_option: tuple[str, ...] = ()
    retries: int = RETRIES
    dry_run: bool = False


ANYWHERE = {f"--{field.name.replace('_', '-')}": field.name != "dry_run" for field in fields(Given)}
"""Options that may stand anywhere on the command line, and whether a value follows."""

_given = Given()


def configure(given: Given) -> None:
    """Take over the global options; the command line calls this once, before a command runs."""
    global _given
    _given = given


def dry_run() -> bool:
    """Whether `--dry-run` was given."""
    return _given.dry_run


def chosen_farm() -> "Farm":
    """The farm that the options name.

    Raises:
        InputError: the options contradict each other.
    """
    from holodriver.farm.farm import Farm

    pairs = []
    for text in _given.cluster_option:
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise InputError(f"is {text!r}, expected NAME=VALUE", where="--cluster-option")
        pairs.append((name.strip().replace("-", "_"), value))
    return Farm(_given.jobs, _given.threads, _given.scheduler, _given.cluster, tuple(pairs), _given.retries)


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Make a block that does one piece of work with `--threads`; the other options of a farm are refused.

    Args:
        what: what those options are for.

    Raises:
        InputError: one of those options was given.
    """
    with without_batches(f"is for {what}: this is one piece of work"):
        yield


@contextmanager
def without_batches(why: str = "", *, but: tuple[str, ...] = ()) -> Iterator[None]:
    """Make a block that computes with `--threads`; the other options of a farm are refused.

    Args:
        why: why they are refused; by default, because the command does no batches.
        but: names of options that are allowed.

    Raises:
        InputError: an option was given that is not in `but`.
    """
    from holodriver.system.machine import limited_threads

    refuse_farm(why or f"is for {', '.join(COMMANDS[:-1])} and {COMMANDS[-1]} quilt", but=("threads", *but))
    with limited_threads(_given.threads):
        yield


def refuse_farm(why: str, *, but: tuple[str, ...] = ()) -> None:
    """Refuse the options of a farm.

    Raises:
        InputError: an option was given that is not in `but`.
    """
    for field in fields(Given):
        if field.name not in but and getattr(_given, field.name) != field.default:
            raise InputError(why, where=f"--{field.name.replace('_', '-')}", remedy="leave it out")


def run_batch(batch: "Batch", made: "Callable[[Outcome], object]" = lambda outcome: None) -> "list[Outcome] | None":
    """Do a batch on the chosen farm, and print what was left out; `--progress names` prints each result's name.

    With `--dry-run` only the plan is printed, and the result is None.

    Args:
        batch: the units.
        made: called with each outcome as soon as it is there.
    """
    from holodriver.farm.run import run

    farm = chosen_farm()
    if dry_run():
        _show_plan(batch, farm)
        return None

    def named(outcome: "Outcome") -> None:
        if outcome.error is None:
            console.name(outcome.unit.outputs[0])
        made(outcome)

    with console.reporting() as progress:
        outcomes = run(batch, farm, progress=progress, warn=console.warn, made=named)
    before = [outcome for outcome in outcomes if not outcome.attempts]
    if before:
        said = "which the interrupted run had made" if batch.overwrite else "--overwrite makes them again"
        console.say(f"left out {len(before)} already in {batch.folder}; {said}")
    return outcomes


def run_and_tell(batch: "Batch") -> None:
    """Do a batch, and print what was made and what failed; see `run_batch` and `tell_batch`."""
    outcomes = run_batch(batch)
    if outcomes is not None:
        tell_batch(batch, outcomes)


def tell_batch(batch: "Batch", outcomes: "list[Outcome]") -> None:
    """Print how many units were made, and what failed.

    Raises:
        HolodriverError: a unit failed.
    """
    console.say(f"wrote {len(made_of(outcomes))} of {len(outcomes)} to {batch.folder}")
    judge(outcomes)


def made_of(outcomes: "list[Outcome]") -> "list[Outcome]":
    """The outcomes of the units that were made in this run."""
    return [outcome for outcome in outcomes if outcome.attempts and outcome.error is None]


def _show_plan(batch: "Batch", farm: "Farm") -> None:
    """Print what a run would do, and refuse a batch for which memory or disk is too small."""
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


def judge(outcomes: "list[Outcome]") -> None:
    """Print what failed as a table, or as warnings where standard output holds names only.

    Raises:
        HolodriverError: a unit failed.
    """
    from holodriver.farm.unit import failures

    error = failures(outcomes)
    if error is None:
        return
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if console.names_only():
        for outcome in failed:
            console.warn(f"{outcome.unit.name} failed: {outcome.error}")
    rows = [(outcome.unit.name, outcome.attempts, outcome.place, outcome.error) for outcome in failed]
    console.table(("failed", "attempts", "where", "why"), rows)
    raise error


def absolute(path: Path | None) -> Path | None:
    """The path as other processes, in other folders, understand it."""
    return None if path is None else path.absolute()
