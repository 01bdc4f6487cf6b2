"""One play on a rig, from the rig file or the simulation to the summary: what `holodriver play` does."""

import math
import re
import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from holodriver.errors import FileFormatError, InputError, check, numbers
from holodriver.files.calibration import read_calibration
from holodriver.files.frames import MANIFEST, read_panel_frames
from holodriver.panel.calibration import Calibration
from holodriver.panel.frames import PanelFrames
from holodriver.rig.laser_colour import Colour
from holodriver.rig.lasers.power import balanced_power
from holodriver.rig.panel.panel_process import ShownFrame
from holodriver.rig.panel.slots import FrameSlots, slots_that_fit
from holodriver.rig.play.before_light import Heard, check_start, open_light, what_is_lit
from holodriver.rig.play.control import Listener
from holodriver.rig.play.diffuser import DiffuserInput
from holodriver.rig.play.frame_reader import Orientation, Read, ReadAhead, ReadOrEncode, table_marks
from holodriver.rig.play.live import CYCLES_AHEAD, LivePlayer
from holodriver.rig.play.open_rig import flip_rate, open_rig, orientation_of, timing_of
from holodriver.rig.play.playlist import Playlist
from holodriver.rig.play.report import PlayReport, report_of
from holodriver.rig.play.timing_log import TimingLog
from holodriver.rig.settings import Rig
from holodriver.rig.simulated.exposures import Exposure
from holodriver.rig.simulated.simulated_rig import Simulation

MEMORY_GIB = 1.0
"""Memory for holograms that are read ahead; a Full HD one on a 4K panel takes 24 MB."""

SAME_TABLE = 1e-6
"""Amplitudes of look-up tables that differ by less are the same; files hold them exactly."""

PACE_LEFT = 0.8
"""Share of the pace of reading that is left once the display takes its part of the machine."""

MAX_NAME = 32_768
"""Longest name of a hologram on the standard input, bytes: no system has longer ones."""

STILL_S = 1.0
"""How long one hologram is shown where nobody can say `quit`."""


@dataclass(frozen=True)
class PlaySettings:
    """What a person says about one play.

    Raises:
        InputError: a duration or a rate that is no number above 0, no cycle, or a number of cycles beside another end.
    """

    arm: bool = False
    """Light the lasers, simulated ones too."""
    power_mw: float = 1.0
    """Power of the strongest laser, mW; the others balance the encoding gains."""
    loop: bool = False
    """Begin again after the last hologram, until somebody says `quit`."""
    cycles: int | None = None
    """How often all holograms are shown; once if None."""
    fps: float | None = None
    """Holograms a second; each for one cycle of colours if None."""
    duration_s: float | None = None
    """Time after which the play ends, s; None for the end of the holograms."""
    memory_gib: float = MEMORY_GIB
    """Memory for holograms that are read ahead, GiB."""
    log: Path | None = None
    """CSV file for the time of each frame; None to write none."""
    overwrite: bool = False
    """Replace what is written already."""

    def __post_init__(self) -> None:
        ends = {"--cycles": self.cycles is not None, "--duration": self.duration_s is not None, "--loop": self.loop}
        given = [option for option, is_given in ends.items() if is_given]
        if "--cycles" in given and len(given) > 1:
            raise InputError("say different ends of the play", where=", ".join(given), remedy="give one of them")
        check("--cycles", self.cycles, numbers(whole=True, least=1, optional=True))
        for option, value in (("--duration", self.duration_s), ("--fps", self.fps)):
            check(option, value, numbers(above=0, optional=True))


