"""Overlapping stages of work: each stage runs in a thread, with short queues between the stages."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

DEPTH = 2
"""Number of items that may wait between two stages: one in work, one ready."""
CHECK_S = 0.1
"""Interval at which waiting threads check whether the work was cancelled, seconds."""

LAST_READ_S = 1.0
"""Longest wait, at the end, for the thread that reads the source, seconds; a source may never give the next item."""


@dataclass(frozen=True)
class _End:
    """Last item of a queue."""

    error: BaseException | None = None
    """Error that ended the items, if there was one."""


@dataclass(frozen=True)
class Stage:
    """One step of the work."""

    name: str
    work: Callable[[Any], Any]


@dataclass
class Times:
    """Times of the items that went through a pipeline."""

    stages: dict[str, list[float]] = field(default_factory=dict)
    """Times of all items in each stage, by its name, seconds."""
    latency: list[float] = field(default_factory=list)
    """Time of each item from the start of its first stage to the end of its last, seconds."""


def pipeline(
    items: Iterable[Any],
    stages: Sequence[Stage],
    *,
    depth: int = DEPTH,
    times: Times | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Any]:
    """Items after all stages, in order, while later items are in earlier stages.

    An error in `items` or in a stage is raised here, after the earlier items. Closing the iterator ends the
    threads; the reading thread may wait in `items` until the next item comes.

    Args:
        items: the source, which is read in a thread, too.
        stages: the stages, in order.
        depth: number of items that may wait before each stage.
        times: receives the times of all items.
    """
    run = _Run(items, list(stages), depth, times or Times(), clock)
    try:
        yield from run.results()
    finally:
        run.end()


class _Run:
    def __init__(self, items: Iterable[Any], stages: list[Stage], depth: int, times: Times, clock: Callable[[], float]):
        self.times, self.clock = times, clock
        self.off = threading.Event()
        self.queues: list[queue.Queue[Any]] = [queue.Queue(depth) for _ in range(len(stages) + 1)]
        for stage in stages:
            times.stages.setdefault(stage.name, [])
        self.reader = threading.Thread(target=self._guarded, args=(0, self._read, items), daemon=True)
        self.threads = [
            threading.Thread(target=self._guarded, args=(index + 1, self._work, index, stage), daemon=True)
            for index, stage in enumerate(stages)
        ]
        for thread in (self.reader, *self.threads):
            thread.start()

    def results(self) -> Iterator[Any]:
        while not isinstance(got := self._get(self.queues[-1]), _End):
            begun, item = got
            self.times.latency.append(self.clock() - begun)
            yield item
        if got.error is not None:
            raise got.error

    def end(self) -> None:
        self.off.set()
        for thread in self.threads:
            thread.join()
        self.reader.join(LAST_READ_S)

    def _guarded(self, into: int, work: Callable[..., _End], *arguments: Any) -> None:
        try:
            end = work(*arguments)
        except BaseException as error:  # raised in the thread that asks for the results
            end = _End(error)
        self._put(self.queues[into], end)

    def _read(self, items: Iterable[Any]) -> _End:
        for item in items:
            if not self._put(self.queues[0], (self.clock(), item)):
                break
        return _End()

    def _work(self, index: int, stage: Stage) -> _End:
        seconds = self.times.stages[stage.name]
        while not isinstance(got := self._get(self.queues[index]), _End):
            begun, item = got
            start = self.clock()
            if index == 0:
                begun = start  # latency includes the work, but not the wait to be read
            done = stage.work(item)
            seconds.append(self.clock() - start)
            if not self._put(self.queues[index + 1], (begun, done)):
                return _End()
        return got

    def _get(self, source: "queue.Queue[Any]") -> Any:
        while not self.off.is_set():
            try:
                return source.get(timeout=CHECK_S)
            except queue.Empty:
                continue
        return _End()

    def _put(self, target: "queue.Queue[Any]", item: Any) -> bool:
        while not self.off.is_set():
            try:
                target.put(item, timeout=CHECK_S)
                return True
            except queue.Full:
                continue
        return False
