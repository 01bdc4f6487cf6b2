"""Scores of holograms against the rendered focal stack, as tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from holodriver.optics.field import WaveField
from holodriver.scene.stack import FocalStack
from holodriver.scores.psnr_ssim import StackScores, score_stack


@dataclass(frozen=True)
class MethodScores:
    """What one method reached on one focal stack."""

    method: str
    scores: StackScores
    seconds: float | None = None
    """Wall time of its computation, if it was measured."""

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files."""
        planes = {name: list(getattr(self.scores, name)) for name in ("psnr", "ssim", "psnr_srgb", "ssim_srgb")}
        return {"method": self.method, "seconds": self.seconds, "mean": self.scores.means(), "planes": planes}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """What `as_dict` gave."""
        planes = {name: tuple(values["planes"][name]) for name in ("psnr", "ssim", "psnr_srgb", "ssim_srgb")}
        return cls(values["method"], StackScores(**planes), values["seconds"])


def score_field(
    method: str, field: WaveField, stack: FocalStack, *, seconds: float | None = None, padding: int = 0
) -> MethodScores:
    """Scores of a wave field, propagated to each focal plane of `stack`."""
    images = field.intensities(stack.positions.tolist(), padding=padding)
    return score_images(method, images, stack, seconds=seconds)


def score_images(
    method: str, images: NDArray[np.floating], stack: FocalStack, *, seconds: float | None = None
) -> MethodScores:
    """Scores of pictures (N, C, H, W) of the focal planes of `stack`."""
    return MethodScores(method, score_stack(images, stack.images, coc_max=stack.coc_max), seconds)


HEADINGS = ("method", "PSNR dB", "SSIM", "PSNR sRGB dB", "SSIM sRGB", "time s")


def table_rows(results: Sequence[MethodScores]) -> list[tuple[str, ...]]:
    """One row a method under `HEADINGS`, means over planes."""
    rows: list[tuple[str, ...]] = []
    for result in results:
        mean = result.scores.means()
        time = "" if result.seconds is None else f"{result.seconds:.1f}"
        rows.append(
            (
                result.method,
                f"{mean['psnr']:.2f}",
                f"{mean['ssim']:.3f}",
                f"{mean['psnr_srgb']:.2f}",
                f"{mean['ssim_srgb']:.3f}",
                time,
            )
        )
    return rows
