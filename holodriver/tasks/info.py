"""Describe what a file or a folder holds, as plain values."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holodriver.errors import FileFormatError
from holodriver.files.hologram import Hologram
from holodriver.optics.display import DisplayProfile
from holodriver.panel.frames import PanelFrames
from holodriver.rig.simulated.exposures import Exposure
from holodriver.scene.stack import FocalStack
from holodriver.scores.evaluation import describe_evaluation
from holodriver.tasks.read_write import read
from holodriver.viewer.page import describe_page


def facts_of(source: Path) -> dict[str, Any]:
    """Sizes, display, origin and quality of what a file or a folder holds.

    Raises:
        FileFormatError: the file is missing or damaged, or its kind is not described.
    """
    if source.suffix.lower() in (".html", ".htm"):
        return describe_page(source)
    if source.suffix == ".json" and source.is_file():
        return describe_evaluation(source)
    match read(source):
        case DisplayProfile() as profile:
            return {"kind": "display profile", "display": profile.as_dict(), "notes": profile.warnings()}
        case Hologram() as hologram:
            return _hologram(hologram)
        case PanelFrames() as frames:
            return {"kind": "panel frames", **_frames(frames), "display": frames.profile.as_dict()}
        case FocalStack() as stack:
            return _stack(stack)
        case list() as exposures if source.is_dir():
            return _recording(exposures)
    raise FileFormatError("is of a kind that is not described", where=source, remedy="see 'holodriver info --help'")


def _hologram(hologram: Hologram) -> dict[str, Any]:
    frames = {"panel frames": None, "gains": None} if hologram.frames is None else _frames(hologram.frames)
    return {
        "kind": "hologram",
        "wave field": None if hologram.field is None else list(hologram.field.values.shape),
        **frames,
        "display": hologram.profile.as_dict(),
        "notes": hologram.profile.warnings(),
        "provenance": hologram.provenance,
    }


def _frames(frames: PanelFrames) -> dict[str, Any]:
    return {"panel frames": list(frames.pixels.shape), "gains": list(frames.gains)}


def _recording(exposures: Sequence[Exposure]) -> dict[str, Any]:
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


def _stack(stack: FocalStack) -> dict[str, Any]:
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
