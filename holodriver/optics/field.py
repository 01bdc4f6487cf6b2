"""Wave fields: light on a plane, amplitude and phase."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.display import DisplayProfile
from holodriver.optics.propagation import propagate
from holodriver.system.threads import side_by_side


@dataclass(frozen=True)
class WaveField:
    """A complex wave field at the hologram plane z = 0 of a display; intensity = abs².

    Raises:
        InputError: the values are not complex, not finite, or do not fit the profile.
    """

    values: NDArray[np.complex64]
    """(C, H, W), one colour for each wavelength of the profile."""
    profile: DisplayProfile

    def __post_init__(self) -> None:
        if not np.iscomplexobj(self.values):
            raise InputError(f"wave field has type {self.values.dtype}, expected complex values")
        values = np.ascontiguousarray(self.values, dtype=np.complex64)
        object.__setattr__(self, "values", values)
        expected = (len(self.profile.wavelengths), *self.profile.shape)
        if values.shape != expected:
            raise InputError(f"wave field has shape {values.shape}, expected {expected} (colours, height, width)")
        if not np.isfinite(values).all():
            raise InputError("wave field holds values that are not finite")

    def intensity(self, t: float, *, padding: int = 0) -> NDArray[np.float32]:
        """Intensity (C, H, W) in the plane of normalised depth `t`; `padding` as in `propagate`."""
        z = self.profile.z(t)
        planes = [
            propagate(torch.from_numpy(colour), self.profile.pixel_pitch, wavelength, z, padding=padding)
            for colour, wavelength in zip(self.values, self.profile.wavelengths, strict=True)
        ]
        return torch.stack(planes).abs().square().numpy()

    def intensities(self, positions: Sequence[float], *, padding: int = 0) -> NDArray[np.float32]:
        """Intensity (N, C, H, W) in the planes of the normalised depths `positions`."""
        return np.stack(side_by_side(lambda t: self.intensity(float(t), padding=padding), positions))
