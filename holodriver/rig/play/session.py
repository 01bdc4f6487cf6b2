"""One play on a rig or a simulation, from the start-up check to the summary, as `holodriver play` runs it."""

import math
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from holodriver.errors import FileFormatError, InputError, check, numbers
from holodriver.files.frames import MANIFEST, read_panel_frames
from holodriver.panel.calibration import Calibration
from holodriver.panel.frames import PanelFrames
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.power import Power, balanced_power
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.panel.slots import FrameSlots, slots_that_fit
from holodriver.rig.play.before_light import Heard, check_start, open_light, what_is_lit
from holodriver.rig.play.control import Listener
from holodriver.rig.play.diffuser import DiffuserInput
from holodriver.rig.play.fit import forecast, frames_for, rig_calibration, warn_of_others
from holodriver.rig.play.frame_reader import Orientation, ReadAhead, ReadOrEncode
from holodriver.rig.play.light import Light, Timing
from holodriver.rig.play.live import CYCLES_AHEAD, LivePlayer
from holodriver.rig.play.open_rig import OpenRig, flip_rate, open_rig, orientation_of, timing_of
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.play.report import PlayReport, report_of
from holodriver.rig.play.timing_log import TimingLog
from holodriver.rig.settings import Rig
from holodriver.rig.simulated.exposures import Exposure
from holodriver.rig.simulated.simulated_rig import Simulation

MEMORY_GIB = 1.0
"""Default memory for holograms that are read ahead, GiB; a Full HD hologram on a 4K panel takes 24 MB."""

MAX_NAME = 32_768
"""Longest name of a hologram on the standard input, bytes: no system allows longer names."""

STILL_S = 1.0
"""Time for which a single hologram is shown when nobody can give the command `quit`, s."""


@dataclass(frozen=True)
class PlaySettings:
    """A person's settings of one play.

    Raises:
        InputError: duration, rate or number of cycles is not above 0, or a number of cycles stands beside another end.
    """

    arm: bool = False
    """Whether to light the lasers, simulated lasers included."""
    power_mw: float = 1.0
    """Power of the strongest laser, mW; the other lasers balance the encoding gains."""
    loop: bool = False
    """Whether to begin again after the last hologram, until the command `quit`."""
    cycles: int | None = None
    """How often all holograms are shown; None for once."""
    fps: float | None = None
    """Rate of showing, holograms per second; None to show each hologram for one cycle of colours."""
    duration_s: float | None = None
    """Time after which the play ends, s; None to end after the last hologram."""
    memory_gib: float = MEMORY_GIB
    """Memory for holograms that are read ahead, GiB."""
    log: Path | None = None
    """CSV file for the time of each frame; None for no file."""
    overwrite: bool = False
    """Whether to replace existing files."""

    def __post_init__(self) -> None:
        ends = {"--cycles": self.cycles is not None, "--duration": self.duration_s is not None, "--loop": self.loop}
        given = [option for option, is_given in ends.items() if is_given]
        if "--cycles" in given and len(given) > 1:
            raise InputError("say different ends of the play", where=", ".join(given), remedy="give one of them")
        check("--cycles", self.cycles, numbers(whole=True, least=1, optional=True))
        for option, value in (("--duration", self.duration_s), ("--fps", self.fps)):
            check(option, value, numbers(above=0, optional=True))


def sources(given: Sequence[Path]) -> list[Path]:
    """List the holograms in files and folders; those of a folder are sorted by the numbers in their names.

    Raises:
        FileFormatError: a path does not exist, or a folder holds no holograms.
    """
    found = []
    for path in given:
        if path.is_dir() and not (path / MANIFEST).is_file():
            inside = [entry for entry in path.iterdir() if _is_hologram(entry)]
            if not inside:
                raise FileFormatError(f"holds neither {MANIFEST} nor holograms NAME.holo", where=path)
            found += sorted(inside, key=_by_number)
        elif path.exists():
            found.append(path)
        else:
            raise FileFormatError("is not there", where=path)
    return found


