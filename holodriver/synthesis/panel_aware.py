"""Synthesis with the panel in the loop: Burch encoding, look-up table and grey levels included in what is optimised.

The variables are the grey levels of the panel's pixels. The field behind the slit is linear in the amplitudes that they
give, so the loss of Eq. 2 along any change of levels is again an exact quartic. Each step moves those pixels by one
level that gain most by it, as the gradient and the curvature met last foretell, and as many of them as really lower
the loss: if the exact loss after the step is no lower, half as many are tried.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from holodriver.errors import check, numbers
from holodriver.optics.aperture import carrier, passband_envelope, slit_passband
from holodriver.panel.behind_slit import ORDER
from holodriver.panel.frames import PanelFrames, bin_out
from holodriver.panel.lut import AmplitudeLut
from holodriver.progress import Progress, silent
from holodriver.scene.stack import FocalStack
from holodriver.synthesis.check_input import check_fits
from holodriver.synthesis.loss import ColourLoss, LossWeights

ITERATIONS = 60
FIRST_SHARE = 0.05  # of the pixels that promise to gain, moved in the first step
GROWTH = 1.5  # of that share after a step that lowered the loss; it halves after one that did not


def refine_frames(
    frames: PanelFrames,
    stack: FocalStack,
    *,
    beta: float | None = None,
    gamma: float | None = None,
    iterations: int = ITERATIONS,
    progress: Progress = silent,
) -> PanelFrames:
    """Frames whose 8-bit levels, read back through the slit, have a lower loss of Eq. 2 than those of `frames`.

    Args:
        frames: where to begin, such as an encoded hologram; their gains and tables are kept.
        stack: exposed focal stack of the hologram.
        beta, gamma: weights of Eq. 2; see `LossWeights.for_planes`.
        iterations: steps of each colour.
        progress: called after each step.

    Returns:
        new frames; their loss is never higher.

    Raises:
        InputError: the stack does not fit the frames, or `iterations` is below 1.
    """
    check("argument 'iterations'", iterations, numbers(1, whole=True))
    profile = frames.profile
    check_fits(stack, profile)
    weights = LossWeights.for_planes(stack.planes, beta, gamma)
    passband = slit_passband(profile) * passband_envelope(profile)
    grating = torch.from_numpy(carrier(profile).astype(np.complex64))
    greys = []
    for colour, (gain, lut) in enumerate(zip(frames.gains, frames.luts, strict=True)):
        panel = _Panel(torch.from_numpy(passband.astype(np.float32) / (ORDER * gain)), grating)
        loss = ColourLoss(stack, colour, profile, weights)
        levels = _Levels(lut, frames.pixels[colour, :: profile.binning, :: profile.binning])
        value, gradient = loss.at(panel.spectrum(levels.amplitude()))
        share, curvature = FIRST_SHARE, 0.0
        for step in range(iterations):
            change, chosen = levels.promising(panel.pull(gradient), curvature, share)
            line = loss.along(panel.spectrum(change))
            curvature = 2 * line.coefficients[2] / max(float(change.square().sum()), 1e-30)
            if sum(line.coefficients) < value:
                levels.move(chosen)
                value, gradient = loss.move(1.0)
                share = min(1.0, share * GROWTH)
            else:
                share /= 2
            done, total = colour * iterations + step + 1, len(frames.gains) * iterations
            progress("Refining the frames", done, total, f"loss {value:.5f}")
        greys.append(levels.grey)
    return PanelFrames(bin_out(np.stack(greys), profile.binning), profile, frames.gains, frames.luts)


class _Panel:
    """From amplitudes (H, W) of one colour to the spectrum behind the slit, and a gradient the way back."""

    def __init__(self, passband: Tensor, grating: Tensor):
        self._passband, self._grating = passband, grating

    def spectrum(self, amplitude: Tensor) -> Tensor:
        """Unitary spectrum (H, W) of the field that the slit passes, the recorded gain undone."""
        return torch.fft.fft2(amplitude * self._grating.conj(), norm="ortho") * self._passband

    def pull(self, gradient: Tensor) -> Tensor:
        """Gradient (H, W) in the amplitudes of a gradient in the spectrum: the adjoint of `spectrum`."""
        return (torch.fft.ifft2(gradient * self._passband, norm="ortho") * self._grating).real


class _Levels:
    """Grey levels (H, W) of one colour, and their neighbours among those of different amplitude."""

    def __init__(self, lut: AmplitudeLut, grey: NDArray[np.uint8]):
        # One grey level for each amplitude that the panel has, up to the peak.
        self._amplitudes, first = np.unique(lut.amplitudes[: lut.peak + 1], return_index=True)
        self._greys = first.astype(np.uint8)
        self._index = np.searchsorted(self._amplitudes, lut.amplitude(np.minimum(grey, lut.peak)))

    @property
    def grey(self) -> NDArray[np.uint8]:
        """Grey levels now."""
        return self._greys[self._index]

    def amplitude(self) -> Tensor:
        """Amplitudes now, float32."""
        return torch.from_numpy(self._amplitudes[self._index]).float()

    def promising(self, gradient: Tensor, curvature: float, share: float) -> tuple[Tensor, NDArray[np.int64]]:
        """The change of amplitude if those pixels move one level that promise to gain most, and the levels they move.

        Args:
            gradient: of the loss in the amplitudes.
            curvature: second derivative of the loss along earlier changes, for each pixel alike.
            share: of the pixels that promise to gain at all.
        """
        slope = gradient.numpy()
        wanted = np.clip(self._index - np.sign(slope).astype(np.int64), 0, len(self._amplitudes) - 1)
        change = self._amplitudes[wanted] - self._amplitudes[self._index]
        gain = -slope * change - curvature / 2 * change**2
        count = max(1, int(share * (gain > 0).sum()))
        least = np.partition(gain.ravel(), -count)[-count]
        chosen = gain >= max(least, 0)
        steps = np.where(chosen, wanted - self._index, 0)
        return torch.from_numpy(np.where(chosen, change, 0)).float(), steps

    def move(self, steps: NDArray[np.int64]) -> None:
        """Take the levels that `promising` proposed."""
        self._index = self._index + steps
