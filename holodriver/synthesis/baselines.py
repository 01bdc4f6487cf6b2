"""Baseline holograms for comparison: flat phase, nCGH, dCGH, and superposed points."""

import math
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holodriver.errors import check, numbers
from holodriver.optics.display import DisplayProfile
from holodriver.optics.field import WaveField
from holodriver.optics.propagation import transfer_function
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.check_input import check_fits
from holodriver.system.threads import side_by_side

MINIMUM_LAYERS = 128
"""Smallest default number of depth layers."""


def flat_phase(stack: FocalStack, profile: DisplayProfile) -> WaveField:
    """Amplitude √all-in-focus and phase zero at the hologram plane; all focal planes show the picture almost sharp."""
    check_fits(stack, profile)
    return WaveField(np.sqrt(stack.all_in_focus).astype(np.complex64), profile)


def ncgh(
    stack: FocalStack, profile: DisplayProfile, *, layers: int | None = None, progress: Progress = silent
) -> WaveField:
    """Non-diffusive hologram: light from each point is propagated from its depth and blocked by nearer surfaces.

    The scene is cut into layers. From the farthest layer to the nearest one, the wave is propagated to the next layer
    and is replaced by √intensity with zero phase where the layer has a surface. The on-axis phase k·Δz between layers
    is left out, so that neighbouring layers of a slanted surface have equal phase.

    Args:
        stack: focal stack, of which only the all-in-focus image and depth are used.
        profile: display.
        layers: number of depth layers; None: the smallest number above 128 with a layer in each focal plane.
        progress: called after each layer.

    Raises:
        InputError: there are fewer than 2 layers.

    Source: the comparison method of the DEH paper ("Loss function for hologram synthesis" and Fig. 1d).
    """
    surface = torch.from_numpy(np.sqrt(stack.all_in_focus)).to(torch.complex64)
    return _march(stack, profile, surface, layers, progress, "Computing the nCGH")


def dcgh(
    stack: FocalStack,
    profile: DisplayProfile,
    *,
    layers: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> WaveField:
    """Diffusive hologram: like `ncgh`, but each point has a random phase, so that light spreads and makes speckle.

    Args:
        seed: seed of the random phases. The other arguments are those of `ncgh`.

    Source: the dCGH of the DEH paper (Fig. 2a; random phases as in its references 12 and 13).
    """
    generator = torch.Generator().manual_seed(seed)
    phase = 2 * math.pi * torch.rand(stack.shape, generator=generator)
    surface = torch.from_numpy(np.sqrt(stack.all_in_focus)) * torch.polar(torch.ones_like(phase), phase)
    return _march(stack, profile, surface, layers, progress, "Computing the dCGH")


def superposed(
    stack: FocalStack, profile: DisplayProfile, *, layers: int | None = None, progress: Progress = silent
) -> WaveField:
    """Superposed points: the sum of the waves from all points at their depths; nothing is blocked.

    The on-axis phase is left out, so that the waves of points at all depths arrive in phase. Arguments are those of
    `ncgh`.

    Source: the direct calculation of Maimone, Georgiou and Kollin, ACM Trans. Graph. 36(4), 85 (2017), section 3, with
    points gathered into depth layers.
    """
    depths = _Depths(stack, profile, layers)
    surface = torch.from_numpy(np.sqrt(stack.all_in_focus)).to(torch.complex64)
    report = _Counter(progress, "Superposing points", len(profile.wavelengths) * len(depths.filled))

    def add_up(colour: int) -> NDArray[np.complex64]:
        spectrum = torch.zeros(profile.shape, dtype=torch.complex64)
        for layer, z in zip(depths.filled, depths.z, strict=True):
            points = torch.where(depths.mask(layer), surface[colour], 0)
            spectrum += torch.fft.fft2(points) * _kernel(profile, colour, -z)
            report()
        return torch.fft.ifft2(spectrum).numpy()

    return WaveField(np.stack(side_by_side(add_up, range(len(profile.wavelengths)))), profile)


def _march(
    stack: FocalStack, profile: DisplayProfile, surface: Tensor, layers: int | None, progress: Progress, stage: str
) -> WaveField:
    """Propagate from layer to layer, far to near; each layer's surface (C, H, W) replaces the wave from behind it."""
    depths = _Depths(stack, profile, layers)
    stops = [*depths.z, 0.0]
    report = _Counter(progress, stage, len(profile.wavelengths) * len(depths.filled))

    def propagate_through(colour: int) -> NDArray[np.complex64]:
        field = torch.zeros(profile.shape, dtype=torch.complex64)
        for n, layer in enumerate(depths.filled):
            field = torch.where(depths.mask(layer), surface[colour], field)
            field = torch.fft.ifft2(torch.fft.fft2(field) * _kernel(profile, colour, stops[n + 1] - stops[n]))
            report()
        return field.numpy()

    return WaveField(np.stack(side_by_side(propagate_through, range(len(profile.wavelengths)))), profile)


class _Depths:
    """The all-in-focus depth cut into layers; `filled` has the layers that are not empty, `z` their distances (m), both
    from far to near."""

    def __init__(self, stack: FocalStack, profile: DisplayProfile, layers: int | None):
        if layers is None:
            layers = math.ceil(MINIMUM_LAYERS / (stack.planes - 1)) * (stack.planes - 1) + 1
        check("argument 'layers'", layers, numbers(2, whole=True))
        check_fits(stack, profile)
        index = np.rint(stack.all_in_focus_depth * (layers - 1)).clip(0, layers - 1).astype(np.int64)
        self._index = torch.from_numpy(index)
        self.filled = [int(layer) for layer in np.unique(index)[::-1]]
        self.z = [profile.z(layer / (layers - 1)) for layer in self.filled]

    def mask(self, layer: int) -> Tensor:
        """Mask (H, W) of the pixels in which `layer` has a surface."""
        return self._index == layer


class _Counter:
    """Reports the steps of several threads to one progress callback."""

    def __init__(self, progress: Progress, stage: str, total: int):
        self._progress, self._stage, self._total, self._done = progress, stage, total, 0
        self._lock = Lock()  # held while reporting, so that the counts arrive in order

    def __call__(self) -> None:
        with self._lock:
            self._done += 1
            self._progress(self._stage, self._done, self._total)


def _kernel(profile: DisplayProfile, colour: int, distance: float) -> Tensor:
    wavelength = profile.wavelengths[colour]
    kernel = transfer_function(profile.shape, profile.pixel_pitch, wavelength, distance, without_carrier=True)
    return kernel.to(torch.complex64)
