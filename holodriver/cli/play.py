"""`holodriver play`: show panel frames on the rig, lasers in step."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import heard_on_console
from holodriver.cli.options import SIMULATED, Overwrite
from holodriver.errors import InputError

if TYPE_CHECKING:
    from holodriver.rig.simulated.simulated_rig import Simulation

STREAM = Path("-")


def play(
    source: Annotated[
        list[Path],
        typer.Argument(
            help="Hologram files with panel frames, folders of frames or of holograms; - for names on standard input."
        ),
    ],
    rig: Annotated[str, typer.Option(help="The rig file, or 'simulated', which needs no hardware.")] = SIMULATED,
    arm: Annotated[bool, typer.Option("--arm", help="Light real lasers. Simulated ones are always lit.")] = False,
    cycles: Annotated[int | None, typer.Option(help="How often all holograms are shown. By default once.")] = None,
    duration: Annotated[
        float | None,
        typer.Option(
            help="The time to play, seconds. By default until the last hologram, or 1 s for a single one that nobody "
            "can end."
        ),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again after the last hologram, until quit.")] = False,
    fps: Annotated[float | None, typer.Option(help="Holograms a second. By default one a colour cycle.")] = None,
    refresh: Annotated[
        float | None, typer.Option(help="The refresh rate of the simulated panel, Hz. By default it is 60.")
    ] = None,
    power: Annotated[
        float,
        typer.Option(min=0.001, help="The power of the strongest laser, mW. The others balance the encoding gains."),
    ] = 1.0,
    memory: Annotated[float, typer.Option(min=0.01, help="The memory for holograms that are read ahead, GiB.")] = 1.0,
    log: Annotated[Path | None, typer.Option(help="Write to this CSV file when each frame was shown.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Write the pixels that each simulated laser lit to this folder.")
    ] = None,
    film: Annotated[
        Path | None, typer.Option(help="Write what a simulated camera saw, colours fused, to this film (.mp4).")
    ] = None,
    focus: Annotated[
        float | None, typer.Option(min=0, max=1, help="The normalised depth on which that camera is focused; or 0.5.")
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="A fault of the simulated rig: drop=0.01, lose=0.01, delay=0.02 (shares of frames), noise=0.02, "
            "drift=-0.1, unplug=0.5 (s), seed=1. It may be repeated."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show panel frames on the rig, each colour's frame lit by its laser.

    Keys of the terminal, or lines of the standard input, control the play: next, previous, go N, pause, sweep (of the
    focus), power, blank, status, quit. The source - reads the names of holograms from the standard input, one a line,
    as they are made. The simulated rig uses the lab's own player; only panel, lasers and controller are simulated.
    """
    from holodriver.rig.play.control import KEYS_HELP, Listener, listening
    from holodriver.rig.play.session import MAX_NAME, NameStream, PlaySettings, play_on_rig
    from holodriver.rig.settings import read_rig

    simulation = _simulation(rig, refresh, record, film, focus, fault)
    settings = PlaySettings(
        arm=arm or simulation is not None,
        power_mw=power,
        loop=loop,
        cycles=cycles,
        fps=fps,
        duration_s=duration,
        memory_gib=memory,
        log=log,
        overwrite=overwrite,
    )
    stream = STREAM in source
    if stream and len(source) > 1:
        raise InputError("stands alone: names come from the standard input or from the command line", where="-")
    chosen = simulation or read_rig(Path(rig))
    with listening(lines=not stream) as control, console.reporting() as progress:
        if control is not None and control.keys:
            console.say(KEYS_HELP)
        given = NameStream(Listener(0, keys=False, max_line=MAX_NAME)) if stream else source
        play_on_rig(chosen, given, settings, control=control, heard=heard_on_console(progress))


def _simulation(
    rig: str,
    refresh: float | None,
    record: Path | None,
    film: Path | None,
    focus: float | None,
    fault: list[str] | None,
) -> "Simulation | None":
    """The simulated rig that the options describe, or None for a rig file, for which they are refused."""
    from holodriver.rig.simulated.faults import Faults
    from holodriver.rig.simulated.simulated_rig import FOCUS, REFRESH_HZ, Simulation

    if rig == SIMULATED:
        return Simulation(
            refresh_hz=REFRESH_HZ if refresh is None else refresh,
            faults=Faults.parse(fault or []),
            record=record,
            film=film,
            focus=FOCUS if focus is None else focus,
        )
    options = {"--refresh": refresh, "--record": record, "--film": film, "--focus": focus, "--fault": fault}
    for name, value in options.items():
        if value is not None:
            raise InputError("is for the simulated rig alone", where=name, remedy="leave it out")
    return None