def sources(given: Sequence[Path]) -> list[Path]:
    """The holograms in files and folders, folders' in the order of their numbers.

    Raises:
        FileFormatError: something is not there, or a folder holds no holograms.
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
    """Names of hologram files, one a line, as they are made: what `play -` reads.

    Args:
        listener: hears the lines.
    """

    def __init__(self, listener: Listener):
        self._listener = listener

    def first(self) -> Path:
        """Wait for the first name.

        Raises:
            InputError: the stream ended without one.
        """
        while not (names := self.new()):
            if self._listener.ended:
                raise InputError("ended without the name of a hologram", where="standard input")
            time.sleep(0.02)
        self._kept = names[1:]
        return names[0]

    def new(self) -> list[Path]:
        """Names that have come since the last call."""
        kept: list[Path] = getattr(self, "_kept", [])
        self._kept = []
        return kept + [Path(line.strip()) for line in self._listener.lines() if line.strip()]

    @property
    def ended(self) -> bool:
        """Whether no more will come."""
        return self._listener.ended


@dataclass(frozen=True)
class Played:
    """What is known of a play that came to its end."""

    report: PlayReport
    exposures: list[Exposure]
    """The light of it, on a simulated rig that remembers; empty otherwise."""


def play_on_rig(
    rig: Rig | Simulation,
    given: Sequence[Path] | NameStream,
    settings: PlaySettings,
    *,
    control: Listener | None = None,
    heard: Heard | None = None,
) -> Played:
    """Play holograms on a rig; whatever happens, it ends dark.

    Args:
        rig: what is connected; or what is simulated, on a rig that is made to fit the first hologram.
        given: files and folders, or their names as they come.
        settings: how.
        control: commands while it plays.
        heard: who is told of it.

    Raises:
        InputError: the holograms do not fit the rig, or a power is over its limit; nothing was lit.
        OutputExistsError: something that is to be written is there; nothing was played.
        RigError: the start-up check, the panel or the lasers failed; it is dark.
    """
    heard = heard or Heard()
    simulation = rig if isinstance(rig, Simulation) else None
    if simulation is not None:
        simulation.check_outputs(overwrite=settings.overwrite)
    paths = [given.first()] if isinstance(given, NameStream) else sources(given)
    rig, calibration, first = _fitted(rig, paths[0], heard)
    power = balanced_power(rig, first.gains, calibration, settings.power_mw * 1e-3) if settings.arm else None
    timing, orientation = timing_of(rig), orientation_of(rig)
    cycle_s = len(timing.planes) * (rig.host_cycle_s if rig.sequence.mode == "host" else 1 / flip_rate(rig))
    stream = given if isinstance(given, NameStream) else None
    complete = stream is None
    someone = stream is not None or (control is not None and simulation is None)  # nobody watches a simulated panel
    duration = _duration_s(settings, len(paths), ends_by_itself=not someone)
    playlist = _playlist(settings, len(paths), cycle_s, endless=complete and duration is not None, complete=complete)
    small = first.small() is not None  # a quarter to read, to keep and to upload; the panel enlarges them
    wanted = len(paths) + 1 if complete else CYCLES_AHEAD + 5
    with ExitStack() as stack:
        names = ["all"] if orientation.packed else [Colour(plane).label for plane in orientation.planes]
        log = stack.enter_context(TimingLog(settings.log, names, overwrite=settings.overwrite))
        slots = _slots(rig, orientation, max(3, wanted), settings.memory_gib, small=small)
        stack.callback(slots.close)
        read = ReadOrEncode(calibration, first.gains, small)
        readers = _readers(len(paths), complete)
        reader = ReadAhead(slots, orientation, profile=first.profile, readers=readers, read=read)
        stack.callback(reader.close)
        reader.paths = paths
        opened = stack.enter_context(open_rig(rig, small=small, simulation=simulation))
        diffuser = DiffuserInput.open(rig.diffuser, rig.folder)
        stack.callback(diffuser.close)
        dark_slot = len(slots) - 1
        slots.write(dark_slot, 0)
        opened.panel.open_slots(slots)
        check_start(opened, heard, arming=power is not None)
        light = None
        if power is not None:
            heard.say(f"ARMED: {what_is_lit(rig, first.profile.wavelengths, power, timing)}")
            # more than what is said to be lit needs somebody who asks for it
            light = open_light(opened, timing, stack, ordered_w=None if control is not None else power.watts)
        elif opened.has_lasers:
            heard.say("dark: the lasers stay disarmed without --arm")
        shown: list[ShownFrame] = []

        def record(frames: Sequence[ShownFrame]) -> None:
            log.write(frames, paths)
            if simulation is not None and simulation.remembers:
                shown.extend(frames)

        def more() -> None:
            if stream is not None and not playlist.complete:
                new = stream.new()
                paths.extend(new)
                playlist.extend(len(new))
                if stream.ended:
                    playlist.end()

        def ready() -> None:
            needed = playlist.rate / cycle_s
            most_s = math.inf if playlist.loop or not complete else len(paths) * (settings.cycles or 1) / needed
            shown_s = min(most_s, math.inf if duration is None else duration)
            found = forecast(len(paths), reader.capacity, reader.pace, needed, shown_s) if complete else None
            if found is not None:
                heard.warn(found)

        player = LivePlayer(
            opened.panel,
            reader,
            playlist,
            timing,
            light=light,
            power=power,
            dark_slot=dark_slot,
            duration_s=duration,
            commands=lambda: _commands(control, playlist),
            answer=heard.say,
            each_turn=lambda: diffuser.check(time.perf_counter()) if power is not None else None,
            record=record,
            more=more,
            ready=ready,
            progress=heard.progress,
        )
        exposures: list[Exposure] = []
        try:
            player.run()
        finally:
            report = report_of(player.sequencer, cycle_s / len(timing.planes))
            heard.ended(report)
            _warn_of_others(reader.known.values(), first, heard)
            if simulation is not None and simulation.remembers and opened.box is not None:
                # what was seen of a play that went wrong is what one wants to look at
                exposures = simulation.exposures(opened.panel, opened.box, shown, player.begun)
                first_w = settings.power_mw * 1e-3 if power is None else power.watts[0]
                simulation.write(exposures, first, rig, first_w, overwrite=settings.overwrite)
    return Played(report, exposures)


def _fitted(rig: Rig | Simulation, path: Path, heard: Heard) -> tuple[Rig, Calibration | None, PanelFrames]:
    """The rig for a hologram, its calibration if it has one, and the frames of the hologram.

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
    """The order of a play; `endless` where something else than the last hologram ends it."""
    still = complete and holograms == 1
    return Playlist(
        holograms,
        rate=1.0 if settings.fps is None else settings.fps * cycle_s,
        loop=settings.cycles is None and (settings.loop or still or endless),
        rounds=settings.cycles or 1,
        complete=complete,
    )


