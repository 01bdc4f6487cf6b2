"""What a camera before a simulated rig would have filmed: one picture for each cycle of colours, fused."""

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
    """Film a play; the number of pictures.

    Args:
        path: NAME.mp4, .mov or .mkv.
        frames: any of those that were played, for the display and the look-up tables that they were made with.
        exposures: the play.
        refresh_hz: of the panel, 1/s.
        energy_j: light of the first colour in one cycle, J, with which it is exposed right.
        focus: normalised depth.
        faults: their noise is the camera's.

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
    """Light (C, H, W) of each cycle of colours: what lit the panel while each of its frames stood, right or wrong.

    Args:
        bench: of the rig.
        exposures: in order; those of as many flips as there are colours are one picture.
        sensitivity: intensity for each joule and unit of light behind the slit.
        focus: normalised depth.
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
    """The pictures with the camera's noise on them."""
    rng = np.random.default_rng((faults.seed, 3))
    for picture in pictures:
        yield np.maximum(picture + faults.noise * rng.standard_normal(picture.shape), 0)


def _pixels(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """sRGB (H, W, 3) of even sides."""
    red_first = np.zeros((3, *light.shape[1:]))
    red_first[: len(light)] = light[:3]
    pixels = np.rint(srgb_encode(np.clip(red_first, 0, 1)) * 255).astype(np.uint8).transpose(1, 2, 0)
    height, width = pixels.shape[:2]
    return np.ascontiguousarray(pixels[: height - height % 2, : width - width % 2])
