"""The program `holodriver`: its commands, its global options, and how errors become a line and an exit code."""

import importlib
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

import holodriver
from holodriver.cli import console, farming
from holodriver.errors import HolodriverError

COMMANDS = {
    "demo": "Make a hologram, panel frames and pictures of it from a Blender scene, in one go.",
    "render": "Render a Blender scene: focal stacks, RGB-D images, quilts, data sets.",
    "synth": "Compute the hologram of a focal stack, or of a picture with depth.",
    "import": "Turn the wave field of another program into a hologram.",
    "calibrate": "Measure what the panel does to each colour, in a file that encode uses.",
    "capture": "Score what a camera sees of a hologram, focus by focus.",
    "encode": "Encode holograms into panel frames.",
    "evaluate": "Score holograms against a focal stack, plane by plane.",
    "view": "Write a page for any browser that shows focal stacks and holograms, focus by focus.",
    "reconstruct": "Show what a camera would see of a hologram, focus by focus.",
    "looking-glass": "Make RGB-D files and quilts for Looking Glass displays, and cast them.",
    "play": "Show panel frames on the rig, lasers in step.",
    "rig": "Make a rig file, and check it against what is connected.",
    "monitors": "List the monitors, by the names that they give themselves.",
    "pattern": "Draw test pictures for the panel, into a file or on a monitor.",
    "rgbd": "Make RGB-D of photos and videos.",
    "rgbd-video": "Make RGB-D of videos, with the options that only videos have.",
    "train": "Train a DEHNet for one colour of a display, and make the pool that it learns from.",
    "quantise": "Make int8 networks of trained weights, and the folder that the program runs.",
    "bench": "Measure how fast this machine is.",
    "figures": "Make the paper's figures from our own scenes, and judge its claims.",
    "sweep": "Make the paper's studies, which vary one quantity each.",
    "info": "Say what a file holds.",
    "doctor": "Say what this machine has and lacks, and what to do about it.",
}
"""Name and short help of each command: a function or a group of commands of that name in `holodriver.cli.<name>`, which
is imported when the command is called. Hyphens become underscores; `NAMES` holds the exceptions."""

NAMES = {"import": "import_field"}
"""Name of the module and the function of each command whose own name is a keyword of Python."""

WITH_PARENT = "HOLODRIVER_STOP_WITH_INPUT"
"""Environment variable that a starting program sets so that this program stops when its standard input ends."""

ANYWHERE = {"--debug": False, "--progress": True} | farming.ANYWHERE
"""Global options, which may stand anywhere on the command line, and whether a value follows."""

INTERRUPTED = 130
TERMINATED = 128 + signal.SIGTERM


class _Deferred(TyperCommand):
    """A command with its name and short help; the module is imported when the command is called."""

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        return self.load().make_context(info_name, args, parent, **extra)

    def load(self) -> Any:
        """Import the command itself."""
        assert self.name is not None
        name = NAMES.get(self.name, self.name.replace("-", "_"))
        function = getattr(importlib.import_module(f"holodriver.cli.{name}"), name)
        if isinstance(function, typer.Typer):
            return typer.main.get_command(function)
        alone = typer.Typer(add_completion=False)
        alone.command(self.name)(function)
        return typer.main.get_command(alone)


class _Commands(TyperGroup):
    """The commands of `COMMANDS` as a group."""

    def __init__(self, **settings: Any):
        super().__init__(**settings)
        for name, text in COMMANDS.items():
            self.add_command(_Deferred(name, help=text, callback=None))


app = typer.Typer(
    cls=_Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"holodriver {holodriver.__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    progress: Annotated[
        console.ProgressMode,
        typer.Option(
            help="Show progress as bars (lines in a log file), as JSON (one object a line) or not at all. With "
            "'names', only the names of the files that are made are printed, for 'holodriver play -'."
        ),
    ] = "bars",
    debug: Annotated[bool, typer.Option("--debug", help="Show where in the program an error comes from.")] = False,
    jobs: farming.Jobs = 1,
    threads: farming.Threads = None,
    scheduler: farming.Scheduler = None,
    cluster: farming.Cluster = None,
    cluster_option: farming.ClusterOption = None,
    retries: farming.Retries = farming.RETRIES,
    dry_run: farming.DryRun = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Holograms from Blender scenes and photos, played on an LCoS panel with sequenced lasers.

    The options below may stand anywhere on the command line.
    """
    console.configure(mode=progress, debug=debug)
    farming.configure(
        farming.Given(jobs, threads, scheduler, cluster, tuple(cluster_option or ()), retries, dry_run=dry_run)
    )
    if context.invoked_subcommand not in farming.COMMANDS:
        kept = ("dry_run",) if context.invoked_subcommand == "train" else ()
        context.with_resource(farming.without_batches(but=kept))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program, and return the exit code: 0 done, 1 failed, 2 wrong input, 130 stopped by Ctrl-C.

    Args:
        arguments: words of the command line without the program's name; the process's own by default.
    """
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, _terminate)
    if os.environ.get(WITH_PARENT) and os.name == "posix":  # on Windows a waiting read blocks other calls
        threading.Thread(target=_stop_with_input, daemon=True).start()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a console that lacks a character shows ?
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(args=globals_first(given) or ["--help"], prog_name="holodriver", standalone_mode=False)
        sys.stdout.flush()  # a closed pipe shows here, not while Python shuts down
        if code == INTERRUPTED:  # Typer returns it for Ctrl-C
            return _interrupted()
        return code if isinstance(code, int) else 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except typer.TyperException as error:
        return _usage(error)
    except HolodriverError as error:
        return _failed(error, error.exit_code)
    except Exception as error:
        return _failed(error, 1)


def globals_first(arguments: Sequence[str]) -> list[str]:
    """The arguments with the global options moved to the front: people write `--debug` anywhere."""
    before: list[str] = []
    after: list[str] = []
    waiting = iter(arguments)
    for argument in waiting:
        if argument == "--":
            after += [argument, *waiting]
        elif (known := ANYWHERE.get(argument.partition("=")[0])) is not None:
            before.append(argument)
            if known and "=" not in argument:
                before += [value for value in [next(waiting, None)] if value is not None]
        else:
            after.append(argument)
    return before + after


def _usage(error: typer.TyperException) -> int:
    """Print one line about a wrong call, which names the help that explains it."""
    context = getattr(error, "ctx", None)
    path = context.command_path if context else "holodriver"
    what = error.format_message().rstrip(".") or "no command was named"
    console.fail(HolodriverError(what, remedy=f"see '{path} --help'"), exit_code=2)
    return 2


def _failed(error: Exception, exit_code: int) -> int:
    if console.debugging():
        traceback.print_exception(error)
    if isinstance(error, OSError):  # a fault of the disk or the network
        error = HolodriverError(error.strerror or str(error) or type(error).__name__, where=error.filename)
    console.fail(error, exit_code=exit_code)
    return exit_code


def _interrupted() -> int:
    console.stopped(exit_code=INTERRUPTED)
    return INTERRUPTED


def _stop_with_input() -> None:
    """Wait for the end of the standard input, whose writer is then gone, and stop as if terminated."""
    while os.read(0, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _terminate(*_: object) -> NoReturn:
    sys.exit(TERMINATED)  # unwinds, so that unfinished files are removed
