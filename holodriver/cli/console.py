"""What commands print: results, warnings, tables and the progress of long work.

As text, results go to standard output and everything else to standard error. `--progress json` prints one JSON object
a line on standard output, each with an `event`: `progress`, `message`, `warning`, `table`, `error`, or `alive`, which
says that long work goes on. `--progress names` prints only the names of the files that are made as results.
"""

import json
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal

import typer

from holodriver.errors import HolodriverError
from holodriver.progress import Progress, silent

HEARTBEAT_S = 30.0
"""Time between lines about one stage where there is no terminal to draw bars on, seconds."""
JSON_INTERVAL_S = 0.1
"""Time between JSON lines about one stage, seconds: short enough for a moving bar, long enough for no flood."""
ALIVE_S = 10.0
"""Time between JSON signs of life, seconds; they tell slow work from a process that hangs."""


ProgressMode = Literal["bars", "json", "names", "none"]
"""Form in which progress and results are printed."""


@dataclass
class _State:
    mode: ProgressMode = "bars"
    debug: bool = False
    reporter: Progress | None = None
    """The reporter of the outermost `reporting()`, while it lasts."""


_state = _State()


def configure(*, mode: ProgressMode = "bars", debug: bool = False) -> None:
    """Set the global options; the command line does it once, before a command runs."""
    _state.mode, _state.debug = mode, debug
    warnings.showwarning = _show_warning


def debugging() -> bool:
    """Whether `--debug` was given."""
    return _state.debug


def say(text: str) -> None:
    """Print a result or a remark on standard output."""
    if _state.mode == "json":
        _emit("message", text=text)
    elif _state.mode != "names":
        print("\n".join(map(_printable, text.split("\n"))), flush=True)


def wrote(path: object) -> None:
    """Print that a file or a folder was written; only the name with `--progress names`."""
    name(path)
    say(f"wrote {path}")


def name(path: object) -> None:
    """Print the name of a written file or folder, if standard output holds names only."""
    if names_only():
        print(_printable(str(path)), flush=True)


def names_only() -> bool:
    """Whether standard output holds nothing but the names of written files."""
    return _state.mode == "names"


def warn(text: str) -> None:
    """Print a warning: one line on standard error."""
    if _state.mode == "json":
        _emit("warning", text=text)
    else:
        _complain(f"warning: {_printable(text)}", colour=typer.colors.YELLOW)


def fail(error: BaseException, *, exit_code: int) -> None:
    """Print the error with which the program ends as one line; in JSON mode also as an object."""
    what = str(error) if isinstance(error, HolodriverError) else f"internal error: {type(error).__name__}: {error}"
    line = " ".join(what.split())  # one line, whatever a library put into its message
    if _state.mode == "json":
        remedy = error.remedy if isinstance(error, HolodriverError) else None
        _emit("error", text=line, remedy=remedy, exit_code=exit_code)
    if not isinstance(error, HolodriverError):
        _complain(f"{line}; run with --debug to see where", colour=typer.colors.RED)
    else:
        _complain(f"error: {line}", colour=typer.colors.RED)


def stopped(*, exit_code: int) -> None:
    """Print the line with which the program ends when the user stops it; in JSON mode also as an `error`."""
    line = "stopped; nothing half written"
    if _state.mode == "json":
        _emit("error", text=line, remedy=None, exit_code=exit_code)
    print(line, file=sys.stderr, flush=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str | None = None) -> None:
    """Print `rows` under the headings `columns` on standard output; numbers are aligned to the right."""
    if _state.mode == "json":
        _emit("table", title=title, columns=list(columns), rows=[[_plain(cell) for cell in row] for row in rows])
    if _state.mode in ("json", "names"):
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    grid = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", pad_edge=False)
    for index, heading in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        grid.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(_printable(str(_plain(cell)))) for cell in row))
    # a file or a pipe has no width: nothing is cut or folded there
    Console(file=sys.stdout, width=None if sys.stdout.isatty() else 1000).print(grid)


