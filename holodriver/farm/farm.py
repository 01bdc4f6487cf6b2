"""Description of a farm, which does the units of a batch: this process, a pool, a Dask cluster, or a queue's
machines."""

from dataclasses import dataclass

from holodriver.errors import InputError, check, numbers
from holodriver.system.machine import available_memory, cores

CLUSTERS = ("slurm",)
"""Queues whose machines dask-jobqueue can request."""

SHARE_OF_MEMORY = 0.8
"""Share of the free memory that units which run at the same time may use; the rest is for the system and for estimates
that are too low."""


@dataclass(frozen=True)
class Farm:
    """Processes or machines that do the units of a batch.

    Raises:
        InputError: a number is out of range, or both a scheduler and a cluster are named.
    """

    jobs: int = 1
    """Number of units at a time; with a cluster, number of jobs in its queue."""
    threads: int | None = None
    """Threads that each unit computes with; None: its share of the cores on this machine, 1 elsewhere."""
    scheduler: str | None = None
    """Address of a Dask scheduler, such as tcp://host:8786."""
    cluster: str | None = None
    """Name of a queue, one of `CLUSTERS`."""
    options: tuple[tuple[str, str], ...] = ()
    """Options of the cluster by dask-jobqueue's names, such as ("queue", "gpu")."""
    retries: int = 1
    """Number of times that a failed unit is tried again."""

    def __post_init__(self) -> None:
        check("--jobs", self.jobs, numbers(1, whole=True))
        check("--threads", self.threads, numbers(1, whole=True, optional=True))
        check("--retries", self.retries, numbers(0, whole=True))
        if self.scheduler and self.cluster:
            raise InputError("cannot be given together", where="--scheduler, --cluster")
        if self.scheduler and self.jobs > 1:
            raise InputError(
                "applies to this machine or to --cluster; with --scheduler, the workers that joined it do the work",
                where="--jobs",
            )
        if self.cluster and self.cluster not in CLUSTERS:
            raise InputError(f"is {self.cluster!r}, expected {' or '.join(CLUSTERS)}", where="--cluster")
        if self.options and not self.cluster:
            raise InputError("applies to --cluster only", where="--cluster-option")

    @property
    def is_here(self) -> bool:
        """Whether this machine does the work."""
        return not self.scheduler and not self.cluster

    @property
    def is_alone(self) -> bool:
        """Whether this process alone does the work."""
        return self.is_here and self.jobs == 1

    @property
    def threads_each(self) -> int | None:
        """Number of threads of each unit; None: no limit."""
        if self.threads is not None or self.is_alone:
            return self.threads
        return max(1, cores() // self.jobs) if self.is_here else 1

    @property
    def memory_each(self) -> float | None:
        """Memory that each unit may use, bytes; None: the free memory where it runs."""
        free = available_memory() if self.is_here and self.jobs > 1 else None
        return None if free is None else SHARE_OF_MEMORY * free / self.jobs

    def described(self) -> str:
        """Description of the farm in a few words."""
        each = self.threads_each
        threads = "" if each is None else f", {each} thread{'s' if each > 1 else ''} each"
        if self.scheduler:
            return f"the workers of {self.scheduler}{threads}"
        if self.cluster:
            return f"{self.jobs} jobs of {self.cluster}{threads}"
        return f"{self.jobs} processes{threads}" if self.jobs > 1 else f"this process{threads}"
