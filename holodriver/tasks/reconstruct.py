"""What a camera would see of a hologram, as pictures or as a film of the focus going through all planes and back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.atomic import check_output, check_output_folder, written_folder
from holodriver.files.frames import read_frames_folder
from holodriver.files.hologram import Hologram, read_hologram
from holodriver.files.images import write_picture
from holodriver.files.stack import read_stack
from holodriver.files.video.video import import_av
from holodriver.optics.focus import positions
from holodriver.panel.behind_slit import camera_exposure, camera_field
from holodriver.panel.frames import simulated_bench
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.viewer.focus_film import SMALLEST, SMALLEST_GIF, SUFFIXES, film_of, write_focus_film

Look = Callable[[float], NDArray[np.floating]]

NAME = "focus_{:.4f}.png"
HOLDS = ("focus_*.png",)

DEPTHS = (0.0, 0.5, 1.0)
"""Normalised depths that are looked at if none is named."""


@dataclass(frozen=True)
class LookSettings:
    """Where a camera looks at a hologram, and how."""

    focus: Sequence[float] = ()
    """Normalised depths."""
    dioptres: Sequence[float] = ()
    """Depths as an eye has them."""
    from_field: bool = False
    """Whether the wave field is looked at, and not what the panel shows."""
    conjugate: bool = False
    """Whether the slit stands on the other side, where depth is inside out."""
    source_radius: float = 0.0
    """Angular radius of the light source, rad."""
    pupil_mm: float | None = None
    """Diameter of the eye's pupil, mm; open if None."""


@dataclass(frozen=True)
class FilmSettings:
    """What only films have."""

    against: Path | None = None
    """Focal stack that stands beside the hologram."""
    planes: int | None = None
    """Number of focal planes; that of the stack or of the display if None."""
    rate: float = 12.0
    """Focal planes a second."""
    width: int = 960
    """Largest width of a picture, pixels."""


@dataclass(frozen=True)
class Picture:
    """One picture that was written."""

    name: str
    position: float
    """Normalised depth of the focus."""
    dioptres: float


@dataclass(frozen=True)
class Film:
    """The film that was written."""

    planes: int
    seconds: float
    size: tuple[int, int]
    """Width and height, pixels."""


def is_film(output: Path) -> bool:
    """Whether an output is named as a film."""
    return output.suffix.lower() in SUFFIXES


def write_pictures(source: Path, output: Path, settings: LookSettings, *, overwrite: bool = False) -> list[Picture]:
    """Write what a camera sees of a hologram at each focus into a folder.

    Args:
        source: hologram, or folder of panel frames.
        output: the folder.
        settings: where the camera looks, and how.
        overwrite: replace earlier pictures.

    Raises:
        OutputExistsError: the folder exists and `overwrite` is false.
        FileFormatError: the source cannot be read.
        InputError: the source lacks what is to be looked at.
    """
    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    hologram = _read(source)
    profile = hologram.profile
    look = _look(source, hologram, settings)
    depths = _depths(hologram, settings) or list(DEPTHS)
    pictures = [look(t) for t in depths]
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in zip(depths, pictures, strict=True):
            write_picture(folder / NAME.format(t), picture)
    return [Picture(NAME.format(t), t, profile.dioptres(t)) for t in depths]


def write_film(
    source: Path,
    output: Path,
    settings: LookSettings,
    film: FilmSettings,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Film:
    """Write a film of the focus going through all planes of a hologram and back.

    Args:
        source: hologram, or folder of panel frames.
        output: .mp4, .mov, .mkv or .gif.
        settings: how the camera looks.
        film: what is shown, and how fast.
        overwrite: replace the file.
        progress: told of the planes.

    Raises:
        OutputExistsError: the file exists and `overwrite` is false.
        FileFormatError: the source or the focal stack cannot be read.
        InputError: the source lacks what is to be looked at, or the options do not fit a film.
    """
    check_output(output, overwrite=overwrite)
    hologram = _read(source)
    profile = hologram.profile
    look = _look(source, hologram, settings)
    if settings.focus or settings.dioptres:
        raise InputError("a film shows all focal planes", where="--focus, --dioptres", remedy="leave them out")
    gif = output.suffix.lower() == ".gif"
    if not gif:
        import_av()  # before the work begins
    stack = _beside(film)
    depths = (stack.positions if stack is not None else positions(film.planes or profile.planes)).tolist()
    frames = film_of(
        look,
        depths,
        profile,
        name=source.stem,
        against=stack,
        width=film.width,
        smallest=SMALLEST_GIF if gif else SMALLEST,
        progress=progress,
    )
    rate = Fraction(film.rate).limit_denominator(1001)
    count = write_focus_film(output, frames, rate=rate, overwrite=overwrite)
    high, wide, _ = frames[0].shape
    return Film(len(frames), count / film.rate, (wide, high))


def check_pictures(output: Path, film: FilmSettings) -> None:
    """Refuse options of films where pictures are written.

    Raises:
        InputError: one was given.
    """
    if film.against is not None or film.planes is not None:
        raise InputError(f"--against and --planes are for films, expected one of {', '.join(SUFFIXES)}", where=output)


def _read(source: Path) -> Hologram:
    return Hologram(frames=read_frames_folder(source)) if source.is_dir() else read_hologram(source)


def _depths(hologram: Hologram, settings: LookSettings) -> list[float]:
    """Normalised depths that are asked for, ascending, each once."""
    seen = [hologram.profile.depth_at(value) for value in settings.dioptres]
    return sorted({round(t, 4) for t in [*settings.focus, *seen]})


def _look(source: Path, hologram: Hologram, settings: LookSettings) -> Look:
    """What is seen at each normalised depth."""
    benched = bool(settings.conjugate or settings.source_radius or settings.pupil_mm is not None)
    if settings.from_field:
        if hologram.field is None:
            raise InputError("holds no wave field", where=source, remedy="leave --from-field out")
        if benched:
            raise InputError("a wave field has no slit, source or pupil", where="--from-field")
        return partial(hologram.field.intensity, padding=hologram.padding)
    frames = hologram.frames
    if frames is None:
        remedy = f"run: holodriver encode {source}, or pass --from-field"
        raise InputError("holds no panel frames to look at", where=source, remedy=remedy)
    if not benched:
        return camera_field(frames).intensity
    bench = simulated_bench(
        frames,
        order=-1 if settings.conjugate else 1,
        source_radius=settings.source_radius,
        pupil=None if settings.pupil_mm is None else settings.pupil_mm * 1e-3,
    )
    exposure = camera_exposure(hologram.profile, frames.gains)
    return lambda t: bench.picture(frames.pixels, t, exposure)


def _beside(film: FilmSettings) -> FocalStack | None:
    """The focal stack that stands beside the hologram."""
    if film.against is None:
        return None
    if film.planes is not None:
        raise InputError("the planes of a film are those of --against", where="--planes")
    try:
        return read_stack(film.against).exposed()
    except InputError as error:
        raise InputError(error.what, where=error.where or film.against, remedy=error.remedy) from error
