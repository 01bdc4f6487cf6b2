"""Wave fields of pictures with depth, computed by the networks of all colours."""

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
"""Share of the free memory that is used unless a limit is given."""
EXPOSURE = 99.9
"""Percentile of the intensity that is scaled to 1."""
STAGE = "Running DEHNet"


class NetworkSynthesiser:
    """Networks of all colours, ready to run.

    Args:
        networks: one for each colour.
        profile: the display; its size is ignored.
        runtime: "auto" (the fastest), "float" (the fastest in float32) or the name of a runtime.
        threads: threads that one call may use; None: all.
        memory: bytes that one colour may take at once; None: half of the free memory.

    Raises:
        InputError: the networks were trained for other optics, or the runtime is not available.
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
        """Compute the wave field of an exposed picture.

        Args:
            intensity: (C, H, W), linear light ≥ 0.
            depth: (H, W), normalised depth.
            within_slit: keep only the light that passes the display's slit.
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
        """Compute the field (H, W) of one colour from the input that `prepared` makes."""
        with memory_allowed(self.allowed):
            real, imaginary = self.runtimes[colour](pixels)
        field = np.empty(real.shape, np.complex64)
        field.real, field.imag = real, imaginary
        return field


def prepared(intensity: Floats, depth: Floats) -> Floats:
    """Input of the networks (C, 2, H, W) from an exposed picture (C, H, W) with depth (H, W)."""
    light = torch.from_numpy(np.ascontiguousarray(intensity, np.float32))
    return network_input(light, torch.from_numpy(np.ascontiguousarray(depth, np.float32)).expand_as(light)).numpy()


def exposure_of(intensity: Floats) -> float:
    """Factor that scales the 99.9th percentile of linear light to 1; for a film, use its brightest frame.

    Raises:
        InputError: the picture is black.
    """
    level = float(np.percentile(intensity, EXPOSURE))
    if level <= 0:
        raise InputError("the picture is black and cannot be exposed")
    return 1 / level
