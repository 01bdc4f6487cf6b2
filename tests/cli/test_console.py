"""Progress and messages: lines in a log, objects for the add-on, bars on a terminal."""

import errno
import json
import os
import subprocess
import sys
import threading

import pytest

from holodriver.cli import console
from holodriver.errors import InputError


@pytest.fixture(autouse=True)
def _fresh():
    yield
    console.configure()


def test_json_mode_prints_nothing_but_objects(capsys):
    console.configure(mode="json")
    with console.reporting() as progress:
        progress("optimise", 0, 2)
        console.say("21 planes")
        console.warn("clipped")
        progress("optimise", 2, 2, "31.2 dB")
    console.table(["plane", "PSNR"], [[1, 31.2]], title="scores")
    console.fail(InputError("no planes", where="a.stack", remedy="render it"), exit_code=2)
    printed = capsys.readouterr()
    events = [json.loads(line) for line in printed.out.splitlines()]
    assert [event["event"] for event in events] == ["progress", "message", "warning", "progress", "table", "error"]
    assert (events[3]["stage"], events[3]["done"], events[3]["total"], events[3]["note"]) == (
        "optimise",
        2,
        2,
        "31.2 dB",
    )
    assert (events[5]["exit_code"], events[5]["remedy"]) == (2, "render it")
    assert printed.err == "error: a.stack: no planes (render it)\n"


def test_long_work_gives_signs_of_life_between_its_reports(monkeypatch):
    """In JSON mode, from another thread: work that hangs in one step is told from a process that hangs."""
    monkeypatch.setattr(console, "ALIVE_S", 0.01)
    events, seen = [], threading.Event()

    def emit(event, **values):
        events.append(event)
        if events.count("alive") == 3:
            seen.set()

    monkeypatch.setattr(console, "_emit", emit)
    console.configure(mode="json")
    with console.reporting() as progress:
        progress("one long step", 0, 1)
        assert seen.wait(60)
    assert events[0] == "progress"


def test_log_file_gets_begin_and_end_of_each_stage(capsys):
    with console.reporting() as progress:
        for stage in ("render", "optimise"):
            for done in range(101):
                progress(stage, done, 100, f"{done} dB")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("] ")[1] for line in lines] == [
        "render 0/100  0 dB",
        "render 100/100  100 dB",
        "optimise 0/100  0 dB",
        "optimise 100/100  100 dB",
    ]


def written_lines(calls: list[tuple[float, int]], total: int) -> list[tuple[float, int]]:
    """Which of `calls` (at a time in seconds, so many done) are shown, with a line every 30 s."""
    clock, written = [0.0], []
    lines = console.Lines(lambda *line: written.append((clock[0], line[1])), interval=30.0, clock=lambda: clock[0])
    for now, done in calls:
        clock[0] = now
        lines("stage", done, total)
    return written


def test_long_stages_are_heard_of_now_and_then():
    calls = [(10.0 * done, done) for done in range(100)]
    assert written_lines(calls, 100) == calls[::3]


def test_a_stage_that_starts_over_begins_anew():
    calls = [(0.0, 0), (1.0, 3), (2.0, 5), (3.0, 0), (4.0, 5)]
    assert written_lines(calls, 5) == [(0.0, 0), (2.0, 5), (3.0, 0), (4.0, 5)]


def test_unknown_length_is_not_a_flood():
    assert written_lines([(0.1 * done, done) for done in range(200)], 0) == [(0.0, 0)]


def test_nested_blocks_share_one_display():
    with console.reporting() as outer, console.reporting() as inner:
        assert inner is outer


def test_none_is_silent(capsys):
    console.configure(mode="none")
    with console.reporting() as progress:
        progress("optimise", 0, 2)
    assert capsys.readouterr() == ("", "")


def test_table_is_whole_where_there_is_no_terminal(capsys):
    long = "/a/path/" + "x" * 200
    console.table(["file", "size"], [[long, 3]])
    assert long in capsys.readouterr().out


def test_markup_in_names_is_not_taken_for_markup(capsys):
    console.say("scene[red].blend")
    console.table(["file"], [["scene[red].blend"]])
    assert capsys.readouterr().out.count("scene[red].blend") == 2


def test_library_warnings_are_one_line(capsys):
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        console.configure()
        warnings.warn("21 planes\nare few", stacklevel=1)
    assert capsys.readouterr().err == "warning: 21 planes are few\n"


TERMINAL = """
from holodriver.cli import console
with console.reporting() as progress:
    for done in range(4):
        progress("optimise [x]", done, 3, f"{done} dB")
        progress("unknown length", 3 - done, 0)
    console.say("a result")
"""


def read_terminal(master: int) -> bytes:
    """What came next; empty at the end, which Linux tells as EIO."""
    try:
        return os.read(master, 4096)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_bars_on_a_terminal_leave_piped_results_whole():
    import pty

    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", TERMINAL],
        stdout=subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(terminal)
    drawn = b"".join(iter(lambda: read_terminal(master), b"")).decode()
    os.close(master)
    said, _ = process.communicate()
    assert process.returncode == 0
    assert said == b"a result\n"
    assert "optimise [x]" in drawn
    assert "3 dB" in drawn
