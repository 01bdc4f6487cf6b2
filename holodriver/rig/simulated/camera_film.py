"""A film of a simulated rig as a camera would see it: one picture for each cycle of colours."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from holodriver.files.video.film import write_film
from holodriver.optics.bench import SimulatedBench
from holodriver.optics.colour import srgb_encode
from holodriver.panel.behind_slit import camera_exposure
from holodriver.panel.frames import PanelFrames, simulated_bench
from holodriver.rig.simulated.exposures import Exposure
from holodriver.rig.simulated.faults import Faults


def write_camera_film(
    path: Path,
    frames: PanelFrames,
    exposures: Sequence[Exposure],
    *,
    refresh_hz: float,
    energy_j: float,
    focus: float = 0.5,
    faults: Faults | None = None,
    overwrite: bool = False,
) -> int:
    """Write the film of a play and return the number of pictures.

    Args:
        path: film to write, NAME.mp4, .mov or .mkv.
        frames: panel frames of any played hologram, for the display and the look-up tables.
        exposures: light of the play.
        refresh_hz: rate of new frames on the panel, Hz.
        energy_j: light of the first colour in one cycle at correct exposure, J.
        focus: normalised depth on which the camera is focused.
        faults: faults of the rig, of which `noise` is the camera's noise.
        overwrite: replace the file if it exists.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        HolodriverError: PyAV is not installed.
    """
    bench = simulated_bench(frames)
    sensitivity = camera_exposure(frames.profile, frames.gains)[0] / energy_j
    pictures = fused(bench, exposures, sensitivity, focus)
    if faults is not None and faults.noise:
        pictures = noisy(pictures, faults)
    rate = Fraction(refresh_hz / len(frames.pixels)).limit_denominator(1001)
    return write_film(path, (_pixels(picture) for picture in pictures), rate=rate, overwrite=overwrite)


def fused(
    bench: SimulatedBench, exposures: Sequence[Exposure], sensitivity: float, focus: float
) -> Iterator[NDArray[np.float64]]:
    """Compute the camera's light (C, H, W) in each cycle of colours, with all light that fell on right or wrong frames.

    Args:
        bench: simulated bench of the rig.
        exposures: light of the play, in order; one cycle has as many flips as there are colours.
        sensitivity: intensity for each joule and unit of light behind the slit.
        focus: normalised depth on which the camera is focused.
    """
    colours = len(bench.profile.wavelengths)
    views: dict[tuple[int, int], NDArray[np.float64]] = {}  # a play shows few pictures, many times
    cycles: dict[int, list[Exposure]] = {}
    for exposure in exposures:
        cycles.setdefault(exposure.flip_index // colours, []).append(exposure)
    for cycle in cycles.values():
        light = np.zeros((colours, *bench.profile.shape))
        for exposure in cycle:
            if exposure.colour is None or exposure.colour >= colours:
                continue
            content = id(exposure.pixels), int(exposure.colour)
            if content not in views:
                views[content] = bench.view(exposure.pixels, exposure.colour, focus)
            light[exposure.colour] += exposure.power_w * exposure.lit_for_s * sensitivity * views[content]
        yield light


def noisy(pictures: Iterator[NDArray[np.float64]], faults: Faults) -> Iterator[NDArray[np.float64]]:
    """Add the camera's noise to pictures (C, H, W)."""
    rng = np.random.default_rng((faults.seed, 3))
    for picture in pictures:
        yield np.maximum(picture + faults.noise * rng.standard_normal(picture.shape), 0)


def _pixels(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Convert light (C, H, W) to sRGB (H, W, 3) uint8, cut to even sides."""
    red_first = np.zeros((3, *light.shape[1:]))
    red_first[: len(light)] = light[:3]
    pixels = np.rint(srgb_encode(np.clip(red_first, 0, 1)) * 255).astype(np.uint8).transpose(1, 2, 0)
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[: height - height % 2, : width - width % 2])
