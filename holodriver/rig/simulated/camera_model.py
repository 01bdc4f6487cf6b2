"""A simulated camera that looks at a simulated rig and sums the light of all pixels lit during a play."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import RigError
from holodriver.optics.bench import SimulatedBench
from holodriver.rig.simulated.exposures import Exposure


class SimulatedCamera:
    """A camera that sees the light of one play through a simulated bench.

    Light adds up as on a real camera: each picture on the panel counts with the energy (power × time) of its light.
    Pixels under the wrong laser, a weak laser or a flip that was cut short are seen in the camera's picture.

    Args:
        bench: slit, eyepiece and panel of the rig.
        exposures: light of the play, from the records of the panel and the laser controller.
        sensitivity: intensity in the picture for each joule and unit of light behind the slit, equal for all colours,
            since the lasers' powers balance them.

    Raises:
        RigError: a colour was never lit.
    """

    def __init__(self, bench: SimulatedBench, exposures: Sequence[Exposure], sensitivity: float):
        self.bench, self.sensitivity = bench, sensitivity
        energies: list[dict[int, float]] = [defaultdict(float) for _ in bench.profile.wavelengths]
        self._pixels: dict[int, NDArray[np.uint8]] = {}
        for exposure in exposures:
            if exposure.colour is None or exposure.colour >= len(energies):
                continue
            content = id(exposure.pixels)  # equal pixels are one array in the record
            self._pixels[content] = exposure.pixels
            energies[exposure.colour][content] += exposure.power_w * exposure.lit_for_s
        for colour, seen in enumerate(energies):
            if not sum(seen.values()) > 0:
                raise RigError(f"colour {colour} was never lit, so there is no picture to take")
        self._energies = energies

    def picture(self, t: float) -> NDArray[np.float32]:
        """Intensity (C, H, W) seen with the camera focused on normalised depth `t`."""
        colours = []
        for colour, seen in enumerate(self._energies):
            light = sum(joules * self.bench.view(self._pixels[content], colour, t) for content, joules in seen.items())
            colours.append(light * self.sensitivity)
        return np.stack(colours).astype(np.float32)
