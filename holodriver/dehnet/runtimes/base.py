"""What every program that runs a DEHNet offers: one colour in, one colour out, at any size."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from holodriver.dehnet.architecture import INPUTS, MIDDLE, OUTPUTS, DEHNetShape
from holodriver.dehnet.runtimes.tiles import Place, places, side_within

Floats = NDArray[np.float32]

Precision = Literal["float", "bf16", "half", "int8"]
"""In which the convolutions compute. "float" is float32 throughout."""

INPUT, OUTPUT = "amplitude_and_depth", "field"
"""Names in the ONNX file."""

LIVE = 6
"""Features of all channels that a runtime holds at once, at most: measured 2 to 5, and room to spare."""


@dataclass(frozen=True)
class Model:
    """The network of one colour as an ONNX file."""

    content: bytes
    shape: DEHNetShape
    quantised: bool = False


class Runtime(ABC):
    """A network of one colour, ready to run.

    `__call__` is complete: it brings any size to what the network takes, works in tiles where memory is short, and
    gives back the size that it got. A runtime is used by one thread at a time.

    Args:
        shape: size of the network.
        memory: bytes that one call may take; unbounded if None.
    """

    name: str
    """As `holodriver doctor` shows it."""
    precision: Precision

    def __init__(self, shape: DEHNetShape, *, memory: float | None = None):
        self.shape = shape
        self.memory = memory

    def __call__(self, amplitude_and_depth: Floats) -> Floats:
        """Real and imaginary part (2, H, W) of the field, of amplitude √I and normalised depth (2, H, W).

        Raises:
            SynthesisError: there is not enough memory for the smallest tile.
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
        """Bytes that a call takes for each pixel."""
        return 4 * (LIVE * self.shape.channels // self.shape.fold**2 + 2 * (INPUTS + OUTPUTS))

    @abstractmethod
    def _run(self, pixels: Floats) -> Floats:
        """(1, 2, H, W) to (1, 2, H, W), H and W multiples of the network's `fold`."""


def _to_multiples(pixels: Floats, fold: int) -> Floats:
    """Pixels added below and to the right, of the value that the network takes as nothing."""
    height, width = pixels.shape[1:]
    more = ((0, 0), (0, -height % fold), (0, -width % fold))
    return np.pad(pixels, more, constant_values=MIDDLE) if more[1][1] or more[2][1] else pixels
