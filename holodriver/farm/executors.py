"""A farm at work: in this process, in a pool of processes, or on other machines."""

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

from holodriver.farm.farm import Farm
from holodriver.farm.unit import Warn, unheard


class Here(Executor):
    """Does everything at once and in this process, which therefore may ask the user in between."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        """The result, when this returns."""
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


@contextmanager
def opened(farm: Farm, *, memory: int = 0, held: tuple[int, ...] = (), warn: Warn = unheard) -> Iterator[Executor]:
    """The farm at work; whatever it started has ended after the block.

    Args:
        memory: bytes that a unit takes, which machines of a queue are asked for.
        held: open files that the processes of a pool inherit.
        warn: told if nobody is there to work.

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
