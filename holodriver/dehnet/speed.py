"""Time that frames take from a picture with depth to the panel."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from holodriver.dehnet.stream import COPY, ENCODE, NETWORK, PREPARE, Stream
from holodriver.dehnet.synthesiser import NetworkSynthesiser
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.scene.rgbd import RgbdImage

STAGE = "Sending frames"


@dataclass(frozen=True)
class StreamSpeed:
    """Times of the stream, as medians over the frames, seconds."""

    stages: dict[str, float]
    """Time of each stage while no other stage runs, seconds."""
    alone: float
    """Time of one frame through all stages while no other frame is processed, seconds."""
    latency: float
    """Time of one frame through all stages while other frames are in other stages, seconds."""
    rate: float
    """Frames a second with overlapping stages."""


def picture(size: tuple[int, int], seed: int = 0) -> RgbdImage:
    """Smooth random picture of `size` (width, height) with depth; its content does not change the time."""
    rng = np.random.default_rng(seed)
    noise = gaussian_filter(rng.normal(size=(4, size[1], size[0])).astype(np.float32), (0, 3, 3))
    low, high = noise.min(axis=(1, 2), keepdims=True), noise.max(axis=(1, 2), keepdims=True)
    scaled = (noise - low) / (high - low)
    return RgbdImage(scaled[:3], scaled[3])


def measure_stream(
    synthesiser: NetworkSynthesiser,
    luts: Sequence[AmplitudeLut],
    size: tuple[int, int],
    *,
    frames: int = 8,
    clock: Callable[[], float] = time.perf_counter,
    progress: Progress = silent,
) -> StreamSpeed:
    """Measure the stream with frames of `size` (width, height), first stage by stage and then overlapped."""
    image = picture(size)
    panel = np.empty((len(luts), *synthesiser.profile.resized(*size).native_shape), np.uint8)
    stream = Stream(synthesiser, luts, size, copy=lambda made: np.copyto(panel, made.pixels))
    stages = {PREPARE: stream.prepare, NETWORK: stream.network, ENCODE: stream.encode, COPY: stream.copied}
    times: dict[str, list[float]] = {name: [] for name in stages}
    total = 2 * frames + 1
    for index in range(frames + 1):
        item: object = image
        for name, work in stages.items():
            start = clock()
            item = work(item)  # type: ignore[operator]
            if index:  # the first round warms up
                times[name].append(clock() - start)
        progress(STAGE, index, total)
    start = clock()
    for index, _ in enumerate(stream.frames([image] * frames, clock=clock)):
        progress(STAGE, frames + index + 1, total)
    seconds = clock() - start
    progress(STAGE, total, total)
    medians = {name: statistics.median(values) for name, values in times.items()}
    alone = statistics.median(map(sum, zip(*times.values(), strict=True)))
    return StreamSpeed(medians, alone, statistics.median(stream.times.latency), frames / seconds)
