"""The engine of all batches: what is to be done, who does it, what failed is done again, all of it on record."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from typing import Any

from holodriver.errors import HolodriverError
from holodriver.farm.budget import Budget
from holodriver.farm.executors import opened
from holodriver.farm.farm import Farm
from holodriver.farm.manifest import Manifest
from holodriver.farm.perform import Performed, Task, perform
from holodriver.farm.unit import Batch, Outcome, Surroundings, Unit, Warn, unheard
from holodriver.files.atomic import check_parent, remove_leftovers
from holodriver.progress import Progress, silent

PATIENCE_S = 0.5
"""Of one wait for units to end: on Windows a wait without end would not let Ctrl-C in."""


HERE = Farm()
"""This process, one unit after the other."""


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    batch: Batch
    done: tuple[Unit, ...]
    todo: tuple[Unit, ...]
    failed: dict[str, str]
    """Names of units that failed in a run before and are to be done again, and why."""
    budget: Budget


def plan_of(batch: Batch, farm: Farm) -> Plan:
    """What a run would do; nothing is written.

    Raises:
        InputError: what is there was made with other settings, or nothing can be written there.
    """
    check_parent(batch.manifest)
    with Manifest(batch, read_only=True) as manifest:
        return _plan(batch, manifest, farm)


def run(
    batch: Batch,
    farm: Farm = HERE,
    *,
    progress: Progress = silent,
    warn: Warn = unheard,
    made: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Do what is left to do of a batch; a unit that fails is done again, and does not keep the others from being done.

    A run that is killed, at any moment, goes on when it is run again: what is done is on record and stays, what was
    being done is done anew.

    Args:
        batch: what to do.
        farm: who does it.
        progress: told how many units are done; and by the unit at work, if this process does it.
        warn: told what makes a result other than expected.
        made: told of each outcome as soon as there is one; not of units that were done before.

    Returns:
        one outcome for each unit, in their order.

    Raises:
        InputError: it does not fit into memory or onto the disk, or what is there was made with other settings.
        HolodriverError: another process works on it, or what all units need was not found.
        KeyboardInterrupt: somebody asked to stop; what is done stays.
    """
    plan_of(batch, farm).budget.check()  # before anything is written
    with Manifest(batch) as manifest:
        plan = _plan(batch, manifest, farm)
        outcomes = {unit.name: _before(unit, manifest) for unit in plan.done}
        if plan.todo:
            if batch.prepare is not None and manifest.facts is None:
                manifest.settle(batch.prepare(progress, warn))
            tell: Progress = progress if farm.is_alone else silent
            surroundings = Surroundings(manifest.facts or {}, farm.memory_each, tell)
            with opened(farm, memory=plan.budget.memory, held=manifest.held, warn=warn) as executor:
                _Round(batch, manifest, farm, executor, surroundings, progress, warn, made).run(plan.todo, outcomes)
        manifest.end()
        return [outcomes[unit.name] for unit in batch.units]


def _plan(batch: Batch, manifest: Manifest, farm: Farm) -> Plan:
    done = tuple(unit for unit in batch.units if manifest.is_done(unit))
    known = {unit.name for unit in done}
    todo = tuple(unit for unit in batch.units if unit.name not in known)
    failed = {unit.name: str(manifest.failed[unit.name].get("error")) for unit in todo if unit.name in manifest.failed}
    return Plan(batch, done, todo, failed, Budget.of(todo, batch.folder, farm))


def _before(unit: Unit, manifest: Manifest) -> Outcome:
    record = manifest.done.get(unit.name, {})
    report = record.get("report")
    return Outcome(unit, report if isinstance(report, dict) else None)


class _Round:
    """Units on their way."""

    def __init__(
        self,
        batch: Batch,
        manifest: Manifest,
        farm: Farm,
        executor: Executor,
        surroundings: Surroundings,
        progress: Progress,
        warn: Warn,
        made: Callable[[Outcome], None],
    ):
        self.batch, self.manifest, self.farm, self.executor = batch, manifest, farm, executor
        self.surroundings, self.progress, self.warn, self.made = surroundings, progress, warn, made
        self.pending: dict[Future[Performed], tuple[Unit, int]] = {}

    def run(self, todo: tuple[Unit, ...], outcomes: dict[str, Outcome]) -> None:
        total, ended = len(todo), 0
        queue = [(unit, 1) for unit in reversed(todo)]
        self.progress(self.batch.stage, 0, total, todo[0].name)
        try:
            while queue or self.pending:
                # alone, one at a time, so that what is done is on record before the next begins
                while queue and not (self.farm.is_alone and self.pending):
                    unit, attempt = queue.pop()
                    if self.farm.is_alone:
                        self.progress(self.batch.stage, ended, total, unit.name)
                    self.pending[self.executor.submit(perform, self._task(unit))] = (unit, attempt)
                for future in wait(self.pending, timeout=PATIENCE_S, return_when=FIRST_COMPLETED).done:
                    unit, attempt = self.pending.pop(future)
                    performed = _result(future)
                    if performed.error is not None and not performed.hopeless and attempt <= self.farm.retries:
                        self.warn(f"{unit.name} failed and is tried again: {performed.error}")
                        queue.insert(0, (unit, attempt + 1))
                        continue
                    ended += 1
                    outcomes[unit.name] = self._record(unit, attempt, performed)
                    self.progress(self.batch.stage, ended, total, unit.name)
        finally:
            self._leave(outcomes, todo)

    def _task(self, unit: Unit) -> Task:
        return Task(
            unit, self.batch.manifest.absolute(), self.surroundings, self.manifest.replacing, self.farm.threads_each
        )

    def _record(self, unit: Unit, attempts: int, performed: Performed) -> Outcome:
        outcome = Outcome(unit, performed.report, performed.error, attempts, performed.seconds, performed.place)
        values: dict[str, Any] = {
            "attempts": attempts,
            "seconds": round(performed.seconds, 3),
            "place": performed.place,
        }
        if performed.error is None:
            self.manifest.record(unit, "done", **values, report=performed.report)
        else:
            self.manifest.record(unit, "failed", **values, error=performed.error, trace=performed.trace)
            if self.farm.is_here:  # a process that died could not clean up
                _clean(unit)
        if not self.farm.is_alone:
            for text in performed.warnings:
                self.warn(text)
        self.made(outcome)
        return outcome

    def _leave(self, outcomes: dict[str, Outcome], todo: tuple[Unit, ...]) -> None:
        """After a stop in the middle: nothing half written stays, where the workers are ours to end."""
        if not self.pending and not self.farm.is_alone:
            return
        if self.farm.is_here:
            self.executor.shutdown(cancel_futures=True)
            for unit in todo:
                if unit.name not in outcomes:
                    _clean(unit)


def _clean(unit: Unit) -> None:
    for path in unit.outputs:
        remove_leftovers(path)


def _result(future: "Future[Performed]") -> Performed:
    try:
        return future.result()
    except HolodriverError as error:
        return Performed(error=str(error))
    except Exception as error:  # how a worker of a cluster was lost
        said = " ".join(str(error).split())
        return Performed(error=f"{type(error).__name__}: {said}"[:300])
