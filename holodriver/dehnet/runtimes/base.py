"""Interface of every program that runs a DEHNet: one colour at a time, at any picture size."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.dehnet.architecture import INPUTS, MIDDLE, OUTPUTS, DEHNetShape
from holodriver.dehnet.runtimes.tiles import Place, places, side_within

Floats = NDArray[np.float32]

Precision = Literal["float", "bf16", "half", "int8"]
"""Precision in which the convolutions compute. "float" is float32 throughout."""

INPUT, OUTPUT = "amplitude_and_depth", "field"
"""Names of the input and the output in the ONNX file."""

LIVE = 6
"""Largest number of copies of all features that a runtime holds at once: 2 to 5 were measured, plus a margin."""


@dataclass(frozen=True)
class Model:
    """Network of one colour as an ONNX file."""

    content: bytes
    """Bytes of the ONNX file."""
    shape: DEHNetShape
    quantised: bool = False


class Runtime(ABC):
    """A network of one colour, ready to run.

    `__call__` accepts any size: it pads the picture to a size that the network takes, works in tiles if memory is
    short, and returns the size of its input. A runtime is used by one thread at a time.

    Args:
        shape: size of the network.
        memory: bytes that one call may take; None: no limit.
    """

    name: str
    """Name of the runtime in `--runtime` and `holodriver doctor`."""
    precision: Precision

    def __init__(self, shape: DEHNetShape, *, memory: float | None = None):
        self.shape = shape
        self.memory = memory

    def __call__(self, amplitude_and_depth: Floats) -> Floats:
        """Compute the field, real and imaginary part (2, H, W), from amplitude √I and normalised depth (2, H, W).

        Raises:
            SynthesisError: memory is too short for the smallest tile.
        """
        height, width = amplitude_and_depth.shape[1:]
        padded = _to_multiples(np.ascontiguousarray(amplitude_and_depth, np.float32), self.shape.fold)
        size = (padded.shape[1], padded.shape[2])
        side = None if self.memory is None else side_within(self.memory, size, self.shape, self.bytes_per_pixel)
        if side is None:
            return self._run(padded[None])[0, :, :height, :width]
        field = np.empty((OUTPUTS, *size), np.float32)
        for place in places(size, side, self.shape):
            self._one_tile(padded, place, field)
        return field[:, :height, :width]

    def _one_tile(self, whole: Floats, place: Place, field: Floats) -> None:
        got = self._run(np.ascontiguousarray(whole[(slice(None), *place.window)])[None])[0]
        field[(slice(None), *place.kept)] = got[(slice(None), *place.inside)]

    @property
    def bytes_per_pixel(self) -> int:
        """Bytes of memory that a call takes for each pixel."""
        return 4 * (LIVE * self.shape.channels // self.shape.fold**2 + 2 * (INPUTS + OUTPUTS))

    @abstractmethod
    def _run(self, pixels: Floats) -> Floats:
        """Compute (1, 2, H, W) from (1, 2, H, W), where H and W are multiples of the network's `fold`."""


def _to_multiples(pixels: Floats, fold: int) -> Floats:
    """Pad pixels below and to the right, with the value that the network takes for nothing."""
    height, width = pixels.shape[1:]
    more = ((0, 0), (0, -height % fold), (0, -width % fold))
    return np.pad(pixels, more, constant_values=MIDDLE) if more[1][1] or more[2][1] else pixels
