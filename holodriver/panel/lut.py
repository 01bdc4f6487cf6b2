"""Amplitude look-up table: the amplitude of each grey level of the panel, and the grey level for an amplitude."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError

LEVELS = 256
"""Number of grey levels."""

GRAIN = 2.0**-40
"""Step to which amplitudes are rounded before a grey level is chosen, so that all machines choose the same one.

Dark pixels, and every other pixel of a field without phase, have the amplitude ½ plus a rounding error, and ½ lies
exactly between two grey levels."""


@dataclass(frozen=True)
class AmplitudeLut:
    """Amplitude of each grey level for one colour, relative to the brightest usable level.

    Grey levels past the peak (a liquid crystal that turns too far for short wavelengths) are never used.

    Raises:
        InputError: the table is not 256 finite amplitudes from 0 to 1 that rise to a peak of 1.
    """

    amplitudes: NDArray[np.float64]
    """Amplitude of each grey level, (256,)."""

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.amplitudes, np.float64)
        object.__setattr__(self, "amplitudes", values)
        if values.shape != (LEVELS,) or not np.isfinite(values).all():
            raise InputError(f"amplitude look-up table has shape {values.shape}, expected 256 finite amplitudes")
        if values.min() < 0 or abs(values.max() - 1) > 1e-9:
            raise InputError(
                f"amplitude look-up table spans {values.min():.4g} to {values.max():.4g}, expected 0 or more to 1"
            )
        if (np.diff(values[: self.peak + 1]) < 0).any():
            raise InputError("amplitude look-up table falls before its peak, expected amplitudes that rise to it")

    @property
    def peak(self) -> int:
        """First grey level with the highest amplitude."""
        return int(self.amplitudes.argmax())

    def amplitude(self, grey: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Amplitude that the panel shows for each grey level."""
        return self.amplitudes[grey]

    def grey(self, amplitude: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Grey level whose amplitude is nearest to the wanted one; amplitudes outside 0 … 1 are clipped."""
        rising = self.amplitudes[: self.peak + 1]
        return np.searchsorted((rising[1:] + rising[:-1]) / 2, amplitude, side="right").astype(np.uint8)

    @classmethod
    def linear(cls) -> "AmplitudeLut":
        """Table of a panel whose amplitude is proportional to the grey level."""
        return cls(np.arange(LEVELS) / (LEVELS - 1))

    @classmethod
    def simulated_panel(cls, wavelengths: Sequence[float]) -> "tuple[AmplitudeLut, ...]":
        """Table for each wavelength (m) of the simulated panel: one cell for all colours, whose peak comes early for
        short wavelengths."""
        return tuple(cls.liquid_crystal(max(wavelengths) / wavelength) for wavelength in wavelengths)

    @classmethod
    def liquid_crystal(cls, retardance: float = 1.0, contrast: float = 800.0) -> "AmplitudeLut":
        """Table of a vertically aligned cell between crossed polarisers: amplitude sin(Γ/2), with the retardance Γ an
        S-curve of the grey level.

        Args:
            retardance: Γ at grey level 255, in half waves; above 1 the cell turns too far and peaks early.
            contrast: ratio of the brightest to the darkest intensity.
        """
        level = np.arange(LEVELS) / (LEVELS - 1)
        gamma = math.pi * retardance * (3 * level**2 - 2 * level**3)
        amplitude = np.sqrt(np.sin(gamma / 2) ** 2 * (1 - 1 / contrast) + 1 / contrast)
        return cls(amplitude / amplitude.max())