def _is_hologram(path: Path) -> bool:
    return not path.name.startswith(".") and (path.suffix == ".holo" or (path / MANIFEST).is_file())


def _by_number(path: Path) -> list[tuple[int, int | str]]:
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", path.name) if part]


class NameStream:
    """A stream of names of hologram files, one on each line, as `play -` reads it.

    Args:
        listener: reads the lines.
    """

    def __init__(self, listener: Listener):
        self._listener = listener

    def first(self) -> Path:
        """Wait for the first name.

        Raises:
            InputError: the stream ended without a name.
        """
        while not (names := self.new()):
            if self._listener.ended:
                raise InputError("ended without the name of a hologram", where="standard input")
            time.sleep(0.02)
        self._kept = names[1:]
        return names[0]

    def new(self) -> list[Path]:
        """Return the names that have come since the last call."""
        kept: list[Path] = getattr(self, "_kept", [])
        self._kept = []
        return kept + [Path(line.strip()) for line in self._listener.lines() if line.strip()]

    @property
    def ended(self) -> bool:
        """Whether no further names will come."""
        return self._listener.ended


@dataclass(frozen=True)
class Played:
    """The result of a play that came to its end."""

    report: PlayReport
    """Summary of the play."""
    exposures: list[Exposure]
    """The light on each picture, on a simulated rig that remembers; empty otherwise."""


def play_on_rig(
    rig: Rig | Simulation,
    given: Sequence[Path] | NameStream,
    settings: PlaySettings,
    *,
    control: Listener | None = None,
    heard: Heard | None = None,
) -> Played:
    """Play holograms on a rig; however the play ends, the lasers are dark.

    Args:
        rig: settings of the rig; or a simulation, whose rig is made to fit the first hologram.
        given: files and folders of holograms, or a stream of their names.
        settings: settings of the play.
        control: source of commands during the play; None for no commands.
        heard: receives the messages of the play.

    Raises:
        InputError: the holograms do not fit the rig, or a power is over its limit; nothing was lit.
        OutputExistsError: a file to be written exists already; nothing was played.
        RigError: the start-up check, the panel or the lasers failed; the lasers are dark.
    """
    play = _planned(rig, given, settings, control, heard or Heard())
    with ExitStack() as stack:
        names = ["all"] if play.orientation.packed else [Colour(plane).label for plane in play.orientation.planes]
        log = stack.enter_context(TimingLog(settings.log, names, overwrite=settings.overwrite))
        slots, reader = _open_reader(play, stack)
        opened = stack.enter_context(open_rig(play.rig, small=play.small, simulation=play.simulation))
        diffuser = DiffuserInput.open(play.rig.diffuser, play.rig.folder)
        stack.callback(diffuser.close)
        dark_slot = len(slots) - 1
        slots.write(dark_slot, 0)
        opened.panel.open_slots(slots)
        check_start(opened, play.heard, arming=play.power is not None)
        shown: list[ShownFrame] = []

        def record(frames: Sequence[ShownFrame]) -> None:
            log.write(frames, play.paths)
            if play.remembers:
                shown.extend(frames)

        player = LivePlayer(
            opened.panel,
            reader,
            play.playlist,
            play.timing,
            light=_open_light(play, opened, stack),
            power=play.power,
            dark_slot=dark_slot,
            duration_s=play.duration_s,
            commands=lambda: _commands(control, play.playlist),
            answer=play.heard.say,
            each_turn=lambda: diffuser.check(time.perf_counter()) if play.power is not None else None,
            record=record,
            more=lambda: _extend(play),
            ready=lambda: _warn_of_slow_reading(play, reader),
            progress=play.heard.progress,
        )
        try:
            player.run()
        finally:
            report = report_of(player.sequencer, play.cycle_s / len(play.timing.planes))
            play.heard.ended(report)
            warn_of_others(reader.known.values(), play.first, play.heard)
            exposures = _write_exposures(play, opened, shown, player.begun)
    return Played(report, exposures)


