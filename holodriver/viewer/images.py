"""Pictures inside a page: encoded as WebP in the best quality that the page's size allows."""

import base64
import io
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.progress import Progress, silent
from holodriver.system.threads import side_by_side

Quality = int | Literal["lossless"]
"""Quality of WebP pictures: lossless, or WebP's number from 0 to 100."""

QUALITIES: tuple[Quality, ...] = ("lossless", 95, 90, 85, 75, 60)
"""Qualities in the order in which they are tried until all pictures fit."""

SAMPLES = 3
"""Number of pictures of each method from which the size of all its pictures is estimated."""

Pixels = NDArray[np.uint8]


def data_uri(pixels: Pixels, quality: Quality) -> str:
    """A grey picture (h, w) or colour picture (h, w, 3), red first, as a data URI in WebP."""
    from PIL import Image

    file = io.BytesIO()
    options = {"lossless": True, "quality": 50} if quality == "lossless" else {"quality": quality}
    Image.fromarray(np.ascontiguousarray(pixels)).save(file, "WEBP", method=3, exact=True, **options)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def best_quality(groups: Sequence[Sequence[Pixels]], budget: int) -> Quality | None:
    """The best quality in which all pictures fit into `budget` bytes, estimated from a few; None if there is none."""
    for quality in QUALITIES:
        if _foretold(groups, quality) <= budget:
            return quality
    return None


def next_quality(quality: Quality) -> Quality | None:
    """The next lower quality; None after the lowest."""
    index = QUALITIES.index(quality) + 1
    return QUALITIES[index] if index < len(QUALITIES) else None


def encoded(pictures: Sequence[Pixels], quality: Quality, stage: str, progress: Progress = silent) -> list[str]:
    """All pictures as data URIs, encoded in parallel."""
    progress(stage, 0, len(pictures))
    uris = side_by_side(lambda picture: data_uri(picture, quality), pictures)
    progress(stage, len(pictures), len(pictures))
    return uris


def _foretold(groups: Sequence[Sequence[Pixels]], quality: Quality) -> float:
    total = 0.0
    for pictures in groups:
        tried = [pictures[i] for i in np.unique(np.linspace(0, len(pictures) - 1, SAMPLES).round().astype(int))]
        sizes = side_by_side(lambda picture: len(data_uri(picture, quality)), tried)
        total += float(np.mean(sizes)) * len(pictures)
    return total