def _duration_s(settings: PlaySettings, holograms: int, *, ends_by_itself: bool) -> float | None:
    """How long a play lasts, s; None until the last hologram, or until somebody says `quit`."""
    if settings.duration_s is None and holograms == 1 and ends_by_itself and not (settings.loop or settings.cycles):
        return STILL_S
    return settings.duration_s


def _slots(rig: Rig, orientation: Orientation, wanted: int, memory_gib: float, *, small: bool) -> FrameSlots:
    """Memory for the holograms that are read ahead, and for a dark one.

    Raises:
        RigError: the system has too little.
    """
    binning = rig.panel.binning if small else 1
    shape = orientation.shape((rig.panel.native_height // binning, rig.panel.native_width // binning))
    return FrameSlots(shape, slots_that_fit(shape, wanted, memory_gib * 2**30))


def _commands(control: Listener | None, playlist: Playlist) -> list[str]:
    """What has been said since the last call; who is gone can say nothing more, so that is `quit`."""
    lines = list(control.lines()) if control is not None else []
    return [*lines, "quit"] if control is not None and control.ended and not playlist.finished else lines


def frames_for(rig: Rig, path: Path, calibration: Calibration | None, heard: Heard) -> PanelFrames:
    """The frames of a hologram for a rig; where it has none yet, they are encoded with the rig's calibration.

    Raises:
        FileFormatError: it cannot be read, or holds no frames and there is no calibration.
        InputError: it is for another display, or the calibration is.
    """
    frames = ReadOrEncode(calibration).native(path)
    _check_fit(rig, frames, path)
    if calibration is not None:
        _check_encoding(frames, calibration, heard)
    return frames


def _check_fit(rig: Rig, frames: PanelFrames, where: Path) -> None:
    """Refuse a hologram of another display than the rig's.

    Raises:
        InputError: says what differs.
    """
    if frames.profile.native_shape != rig.panel.frame_shape or frames.profile.binning != rig.panel.binning:
        height, width = frames.profile.native_shape
        raise InputError(
            f"has frames of {width} × {height} pixels with a binning of {frames.profile.binning}; the rig's panel has "
            f"{rig.panel.native_width} × {rig.panel.native_height} and {rig.panel.binning}, turned by "
            f"{rig.panel.rotation}°",
            where=where,
            remedy="compute it for the display profile of the rig",
        )
    if rig.display.profile and frames.profile != rig.profile():
        raise InputError("was made with another display profile than the rig's", where=where)
    if len(frames.pixels) == 1 and len(rig.sequence.order) > 1:
        raise InputError(
            "has one colour, and the rig shows several", where=where, remedy="set sequence.order to that colour"
        )


def rig_calibration(rig: Rig) -> Calibration | None:
    """The calibration that a rig file names, with the registration of its own file if there is one; None if none.

    Raises:
        FileFormatError: a file cannot be read.
        InputError: the two are not of the same colours.
    """
    path, registration = (rig.path(name) for name in (rig.calibration.file, rig.calibration.registration))
    calibration = None if path is None else read_calibration(path)
    if calibration is None and registration is not None:
        raise InputError("there is no calibration for it", where="calibration.registration", remedy="name one: file")
    if calibration is None or registration is None:
        return calibration
    other = read_calibration(registration)
    if len(other.colours) != len(calibration.colours):
        raise InputError(
            f"has {len(other.colours)} colours, and the calibration has {len(calibration.colours)}", where=registration
        )
    return calibration.registered(other.registrations)


def _check_encoding(frames: PanelFrames, calibration: Calibration, heard: Heard) -> None:
    """Refuse a calibration of other colours, and warn of frames that were encoded without it."""
    calibration.check(frames.profile)
    for colour, (table, measured) in enumerate(zip(frames.luts, calibration.luts, strict=True)):
        if np.abs(table.amplitudes - measured.amplitudes).max() > SAME_TABLE:
            heard.warn(
                f"the {Colour(colour).label} frames were encoded with another look-up table than that of the rig's "
                "calibration; encode them anew with it"
            )
    if frames.registrations != calibration.moves:
        heard.warn(
            "the frames were encoded with another registration of the colours than that of the rig's calibration; "
            "encode them anew with it"
        )


def forecast(holograms: int, capacity: int, pace: float | None, needed: float, shown_s: float) -> str | None:
    """What a person should know before a play that cannot be read as fast as it is shown; None if it can.

    Args:
        holograms: of the play.
        capacity: of them that memory holds, all read by now.
        pace: that were read a second; None if none had to be.
        needed: that are shown a second.
        shown_s: length of the play, s.
    """
    if pace is None or holograms <= capacity:
        return None
    useful = pace * PACE_LEFT
    if useful >= needed or (lasts_s := capacity / (needed - useful)) >= shown_s:
        return None
    return (
        f"{needed:.3g} holograms a second are shown and about {useful:.3g} can be read: after {lasts_s:.0f} s the "
        f"{capacity} of {holograms} that memory holds are used up, and frames will be shown again; allow more "
        "--memory, encode them beforehand, or show fewer with --fps"
    )


def _readers(holograms: int, complete: bool) -> int:
    """Reading processes: a still needs one; more than two fill the machine with what the display has no use for."""
    return 1 if complete and holograms == 1 else 2


def _warn_of_others(known: Iterable[Read], first: PanelFrames, heard: Heard) -> None:
    """Say which holograms were encoded otherwise than the first, which alone was compared with the calibration."""
    known, tables = list(known), table_marks(first.luts)
    for what, follows, same in (
        (
            "gains",
            "brightness and colour jumped",
            lambda one: len(one.gains) == len(first.gains) and np.allclose(one.gains, first.gains, rtol=1e-6),
        ),
        ("look-up tables", "their grey levels are those of another panel", lambda one: one.tables == tables),
        ("registrations", "their colours fell elsewhere", lambda one: one.registrations == first.registrations),
    ):
        if others := [one.path.name for one in known if not same(one)]:
            heard.warn(
                f"{len(others)} holograms were encoded with other {what} than the first ({', '.join(others[:3])}); "
                f"{follows}"
            )
