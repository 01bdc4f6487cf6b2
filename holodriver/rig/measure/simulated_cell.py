"""A liquid crystal cell on paper, drive electronics included, for calibrations without a panel.

Nothing here is shared with the fit of the tables: the amplitude comes from a cell's retardance, with a threshold,
saturation, dispersion and the steps of a digital drive.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REFERENCE_WAVELENGTH = 638e-9


@dataclass(frozen=True)
class LiquidCrystal:
    """A vertically aligned cell between crossed polarisers.

    Intensity is sin²(Γ/2) of the retardance Γ, an S-curve of the grey level, plus what depolarised light leaks.
    """

    retardance: float = 1.0
    """Γ at 638 nm and grey level 255, in half waves; shorter wavelengths turn further (reference/hardware.md, 5)."""
    threshold: float = 0.5
    """Grey level (share of 255) in the middle of the S."""
    width: float = 0.25
    """Its width, share of 255."""
    dispersion: float = 0.02
    """Growth of the birefringence towards blue: n = 1 + this · ((638 nm / λ)² − 1)."""
    contrast: float = 800.0
    """Brightest to darkest intensity."""
    ripple: float = 0.004
    """Steps of the digital drive where its higher bits change, share of Γ."""

    def retardances(self, wavelength: float) -> NDArray[np.float64]:
        """Γ (256,), rad, for light of this wavelength (m)."""
        grey = np.arange(256)
        level = grey / 255
        curve = np.tanh((level - self.threshold) / self.width)
        curve = (curve - curve[0]) / (curve[-1] - curve[0])
        # a pulse-width drive joins bit planes of unequal weight; their rise and fall times do not add up exactly
        bits = sum(((grey >> bit) & 1) * weight for bit, weight in ((4, 0.5), (5, -0.7), (6, 1.0)))
        curve = curve + self.ripple * bits * np.sin(np.pi * level)
        ratio = REFERENCE_WAVELENGTH / wavelength
        birefringence = 1 + self.dispersion * (ratio**2 - 1)
        gamma: NDArray[np.float64] = np.pi * self.retardance * ratio * birefringence * curve
        return gamma

    def intensities(self, wavelength: float) -> NDArray[np.float64]:
        """(256,) share of the light that each grey level passes; 1 is what an open cell would."""
        transmission = np.sin(self.retardances(wavelength) / 2) ** 2
        return transmission * (1 - 1 / self.contrast) + 1 / self.contrast

    def amplitudes(self, wavelength: float) -> NDArray[np.float64]:
        """(256,) amplitude of each grey level, relative to the first maximum."""
        amplitude = np.sqrt(self.intensities(wavelength))
        return amplitude / amplitude.max()
