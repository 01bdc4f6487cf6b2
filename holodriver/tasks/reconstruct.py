"""Show what a camera would see of a hologram, as pictures or as a film of the focus going through all planes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.files.atomic import check_output, check_output_folder, written_folder
from holodriver.files.hologram import Hologram
from holodriver.files.images import write_picture
from holodriver.files.video.video import import_av
from holodriver.optics.field import WaveField
from holodriver.optics.focus import positions
from holodriver.panel.behind_slit import camera_exposure, camera_field
from holodriver.panel.frames import PanelFrames, simulated_bench
from holodriver.progress import Progress, silent
from holodriver.tasks.read_write import read_exposed, read_shown
from holodriver.viewer.focus_film import SMALLEST, SMALLEST_GIF, SUFFIXES, film_of, write_focus_film

View = Callable[[float], NDArray[np.floating]]
"""Gives the picture (C, H, W), linear light, that is seen with the focus at a normalised depth."""

NAME = "focus_{:.4f}.png"
HOLDS = ("focus_*.png",)

DEPTHS = (0.0, 0.5, 1.0)
"""Normalised depths that are looked at by default."""


@dataclass(frozen=True)
class LookSettings:
    """How a camera looks at a hologram."""

    from_field: bool = False
    """Whether the wave field is looked at instead of the panel frames."""
    conjugate: bool = False
    """Whether the slit stands on the other side, where depth is inside out."""
    source_radius: float = 0.0
    """Angular radius of the light source, rad."""
    pupil_mm: float | None = None
    """Diameter of the eye's pupil, mm; open if None."""


def write_pictures(
    source: Path,
    output: Path,
    settings: LookSettings,
    *,
    focus: Sequence[float] = (),
    dioptres: Sequence[float] = (),
    overwrite: bool = False,
) -> list[tuple[str, float, float]]:
    """Write what a camera sees of a hologram at each focus into a folder.

    Args:
        source: hologram, or folder of panel frames.
        output: the folder.
        settings: how the camera looks.
        focus: normalised depths to focus on.
        dioptres: further depths to focus on, dioptres; `DEPTHS` if neither is given.
        overwrite: whether earlier pictures are replaced.

    Returns:
        Name, normalised depth and dioptres of each picture.

    Raises:
        OutputExistsError: the folder exists and `overwrite` is false.
        FileFormatError: the source cannot be read.
        InputError: the source lacks what is to be looked at.
    """
    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    hologram = read_shown(source)
    profile = hologram.profile
    view = _view(source, hologram, settings)
    depths = sorted({round(t, 4) for t in [*focus, *map(profile.depth_at, dioptres)]}) or DEPTHS
    pictures = {t: view(t) for t in depths}
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in pictures.items():
            write_picture(folder / NAME.format(t), picture)
    return [(NAME.format(t), t, profile.dioptres(t)) for t in depths]


def write_film(
    source: Path,
    output: Path,
    settings: LookSettings,
    *,
    against: Path | None = None,
    planes: int | None = None,
    rate: float = 12.0,
    width: int = 960,
    overwrite: bool = False,
    progress: Progress = silent,
) -> tuple[int, float, tuple[int, int]]:
    """Write a film of the focus going through all planes of a hologram and back.

    Args:
        source: hologram, or folder of panel frames.
        output: file whose name ends in .mp4, .mov, .mkv or .gif.
        settings: how the camera looks.
        against: focal stack that stands beside the hologram.
        planes: number of focal planes; that of the stack or of the display if None.
        rate: focal planes a second.
        width: largest width of a picture, pixels.
        overwrite: whether the file is replaced.
        progress: told which plane is shown.

    Returns:
        Number of focal planes, duration in seconds, and (width, height) in pixels.

    Raises:
        OutputExistsError: the file exists and `overwrite` is false.
        FileFormatError: the source or the focal stack cannot be read.
        InputError: the source lacks what is to be looked at, or the options do not fit a film.
    """
    check_output(output, overwrite=overwrite)
    hologram = read_shown(source)
    profile = hologram.profile
    view = _view(source, hologram, settings)
    gif = output.suffix.lower() == ".gif"
    if not gif:
        import_av()  # a missing library is reported before the work begins
    if against is not None and planes is not None:
        raise InputError("the planes of a film are those of --against", where="--planes")
    stack = None if against is None else read_exposed(against)
    frames = film_of(
        view,
        (stack.positions if stack is not None else positions(planes or profile.planes)).tolist(),
        profile,
        name=source.stem,
        against=stack,
        width=width,
        smallest=SMALLEST_GIF if gif else SMALLEST,
        progress=progress,
    )
    count = write_focus_film(output, frames, rate=Fraction(rate).limit_denominator(1001), overwrite=overwrite)
    high, wide, _ = frames[0].shape
    return len(frames), count / rate, (wide, high)


def check_options(output: Path, *, of_pictures: bool, of_films: bool) -> bool:
    """Whether an output is named as a film.

    Args:
        output: folder or file to write.
        of_pictures: whether options were given that only pictures have.
        of_films: whether options were given that only films have.

    Raises:
        InputError: those options do not apply to the output.
    """
    film = output.suffix.lower() in SUFFIXES
    if film and of_pictures:
        raise InputError("a film shows all focal planes", where="--focus, --dioptres", remedy="leave them out")
    if not film and of_films:
        raise InputError(f"--against and --planes are for films, expected one of {', '.join(SUFFIXES)}", where=output)
    return film


def view_of(
    shown: WaveField | PanelFrames,
    padding: int = 0,
    *,
    pupil: float | None = None,
    source_radius: float = 0.0,
    conjugate: bool = False,
) -> View:
    """View of panel frames through the slit, or of what a wave field itself shows.

    Args:
        shown: panel frames or a wave field.
        padding: number of dark pixels on every side with which the field was computed.
        pupil: diameter of the camera's pupil, metres; open if None. Only for frames.
        source_radius: angular radius of the light source, rad. Only for frames.
        conjugate: whether the slit stands on the other side, where depth is inside out. Only for frames.

    Raises:
        InputError: a wave field is looked at with a pupil, a source or a slit.
    """
    benched = pupil is not None or source_radius != 0 or conjugate
    if isinstance(shown, WaveField):
        if benched:
            raise InputError("a wave field has no slit, source or pupil", remedy="look at its frames: encode it")
        return partial(shown.intensity, padding=padding)
    if not benched:
        return camera_field(shown).intensity
    bench = simulated_bench(shown, order=-1 if conjugate else 1, source_radius=source_radius, pupil=pupil)
    exposure = camera_exposure(shown.profile, shown.gains)
    return lambda t: bench.picture(shown.pixels, t, exposure)


def _view(source: Path, hologram: Hologram, settings: LookSettings) -> View:
    """View of the field or of the frames of a hologram, as the settings say."""
    shown = hologram.field if settings.from_field else hologram.frames
    if shown is None:
        if settings.from_field:
            raise InputError("holds no wave field", where=source, remedy="leave --from-field out")
        remedy = f"run: holodriver encode {source}, or pass --from-field"
        raise InputError("holds no panel frames to look at", where=source, remedy=remedy)
    return view_of(
        shown,
        hologram.padding,
        pupil=None if settings.pupil_mm is None else settings.pupil_mm * 1e-3,
        source_radius=settings.source_radius,
        conjugate=settings.conjugate,
    )
