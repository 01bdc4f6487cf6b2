"""`holodriver play`: panel frames on the rig, lasers in step."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.measuring import heard_on_console
from holodriver.cli.options import Overwrite
from holodriver.errors import InputError, RigError

if TYPE_CHECKING:
    from holodriver.rig.play.session import PlaySettings

DEFAULT_DURATION_S = 1.0
"""How long a play on the simulated rig lasts if nobody says: enough for timing figures that mean something."""

REFRESH_HZ, FOCUS = 180.0, 0.5
"""Of the simulated rig and of the camera before it, if nobody says."""

SIMULATED = "simulated"
STREAM = Path("-")


@dataclass(frozen=True)
class Seen:
    """What is to be kept of a simulated rig, and what goes wrong on it."""

    record: Path | None
    film: Path | None
    focus: float
    faults: list[str]


def play(
    source: Annotated[
        list[Path],
        typer.Argument(help="Hologram files with panel frames, folders of frames or of holograms; - for a stream."),
    ],
    rig: Annotated[str, typer.Option(help="The rig to play on: a rig file, or simulated.")] = SIMULATED,
    arm: Annotated[bool, typer.Option("--arm", help="Light the lasers; without it the panel plays dark.")] = False,
    cycles: Annotated[
        int | None, typer.Option(help="How often all sources are shown (simulated rig).", show_default=False)
    ] = None,
    duration: Annotated[float | None, typer.Option(help="Seconds to play.", show_default=False)] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again after the last hologram.")] = False,
    fps: Annotated[
        float | None, typer.Option(help="Holograms a second; one for each cycle of colours if left out.")
    ] = None,
    refresh: Annotated[
        float | None,
        typer.Option(
            help=f"The simulated rig's refreshes a second, Hz; {REFRESH_HZ:g} if left out.", show_default=False
        ),
    ] = None,
    power: Annotated[
        float, typer.Option(min=0.001, help="Power of the strongest laser, mW; the others balance the encoding gains.")
    ] = 1.0,
    memory: Annotated[
        float | None,
        typer.Option(min=0.01, help="GiB for holograms that are read ahead; 1 if left out.", show_default=False),
    ] = None,
    log: Annotated[Path | None, typer.Option(help="Write when each frame stood to this CSV.")] = None,
    record: Annotated[
        Path | None,
        typer.Option(help="Write what the panel held while each laser was on to this folder (simulated rig)."),
    ] = None,
    film: Annotated[
        Path | None, typer.Option(help="Write what a camera would have seen, colours fused, to this film (.mp4).")
    ] = None,
    focus: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help=f"Normalised depth on which that camera is focused; {FOCUS:g} if left out.",
            show_default=False,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            help="Let something go wrong on the simulated rig: drop=0.01, lose=0.01, delay=0.02 (shares of frames), "
            "noise=0.02, drift=-0.1, unplug=0.5 (s), seed=1; may be repeated."
        ),
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Show panel frames on the rig, each colour's frame lit by its laser.

    On a rig of a rig file: keys of the terminal, or lines of the standard input, control it: next, previous, go N,
    pause, sweep (focus, forth and back), power, blank, status, quit. `-` reads the names of holograms from the standard
    input, one a line, as they are made.
    """
    if cycles is not None and duration is not None:
        raise InputError("give either a number of cycles or a duration", where="--cycles, --duration")
    if rig != SIMULATED:
        from holodriver.rig.play.session import MEMORY_GIB, PlaySettings

        simulated: dict[str, object] = {"--cycles": cycles, "--refresh": refresh, "--record": record, "--film": film}
        simulated |= {"--focus": focus, "--fault": fault}
        given = [name for name, value in simulated.items() if value is not None]
        if given:
            raise InputError("is for the simulated rig alone", where=given[0], remedy="leave it away")
        settings = PlaySettings(
            arm=arm,
            power_mw=power,
            loop=loop,
            fps=fps,
            duration_s=duration,
            memory_gib=MEMORY_GIB if memory is None else memory,
            log=log,
            overwrite=overwrite,
        )
        _on_rig(Path(rig), source, settings)
        return
    real = {"--arm": arm or None, "--loop": loop or None, "--fps": fps, "--memory": memory, "--log": log}
    given = [name for name, value in real.items() if value is not None]
    if given or STREAM in source:
        raise InputError("needs a rig file", where=(given or ["-"])[0], remedy="make one: holodriver rig new rig.toml")
    seen = Seen(record, film, FOCUS if focus is None else focus, fault or [])
    refresh_hz = REFRESH_HZ if refresh is None else refresh
    _on_simulated_rig(source, cycles, duration, refresh_hz, power, seen, overwrite=overwrite)


