"""`holodriver reconstruct`: what a camera would see of a hologram."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite

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
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the pictures focus_0.5000.png …")] = Path(
        "reconstruction"
    ),
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
    overwrite: Overwrite = False,
) -> None:
    """Show what a camera behind slit and eyepiece would see of a hologram, focus by focus."""
    from holodriver.errors import InputError
    from holodriver.files.atomic import check_output_folder, written_folder
    from holodriver.files.frames import read_frames_folder
    from holodriver.files.hologram import Hologram, read_hologram
    from holodriver.files.images import write_picture
    from holodriver.panel.burch import camera_exposure
    from holodriver.panel.frames import simulated_bench

    check_output_folder(output, overwrite=overwrite, holds=HOLDS)
    hologram = Hologram(frames=read_frames_folder(source)) if source.is_dir() else read_hologram(source)
    profile = hologram.profile
    wanted = [*(focus or []), *(profile.depth_at(value) for value in dioptres or [])] or [0.0, 0.5, 1.0]
    depths = sorted({round(t, 4) for t in wanted})
    if from_field:
        if hologram.field is None:
            raise InputError("holds no wave field", where=source, remedy="leave --from-field out")
        if conjugate or source_radius or pupil is not None:
            raise InputError("a wave field has no slit, source or pupil", where="--from-field")
        pictures = [hologram.field.intensity(t) for t in depths]
    else:
        if hologram.frames is None:
            remedy = f"run: holodriver encode {source}, or pass --from-field"
            raise InputError("holds no panel frames to look at", where=source, remedy=remedy)
        bench = simulated_bench(
            hologram.frames,
            order=-1 if conjugate else 1,
            source_radius=source_radius,
            pupil=None if pupil is None else pupil * 1e-3,
        )
        exposure = camera_exposure(profile, hologram.frames.gains)
        pictures = [bench.picture(hologram.frames.pixels, t, exposure) for t in depths]
    with written_folder(output, overwrite=overwrite, holds=HOLDS) as folder:
        for t, picture in zip(depths, pictures, strict=True):
            write_picture(folder / NAME.format(t), picture)
    rows = [(NAME.format(t), f"{t:.4f}", f"{profile.dioptres(t):.2f}") for t in depths]
    console.table(("picture", "normalised depth", "dioptres"), rows, title=str(output))
