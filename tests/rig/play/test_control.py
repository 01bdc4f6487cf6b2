"""Commands during a play, as lines and as keys."""

import os
import pty
import subprocess
import sys
import tty
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holodriver.errors import InputError
from holodriver.rig.play.control import KEYS, Command, Listener, listening, read_command


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("next", Command("next")),
        ("  previous ", Command("previous")),
        ("go 12", Command("go", hologram=11)),
        ("pause", Command("pause")),
        ("pause off", Command("pause", on=False)),
        ("blank on", Command("blank", on=True)),
        ("power 1.5", Command("power", power_mw=1.5)),
        ("power +10", Command("power", power_factor=1.1)),
        ("quit", Command("quit")),
    ],
)
def test_a_line_is_a_command(line, command):
    assert read_command(line) == command


def test_a_step_down_undoes_a_step_up():
    up, down = read_command("power +10"), read_command("power -10")
    assert up.power_factor * down.power_factor == pytest.approx(1)


@pytest.mark.parametrize("line", ["", "nxt", "go", "go -1", "go x", "power", "power nan", "power -100", "blank maybe"])
def test_what_is_no_command_is_refused(line):
    with pytest.raises(InputError):
        read_command(line)


@given(st.text(max_size=40))
def test_no_line_does_anything_else_than_be_refused_or_read(line):
    with suppress(InputError):
        assert isinstance(read_command(line), Command)


def test_every_key_is_a_command():
    for line in KEYS.values():
        read_command(line)


def test_lines_of_a_pipe_come_whole_and_only_once():
    reading, writing = os.pipe()
    listener = Listener(reading, keys=False)
    assert list(listener.lines()) == []
    os.write(writing, b"next\npau")
    assert list(listener.lines()) == ["next"]
    os.write(writing, b"se\nquit\n" + b"x" * 10_000)
    assert list(listener.lines()) == ["pause", "quit"]
    os.close(writing)
    assert list(listener.lines()) == []
    assert listener.ended
    os.close(reading)


def test_a_line_that_is_too_long_is_said_to_be_and_not_cut():
    reading, writing = os.pipe()
    os.write(writing, b"x" * 200 + b"/" + b"y" * 99 + b"\nquit" + b" " * 300 + b"\n")
    os.close(writing)
    names = list(Listener(reading, keys=False, max_line=300).lines())
    os.close(reading)
    assert names[0] == "x" * 200 + "/" + "y" * 99
    assert names[1].startswith("quit ")
    assert names[1].endswith("… (longer than 300 bytes)")
    with pytest.raises(InputError, match="is no command"):
        read_command(names[1])


def test_keys_that_mean_nothing_do_nothing():
    """Up, Home, Delete, F1 to F5 of xterm and of the console, Ctrl-right; a key whose end comes later; then Escape."""
    terminal, theirs = pty.openpty()
    tty.setraw(theirs)
    listener = Listener(theirs, keys=True)
    for sent in ("\x1b[A", "\x1b[H", "\x1b[3~", "\x1bOP", "\x1b[15~", "\x1b[[A", "\x1b[1;5C", "\x1b[", "3", "~"):
        os.write(terminal, sent.encode("ascii"))
        assert list(listener.lines()) == [], sent
    os.write(terminal, b"\x1b[3~\x1b[C\x1bODn\x1b")
    assert list(listener.lines()) == ["next", "previous", "next", "quit"]
    os.close(terminal)
    os.close(theirs)


def test_nobody_gives_commands_at_the_end_of_a_standard_input_that_said_nothing(monkeypatch):
    """`play </dev/null` for ever is a laser that nobody can stop; a program that says nothing yet is another matter."""
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with listening() as listener:
            assert listener is None
    for said, ends, there in ((b"", True, False), (b"next\n", True, True), (b"", False, True)):
        reading, writing = os.pipe()
        os.write(writing, said)
        with open(reading) as standard_input, open(writing, "wb") as other_end:
            monkeypatch.setattr(sys, "stdin", standard_input)
            if ends:
                other_end.close()
            with listening() as listener:
                assert (listener is not None) == there


def test_keys_are_heard_without_enter_and_the_terminal_is_put_back():
    terminal, theirs = pty.openpty()
    import termios

    before = termios.tcgetattr(theirs)
    code = (
        "from holodriver.rig.play.control import listening\n"
        "with listening() as listener:\n"
        "    print('ready', flush=True)\n"
        "    found = []\n"
        "    while 'quit' not in found:\n"
        "        found += listener.lines()\n"
        "print(found)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=theirs, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    os.write(terminal, b"n \x1b[Dxq")
    assert process.stdout.readline() == "['next', 'pause', 'previous', 'quit']\n"
    assert process.wait(timeout=60) == 0
    process.stdout.close()
    assert termios.tcgetattr(theirs) == before
    os.close(terminal)
    os.close(theirs)
