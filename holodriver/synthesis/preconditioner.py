"""Preconditioner of the optimiser: the approximate inverse of the second derivative of Eq. 2, in closed form.

A small change of a field of amplitude A has a part r in phase with the field (it changes the amplitude) and a part q a
quarter turn ahead (it changes the phase). At the distance z they change the intensity by

    δI(f) = 2·A·(cos χ·r(f) + sin χ·q(f)),    χ = z·(k − kz(f)),

the contrast transfer of a weak object. The second derivative of Σ_n W_n·(I_n − T_n)² in (r, q) is therefore, at each
spatial frequency, 8·A²·Σ_n W_n·[[cos²χ, sin χ·cos χ], [sin χ·cos χ, sin²χ]]. Coarse phase is almost invisible at any
distance (sin²χ is 1e-7 for a period as long as the picture), so that plain gradients need hundreds of steps to correct
it. Dividing the gradient by this matrix solves this problem.

Sources: contrast transfer by Guigay, Optik 49, 121 (1977), Eq. 4; weights and planes by Eq. 2 of the DEH paper.
"""

import cmath
import math

import torch
from torch import Tensor

from holodriver.optics.propagation import spatial_frequencies
from holodriver.synthesis.arithmetic import arithmetic_for
from holodriver.synthesis.loss import ColourLoss

LEAST_CONTRAST = 0.02
"""Constant added to the means of sin²χ and cos²χ over the planes; changes with less contrast are not reliable."""
DARKEST = 0.3
"""Share of the picture's mean brightness that is added to the local brightness."""
SMOOTHING = 4.0
"""Standard deviation, samples, of the Gaussian that smooths the brightness, because light spreads between planes."""


class Preconditioner:
    """Turns a gradient of `loss` in the field into a step of about the right length at all frequencies.

    Args:
        loss: Eq. 2 for one colour.
    """

    def __init__(self, loss: ColourLoss):
        self._do = arithmetic_for(loss.brightness.device)
        turned = self._mean_squared_transfer(loss)  # Σ w·exp(−2iχ)
        cos2, sin2 = (1 + turned.real) / 2 + LEAST_CONTRAST, (1 - turned.real) / 2 + LEAST_CONTRAST
        both = -turned.imag / 2
        determinant = cos2 * sin2 - both**2
        # With z = r + i·q the inverse matrix is z(f) → straight·z(f) + mirrored·conj(z(−f)).
        self._straight = (cos2 + sin2) / (2 * determinant)
        self._mirrored = torch.complex(sin2 - cos2, -2 * both) / (2 * determinant)
        bright = self._smooth(loss.brightness, loss.pitch)
        level = bright + DARKEST * bright.mean()
        self._scale = torch.where(level > 0, 8 * level, 1).rsqrt()  # 1 for a colour that is black everywhere

    def __call__(self, gradient: Tensor, field: Tensor) -> Tensor:
        """Step for a gradient at `field`, all complex (H, W); linear and positive definite in the gradient."""
        relative = self._do.turn(gradient, field, self._scale, backwards=True)
        spectrum = self._do.mix(torch.fft.fft2(relative), self._straight, self._mirrored)
        return self._do.turn(torch.fft.ifft2(spectrum), field, self._scale)

    @staticmethod
    def _mean_squared_transfer(loss: ColourLoss) -> Tensor:
        """Mean over the planes, with the weights of Eq. 2, of the squared transfer function without carrier (H, W)."""
        weights = (loss.plane_weights / loss.plane_weights.sum()).tolist()
        total: Tensor | None = None
        planes = zip(weights, loss.distances, loss.transfer_functions(), strict=True)
        for weight, distance, transfer in planes:
            carrier = cmath.exp(-4j * math.pi * (distance / loss.wavelength))
            total = torch.zeros_like(transfer) if total is None else total
            total.add_(transfer * transfer, alpha=weight * carrier)
        assert total is not None
        return total

    @staticmethod
    def _smooth(values: Tensor, pitch: float) -> Tensor:
        """Real values (H, W), smoothed by a Gaussian."""
        fy, fx = (spatial_frequencies(n, pitch).to(values.device) for n in values.shape)
        squared = (fy[:, None] ** 2 + fx[None] ** 2) * pitch**2
        gaussian = torch.exp(-2 * (math.pi * SMOOTHING) ** 2 * squared).to(values.dtype)
        return torch.fft.ifft2(torch.fft.fft2(values) * gaussian).real.clamp_min(0)
