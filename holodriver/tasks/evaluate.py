"""Score holograms against a focal stack, plane by plane."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from holodriver.errors import HolodriverError
from holodriver.files.atomic import check_output, written_file
from holodriver.optics.display import DisplayProfile
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.scores import evaluation
from holodriver.scores import lpips as perceptual
from holodriver.scores.psnr_ssim import StackScores
from holodriver.tasks.read_write import read_exposed, read_shown


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
) -> tuple[list[StackScores], FocalStack, DisplayProfile]:
    """Score what the wave fields show, and what a camera sees of the panel frames through the slit, plane by plane.

    Args:
        sources: holograms, or folders of panel frames.
        against: focal stack that the sources should show.
        scores: JSON file for all scores of all planes; none if None.
        lpips: whether LPIPS is computed, too; if None, only where its package and weights are there.
        baseline: whether the flat-phase hologram of the stack is scored, too.
        overwrite: whether `scores` is replaced.
        progress: told of each step.
        warn: told why LPIPS is left out.

    Returns:
        The scores of each source and of the baseline, the exposed focal stack, and the display of the first source.

    Raises:
        OutputExistsError: `scores` exists and `overwrite` is false.
        FileFormatError: a source or the stack cannot be read.
        InputError: they do not fit each other.
    """
    if scores is not None:
        check_output(scores, overwrite=overwrite)
    holograms = [(str(path), read_shown(path)) for path in sources]
    stack = read_exposed(against)
    distance = _distance(lpips, warn)
    found: list[StackScores] = []
    for name, hologram in holograms:
        found += evaluation.evaluate(name, hologram, stack, distance=distance, progress=progress)
    if baseline:
        found += evaluation.evaluate_flat_phase(stack, holograms[0][1], distance=distance, progress=progress)
    if scores is not None:
        with written_file(scores, overwrite=overwrite) as temporary:
            values = evaluation.as_dict(found, stack, str(against))
            temporary.write_text(json.dumps(values, indent=1, allow_nan=False), encoding="utf-8")
    return found, stack, holograms[0][1].profile


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
