"""Scores of holograms plane by plane: of the wave field, and of what a camera sees of the panel frames."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import FileFormatError, InputError
from holodriver.files.hologram import Hologram
from holodriver.optics.field import WaveField
from holodriver.panel.burch import automatic_gains, camera_field, encode
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores.lpips import Distance, lpips_of_planes
from holodriver.scores.psnr_ssim import StackScores, score_stack
from holodriver.synthesis.baselines import flat_phase

Seen = Literal["wave field", "panel frames"]

FORMAT, VERSION = "holodriver evaluation", 1
FLAT = "flat phase"
"""Name of the baseline: √all-in-focus with phase zero, which is harder to beat than it looks."""

HEADINGS = ("PSNR dB", "SSIM", "PSNR sRGB dB", "SSIM sRGB", "LPIPS")
NAMES = ("psnr", "ssim", "psnr_srgb", "ssim_srgb", "lpips")


@dataclass(frozen=True)
class Evaluation:
    """How close one hologram comes to a focal stack, seen in one way."""

    name: str
    seen: Seen
    scores: StackScores
    lpips: tuple[float, ...] | None = None
    """Of each plane, if it was asked for."""
    note: str | None = None
    """What is to be known about how it was seen."""

    def planes(self) -> list[tuple[float, ...]]:
        """Scores of each plane, in the order of `NAMES`, without LPIPS where there is none."""
        columns = [getattr(self.scores, name) for name in NAMES[:4]] + ([self.lpips] if self.lpips else [])
        return list(zip(*columns, strict=True))

    def means(self) -> tuple[float, ...]:
        """The mean of each over planes."""
        return tuple(float(np.mean(column)) for column in zip(*self.planes(), strict=True))

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files; what is not finite (planes that are equal to the last bit) becomes None."""
        columns = list(zip(*self.planes(), strict=True))
        names = NAMES[: len(columns)]
        return {
            "hologram": self.name,
            "seen": self.seen,
            "note": self.note,
            "mean": {name: _finite(value) for name, value in zip(names, self.means(), strict=True)},
            "planes": {name: [_finite(v) for v in column] for name, column in zip(names, columns, strict=True)},
        }


def evaluate(
    name: str,
    hologram: Hologram,
    stack: FocalStack,
    *,
    distance: Distance | None = None,
    progress: Progress = silent,
) -> list[Evaluation]:
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
) -> list[Evaluation]:
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


def mean_rows(found: Sequence[Evaluation]) -> list[tuple[str, ...]]:
    """One row each: hologram, how it was seen, and the means of its scores."""
    return [(one.name, one.seen, *_shown(one.means())) for one in found]


def plane_rows(one: Evaluation, stack: FocalStack, dioptres: Callable[[float], float]) -> list[tuple[str, ...]]:
    """One row a plane: normalised depth, dioptres, scores; the last row is their mean."""
    rows = [
        (f"{t:.4f}", f"{dioptres(t):.2f}", *_shown(values))
        for t, values in zip(stack.positions.tolist(), one.planes(), strict=True)
    ]
    return [*rows, ("mean", "", *_shown(one.means()))]


def as_dict(found: Sequence[Evaluation], stack: FocalStack, against: str) -> dict[str, Any]:
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
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FileFormatError(f"cannot be read as JSON: {error}", where=path) from error
    if not isinstance(values, dict) or values.get("format") != FORMAT or values.get("version") != VERSION:
        raise FileFormatError(f"is not a {FORMAT} of version {VERSION}", where=path)
    try:
        return {
            "kind": "evaluation",
            "against": values["against"],
            "planes": len(values["positions"]),
            "coc_max": values["coc_max"],
            "mean": {f"{one['hologram']}, {one['seen']}": one["mean"] for one in values["results"]},
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
) -> Evaluation:
    scores = score_stack(images, stack.images, coc_max=stack.coc_max)
    lpips = None if distance is None else lpips_of_planes(images, stack.images, stack.coc_max, distance)
    return Evaluation(name, seen, scores, lpips, note)


def _linear(hologram: Hologram) -> tuple[AmplitudeLut, ...]:
    return (AmplitudeLut.linear(),) * len(hologram.profile.wavelengths)


def _shown(values: Sequence[float]) -> tuple[str, ...]:
    return tuple(
        f"{v:.2f}" if heading.endswith("dB") else f"{v:.3f}" for heading, v in zip(HEADINGS, values, strict=False)
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
