"""Scores of holograms plane by plane: of the wave field, and of what a camera sees of the panel frames."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files.hologram import Hologram
from holodriver.files.text import check_head, read_json
from holodriver.optics.field import WaveField
from holodriver.panel.behind_slit import camera_field
from holodriver.panel.encoder import automatic_gains, encode
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores.lpips import Distance, lpips_of_planes
from holodriver.scores.psnr_ssim import StackScores
from holodriver.scores.table import score_images, shown
from holodriver.synthesis.baselines import flat_phase

Seen = Literal["wave field", "panel frames"]

FORMAT, VERSION = "holodriver evaluation", 1
FLAT = "flat phase"
"""Name of the baseline: √all-in-focus with phase zero, which is harder to beat than it looks."""


def evaluate(
    name: str,
    hologram: Hologram,
    stack: FocalStack,
    *,
    distance: Distance | None = None,
    progress: Progress = silent,
) -> list[StackScores]:
    """Scores of a hologram's wave field and of its panel frames, whichever it has.

    A hologram that was not encoded yet is encoded as `holodriver encode` would, and the evaluation says so.

    Args:
        name: stands in the result.
        hologram: of the stack's size.
        stack: exposed, as the hologram's source was.
        distance: LPIPS, if it is wanted.
        progress: called for each plane.

    Raises:
        InputError: the hologram has another size or number of colours than the stack, or the stack is too small.
    """
    profile = hologram.profile
    expected = (len(profile.wavelengths), *profile.shape)
    if stack.images.shape[1:] != expected:
        raise InputError(
            f"shows {expected[2]} × {expected[1]} pixels in {expected[0]} colours, the focal stack has "
            f"{stack.shape[1]} × {stack.shape[0]} in {stack.images.shape[1]}",
            where=name,
        )
    found = []
    if hologram.field is not None:
        images = pictures(hologram.field, stack, hologram.padding, progress, f"{name}: wave field")
        found.append(_scored(name, "wave field", images, stack, distance))
    frames, note = frames_of(hologram)
    images = pictures(camera_field(frames), stack, 0, progress, f"{name}: panel frames")
    found.append(_scored(name, "panel frames", images, stack, distance, note))
    return found


def evaluate_flat_phase(
    stack: FocalStack, like: Hologram, *, distance: Distance | None = None, progress: Progress = silent
) -> list[StackScores]:
    """Scores of the flat-phase baseline on the display of the hologram `like`, with its look-up tables."""
    field = flat_phase(stack, like.profile)
    luts = like.frames.luts if like.frames is not None else _linear(like)
    frames = encode(field, automatic_gains([field]), luts)
    return evaluate(FLAT, Hologram(field, frames), stack, distance=distance, progress=progress)


def frames_of(hologram: Hologram) -> tuple[PanelFrames, str | None]:
    """The panel frames of a hologram, and a note if they had to be made."""
    if hologram.frames is not None:
        return hologram.frames, None
    assert hologram.field is not None  # a hologram has at least one of the two
    frames = encode(hologram.field, automatic_gains([hologram.field]), _linear(hologram))
    return frames, "not encoded yet; encoded here with automatic gain and linear look-up tables"


def pictures(field: WaveField, stack: FocalStack, padding: int, progress: Progress, stage: str) -> NDArray[np.float32]:
    """Intensity (N, C, H, W) of a field in the focal planes of a stack."""
    seen = np.empty(stack.images.shape, np.float32)
    for plane, t in enumerate(stack.positions.tolist()):
        seen[plane] = field.intensity(t, padding=padding)
        progress(stage, plane + 1, stack.planes)
    return seen


def mean_rows(found: Sequence[StackScores]) -> list[tuple[str, ...]]:
    """One row each: hologram, how it was seen, and the means of its scores."""
    return [(one.name, str(one.seen), *shown([*one.means().values()])) for one in found]


def plane_rows(one: StackScores, stack: FocalStack, dioptres: Callable[[float], float]) -> list[tuple[str, ...]]:
    """One row a plane: normalised depth, dioptres, scores; the last row is their mean."""
    rows = [
        (f"{t:.4f}", f"{dioptres(t):.2f}", *shown(values))
        for t, *values in zip(stack.positions.tolist(), *one.planes().values(), strict=True)
    ]
    return [*rows, ("mean", "", *shown([*one.means().values()]))]


def as_dict(found: Sequence[StackScores], stack: FocalStack, against: str) -> dict[str, Any]:
    """All of it as plain values, for a file."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "against": against,
        "positions": [round(float(t), 6) for t in stack.positions],
        "coc_max": float(stack.coc_max),
        "results": [one.as_dict() for one in found],
    }


def describe_evaluation(path: Path) -> dict[str, Any]:
    """What a file of `as_dict` holds, without the single planes.

    Raises:
        FileFormatError: missing, or something else.
    """
    values = read_json(path)
    check_head(values, FORMAT, VERSION, path)
    try:
        return {
            "kind": "evaluation",
            "against": values["against"],
            "planes": len(values["positions"]),
            "coc_max": values["coc_max"],
            "mean": {f"{one['name']}, {one['seen']}": one["mean"] for one in values["results"]},
        }
    except (KeyError, TypeError) as error:
        raise FileFormatError(f"lacks or spoils a field: {error}", where=path) from error


def _scored(
    name: str,
    seen: Seen,
    images: NDArray[np.float32],
    stack: FocalStack,
    distance: Distance | None,
    note: str | None = None,
) -> StackScores:
    lpips = None if distance is None else lpips_of_planes(images, stack.images, stack.coc_max, distance)
    return replace(score_images(name, images, stack), lpips=lpips, seen=seen, note=note)


def _linear(hologram: Hologram) -> tuple[AmplitudeLut, ...]:
    return (AmplitudeLut.linear(),) * len(hologram.profile.wavelengths)
