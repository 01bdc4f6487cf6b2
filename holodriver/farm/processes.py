"""A pool of processes on this machine, each with its share of the cores; a process that dies is replaced."""

import os
import subprocess
import sys
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any

from holodriver.errors import HolodriverError
from holodriver.farm.perform import Performed, Task
from holodriver.farm.worker import receive, send
from holodriver.system.machine import thread_limits


class WorkerDied(HolodriverError):
    """Raised if the process that did a unit ended before the unit was done."""


class Processes(Executor):
    """Executor with a fixed number of processes, each started when it is first needed.

    Args:
        jobs: number of processes, and so of units at a time.
        threads: number of threads that each process may use.
        held: descriptors of files that stay open until the last process has ended.
    """

    def __init__(self, jobs: int, threads: int, held: tuple[int, ...] = ()):
        self.jobs, self.threads, self.held = jobs, threads, held
        self._slots = ThreadPoolExecutor(jobs, "holodriver-farm")
        self._mine = threading.local()
        self._all: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._over = False

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        """Give a task to a process; `function` is always `perform`."""
        return self._slots.submit(self._do, *arguments)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Kill all processes."""
        with self._lock:
            self._over = True
            for process in self._all:
                process.kill()
        self._slots.shutdown(wait=wait, cancel_futures=cancel_futures)
        for process in self._all:
            process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                with suppress(OSError):
                    stream.close()

    def _do(self, task: Task) -> Performed:
        process = self._process()
        try:
            send(_open(process.stdin), task)
            answer = receive(_open(process.stdout))
        except (EOFError, OSError):
            status = process.wait()
            self._mine.process = None
            reason = f"signal {-status}" if status < 0 else f"exit status {status}"
            hint = "; was the memory too short?" if status == -9 else ""
            raise WorkerDied(f"the process of the unit ended with {reason}{hint}") from None
        assert isinstance(answer, Performed)
        return answer

    def _process(self) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is not None:
            return process
        with self._lock:
            if self._over:
                raise WorkerDied("the pool has ended")
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "holodriver.farm.worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                pass_fds=self.held,
                env=os.environ | thread_limits(self.threads),
            )
            self._all.append(process)
        self._mine.process = process
        return process


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
