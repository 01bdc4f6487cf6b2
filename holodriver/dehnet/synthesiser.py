"""Wave fields of pictures with depth by the networks of all colours."""

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.dehnet.architecture import network_input
from holodriver.dehnet.fastest_runtime import AUTO, choose
from holodriver.dehnet.load_weights import Networks
from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField, slit_projection
from holodriver.progress import Progress, silent
from holodriver.synthesis.optimise import memory_allowed
from holodriver.system.machine import available_memory

Floats = NDArray[np.float32]

SHARE_OF_MEMORY = 0.5
"""Of what is free, used unless a budget is given."""
EXPOSURE = 99.9
"""Percentile of the intensity that becomes 1."""
STAGE = "Running DEHNet"


class NetworkSynthesiser:
    """The networks of all colours, ready to run.

    Args:
        networks: one a colour.
        profile: display; its size does not matter.
        runtime: "auto" (the fastest), "float" (the fastest in float32) or a name.
        threads: that one call may use; all if None.
        memory: bytes that one colour may take at once; half of what is free unless given.

    Raises:
        InputError: the networks were trained for other optics, or there is no such runtime.
    """

    def __init__(
        self,
        networks: Networks,
        profile: DisplayProfile,
        *,
        runtime: str = AUTO,
        threads: int | None = None,
        memory: float | None = None,
    ):
        networks.check_fits(profile)
        self.allowed = memory
        self.profile = profile
        self.kind = choose(networks, runtime)
        if memory is None:
            free = available_memory()
            memory = None if free is None else SHARE_OF_MEMORY * free
        models = networks.models(quantised=self.kind.quantised)
        self.runtimes = [self.kind.runtime(model, threads=threads, memory=memory) for model in models]

    def field(
        self, intensity: Floats, depth: Floats, *, within_slit: bool = False, progress: Progress = silent
    ) -> WaveField:
        """The wave field of an exposed picture.

        Args:
            intensity: (C, H, W), linear light ≥ 0.
            depth: (H, W), normalised depth.
            within_slit: keep what passes the display's slit alone.
            progress: called after each colour.
        """
        values = np.empty(intensity.shape, np.complex64)
        pixels = prepared(intensity, depth)
        for colour, given in enumerate(pixels):
            values[colour] = self.colour(given, colour)
            progress(STAGE, colour + 1, len(pixels), self.kind.name)
        display = self.profile.resized(depth.shape[1], depth.shape[0])
        if within_slit:
            values = slit_projection(display)(torch.from_numpy(values)).numpy()
        return WaveField(values, display)

    def colour(self, pixels: Floats, colour: int) -> NDArray[np.complex64]:
        """The field (H, W) of one colour of what `prepared` gives."""
        with memory_allowed(self.allowed):
            real, imaginary = self.runtimes[colour](pixels)
        field = np.empty(real.shape, np.complex64)
        field.real, field.imag = real, imaginary
        return field


def prepared(intensity: Floats, depth: Floats) -> Floats:
    """What the networks take (C, 2, H, W) of an exposed picture (C, H, W) with depth (H, W)."""
    light = torch.from_numpy(np.ascontiguousarray(intensity, np.float32))
    return network_input(light, torch.from_numpy(np.ascontiguousarray(depth, np.float32)).expand_as(light)).numpy()


def exposure_of(intensity: Floats) -> float:
    """Factor on linear light that brings its 99.9th percentile to 1; for a film, that of its brightest frame.

    Raises:
        InputError: the picture is black.
    """
    level = float(np.percentile(intensity, EXPOSURE))
    if level <= 0:
        raise InputError("the picture is black, nothing to expose for")
    return 1 / level
