"""`holodriver encode`: wave fields into panel frames."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Gain, Overwrite, calibration_for, gains_for, lookup_tables

if TYPE_CHECKING:
    from holodriver.optics.field import WaveField


def encode(
    source: Annotated[list[Path], typer.Argument(help="Hologram files (.holo) of one sequence.")],
    gain: Gain = None,
    frames: Annotated[
        Path | None, typer.Option("--frames", help="Write the frames of a single hologram as PNG to this folder, too.")
    ] = None,
    refine: Annotated[
        Path | None,
        typer.Option("--refine", help="Focal stack of a single hologram: improve the grey levels until they show it."),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration", help="Calibration file of the panel: its look-up tables, and where each colour falls."
        ),
    ] = None,
    panel: Annotated[
        str | None,
        typer.Option("--panel", help="Name of the panel to encode for; a calibration of another is refused."),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Take the calibration even if it is of another panel or other colours.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Encode holograms into panel frames, all with the same gain, and store the frames in the same files."""
    from holodriver.errors import InputError
    from holodriver.files.atomic import check_output_folder
    from holodriver.files.frames import HOLDS, write_frames
    from holodriver.files.hologram import read_hologram, write_hologram
    from holodriver.files.stack import read_stack
    from holodriver.panel.encoder import Encoder, automatic_gains, calibrated_encoder
    from holodriver.synthesis.panel_aware import refine_frames

    for name, given in (("--panel", panel is not None), ("--force", force)):
        if given and calibration is None:
            raise InputError("is about a calibration, and none is given", where=name, remedy="pass --calibration")
    if frames is not None:
        if len(source) > 1:
            raise InputError(f"{len(source)} holograms given, a folder of frames holds one", where="--frames")
        check_output_folder(frames, overwrite=overwrite, holds=HOLDS)
    if refine is not None and len(source) > 1:
        raise InputError(f"{len(source)} holograms given, a focal stack is of one", where="--refine")
    profile = read_hologram(source[0]).profile
    for path in source:
        hologram = read_hologram(path)
        if hologram.frames is not None and not overwrite:
            raise InputError("holds panel frames already", where=path, remedy="pass --overwrite to encode it again")
        if hologram.profile != profile:
            raise InputError(f"is for another display than {source[0]}", where=path)
    measured = None if calibration is None else calibration_for(profile, calibration, panel=panel, force=force)
    gains = gains_for(gain, len(profile.wavelengths))
    if gains is None:  # one file at a time, twice: a sequence may be longer than memory
        gains = automatic_gains(field_in(path) for path in source)
    if measured is None:
        encoder = Encoder(profile, gains, lookup_tables(profile), precise=True)
    else:
        encoder = calibrated_encoder(profile, gains, measured)
    if refine is not None and encoder.registrations is not None:
        raise InputError(
            "would move the colours back to where the stack has them", where="--refine",
            remedy="leave it away, or take a calibration without registration",
        )  # fmt: skip
    for path in source:
        hologram = read_hologram(path)
        encoded, clipped = encoder.frames(field_in(path))
        if max(clipped) > 1e-3:
            console.warn(f"{path}: {100 * max(clipped):.2f} % of the panel's pixels clip; use a lower --gain")
        if refine is not None:
            target = read_stack(refine).exposed()
            with console.reporting() as progress:
                encoded = refine_frames(encoded, target, progress=progress)
        write_hologram(path, replace(hologram, frames=encoded), overwrite=True)
        console.say(f"encoded {path} with gains {', '.join(f'{gain:.4f}' for gain in gains)}")
        if frames is not None:
            write_frames(frames, encoded, overwrite=overwrite)
            console.say(f"wrote {frames}")


def field_in(path: Path) -> "WaveField":
    """The wave field in a hologram file.

    Raises:
        InputError: it holds none.
    """
    from holodriver.errors import InputError
    from holodriver.files.hologram import read_hologram

    field = read_hologram(path).field
    if field is None:
        raise InputError("holds no wave field to encode", where=path)
    return field
