"""Panel frames of wave fields, stored in the same hologram files, with one gain for a whole sequence."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from holodriver.errors import InputError
from holodriver.files.atomic import check_output_folder
from holodriver.files.calibration import read_calibration
from holodriver.files.frames import HOLDS, write_frames
from holodriver.files.hologram import read_hologram, write_hologram
from holodriver.files.stack import read_stack
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Calibration
from holodriver.panel.encoder import Encoder, automatic_gains, calibrated_encoder
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.synthesis.panel_aware import refine_frames
from holodriver.tasks.hologram import Warn

CLIPPED = 1e-3
"""Share of the panel's pixels from which on clipping is worth a warning."""


@dataclass(frozen=True)
class EncodeSettings:
    """How panel frames are made of wave fields.

    Raises:
        InputError: an option concerns a calibration, and none is given.
    """

    gains: tuple[float, ...] = ()
    """Encoding gain, once or once a colour; found automatically if empty."""
    frames: Path | None = None
    """Folder to which the frames of a single hologram are written as well."""
    refine: Path | None = None
    """Focal stack that the frames of a single hologram are improved by."""
    calibration: Path | None = None
    panel: str | None = None
    """Name of the panel that the calibration must be of; any panel if None."""
    force: bool = False
    """Whether a calibration of another panel or of other wavelengths is taken all the same."""

    def __post_init__(self) -> None:
        for name, given in (("--panel", self.panel is not None), ("--force", self.force)):
            if given and self.calibration is None:
                raise InputError("is about a calibration, and none is given", where=name, remedy="pass --calibration")


@dataclass(frozen=True)
class Encoded:
    """One hologram file that got its panel frames."""

    path: Path
    gains: tuple[float, ...]
    frames: Path | None
    """Folder to which its frames were written as well."""


def encode(
    sources: Sequence[Path],
    settings: EncodeSettings,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
    say: Warn = lambda text: None,
    warn: Warn = lambda text: None,
) -> Iterator[Encoded]:
    """Encode the holograms of a sequence, all with the same gain, and yield each when its frames are stored.

    Args:
        sources: hologram files.
        settings: how.
        overwrite: replace frames that a hologram holds already.
        progress: told of the steps of a refinement.
        say: told which panel the calibration is of, if no panel is named.
        warn: told of pixels that clip, and of a calibration of another panel that is forced.

    Raises:
        InputError: holograms, calibration and options do not fit together.
    """
    profile = _checked(sources, settings, overwrite=overwrite)
    encoder = _encoder(sources, profile, settings, say, warn)
    if settings.refine is not None and encoder.registrations is not None:
        raise InputError(
            "would move the colours back to where the stack has them",
            where="--refine",
            remedy="leave it away, or take a calibration without registration",
        )
    for path in sources:
        hologram = read_hologram(path)
        encoded, clipped = encoder.frames(field_in(path))
        if max(clipped) > CLIPPED:
            warn(f"{path}: {100 * max(clipped):.2f} % of the panel's pixels clip; use a lower --gain")
        if settings.refine is not None:
            encoded = refine_frames(encoded, read_stack(settings.refine).exposed(), progress=progress)
        write_hologram(path, replace(hologram, frames=encoded), overwrite=True)
        if settings.frames is not None:
            write_frames(settings.frames, encoded, overwrite=overwrite)
        yield Encoded(path, encoded.gains, settings.frames)


def _checked(sources: Sequence[Path], settings: EncodeSettings, *, overwrite: bool) -> DisplayProfile:
    """The display of all holograms, once everything was refused that cannot be done."""
    if settings.frames is not None:
        if len(sources) > 1:
            raise InputError(f"{len(sources)} holograms given, a folder of frames holds one", where="--frames")
        check_output_folder(settings.frames, overwrite=overwrite, holds=HOLDS)
    if settings.refine is not None and len(sources) > 1:
        raise InputError(f"{len(sources)} holograms given, a focal stack is of one", where="--refine")
    profile = read_hologram(sources[0]).profile
    for path in sources:
        hologram = read_hologram(path)
        if hologram.frames is not None and not overwrite:
            raise InputError("holds panel frames already", where=path, remedy="pass --overwrite to encode it again")
        if hologram.profile != profile:
            raise InputError(f"is for another display than {sources[0]}", where=path)
    return profile


def _encoder(
    sources: Sequence[Path], profile: DisplayProfile, settings: EncodeSettings, say: Warn, warn: Warn
) -> Encoder:
    measured = None
    if settings.calibration is not None:
        measured = calibration_for(
            profile, settings.calibration, panel=settings.panel, force=settings.force, say=say, warn=warn
        )
    gains = gains_for(settings.gains, len(profile.wavelengths))
    if gains is None:  # one file at a time, twice: a sequence may be longer than memory
        gains = automatic_gains(field_in(path) for path in sources)
    if measured is None:
        return Encoder(profile, gains, lookup_tables(profile), precise=True)
    return calibrated_encoder(profile, gains, measured)


def field_in(path: Path) -> WaveField:
    """The wave field in a hologram file.

    Raises:
        InputError: it holds none.
    """
    field = read_hologram(path).field
    if field is None:
        raise InputError("holds no wave field to encode", where=path)
    return field


def lookup_tables(profile: DisplayProfile) -> tuple[AmplitudeLut, ...]:
    """Amplitude look-up tables of a panel that was not measured: amplitude proportional to the grey level."""
    return (AmplitudeLut.linear(),) * len(profile.wavelengths)


def calibration_for(
    profile: DisplayProfile,
    path: Path,
    *,
    panel: str | None = None,
    force: bool = False,
    say: Warn = lambda text: None,
    warn: Warn = lambda text: None,
) -> Calibration:
    """The calibration in a file, if it is of this display.

    Args:
        profile: the display.
        path: the calibration file.
        panel: name of the panel that it must be of; None for any, and then `say` is told which it is of.
        force: only warn if it is of another panel or of other wavelengths.
        say: told in one line which panel the calibration is of.
        warn: told of what is forced.

    Raises:
        InputError: it is of another panel or of other colours.
    """
    calibration = read_calibration(path)
    try:
        calibration.check(profile, panel=panel)
    except InputError as error:
        if not force or len(calibration.colours) != len(profile.wavelengths):
            raise InputError(error.what, where=path, remedy="pass --force to use it all the same") from error
        warn(f"{path}: {error.what}")
    if panel is None:
        serial = f" (serial number {calibration.serial})" if calibration.serial else ""
        say(
            f"note: {path} holds the tables of the panel '{calibration.panel}'{serial}, measured "
            f"{calibration.measured_at:%Y-%m-%d}; frames for another panel need its own (--panel NAME has it checked)"
        )
    return calibration


def gains_for(given: Sequence[float], colours: int) -> tuple[float, ...] | None:
    """One gain a colour, from gains given once or once a colour; None if none was given.

    Raises:
        InputError: another number of gains.
    """
    if not given:
        return None
    if len(given) not in (1, colours):
        raise InputError(
            f"{len(given)} gains for {colours} colours", where="--gain", remedy="give one, or one a colour"
        )
    return tuple(given) if len(given) == colours else tuple(given) * colours
