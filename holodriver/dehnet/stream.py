"""Frames with depth in, panel frames out: preparing, network, encoding and copying overlap."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.dehnet.overlap import DEPTH, Stage, Times, pipeline
from holodriver.dehnet.synthesiser import NetworkSynthesiser, exposure_of, prepared
from holodriver.errors import InputError
from holodriver.optics.field import WaveField
from holodriver.panel.encoder import Encoder, automatic_gains
from holodriver.panel.frames import PanelFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.scene.rgbd import RgbdImage

PREPARE, NETWORK, ENCODE, COPY = "prepare", "network", "encode", "copy"
STAGES = (PREPARE, NETWORK, ENCODE, COPY)
"""Names of the stages, in order."""

Floats = NDArray[np.float32]


class Stream:
    """The line from pictures with depth to frames on a panel, for frames of one size.

    Exposure and encoding gains are those of the first frame for all of them: what changed from frame to frame would
    flicker.

    Args:
        synthesiser: the networks.
        luts: amplitude look-up table of each colour.
        size: width and height of the frames.
        copy: what takes each frame at the end, such as a copy to the panel's memory.
    """

    def __init__(
        self,
        synthesiser: NetworkSynthesiser,
        luts: Sequence[AmplitudeLut],
        size: tuple[int, int],
        *,
        copy: Callable[[PanelFrames], object] = lambda frames: None,
    ):
        self.synthesiser, self.luts, self.copy = synthesiser, tuple(luts), copy
        self.profile = synthesiser.profile.resized(*size)
        self.exposure: float | None = None
        self.encoder: Encoder | None = None
        self.times = Times()

    def frames(
        self, images: Iterable[RgbdImage], *, depth: int = DEPTH, clock: Callable[[], float] = time.perf_counter
    ) -> Iterator[PanelFrames]:
        """Panel frames of `images`, in order; `times` says how long each stage took.

        Args:
            depth: frames that may wait before each stage.

        Raises:
            InputError: a frame has another size, or the first one is black.
        """
        work: dict[str, Callable[[Any], Any]] = {
            PREPARE: self.prepare,
            NETWORK: self.network,
            ENCODE: self.encode,
            COPY: self.copied,
        }
        stages = [Stage(name, work[name]) for name in STAGES]
        return pipeline(images, stages, depth=depth, times=self.times, clock=clock)

    def prepare(self, image: RgbdImage) -> Floats:
        """What the networks take (C, 2, H, W)."""
        if image.shape != self.profile.shape:
            (h, w), (height, width) = image.shape, self.profile.shape
            raise InputError(f"a frame is {w} × {h} pixels, expected {width} × {height} as the first one")
        if self.exposure is None:
            self.exposure = exposure_of(image.color)
        return prepared(image.color * np.float32(self.exposure), image.depth)

    def network(self, pixels: Floats) -> NDArray[np.complex64]:
        """The wave field (C, H, W)."""
        return np.stack([self.synthesiser.colour(given, colour) for colour, given in enumerate(pixels)])

    def encode(self, field: NDArray[np.complex64]) -> PanelFrames:
        """The panel's frames."""
        if self.encoder is None:
            self.encoder = Encoder(self.profile, automatic_gains([WaveField(field, self.profile)]), self.luts)
        return PanelFrames(self.encoder.encode(field), self.profile, self.encoder.gains, self.luts)

    def copied(self, frames: PanelFrames) -> PanelFrames:
        """The same frames, after they were copied to where they are wanted."""
        self.copy(frames)
        return frames
