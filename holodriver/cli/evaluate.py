"""`holodriver evaluate`: holograms scored against a focal stack."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from holodriver.cli import console
from holodriver.cli.options import Overwrite

if TYPE_CHECKING:
    from holodriver.files.hologram import Hologram


def evaluate(
    source: Annotated[list[Path], typer.Argument(help="Holograms (.holo) or folders of panel frames.")],
    against: Annotated[Path, typer.Option("--against", help="Focal stack (NAME.stack) that they should show.")],
    as_json: Annotated[
        Path | None, typer.Option("--json", help="Write all scores of all planes to this file as well.")
    ] = None,
    lpips: Annotated[
        bool | None,
        typer.Option(
            "--lpips/--no-lpips",
            help="LPIPS, too, whatever its package must download; if left out, only where all of it is there.",
        ),
    ] = None,
    baseline: Annotated[
        bool, typer.Option("--baseline/--no-baseline", help="Score the flat-phase hologram of the stack beside them.")
    ] = True,
    overwrite: Overwrite = False,
) -> None:
    """Score what the wave fields show, and what a camera sees of the panel frames through the slit, plane by plane."""
    from holodriver.errors import HolodriverError, InputError
    from holodriver.files.atomic import check_output, written_file
    from holodriver.files.stack import read_stack
    from holodriver.scores import evaluation
    from holodriver.scores.lpips import is_available, load_lpips

    if as_json is not None:
        check_output(as_json, overwrite=overwrite)
    holograms = [(str(path), _read(path)) for path in source]
    try:
        stack = read_stack(against).exposed()
    except InputError as error:
        raise InputError(error.what, where=error.where or against, remedy=error.remedy) from error
    distance = None
    if lpips or (lpips is None and is_available()):
        try:
            distance = load_lpips()
        except HolodriverError as error:
            if lpips:
                raise
            console.warn(f"LPIPS is left out: {error}")
    found = []
    with console.reporting() as progress:
        for name, hologram in holograms:
            found += evaluation.evaluate(name, hologram, stack, distance=distance, progress=progress)
        if baseline:
            found += evaluation.evaluate_flat_phase(stack, holograms[0][1], distance=distance, progress=progress)
    if as_json is not None:
        with written_file(as_json, overwrite=overwrite) as temporary:
            values = evaluation.as_dict(found, stack, str(against))
            temporary.write_text(json.dumps(values, indent=1, allow_nan=False), encoding="utf-8")
    headings = evaluation.HEADINGS[: None if distance else 4]
    dioptres = holograms[0][1].profile.dioptres
    for one in found:
        if one.name != evaluation.FLAT:
            rows = evaluation.plane_rows(one, stack, dioptres)
            console.table(("plane", "dioptres", *headings), rows, title=f"{one.name}, {one.seen}")
        if one.note:
            console.say(f"{one.name}, {one.seen}: {one.note}")
    title = f"Mean over {stack.planes} planes of {against}"
    console.table(("hologram", "seen", *headings), evaluation.mean_rows(found), title=title)
    if as_json is not None:
        console.say(f"wrote {as_json}")


def _read(path: Path) -> "Hologram":
    from holodriver.files.frames import read_frames_folder
    from holodriver.files.hologram import Hologram, read_hologram

    return Hologram(frames=read_frames_folder(path)) if path.is_dir() else read_hologram(path)
