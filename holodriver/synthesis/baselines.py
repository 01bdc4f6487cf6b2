"""Holograms to compare with: flat phase, nCGH, dCGH, and superposed points."""

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


def flat_phase(stack: FocalStack, profile: DisplayProfile) -> WaveField:
    """√all-in-focus amplitude with zero phase at the hologram plane: the picture, everywhere, hardly blurred."""
    check_fits(stack, profile)
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
    """Diffusive hologram: as `ncgh`, but each point with a random phase, so that light spreads, with speckle.

    Args:
        seed: of the random phases; the other arguments are those of `ncgh`.

    Source: the dCGH of the DEH paper (Fig. 2a; random phases as in its references 12 and 13).
    """
    generator = torch.Generator().manual_seed(seed)
    phase = 2 * math.pi * torch.rand(stack.shape, generator=generator)
    surface = torch.from_numpy(np.sqrt(stack.all_in_focus)) * torch.polar(torch.ones_like(phase), phase)
    return _march(stack, profile, surface, layers, progress, "Computing the dCGH")


def superposed(
    stack: FocalStack, profile: DisplayProfile, *, layers: int | None = None, progress: Progress = silent
) -> WaveField:
    """Superposed points: the wave of each point, from its depth, added up; nothing is blocked.

    Each point's phase offset depends on its depth so that all arrive in phase (the on-axis phase is taken out).
    Arguments are those of `ncgh`.

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
    """Propagate from layer to layer, far to near; each layer's surface (C, H, W) replaces what comes from behind."""
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
    """The all-in-focus depth cut into layers; those that hold something, far to near."""

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
        """Where `layer` has a surface, bool (H, W)."""
        return self._index == layer


class _Counter:
    """Counts steps of several threads into one progress bar."""

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
