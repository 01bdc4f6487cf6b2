"""RGB-D from photos."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import holodriver
from holodriver.depth.completion import completed
from holodriver.depth.estimators import Estimator
from holodriver.depth.pipeline import DepthSettings, estimate, finished, percentile_range, to_range
from holodriver.depth.size import Floats, Picture
from holodriver.errors import InputError
from holodriver.files.atomic import check_output
from holodriver.files.measured_depth import Kind, measured_from, read_measured
from holodriver.files.photos import read_photo
from holodriver.files.rgbd import DEPTH, SIDE_BY_SIDE, write_depth, write_pair
from holodriver.scene.rgbd import MeasuredDepth

Warn = Callable[[str], None]

FLAT = 1e-3
"""Range of the result below which the whole picture stands in one plane."""


@dataclass(frozen=True)
class MeasuredSettings:
    """Depth from elsewhere that the estimate completes."""

    depth: Path | None = None
    """File with it; what a phone stored inside the photo if None."""
    kind: Kind = "auto"
    ignore_embedded: bool = False
    """Whether depth inside a photo is left alone."""


def photo_outputs(name: str, folder: Path) -> tuple[Path, Path]:
    """Depth picture and pair of the photo called `name`."""
    return folder / f"{name}{DEPTH}.png", folder / f"{name}{SIDE_BY_SIDE}.png"


def convert_photo(
    source: Path,
    outputs: tuple[Path, Path],
    estimators: Sequence[Estimator],
    settings: DepthSettings,
    measured: MeasuredSettings | None = None,
    *,
    overwrite: bool = False,
    warn: Warn = lambda text: None,
) -> None:
    """Make a 16-bit depth picture and a side-by-side picture of a photo.

    Args:
        source: photo, see `read_photo`.
        outputs: depth picture and pair, see `photo_outputs`.
        estimators: one or more.
        settings: how depth is estimated.
        measured: depth from elsewhere.
        overwrite: replace what is there.
        warn: told in one line of what was assumed or is doubtful.

    Raises:
        FileFormatError: the photo or its measured depth cannot be read.
        OutputExistsError: an output exists and `overwrite` is false.
    """
    for output in outputs:
        check_output(output, overwrite=overwrite)
    found = estimate_photo(source, estimators, settings, measured, warn=warn)
    write_depth(outputs[0], found.nearness, found.description, overwrite=overwrite)
    write_pair(outputs[1], found.picture, found.nearness, found.description, overwrite=overwrite)


class PhotoDepth(NamedTuple):
    """A photo and its depth."""

    picture: Picture
    """(H, W, 3) sRGB, 8 bits."""
    nearness: Floats
    """(H, W), 0 far … 1 near, linear in dioptres."""
    description: dict[str, Any]
    """How the depth was made; plain values."""


def estimate_photo(
    source: Path,
    estimators: Sequence[Estimator],
    settings: DepthSettings,
    measured: MeasuredSettings | None = None,
    *,
    warn: Warn = lambda text: None,
) -> PhotoDepth:
    """The depth of a photo; arguments and errors as in `convert_photo`."""
    photo = read_photo(source)
    for note in photo.notes:
        warn(f"{source}: {note}")
    picture = photo.picture
    given = measured or MeasuredSettings()
    device: MeasuredDepth | None = None
    if given.depth is not None:
        device = read_measured(given.depth, given.kind)
    elif photo.depth is not None and not given.ignore_embedded:
        device = measured_from(photo.depth, given.kind)
    where = given.depth or source
    nearness, facts = depth_of(picture, estimators, settings, device, where=where)
    if float(np.ptp(nearness)) < FLAT:
        warn(f"{source}: the depth is the same everywhere, so that the whole picture stands in one plane")
    return PhotoDepth(picture, nearness, described(source, estimators, settings) | facts)


def depth_of(
    picture: Picture,
    estimators: Sequence[Estimator],
    settings: DepthSettings,
    measured: MeasuredDepth | None = None,
    *,
    where: object = None,
) -> tuple[Floats, dict[str, Any]]:
    """Nearness (H, W), 0 far … 1 near, of a picture (H, W, 3), and what it was made of.

    Args:
        measured: depth of the same view from elsewhere, which the estimate completes.
        where: what an error about it names.

    Raises:
        InputError: what was measured does not fit the picture.
    """
    (inverse,) = estimate([picture], estimators, settings)
    facts: dict[str, Any] = {}
    if measured is not None:
        try:
            inverse = completed(measured, inverse, picture)
        except InputError as error:
            raise InputError(error.what, where=where) from error
        facts["measured"] = {"metric": measured.metric, "holes": round(measured.holes, 4)}
    low, high = percentile_range(inverse)
    nearness = finished(inverse, picture, settings, to_range(low, high, invert=settings.invert))
    unit = "1/m" if measured is not None and measured.metric else "relative"
    facts["range"] = {"far": low, "near": high, "unit": unit}
    return nearness, facts


def described(source: Path, estimators: Sequence[Estimator], settings: DepthSettings) -> dict[str, Any]:
    """What a result says of how it was made."""
    return {
        "program": f"holodriver {holodriver.__version__}",
        "source": source.name,
        "models": [estimator.name for estimator in estimators],
        "options": settings.as_dict(),
        "mapping": "dioptric",
    }
