"""The command line is thin: few options a command, short functions, and a help that runs for each of them."""

import ast
import inspect
import textwrap
from collections.abc import Iterator

import pytest
import typer
from typer.core import TyperOption

from holodriver.cli import app

MOST_OPTIONS = 15
MOST_LINES = 60
"""Lines of a function's body, without signature and docstring."""


def commands() -> Iterator[tuple[str, typer.core.TyperCommand]]:
    """Every command of the program with its words, and the program itself."""
    program = typer.main.get_command(app.app)
    yield "", program
    for name in app.COMMANDS:
        yield from walked(name, program.commands[name].load())


def walked(name: str, command: typer.core.TyperCommand) -> Iterator[tuple[str, typer.core.TyperCommand]]:
    yield name, command
    for part, inner in getattr(command, "commands", {}).items():
        yield from walked(f"{name} {part}", inner)


ALL = list(commands())
every_command = pytest.mark.parametrize(("words", "command"), ALL, ids=[words or "holodriver" for words, _ in ALL])


@every_command
def test_a_command_has_few_options(words: str, command: typer.core.TyperCommand) -> None:
    options = [one.opts[0] for one in command.params if isinstance(one, TyperOption)]
    assert len(options) <= MOST_OPTIONS, f"{len(options)}: {' '.join(options)}"


@every_command
def test_a_command_is_a_short_function(words: str, command: typer.core.TyperCommand) -> None:
    if command.callback is None:
        return
    tree = ast.parse(textwrap.dedent(inspect.getsource(inspect.unwrap(command.callback))))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    body = function.body[1:] if ast.get_docstring(function) else function.body
    lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
    assert lines <= MOST_LINES, f"{lines} lines"


@every_command
def test_its_options_are_explained_in_whole_sentences(words: str, command: typer.core.TyperCommand) -> None:
    for one in command.params:
        text = getattr(one, "help", None)
        if text and not getattr(one, "hidden", False) and one.name != "help":
            assert text.endswith("."), f"{one.name}: {text}"
            assert not text.startswith(("Of ", "As ", "That ", "The same", "Which ")), f"{one.name}: {text}"


@every_command
def test_its_help_runs(words: str, command: typer.core.TyperCommand, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main([*words.split(), "--help"]) == 0
    assert f"holodriver {words}".strip() in capsys.readouterr().out
