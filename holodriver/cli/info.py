"""`holodriver info`: what a file holds."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from holodriver.cli import console
from holodriver.errors import FileFormatError


def info(
    source: Annotated[
        Path,
        typer.Argument(
            help="Hologram, focal stack, panel frames, recording of a play, display profile, viewer page or evaluation."
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what a file holds: sizes, display, where it came from, how good it is."""
    from holodriver.viewer.facts import flat

    facts = _facts(source)
    if as_json:
        print(json.dumps(facts, indent=2))
        return
    console.table(("field", "value"), list(flat(facts)), title=str(source))


def _facts(source: Path) -> dict[str, Any]:
    if source.suffix == ".holo":
        from holodriver.files.hologram import read_hologram

        hologram = read_hologram(source)
        frames = hologram.frames
        return {
            "kind": "hologram",
            "wave field": None if hologram.field is None else list(hologram.field.values.shape),
            "panel frames": None if frames is None else list(frames.pixels.shape),
            "gains": None if frames is None else list(frames.gains),
            "display": hologram.profile.as_dict(),
            "notes": hologram.profile.warnings(),
            "provenance": hologram.provenance,
        }
    if source.suffix == ".toml":
        from holodriver.files.profile import read_profile

        profile = read_profile(source)
        return {"kind": "display profile", "display": profile.as_dict(), "notes": profile.warnings()}
    if source.suffix.lower() in (".html", ".htm"):
        from holodriver.viewer.page import describe_page

        return describe_page(source)
    if source.suffix == ".json" and source.is_file():
        from holodriver.scores.evaluation import describe_evaluation

        return describe_evaluation(source)
    if (source / "frames.json").is_file():
        from holodriver.files.frames import read_frames_folder

        frames = read_frames_folder(source)
        return {
            "kind": "panel frames",
            "panel frames": list(frames.pixels.shape),
            "gains": list(frames.gains),
            "display": frames.profile.as_dict(),
        }
    if (source / "exposures.json").is_file():
        from holodriver.rig.simulated.recording import read_recording

        exposures = read_recording(source)
        lit = [exposure for exposure in exposures if exposure.colour is not None]
        return {
            "kind": "recording of a play",
            "holograms": len({exposure.frame_index for exposure in exposures}),
            "flips": len({exposure.flip_index for exposure in exposures}),
            "lit": {
                colour.label: f"{1e3 * sum(e.power_w * e.lit_for_s for e in lit if e.colour is colour):.4g} mJ"
                for colour in sorted({e.colour for e in lit if e.colour is not None})
            },
            "wrong colours": sum(exposure.colour != exposure.plane for exposure in lit),
        }
    if source.is_dir():
        from holodriver.files.stack import read_stack

        stack = read_stack(source)
        return {
            "kind": "focal stack",
            "images": list(stack.images.shape),
            "mapping": stack.mapping,
            "coc_max": stack.coc_max,
            "positions": [round(float(t), 6) for t in stack.positions],
            "energy of the planes": [round(float(e), 6) for e in stack.energies()],
            "notes": stack.warnings(),
            "provenance": stack.provenance,
        }
    raise FileFormatError(
        "is not something that can be described" if source.exists() else "does not exist",
        where=source,
        remedy="expected a .holo file, a .toml profile, a page of the viewer, the JSON of an evaluation, or a folder: "
        "focal stack, panel frames, recording of a play",
    )
