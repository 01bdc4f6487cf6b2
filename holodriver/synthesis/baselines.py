"""Holograms to compare with: flat phase, and the non-diffusive hologram (nCGH) of the paper."""

import math
from itertools import count

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import transfer_function
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.threads import side_by_side

MINIMUM_LAYERS = 128


def flat_phase(stack: FocalStack, profile: DisplayProfile) -> WaveField:
    """√all-in-focus amplitude with zero phase at the hologram plane: the picture, everywhere, hardly blurred."""
    return WaveField(np.sqrt(stack.all_in_focus).astype(np.complex64), profile)


def ncgh(
    stack: FocalStack, profile: DisplayProfile, *, layers: int | None = None, progress: Progress = silent
) -> WaveField:
    """Non-diffusive hologram: each point propagated from its depth, what is behind a silhouette blocked.

    The scene is cut into layers; from the far one to the near one the wave so far is propagated to the next
    layer, there replaced by √intensity with zero phase wherever the layer has a surface, and so on. The on-axis phase
    k·Δz between layers is taken out, so that neighbouring layers of one slanted surface meet in phase.

    Args:
        stack: only its all-in-focus image and depth are used.
        profile: display.
        layers: number of depth layers; unless given the least above 128 that puts one in each focal plane.
        progress: called after each layer.

    Raises:
        InputError: fewer than 2 layers.

    Source: the comparison method of the DEH paper ("Loss function for hologram synthesis" and Fig. 1d).
    """
    if layers is None:
        layers = math.ceil(MINIMUM_LAYERS / (stack.planes - 1)) * (stack.planes - 1) + 1
    if layers < 2:
        raise InputError(f"argument 'layers' is {layers}, expected 2 or more")
    index = np.rint(stack.all_in_focus_depth * (layers - 1)).clip(0, layers - 1).astype(np.int64)
    filled = np.unique(index)[::-1]  # far to near, empty layers passed over in one stride
    stops = [profile.z(i / (layers - 1)) for i in filled] + [0.0]
    amplitude = np.sqrt(stack.all_in_focus)
    done = count(1)

    def propagate_through(colour: int) -> NDArray[np.complex64]:
        surface = torch.from_numpy(amplitude[colour]).to(torch.complex64)
        field = torch.zeros_like(surface)
        for n, layer in enumerate(filled):
            field = torch.where(torch.from_numpy(index == layer), surface, field)
            kernel = transfer_function(
                profile.shape,
                profile.pixel_pitch,
                profile.wavelengths[colour],
                stops[n + 1] - stops[n],
                without_carrier=True,
            )
            field = torch.fft.ifft2(torch.fft.fft2(field) * kernel.to(field.dtype))
            progress("Computing the nCGH", next(done), len(profile.wavelengths) * len(filled))
        return field.numpy()

    return WaveField(np.stack(side_by_side(propagate_through, range(len(profile.wavelengths)))), profile)
