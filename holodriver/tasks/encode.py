"""Encode wave fields into panel frames, stored in the same hologram files, with one gain for a whole sequence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from holodriver.errors import InputError
from holodriver.files.atomic import check_output_folder
from holodriver.files.calibration import read_calibration
from holodriver.files.frames import HOLDS, write_frames
from holodriver.files.hologram import Hologram, read_hologram, write_hologram
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.panel.calibration import Calibration
from holodriver.panel.encoder import Encoder, automatic_gains, calibrated_encoder
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.synthesis.panel_aware import refine_frames
from holodriver.tasks.hologram import Warn
from holodriver.tasks.read_write import read_exposed

CLIPPED = 1e-3
"""Share of a colour's panel pixels above which clipping is warned of."""


def encode(
    sources: Sequence[Path],
    *,
    gains: Sequence[float] = (),
    folder: Path | None = None,
    refine: Path | None = None,
    calibration: Path | None = None,
    panel: str | None = None,
    force: bool = False,
    overwrite: bool = False,
    progress: Progress = silent,
    say: Warn = lambda text: None,
    warn: Warn = lambda text: None,
) -> Iterator[tuple[Path, PanelFrames]]:
    """Encode the holograms of a sequence, all with the same gain, and yield each file when its frames are stored.

    Args:
        sources: hologram files.
        gains: encoding gain, once or for each colour; found automatically if empty.
        folder: folder to which the frames of a single hologram are written as well.
        refine: focal stack that improves the frames of a single hologram.
        calibration: calibration file of the panel; see `calibration_for`.
        panel: name of the panel that the calibration must be of; any panel if None.
        force: whether a calibration of another panel or of other wavelengths is used with a warning.
        overwrite: whether frames that a hologram holds already are replaced.
        progress: told of the steps of a refinement.
        say: told which panel the calibration is of, if no panel is named.
        warn: told of pixels that clip, and of a calibration of another panel that is forced.

    Raises:
        InputError: holograms, calibration and options do not fit together.
    """
    for name, given in (("--panel", panel is not None), ("--force", force)):
        if given and calibration is None:
            raise InputError("is about a calibration, and none is given", where=name, remedy="pass --calibration")
    profile = _checked(sources, folder, refine, overwrite=overwrite)
    measured = None
    if calibration is not None:
        measured = calibration_for(profile, calibration, panel=panel, force=force, say=say, warn=warn)
    encoder = encoder_for(profile, _gains(sources, profile, gains), measured)
    if refine is not None and encoder.registrations is not None:
        raise InputError(
            "would move the colours back to where the stack has them",
            where="--refine",
            remedy="leave it out, or use a calibration without registration",
        )
    for path in sources:
        hologram = read_hologram(path)
        frames = frames_of(field_of(hologram, path), encoder, warn, f"{path}: ")
        if refine is not None:
            frames = refine_frames(frames, read_exposed(refine), progress=progress)
        write_hologram(path, replace(hologram, frames=frames), overwrite=True)
        if folder is not None:
            write_frames(folder, frames, overwrite=overwrite)
        yield path, frames


def encoder_for(profile: DisplayProfile, gains: tuple[float, ...], calibration: Calibration | None) -> Encoder:
    """Encoder for a measured panel, or for one whose amplitude is proportional to the grey level if there is None."""
    if calibration is None:
        return Encoder(profile, gains, (AmplitudeLut.linear(),) * len(profile.wavelengths), precise=True)
    return calibrated_encoder(profile, gains, calibration)


def frames_of(field: WaveField, encoder: Encoder, warn: Warn, before: str = "") -> PanelFrames:
    """Encode a wave field, and warn of pixels that clip, with the text `before` the warning."""
    frames, clipped = encoder.frames(field)
    if max(clipped) > CLIPPED:
        warn(f"{before}{100 * max(clipped):.2f} % of the panel's pixels clip; use lower gains")
    return frames


def field_of(hologram: Hologram, where: object = None) -> WaveField:
    """The wave field of a hologram.

    Raises:
        InputError: the hologram holds none; the error names `where`.
    """
    if hologram.field is None:
        raise InputError("the hologram holds no wave field to encode", where=where)
    return hologram.field


def calibration_for(
    profile: DisplayProfile,
    path: Path,
    *,
    panel: str | None = None,
    force: bool = False,
    say: Warn = lambda text: None,
    warn: Warn = lambda text: None,
) -> Calibration:
    """Read a calibration file, and check that it is of this display.

    Args:
        profile: the display.
        path: the calibration file.
        panel: name of the panel that it must be of; any panel if None, and then `say` is told which one it is of.
        force: only warn if the calibration is of another panel or of other wavelengths.
        say: told in one line which panel the calibration is of.
        warn: told what is forced.

    Raises:
        InputError: the calibration is of another panel or of other colours.
    """
    calibration = read_calibration(path)
    try:
        calibration.check(profile, panel=panel)
    except InputError as error:
        if not force or len(calibration.colours) != len(profile.wavelengths):
            raise InputError(error.what, where=path, remedy="pass --force to use it nevertheless") from error
        warn(f"{path}: {error.what}")
    if panel is None:
        serial = f" (serial number {calibration.serial})" if calibration.serial else ""
        say(
            f"note: {path} holds the tables of the panel '{calibration.panel}'{serial}, measured "
            f"{calibration.measured_at:%Y-%m-%d}; frames for another panel need its own (--panel NAME checks it)"
        )
    return calibration


def _checked(sources: Sequence[Path], folder: Path | None, refine: Path | None, *, overwrite: bool) -> DisplayProfile:
    """The display of all holograms, after everything that cannot be done was refused."""
    for name, given, what in (("--frames", folder, "a folder of frames"), ("--refine", refine, "a focal stack")):
        if given is not None and len(sources) > 1:
            raise InputError(f"{len(sources)} holograms given, {what} is of one", where=name)
    if folder is not None:
        check_output_folder(folder, overwrite=overwrite, holds=HOLDS)
    profile = read_hologram(sources[0]).profile
    for path in sources:
        hologram = read_hologram(path)
        if hologram.frames is not None and not overwrite:
            raise InputError("holds panel frames already", where=path, remedy="pass --overwrite to encode it again")
        if hologram.profile != profile:
            raise InputError(f"is for another display than {sources[0]}", where=path)
    return profile


def _gains(sources: Sequence[Path], profile: DisplayProfile, given: Sequence[float]) -> tuple[float, ...]:
    """The gain of each colour for all holograms."""
    colours = len(profile.wavelengths)
    if not given:  # one file at a time, and each twice: a sequence may be longer than memory
        return automatic_gains(field_of(read_hologram(path), path) for path in sources)
    if len(given) not in (1, colours):
        raise InputError(
            f"{len(given)} gains for {colours} colours", where="--gain", remedy="give one, or one for each colour"
        )
    return tuple(given) if len(given) == colours else tuple(given) * colours
