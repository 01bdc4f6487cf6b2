"""Executors of a farm: this process, a pool of processes, or other machines."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from holodriver.farm.farm import Farm
from holodriver.farm.unit import Warn, unheard


class Here(Executor):
    """Executor that does every task immediately and in this process, which may therefore ask the user questions."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        """Do the task and return its completed future."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


@contextmanager
def opened(farm: Farm, *, memory: int = 0, held: tuple[int, ...] = (), warn: Warn = unheard) -> Iterator[Executor]:
    """Give the executor of a farm; everything that it started has ended after the block.

    Args:
        memory: memory that a unit needs, bytes; jobs of a queue ask for it.
        held: descriptors of open files that the processes of a pool inherit.
        warn: called with a message if no worker has joined yet.

    Raises:
        InputError: the scheduler does not answer, or a package is missing.
    """
    if farm.is_alone:
        yield Here()
        return
    if farm.is_here:
        from holodriver.farm.processes import Processes

        assert farm.threads_each is not None
        pool = Processes(farm.jobs, farm.threads_each, held)
        try:
            yield pool
        finally:
            pool.shutdown(cancel_futures=True)
        return
    from holodriver.farm.cluster import connected

    with connected(farm, memory=memory, warn=warn) as executor:
        yield executor