@dataclass(frozen=True)
class _Play:
    """The plan of one play, made before anything is opened."""

    settings: PlaySettings
    heard: Heard
    someone_asks: bool
    """Whether a person can ask for more power during the play."""
    simulation: Simulation | None
    stream: NameStream | None
    """Source of further holograms; None if all are known."""
    paths: list[Path]
    """Files and folders of the holograms known so far."""
    rig: Rig
    calibration: Calibration | None
    first: PanelFrames
    """Frames of the first hologram."""
    power: Power | None
    """Power of the lasers; None for a dark play."""
    timing: Timing
    orientation: Orientation
    cycle_s: float
    """Time of one cycle of colours, s."""
    duration_s: float | None
    """Length of the play, s; None until the last hologram or `quit`."""
    playlist: Playlist
    small: bool
    """Whether frames come at the hologram's size, a quarter to read and to keep; the panel enlarges them."""

    @property
    def remembers(self) -> bool:
        """Whether a simulated rig records what it shows."""
        return self.simulation is not None and self.simulation.remembers


def _planned(
    rig: Rig | Simulation,
    given: Sequence[Path] | NameStream,
    settings: PlaySettings,
    control: Listener | None,
    heard: Heard,
) -> _Play:
    """Plan a play from the arguments of `play_on_rig`, which lists the errors."""
    simulation = rig if isinstance(rig, Simulation) else None
    if simulation is not None:
        simulation.check_outputs(overwrite=settings.overwrite)
    stream = given if isinstance(given, NameStream) else None
    paths = [given.first()] if isinstance(given, NameStream) else sources(given)
    rig, calibration, first = _fitted(rig, paths[0], heard)
    timing = timing_of(rig)
    cycle_s = len(timing.planes) * (rig.host_cycle_s if rig.sequence.mode == "host" else 1 / flip_rate(rig))
    someone = stream is not None or (control is not None and simulation is None)  # nobody watches a simulated panel
    duration_s = _duration_s(settings, len(paths), ends_by_itself=not someone)
    complete = stream is None
    return _Play(
        settings=settings,
        heard=heard,
        someone_asks=control is not None,
        simulation=simulation,
        stream=stream,
        paths=paths,
        rig=rig,
        calibration=calibration,
        first=first,
        power=balanced_power(rig, first.gains, calibration, settings.power_mw * 1e-3) if settings.arm else None,
        timing=timing,
        orientation=orientation_of(rig),
        cycle_s=cycle_s,
        duration_s=duration_s,
        playlist=_playlist(
            settings, len(paths), cycle_s, endless=complete and duration_s is not None, complete=complete
        ),
        small=first.small() is not None,
    )


def _open_reader(play: _Play, stack: ExitStack) -> tuple[FrameSlots, ReadAhead]:
    """Make the memory for holograms and start the reading processes; `stack` closes both."""
    complete = play.stream is None
    wanted = len(play.paths) + 1 if complete else CYCLES_AHEAD + 5
    slots = _slots(play.rig, play.orientation, max(3, wanted), play.settings.memory_gib, small=play.small)
    stack.callback(slots.close)
    reader = ReadAhead(
        slots,
        play.orientation,
        profile=play.first.profile,
        readers=_readers(len(play.paths), complete),
        read=ReadOrEncode(play.calibration, play.first.gains, play.small),
    )
    stack.callback(reader.close)
    reader.paths = play.paths
    return slots, reader


def _open_light(play: _Play, opened: OpenRig, stack: ExitStack) -> Light | None:
    """Open the lasers and say what will be lit; None for a dark play."""
    if play.power is not None:
        lit = what_is_lit(play.rig, play.first.profile.wavelengths, play.power, play.timing)
        play.heard.say(f"ARMED: {lit}")
        # power above the announced power is possible only if a person can ask for it
        return open_light(opened, play.timing, stack, ordered_w=None if play.someone_asks else play.power.watts)
    if opened.has_lasers:
        play.heard.say("dark: the lasers stay disarmed without --arm")
    return None


