"""Units of work on many machines: a Dask cluster, or jobs of a queue that form one."""

import importlib
import os
import sys
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from typing import Any

from holodriver.errors import HolodriverError, InputError
from holodriver.farm.farm import Farm
from holodriver.farm.unit import Warn, unheard
from holodriver.system.machine import thread_limits

PATIENCE_S = 10.0
"""Longest wait for a scheduler's answer, seconds."""

LEAST_MEMORY = 2 << 30
"""Least memory that a job of a queue asks for, bytes: Python, torch and Blender need it before they work."""

WORKER = "dask worker {} --nthreads 1 --nworkers N"
"""Command with which a machine joins a scheduler; it does N units at a time."""

_CARRIED = ("HOLODRIVER_BLENDER",)
"""Environment variables that are passed on to the jobs of a queue."""


class Remote(Executor):
    """Executor that gives tasks to the workers of a Dask client."""

    def __init__(self, client: Any):
        self.client = client
        self._executor = client.get_executor(pure=False)

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        """Give a task to a worker."""
        future: Future[Any] = self._executor.submit(function, *arguments)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel tasks that have not been done."""
        self._executor.shutdown(wait=wait and not cancel_futures)


@contextmanager
def connected(farm: Farm, *, memory: int, warn: Warn = unheard) -> Iterator[Executor]:
    """Connect to a farm of other machines; the jobs of a queue are cancelled after the block.

    Args:
        farm: a farm with a scheduler or a cluster.
        memory: memory that a unit needs, bytes.
        warn: called with a message if no worker has joined yet.

    Raises:
        InputError: the scheduler does not answer, a package is missing, or an option is unknown.
    """
    distributed: Any = _imported("distributed")
    with ExitStack() as stack:
        if farm.scheduler:
            address: Any = farm.scheduler
        else:
            address = stack.enter_context(queue_cluster(farm, memory=memory))
            address.scale(jobs=farm.jobs)
        try:
            client = stack.enter_context(distributed.Client(address, timeout=PATIENCE_S, set_as_default=False))
        except (OSError, ValueError) as error:
            said = " ".join(str(error).split())
            raise InputError(
                f"no Dask scheduler answers: {said}", where=farm.scheduler, remedy="start one: dask scheduler"
            ) from error
        if farm.scheduler and not client.scheduler_info(n_workers=-1)["workers"]:
            warn(f"no worker has joined {farm.scheduler} yet; on each machine: {WORKER.format(farm.scheduler)}")
        executor = Remote(client)
        try:
            yield executor
        finally:
            executor.shutdown(cancel_futures=True)


def queue_cluster(farm: Farm, *, memory: int) -> Any:
    """Make the cluster of a queue's jobs, whose scheduler runs in this process; no job is requested yet.

    Raises:
        InputError: a package is missing, an option is unknown, or the queue's programs are not installed.
    """
    jobqueue: Any = _imported("dask_jobqueue")
    threads = farm.threads_each or 1
    prologue = [f"export {name}={value!r}" for name, value in thread_limits(threads).items()]
    prologue += [f"export {name}={os.environ[name]!r}" for name in _CARRIED if name in os.environ]
    asked: dict[str, Any] = {
        "cores": threads,
        "memory": f"{max(LEAST_MEMORY, memory) // 2**20} MiB",
        "processes": 1,
        "worker_extra_args": ["--nthreads", "1"],  # each job does one unit at a time, which uses all threads
        "job_script_prologue": prologue,
        "python": sys.executable,
        "scheduler_options": {"dashboard": False, "dashboard_address": None},
    }
    asked |= dict(farm.options)
    try:
        return jobqueue.SLURMCluster(**asked)
    except (TypeError, ValueError) as error:
        raise InputError(f"{farm.cluster} refuses: {error}", where="--cluster-option") from error
    except RuntimeError as error:
        raise HolodriverError(f"{farm.cluster} cannot give machines: {error}") from error


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise InputError(
            f"need the package {name}", where="--scheduler, --cluster", remedy="pip install 'holodriver[farm]'"
        ) from error
