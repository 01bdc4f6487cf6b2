# SPDX-License-Identifier: GPL-3.0-or-later
"""Run commands of the driver one after another as processes, and read their JSON lines without waiting.

Nothing here imports bpy. A timer polls a `Job`; each call returns at once, whatever the driver does.
"""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Any

from holodriver.system.children import (
    clean_environment,
    descendants,
    ending,
    kill,
    kill_group,
    listen,
    own_group,
    stand_back,
)

PATIENCE_S = 120.0
"""Silence after which a driver counts as hanging, s; a working driver reports at least every ten seconds."""

GRACE_S = 0.4
"""Time that a cancelled driver has for cleaning up before it is killed, s."""

LINES_TOLD = 12
OUTPUT_KEPT = 2000  # lines
LONGEST_KEPT = 4000  # characters of a line
LINES_A_POLL = 200


_PIP_PROGRESS = re.compile(r"Progress (\d{1,12}) of (\d{1,12})$")  # of `pip --progress-bar raw`, bytes


class State(Enum):
    """State of a job."""

    RUNNING = "running"
    STOPPING = "stopping"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Step:
    """One command of the driver."""

    title: str
    """Name of the step for the artist, such as "Rendering the focal stack"."""
    command: tuple[str, ...]


@dataclass
class Report:
    """Everything that a job has reported so far."""

    step: str = ""
    stage: str = ""
    done: int = 0
    total: int = 0
    note: str = ""
    warnings: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    tables: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""
    """Reason why the job failed, in a few lines for the artist; empty if it did not fail."""
    output: deque[str] = field(default_factory=lambda: deque(maxlen=OUTPUT_KEPT))
    """Last lines of the driver's output that are not reports."""

    @property
    def factor(self) -> float:
        """Finished part of the current stage, 0 to 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0


class Job:
    """Commands of the driver, run in order as a process tree that can be killed.

    Args:
        title: name of the job for the artist.
        steps: commands; the first that fails ends the job.
        scratch: folder that is removed when the job ends in any way.
        leftovers: (folder, pattern) of hidden files that a killed driver leaves; new ones are removed after a cancel.
        patience_s: silence after which the driver counts as hanging, s.
        clock: function that returns the time, s.
    """

    def __init__(
        self,
        title: str,
        steps: Sequence[Step],
        *,
        scratch: Path | None = None,
        leftovers: Sequence[tuple[Path, str]] = (),
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.title, self.steps, self.scratch, self.patience_s = title, list(steps), scratch, patience_s
        self.report = Report()
        self.state = State.RUNNING
        self._clock = clock
        self._leftovers = leftovers
        self._there_before: set[Path] = set()
        self._process: subprocess.Popen[bytes] | None = None
        self._lines: queue.Queue[tuple[str, bytes | None]] = queue.Queue(maxsize=2000)
        self._open_streams = 0
        self._children: set[int] = set()
        self._stopped_at = 0.0
        self._next = 0
        self._cleaner: threading.Thread | None = None
        self._ending = State.DONE
        self.begun = self._heard = self._stage_begun = clock()
        self._stage_done = 0

    @property
    def running(self) -> bool:
        """Whether the job has not ended yet."""
        return self.state in (State.RUNNING, State.STOPPING)

    @property
    def seconds(self) -> float:
        """Time since the job began, s."""
        return self._clock() - self.begun

    @property
    def seconds_left(self) -> float | None:
        """Time that the current stage still needs at its pace so far, s; None while that is unknown."""
        done = self.report.done - self._stage_done
        if done <= 0 or self.report.total <= self.report.done:
            return None
        return (self._clock() - self._stage_begun) / done * (self.report.total - self.report.done)

    def poll(self) -> bool:
        """Read the driver's reports and, when a command has ended, start the next; False once the job has ended."""
        if self._cleaner is not None:
            if not self._cleaner.is_alive():
                self._cleaner = None
                self.state = self._ending
            return self.running
        if not self.running:
            return False
        if self._next == len(self.steps):
            self._end(State.DONE)
            return self.running
        if self._process is None:
            self._start()
            return self.running
        self._read()
        now = self._clock()
        if self.state is State.STOPPING:
            if self._process.poll() is not None:
                self._end(State.CANCELLED)
            elif now - self._stopped_at > GRACE_S:
                self._kill()
        elif self._process.poll() is not None and not self._open_streams and self._lines.empty():
            self._finish_step(self._process.returncode)
        elif now - self._heard > self.patience_s:
            self.report.error = f"the driver has not reported for {self.patience_s:.0f} s{self._last_words()}"
            self._kill()
            self._end(State.FAILED)
        return self.running

    def cancel(self) -> None:
        """Ask the driver to stop and return at once; a driver that does not stop within `GRACE_S` is killed."""
        if self.state is not State.RUNNING:
            return
        self.state = State.STOPPING
        self._stopped_at = self._clock()
        process = self._process
        if process is None:
            self._end(State.CANCELLED)
            return
        self._children = descendants(process.pid)
        if process.poll() is None and os.name != "nt":
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        else:
            self._kill()

    def kill(self) -> None:
        """Kill the driver and wait for its end, because Blender closes or the add-on is switched off."""
        if not self.running:
            return
        self._kill()
        self._ending = State.CANCELLED
        self._clean()
        self.state = State.CANCELLED

    def _start(self) -> None:
        if self._next == 0:
            self._there_before = self._hidden()
        step = self.steps[self._next]
        self.report.step, self.report.stage, self.report.done, self.report.total = step.title, "", 0, 0
        self._heard = self._stage_begun = self._clock()
        try:
            self._process = subprocess.Popen(
                step.command,
                env=_environment(),
                stdin=subprocess.PIPE,  # when this pipe closes, the driver knows that Blender is gone
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                **own_group(background=True),
            )
        except OSError as error:
            self.report.error = f"the driver does not start: {error.strerror or error} ({step.command[0]})"
            self._end(State.FAILED)
            return
        stand_back(self._process.pid)  # lower priority than Blender's window
        self._open_streams = 2
        for name, stream in (("out", self._process.stdout), ("err", self._process.stderr)):
            listen(stream, partial(self._hear, name))

    def _hear(self, name: str, line: bytes | None) -> None:
        self._lines.put((name, line))

    def _read(self) -> None:
        for _ in range(LINES_A_POLL):
            try:
                stream, line = self._lines.get_nowait()
            except queue.Empty:
                return
            self._heard = self._clock()
            if line is None:
                self._open_streams -= 1
                continue
            text = line.decode("utf-8", "replace").rstrip()
            event = _event(text) if stream == "out" else None
            if event is not None:
                self._take(event)
            elif text:
                self.report.output.append(text[:LONGEST_KEPT])
                if pip := _PIP_PROGRESS.match(text):
                    self.report.stage = "downloading"
                    self.report.done, self.report.total = int(pip[1]) // 1_000_000, int(pip[2]) // 1_000_000

    def _take(self, event: dict[str, Any]) -> None:
        kind, text = event["event"], str(event.get("text", ""))
        if kind == "progress":
            stage, done, total = str(event.get("stage", "")), _whole(event.get("done")), _whole(event.get("total"))
            if stage != self.report.stage or done < self.report.done:
                self._stage_begun, self._stage_done = self._clock(), done
            self.report.stage, self.report.done, self.report.total = stage, done, total
            self.report.note = str(event.get("note", ""))
        elif kind == "warning":
            self.report.warnings.append(text)
        elif kind == "message":
            self.report.messages.append(text)
        elif kind == "table":
            self.report.tables.append(event)
        elif kind == "error":
            self.report.error = text

    def _finish_step(self, status: int) -> None:
        if status != 0:
            if not self.report.error:
                self.report.error = f"the driver stopped with {ending(status)}{self._last_words()}"
            self._end(State.FAILED)
            return
        self._process = None
        self._next += 1

    def _end(self, ending: State) -> None:
        self._ending = ending
        self.state = State.STOPPING
        # in a thread: removing big files takes time, and the window must not wait
        self._cleaner = threading.Thread(target=self._clean, daemon=True)
        self._cleaner.start()

    def _clean(self) -> None:
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
        for child in self._children:
            kill(child)
        if self.scratch is not None:
            shutil.rmtree(self.scratch, ignore_errors=True)
        with suppress(queue.Empty):
            while True:
                self._lines.get(timeout=0.1)  # the reading threads can end only when somebody takes their lines
        if self._ending is not State.DONE:
            for path in self._hidden() - self._there_before:
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    def _kill(self) -> None:
        process = self._process
        if process is None:
            return
        self._children |= descendants(process.pid)
        kill_group(process)
        for child in self._children:
            kill(child)

    def _hidden(self) -> set[Path]:
        found = [folder.glob(pattern) for folder, pattern in self._leftovers if folder.is_dir()]
        return {path for paths in found for path in paths}

    def _last_words(self) -> str:
        lines = [line[:300] for line in list(self.report.output)[-LINES_TOLD:]]
        return "; its last lines:\n" + "\n".join(lines) if lines else " and printed nothing"


def _environment() -> dict[str, str]:
    own = {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "HOLODRIVER_STOP_WITH_INPUT": "1"}
    return clean_environment() | own


def _event(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("event"), str) else None


def _whole(value: object) -> int:
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1e12 else 0