def _extend(play: _Play) -> None:
    """Add the holograms that a stream has named since the last call."""
    if play.stream is not None and not play.playlist.complete:
        new = play.stream.new()
        play.paths.extend(new)
        play.playlist.extend(len(new))
        if play.stream.ended:
            play.playlist.end()


def _warn_of_slow_reading(play: _Play, reader: ReadAhead) -> None:
    """Warn of holograms that cannot be read as fast as they are shown, unless the end of the play is not known."""
    if play.stream is not None:
        return
    count, needed = len(play.paths), play.playlist.rate / play.cycle_s
    most_s = math.inf if play.playlist.loop else count * (play.settings.cycles or 1) / needed
    shown_s = min(most_s, math.inf if play.duration_s is None else play.duration_s)
    found = forecast(count, reader.capacity, reader.pace, needed, shown_s)
    if found is not None:
        play.heard.warn(found)


def _write_exposures(play: _Play, opened: OpenRig, shown: list[ShownFrame], begun: int | None) -> list[Exposure]:
    """Compute and write what a simulated rig recorded, also of a failed play; empty if it recorded nothing."""
    if play.simulation is None or not play.remembers or opened.box is None:
        return []
    exposures = play.simulation.exposures(opened.panel, opened.box, shown, begun)
    first_w = play.settings.power_mw * 1e-3 if play.power is None else play.power.watts[0]
    play.simulation.write(exposures, play.first, play.rig, first_w, overwrite=play.settings.overwrite)
    return exposures


def _fitted(rig: Rig | Simulation, path: Path, heard: Heard) -> tuple[Rig, Calibration | None, PanelFrames]:
    """Return the rig for a hologram, the rig's calibration (None without one) and the frames of the hologram.

    Raises:
        FileFormatError: the hologram cannot be read, or holds no frames and there is no calibration.
        InputError: the hologram is for another display than the rig's.
    """
    if isinstance(rig, Simulation):
        first = read_panel_frames(path)
        return rig.rig(first), None, first
    calibration = rig_calibration(rig)
    return rig, calibration, frames_for(rig, path, calibration, heard)


def _playlist(settings: PlaySettings, holograms: int, cycle_s: float, *, endless: bool, complete: bool) -> Playlist:
    """Make the playlist; `endless` if the play does not end with the last hologram."""
    still = complete and holograms == 1
    return Playlist(
        holograms,
        rate=1.0 if settings.fps is None else settings.fps * cycle_s,
        loop=settings.cycles is None and (settings.loop or still or endless),
        rounds=settings.cycles or 1,
        complete=complete,
    )


def _duration_s(settings: PlaySettings, holograms: int, *, ends_by_itself: bool) -> float | None:
    """Length of a play, s; None if the play ends with the last hologram or the command `quit`."""
    if settings.duration_s is None and holograms == 1 and ends_by_itself and not (settings.loop or settings.cycles):
        return STILL_S
    return settings.duration_s


def _slots(rig: Rig, orientation: Orientation, wanted: int, memory_gib: float, *, small: bool) -> FrameSlots:
    """Make shared memory for the holograms that are read ahead, and for dark frames.

    Raises:
        RigError: the system has too little shared memory.
    """
    binning = rig.panel.binning if small else 1
    shape = orientation.shape((rig.panel.native_height // binning, rig.panel.native_width // binning))
    return FrameSlots(shape, slots_that_fit(shape, wanted, memory_gib * 2**30))


def _commands(control: Listener | None, playlist: Playlist) -> list[str]:
    """Commands since the last call; the end of their source counts as `quit`."""
    lines = list(control.lines()) if control is not None else []
    return [*lines, "quit"] if control is not None and control.ended and not playlist.finished else lines


def _readers(holograms: int, complete: bool) -> int:
    """Number of reading processes: one for a single hologram, otherwise two; more would only slow the display down."""
    return 1 if complete and holograms == 1 else 2