def _on_rig(rig: Path, source: list[Path], settings: "PlaySettings") -> None:
    from holodriver.rig.play.control import KEYS_HELP, Listener, listening
    from holodriver.rig.play.session import MAX_NAME, NameStream, play_on_rig
    from holodriver.rig.settings import read_rig

    read = read_rig(rig)
    stream = STREAM in source
    if stream and len(source) > 1:
        raise InputError("stands alone: names come from the standard input or from the command line", where="-")
    with listening(lines=not stream) as control, console.reporting() as progress:
        if control is not None and control.keys:
            console.say(KEYS_HELP)
        given = NameStream(Listener(0, keys=False, max_line=MAX_NAME)) if stream else source
        play_on_rig(read, given, settings, control=control, heard=heard_on_console(progress))


def _on_simulated_rig(
    source: list[Path],
    cycles: int | None,
    duration: float | None,
    refresh: float,
    power: float,
    seen: Seen,
    *,
    overwrite: bool,
) -> None:
    if cycles is None and duration is None:
        duration = DEFAULT_DURATION_S

    import numpy as np

    from holodriver.files.atomic import check_output, check_output_folder
    from holodriver.files.frames import read_panel_frames
    from holodriver.panel.burch import laser_powers
    from holodriver.rig.play.report import ON_FRACTION
    from holodriver.rig.play.report import play as play_frames
    from holodriver.rig.play.session import sources
    from holodriver.rig.simulated.camera_film import write_camera_film
    from holodriver.rig.simulated.faults import Faults
    from holodriver.rig.simulated.recording import HOLDS, write_recording
    from holodriver.rig.simulated.simulated_rig import Exposure, SimulatedRig

    faults = Faults.parse(seen.faults)
    record, film = seen.record, seen.film
    if record is not None:
        check_output_folder(record, overwrite=overwrite, holds=HOLDS)
    if film is not None:
        check_output(film, overwrite=overwrite)
    source = sources(source)
    holograms = [read_panel_frames(path) for path in source]
    first = holograms[0]
    for path, hologram in zip(source, holograms, strict=True):
        if hologram.profile.native_shape != first.profile.native_shape:
            raise InputError(f"is for another panel than {source[0]}", where=path)
        if not np.allclose(hologram.gains, first.gains, rtol=1e-6):
            console.warn(f"{path} was encoded with other gains than {source[0]}; brightness and colour will jump")
    powers = laser_powers(first.gains, power * 1e-3)
    exposures: list[Exposure] = []
    with SimulatedRig(first.profile.native_shape, refresh, faults=faults) as simulated:
        try:
            with console.reporting() as progress:
                report = play_frames(
                    [hologram.pixels for hologram in holograms],
                    simulated.panel,
                    simulated.lasers(),
                    cycles=cycles,
                    duration_s=duration,
                    powers_w=powers,
                    progress=progress,
                )
        finally:
            # what was seen of a play that went wrong is what one wants to look at
            if record is not None or film is not None:
                with suppress(RigError):
                    exposures = simulated.exposures()
            if record is not None and exposures:
                write_recording(record, exposures, overwrite=overwrite)
            if film is not None and exposures:
                energy = powers[0] * ON_FRACTION / refresh
                write_camera_film(
                    film, first, exposures, refresh_hz=refresh, energy_j=energy, focus=seen.focus, faults=faults,
                    overwrite=overwrite,
                )  # fmt: skip
    console.table(("figure", "value"), report.rows())
