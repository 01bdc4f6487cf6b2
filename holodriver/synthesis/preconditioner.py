"""The approximate inverse of the second derivative of Eq. 2, in closed form: what makes the optimiser fast.

About a field of amplitude A, a change with the phase of the field (r, of its amplitude) and one a quarter turn ahead
(q, of its phase) alter the intensity a distance z away by

    δI(f) = 2·A·(cos χ·r(f) + sin χ·q(f)),    χ = z·(k − kz(f)),

the contrast transfer of a weak object. So the second derivative of Σ_n W_n·(I_n − T_n)² in (r, q) is, at each spatial
frequency, 8·A²·Σ_n W_n·[[cos²χ, sin χ·cos χ], [sin χ·cos χ, sin²χ]]. Coarse phase hardly shows at any distance (sin²χ
is 1e-7 at a period of a whole picture), which is why plain gradients leave it wrong for hundreds of steps; dividing by
this matrix cures that.

Sources: contrast transfer by Guigay, Optik 49, 121 (1977), Eq. 4; the weights and planes are those of Eq. 2 of the DEH
paper.
"""

import cmath
import math

import torch
from torch import Tensor

from holodriver.optics.propagation import spatial_frequencies
from holodriver.synthesis.arithmetic import arithmetic_for
from holodriver.synthesis.loss import ColourLoss

LEAST_CONTRAST = 0.02
"""Added to sin²χ and cos²χ, mean over planes: below it a change shows too little to be trusted."""
DARKEST = 0.3
"""Added to the local brightness, in means of the picture's."""
SMOOTHING = 4.0
"""Standard deviation, in samples, with which brightness is smoothed: a change of the field reaches as far as light
spreads between planes."""


class Preconditioner:
    """Turns a gradient of `loss` in the field into a step of about the right length in all its parts.

    Args:
        loss: Eq. 2 of one colour.
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
        self._scale = torch.where(level > 0, 8 * level, 1).rsqrt()  # a colour that is black everywhere has no scale

    def __call__(self, gradient: Tensor, field: Tensor) -> Tensor:
        """A step (H, W) for a gradient at `field`, all complex (H, W); linear and positive definite in the gradient."""
        relative = self._do.turn(gradient, field, self._scale, backwards=True)
        spectrum = self._do.mix(torch.fft.fft2(relative), self._straight, self._mirrored)
        return self._do.turn(torch.fft.ifft2(spectrum), field, self._scale)

    @staticmethod
    def _mean_squared_transfer(loss: ColourLoss) -> Tensor:
        """Mean over the planes, weighted as Eq. 2 weights them, of the squared transfer function without carrier."""
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
        """Real (H, W), smoothed by a Gaussian."""
        fy, fx = (spatial_frequencies(n, pitch).to(values.device) for n in values.shape)
        squared = (fy[:, None] ** 2 + fx[None] ** 2) * pitch**2
        gaussian = torch.exp(-2 * (math.pi * SMOOTHING) ** 2 * squared).to(values.dtype)
        return torch.fft.ifft2(torch.fft.fft2(values) * gaussian).real.clamp_min(0)
