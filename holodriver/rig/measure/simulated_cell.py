"""A simulated liquid crystal cell with its drive electronics, for calibrations without a panel.

The simulation shares no code with the fit of the look-up tables: the amplitude comes from the cell's retardance, with
threshold, saturation, dispersion and the steps of a digital drive.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

REFERENCE_WAVELENGTH = 638e-9


@dataclass(frozen=True)
class LiquidCrystal:
    """A vertically aligned cell between crossed polarisers.

    The intensity is sin²(Γ/2) plus a leak of depolarised light; the retardance Γ is an S-curve of the grey level.
    """

    retardance: float = 1.0
    """Γ at 638 nm and grey level 255, in half waves; shorter wavelengths turn further (reference/hardware.md, 5)."""
    threshold: float = 0.5
    """Grey level in the middle of the S-curve, as a share of 255."""
    width: float = 0.25
    """Width of the S-curve in grey levels, as a share of 255."""
    dispersion: float = 0.02
    """Coefficient d of the birefringence, which grows towards blue by the factor 1 + d · ((638 nm / λ)² − 1)."""
    contrast: float = 800.0
    """Ratio of the brightest to the darkest intensity."""
    ripple: float = 0.004
    """Steps in Γ at changes of the digital drive's higher bits, as a share of Γ."""

    def retardances(self, wavelength: float) -> NDArray[np.float64]:
        """Retardance Γ of each grey level, (256,), rad, for light of this wavelength, m."""
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
        """Share of the light that each grey level passes, (256,); 1 for a fully open cell."""
        transmission = np.sin(self.retardances(wavelength) / 2) ** 2
        return transmission * (1 - 1 / self.contrast) + 1 / self.contrast

    def amplitudes(self, wavelength: float) -> NDArray[np.float64]:
        """Amplitude of each grey level, (256,), relative to the first maximum."""
        amplitude = np.sqrt(self.intensities(wavelength))
        return amplitude / amplitude.max()
