"""What a file holds, as plain values, for each kind of file that holodriver writes."""

from pathlib import Path
from typing import Any

from holodriver.errors import FileFormatError
from holodriver.files.frames import read_frames_folder
from holodriver.files.hologram import read_hologram
from holodriver.files.profile import read_profile
from holodriver.files.stack import read_stack
from holodriver.rig.simulated.recording import read_recording
from holodriver.scores.evaluation import describe_evaluation
from holodriver.viewer.page import describe_page


def facts_of(source: Path) -> dict[str, Any]:
    """Sizes, display, origin and quality of what a file or a folder holds.

    Raises:
        FileFormatError: it is missing, damaged or of no kind that can be described.
    """
    if source.suffix == ".holo":
        return _hologram(source)
    if source.suffix == ".toml":
        profile = read_profile(source)
        return {"kind": "display profile", "display": profile.as_dict(), "notes": profile.warnings()}
    if source.suffix.lower() in (".html", ".htm"):
        return describe_page(source)
    if source.suffix == ".json" and source.is_file():
        return describe_evaluation(source)
    if (source / "frames.json").is_file():
        return _frames(source)
    if (source / "exposures.json").is_file():
        return _recording(source)
    if source.is_dir():
        return _stack(source)
    raise FileFormatError(
        "is not something that can be described" if source.exists() else "does not exist",
        where=source,
        remedy="expected a .holo file, a .toml profile, a page of the viewer, the JSON of an evaluation, or a folder: "
        "focal stack, panel frames, recording of a play",
    )


def _hologram(source: Path) -> dict[str, Any]:
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


def _frames(source: Path) -> dict[str, Any]:
    frames = read_frames_folder(source)
    return {
        "kind": "panel frames",
        "panel frames": list(frames.pixels.shape),
        "gains": list(frames.gains),
        "display": frames.profile.as_dict(),
    }


def _recording(source: Path) -> dict[str, Any]:
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


def _stack(source: Path) -> dict[str, Any]:
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
