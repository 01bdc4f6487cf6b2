"""`holodriver encode`: wave fields into panel frames."""

from pathlib import Path
from typing import Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Gain, Overwrite, gains_for, lookup_tables


def encode(
    source: Annotated[list[Path], typer.Argument(help="Hologram files (.holo) of one sequence.")],
    gain: Gain = None,
    frames: Annotated[
        Path | None, typer.Option("--frames", help="Write the frames of a single hologram as PNG to this folder, too.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:
    """Encode holograms into panel frames, all with the same gain, and store the frames in the same files."""
    from dataclasses import replace

    from holodriver.errors import InputError
    from holodriver.files.atomic import check_output
    from holodriver.files.frames import write_frames
    from holodriver.files.hologram import read_hologram, write_hologram
    from holodriver.panel.burch import automatic_gains, clipped_share
    from holodriver.panel.burch import encode as burch_encode

    if frames is not None:
        if len(source) > 1:
            raise InputError(f"{len(source)} holograms given, a folder of frames holds one", where="--frames")
        check_output(frames, overwrite=overwrite)
    holograms = [read_hologram(path) for path in source]
    fields = []
    for path, hologram in zip(source, holograms, strict=True):
        if hologram.field is None:
            raise InputError("holds no wave field to encode", where=path)
        if hologram.frames is not None and not overwrite:
            raise InputError("holds panel frames already", where=path, remedy="pass --overwrite to encode it again")
        if hologram.profile != holograms[0].profile:
            raise InputError(f"is for another display than {source[0]}", where=path)
        fields.append(hologram.field)
    profile = holograms[0].profile
    gains = gains_for(gain, len(profile.wavelengths)) or automatic_gains(fields)
    luts = lookup_tables(profile)
    for path, hologram, field in zip(source, holograms, fields, strict=True):
        clipped = max(clipped_share(field, gains))
        if clipped > 1e-3:
            console.warn(f"{path}: {100 * clipped:.2f} % of the panel's pixels clip; use a lower --gain")
        encoded = burch_encode(field, gains, luts)
        write_hologram(path, replace(hologram, frames=encoded), overwrite=True)
        console.say(f"encoded {path} with gains {', '.join(f'{gain:.4f}' for gain in gains)}")
        if frames is not None:
            write_frames(frames, encoded, overwrite=overwrite)
            console.say(f"wrote {frames}")