@contextmanager
def reporting() -> Iterator[Progress]:
    """Show the progress of what runs in this block.

    Yields the callable to pass on as `progress` (see `holodriver.progress`), which shows bars on a terminal; a line at
    the beginning and the end of each stage, and every half minute, in a file; JSON lines; or nothing. A block inside
    another block shares its display, so commands can call one another.
    """
    if _state.reporter is not None:
        yield _state.reporter
        return
    with _reporter() as reporter:
        _state.reporter = reporter
        try:
            yield reporter
        finally:
            _state.reporter = None


def _reporter() -> AbstractContextManager[Progress]:
    if _state.mode == "json":
        return _alive(Lines(_emit_progress, interval=JSON_INTERVAL_S))
    if _state.mode in ("none", "names"):
        return nullcontext(silent)
    return _bars() if sys.stderr.isatty() else Lines(_print_progress, interval=HEARTBEAT_S)


@contextmanager
def _alive(lines: "Lines") -> Iterator[Progress]:
    """Make a block of `lines` in which a sign of life is printed every `ALIVE_S` seconds."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(ALIVE_S):
            _emit("alive")

    threading.Thread(target=beat, daemon=True).start()
    try:
        with lines as reporter:
            yield reporter
    finally:
        over.set()


@dataclass
class _Stage:
    begun: float
    shown: float
    done: int


class Lines:
    """Reports each stage's first and last call, and one in between when `interval` seconds have passed.

    Args:
        write: called with stage, done, total, note and the seconds since the stage began.
        interval: shortest time between two reports of a stage, seconds.
        clock: monotonic clock, seconds.
    """

    def __init__(
        self,
        write: Callable[[str, int, int, str, float], None],
        *,
        interval: float,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._write, self._interval, self._clock = write, interval, clock
        self._stages: dict[str, _Stage] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._stages.clear()

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None:
        now = self._clock()
        with self._lock:
            known = self._stages.get(stage)
            if known is None or done < known.done:  # a stage that starts over is a new one
                known = self._stages[stage] = _Stage(begun=now, shown=now, done=done)
            elif (done != total or done == known.done) and now - known.shown < self._interval:
                known.done = done
                return
            known.shown, known.done = now, done
            self._write(stage, done, total, note, now - known.begun)


def _print_progress(stage: str, done: int, total: int, note: str, elapsed: float) -> None:
    amount = f"{done}/{total}" if total else str(done)
    minutes, seconds = divmod(int(elapsed), 60)
    print(f"[{minutes}:{seconds:02d}] {stage} {amount}{f'  {note}' if note else ''}", file=sys.stderr, flush=True)


def _emit_progress(stage: str, done: int, total: int, note: str, elapsed: float) -> None:
    _emit("progress", stage=stage, done=done, total=total, note=note, elapsed_s=round(elapsed, 2))


@contextmanager
def _bars() -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA", style="dim"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=Console(stderr=True),
        redirect_stdout=sys.stdout.isatty(),  # what is piped away stays whole
    )
    tasks: dict[str, TaskID] = {}
    reached: dict[str, int] = {}
    lock = threading.Lock()

    def report(stage: str, done: int, total: int, note: str = "") -> None:
        with lock:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total or None, note=note)
            elif done < reached[stage]:  # a stage that starts over
                bars.reset(tasks[stage])
            reached[stage] = done
            bars.update(tasks[stage], completed=done, total=total or None, note=note)

    with bars:
        yield report


def _emit(event: str, **values: Any) -> None:
    line = json.dumps({"event": event, **values})  # ASCII, which no encoding of a pipe can spoil
    sys.stdout.write(line + "\n")  # at once: signs of life come from another thread
    sys.stdout.flush()


def _complain(line: str, *, colour: str) -> None:
    # while bars live, rich puts what is printed here above them
    print(typer.style(line, fg=colour) if sys.stderr.isatty() else line, file=sys.stderr, flush=True)


def _printable(text: str) -> str:
    """The text without characters that control a terminal: it may come from a stranger's file."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def _plain(cell: object) -> object:
    """The cell as a value that JSON can hold."""
    return cell if isinstance(cell, (int, float, str, bool)) or cell is None else str(cell)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: object = None,
    line: object = None,
) -> None:
    """Print one of Python's own warnings as ours; `--debug` adds the place that it comes from."""
    warn(f"{message} ({filename}:{lineno})" if _state.debug else " ".join(str(message).split()))
