"""Scores of holograms against the rendered focal stack, as tables."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.field import WaveField
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores, score_stack

SCORE_HEADINGS = ("PSNR dB", "SSIM", "PSNR sRGB dB", "SSIM sRGB", "LPIPS")
"""Headings of the scores, in the order of `SCORES`."""
HEADINGS = ("method", *SCORE_HEADINGS[:4], "time s")
"""Headings of `table_rows`."""


def score_field(
    method: str, field: WaveField, stack: FocalStack, *, seconds: float | None = None, padding: int = 0
) -> StackScores:
    """Scores of a wave field, propagated to each focal plane of `stack`."""
    images = field.intensities(stack.positions.tolist(), padding=padding)
    return score_images(method, images, stack, seconds=seconds)


def score_images(
    method: str, images: NDArray[np.floating], stack: FocalStack, *, seconds: float | None = None
) -> StackScores:
    """Scores of pictures (N, C, H, W) of the focal planes of `stack`."""
    return replace(score_stack(images, stack.images, coc_max=stack.coc_max), name=method, seconds=seconds)


def table_rows(results: Sequence[StackScores]) -> list[tuple[str, ...]]:
    """One row a method under `HEADINGS`, means over planes."""
    return [
        (one.name, *shown([*one.means().values()][:4]), "" if one.seconds is None else f"{one.seconds:.1f}")
        for one in results
    ]


def shown(values: Sequence[float]) -> tuple[str, ...]:
    """Scores as tables show them, in the order of `SCORE_HEADINGS`."""
    return tuple(
        f"{value:.2f}" if heading.endswith("dB") else f"{value:.3f}"
        for heading, value in zip(SCORE_HEADINGS, values, strict=False)
    )
