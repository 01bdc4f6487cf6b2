"""`holodriver reconstruct`: what a camera would see of a hologram, as pictures or as a film."""

from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from holodriver.files.hologram import Hologram

    Look = Callable[[float], NDArray[np.floating]]

NAME = "focus_{:.4f}.png"
HOLDS = ("focus_*.png",)


def reconstruct(
    source: Annotated[Path, typer.Argument(help="Hologram (.holo) or folder of panel frames.")],
    focus: Annotated[
        list[float] | None,
        typer.Option("--focus", min=0, max=1, help="Normalised depth of the focus, 0 near … 1 far; may be repeated."),
    ] = None,
    dioptres: Annotated[
        list[float] | None, typer.Option("--dioptres", min=0, help="Focus as an eye has it; may be repeated.")
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="Folder for the pictures focus_0.5000.png …, or a film (.mp4, .mov, .mkv, .gif) of the focus going "
            "through all planes and back.",
        ),
    ] = Path("reconstruction"),
    from_field: Annotated[
        bool, typer.Option("--from-field", help="Look at the wave field as computed, not at what the panel shows.")
    ] = False,
    conjugate: Annotated[
        bool, typer.Option("--conjugate", help="Put the slit on the other side, where depth is inside out.")
    ] = False,
    source_radius: Annotated[float, typer.Option(min=0, help="Angular radius of the light source, rad.")] = 0.0,
    pupil: Annotated[
        float | None, typer.Option(min=0.01, help="Diameter of the eye's pupil, mm; open if left out.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", help="Focal stack that stands beside the hologram in a film.")
    ] = None,
    planes: Annotated[
        int | None, typer.Option(min=3, help="Focal planes of a film; those of the stack or the display if left out.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.5, max=50, help="Focal planes a second of a film.")] = 12.0,
    width: Annotated[int, typer.Option(min=16, help="Pixels that a picture in a film is wide at most.")] = 960,
    overwrite: Overwrite = False,
) -> None:
    """Show what a camera behind slit and eyepiece would see of a hologram, focus by focus."""
    from holodriver.errors import InputError
    from holodriver.files.atomic import check_output, check_output_folder, written_folder
    from holodriver.files.frames import read_frames_folder
    from holodriver.files.hologram import Hologram, read_hologram
    from holodriver.files.images import write_picture
    from holodriver.viewer.focus_film import SUFFIXES

    film = output.suffix.lower() in SUFFIXES
    if film:
        check_output(output, overwrite=overwrite)
    else:
        check_output_folder(output, overwrite=overwrite, holds=HOLDS)
        if against is not None or planes is not None:
            raise InputError(
                f"--against and --planes are for films, expected one of {', '.join(SUFFIXES)}", where=output
            )
    hologram = Hologram(frames=read_frames_folder(source)) if source.is_dir() else read_hologram(source)
    profile = hologram.profile
    depths = sorted({round(t, 4) for t in [*(focus or []), *(profile.depth_at(value) for value in dioptres or [])]})
    if from_field:
        if hologram.field is None:
            raise InputError("holds no wave field", where=source, remedy="leave --from-field out")
        if conjugate or source_radius or pupil is not None:
            raise InputError("a wave field has no slit, source or pupil", where="--from-field")
        look: Look = partial(hologram.field.intensity, padding=hologram.padding)
    else:
        look = _through_the_bench(source, hologram, conjugate, source_radius, pupil)
    if film:
        if depths:
            raise InputError("a film shows all focal planes", where="--focus, --dioptres", remedy="leave them out")
        _film(output, source, hologram, look, against, planes, rate, width, overwrite)
        return
    depths = depths or [0.0, 0.5, 1.0]
    pictures = [look(t) for t in depths]
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in zip(depths, pictures, strict=True):
            write_picture(folder / NAME.format(t), picture)
    rows = [(NAME.format(t), f"{t:.4f}", f"{profile.dioptres(t):.2f}") for t in depths]
    console.table(("picture", "normalised depth", "dioptres"), rows, title=str(output))


def _through_the_bench(
    source: Path, hologram: "Hologram", conjugate: bool, source_radius: float, pupil: float | None
) -> "Look":
    """What the simulated bench shows of the panel frames."""
    from holodriver.errors import InputError
    from holodriver.panel.burch import camera_exposure, camera_field
    from holodriver.panel.frames import simulated_bench

    frames = hologram.frames
    if frames is None:
        remedy = f"run: holodriver encode {source}, or pass --from-field"
        raise InputError("holds no panel frames to look at", where=source, remedy=remedy)
    if not (conjugate or source_radius or pupil is not None):
        return camera_field(frames).intensity
    bench = simulated_bench(
        frames,
        order=-1 if conjugate else 1,
        source_radius=source_radius,
        pupil=None if pupil is None else pupil * 1e-3,
    )
    exposure = camera_exposure(hologram.profile, frames.gains)
    return lambda t: bench.picture(frames.pixels, t, exposure)


def _film(
    output: Path,
    source: Path,
    hologram: "Hologram",
    look: "Look",
    against: Path | None,
    planes: int | None,
    rate: float,
    width: int,
    overwrite: bool,
) -> None:
    from holodriver.errors import InputError
    from holodriver.files.stack import read_stack
    from holodriver.files.video.video import import_av
    from holodriver.optics.focus import positions
    from holodriver.viewer.focus_film import SMALLEST, SMALLEST_GIF, film_of, write_focus_film

    profile = hologram.profile
    gif = output.suffix.lower() == ".gif"
    if not gif:
        import_av()  # before the work begins
    stack = None
    if against is not None:
        if planes is not None:
            raise InputError("the planes of a film are those of --against", where="--planes")
        try:
            stack = read_stack(against).exposed()
        except InputError as error:
            raise InputError(error.what, where=error.where or against, remedy=error.remedy) from error
    depths = (stack.positions if stack is not None else positions(planes or profile.planes)).tolist()
    with console.reporting() as progress:
        frames = film_of(
            look,
            depths,
            profile,
            name=source.stem,
            against=stack,
            width=width,
            smallest=SMALLEST_GIF if gif else SMALLEST,
            progress=progress,
        )
        count = write_focus_film(output, frames, rate=Fraction(rate).limit_denominator(1001), overwrite=overwrite)
    high, wide, _ = frames[0].shape
    console.say(
        f"wrote {output}: {len(frames)} focal planes, there and back, {count / rate:.1f} s, {wide} × {high} pixels"
    )
