"""Holograms scored against a focal stack, plane by plane."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from holodriver.errors import HolodriverError, InputError
from holodriver.files.atomic import check_output, written_file
from holodriver.files.frames import read_frames_folder
from holodriver.files.hologram import Hologram, read_hologram
from holodriver.files.stack import read_stack
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores import evaluation
from holodriver.scores import lpips as perceptual
from holodriver.scores.psnr_ssim import StackScores
from holodriver.scores.table import SCORE_HEADINGS


@dataclass(frozen=True)
class Evaluated:
    """What was scored."""

    found: Sequence[StackScores]
    stack: FocalStack
    dioptres: Callable[[float], float]
    """Dioptres of a normalised depth, on the display of the first hologram."""
    headings: tuple[str, ...]
    """Headings of the scores."""


def evaluate(
    sources: Sequence[Path],
    against: Path,
    *,
    scores: Path | None = None,
    lpips: bool | None = None,
    baseline: bool = True,
    overwrite: bool = False,
    progress: Progress = silent,
    warn: Callable[[str], None] = lambda text: None,
) -> Evaluated:
    """Score what the wave fields show, and what a camera sees of the panel frames through the slit, plane by plane.

    Args:
        sources: holograms, or folders of panel frames.
        against: focal stack that they should show.
        scores: JSON file for all scores of all planes.
        lpips: compute LPIPS, too; None: where everything for it is there.
        baseline: also score the flat-phase hologram of the stack.
        overwrite: replace `scores`.
        progress: told of each step.
        warn: told why LPIPS is left out.

    Raises:
        OutputExistsError: `scores` exists and `overwrite` is false.
        FileFormatError: a source or the stack cannot be read.
        InputError: they do not fit each other.
    """
    if scores is not None:
        check_output(scores, overwrite=overwrite)
    holograms = [(str(path), _read(path)) for path in sources]
    try:
        stack = read_stack(against).exposed()
    except InputError as error:
        raise InputError(error.what, where=error.where or against, remedy=error.remedy) from error
    distance = _distance(lpips, warn)
    found = []
    for name, hologram in holograms:
        found += evaluation.evaluate(name, hologram, stack, distance=distance, progress=progress)
    if baseline:
        found += evaluation.evaluate_flat_phase(stack, holograms[0][1], distance=distance, progress=progress)
    if scores is not None:
        with written_file(scores, overwrite=overwrite) as temporary:
            values = evaluation.as_dict(found, stack, str(against))
            temporary.write_text(json.dumps(values, indent=1, allow_nan=False), encoding="utf-8")
    headings = SCORE_HEADINGS[: None if distance else 4]
    return Evaluated(found, stack, holograms[0][1].profile.dioptres, headings)


def _distance(lpips: bool | None, warn: Callable[[str], None]) -> perceptual.Distance | None:
    if not (lpips or (lpips is None and perceptual.is_available())):
        return None
    try:
        return perceptual.load_lpips()
    except HolodriverError as error:
        if lpips:
            raise
        warn(f"LPIPS is left out: {error}")
        return None


def _read(path: Path) -> Hologram:
    return Hologram(frames=read_frames_folder(path)) if path.is_dir() else read_hologram(path)
