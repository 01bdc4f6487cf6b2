"""Who does the units of a batch: this process, a pool of processes, a Dask cluster, or machines of a queue."""

from dataclasses import dataclass

from holodriver.errors import InputError, check, numbers
from holodriver.system.machine import available_memory, cores

CLUSTERS = ("slurm",)
"""Queues that machines are asked of, by dask-jobqueue."""

SHARE_OF_MEMORY = 0.8
"""Of what is free, for units of which several work at a time; the rest is for the system and for what was estimated
too low."""


@dataclass(frozen=True)
class Farm:
    """Who does the units of a batch.

    Raises:
        InputError: a number is out of range, or both a scheduler and a cluster are named.
    """

    jobs: int = 1
    """Units at a time; with a cluster, jobs in its queue."""
    threads: int | None = None
    """That each unit computes with; None: its share of the cores here, 1 elsewhere."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://host:8786."""
    cluster: str | None = None
    """One of `CLUSTERS`."""
    options: tuple[tuple[str, str], ...] = ()
    """For the cluster, such as ("queue", "gpu"), as dask-jobqueue names them."""
    retries: int = 1
    """How often a unit that failed is done again."""

    def __post_init__(self) -> None:
        check("--jobs", self.jobs, numbers(1, whole=True))
        check("--threads", self.threads, numbers(1, whole=True, optional=True))
        check("--retries", self.retries, numbers(0, whole=True))
        if self.scheduler and self.cluster:
            raise InputError("a scheduler and a cluster are two farms", where="--scheduler, --cluster")
        if self.scheduler and self.jobs > 1:
            raise InputError(
                "is for this machine or for --cluster; a scheduler has the workers that joined it", where="--jobs"
            )
        if self.cluster and self.cluster not in CLUSTERS:
            raise InputError(f"is {self.cluster!r}, expected {' or '.join(CLUSTERS)}", where="--cluster")
        if self.options and not self.cluster:
            raise InputError("is for --cluster", where="--cluster-option")

    @property
    def is_here(self) -> bool:
        """Whether this machine does the work."""
        return not self.scheduler and not self.cluster

    @property
    def is_alone(self) -> bool:
        """Whether this process does it."""
        return self.is_here and self.jobs == 1

    @property
    def threads_each(self) -> int | None:
        """Threads of each unit; None: no limit."""
        if self.threads is not None or self.is_alone:
            return self.threads
        return max(1, cores() // self.jobs) if self.is_here else 1

    @property
    def memory_each(self) -> float | None:
        """Bytes that each unit may use; None: what is free where it is done."""
        free = available_memory() if self.is_here and self.jobs > 1 else None
        return None if free is None else SHARE_OF_MEMORY * free / self.jobs

    def described(self) -> str:
        """In a few words."""
        each = self.threads_each
        threads = "" if each is None else f", {each} thread{'s' if each > 1 else ''} each"
        if self.scheduler:
            return f"the workers of {self.scheduler}{threads}"
        if self.cluster:
            return f"{self.jobs} jobs of {self.cluster}{threads}"
        return f"{self.jobs} processes{threads}" if self.jobs > 1 else f"this process{threads}"
