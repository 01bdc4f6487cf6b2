"""DEHNet: the network that turns an RGB-D image into the wave field that the optimiser would have found.

The default shape is the paper's: 34 convolutions of 3 × 3 with 12 channels, and the input concatenated before the last.
The shipped networks are wider and shorter (`holodriver/dehnet/weights/MODEL_CARD.md`). A network is for one colour,
because diffraction depends on the wavelength. Its output is *added* to the flat-phase field √I, so that training starts
from a good simple hologram; every two convolutions have a skip.

Source: the DEH paper, "Training of the neural network" and Fig. 2b; the skips, K. He et al., "Deep residual learning
for image recognition", CVPR 2016; the folded pixels, W. Shi et al., "Real-time single image and video super-resolution
using an efficient sub-pixel convolutional neural network", CVPR 2016.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from holodriver.errors import Expected, InputError, check_fields, numbers
from holodriver.optics.display import DisplayProfile

INPUTS, OUTPUTS = 2, 2
"""Channels of the input (amplitude and depth) and of the output (real and imaginary part)."""

TOLERANCE = 1e-3
"""Largest relative difference between the optics of a display and of a network that fits it."""

MOST = 1024
"""Largest number of channels, and of convolutions, that a file may ask for; more is refused before memory is taken."""

MIDDLE = 0.5
"""Value that is subtracted from both inputs, so that they are centred on zero."""


@dataclass(frozen=True)
class DEHNetShape:
    """Size of a DEHNet.

    Raises:
        InputError: a size is out of range.
    """

    channels: int = 12
    """Number of channels of each inner convolution."""
    convolutions: int = 34
    """Number of convolutions of 3 × 3."""
    skips: bool = True
    """Whether a skip goes around every two convolutions."""
    fold: int = 1
    """Side of the squares of pixels that are folded into channels, so that convolutions see fewer, wider pixels."""

    def __post_init__(self) -> None:
        even = numbers(4, MOST, whole=True, kind="an even number")
        check_fields(
            self,
            "DEHNet",
            channels=numbers(1, MOST, whole=True),
            convolutions=Expected(even.text, lambda value: even.holds(value) and value % 2 == 0),
            fold=Expected("1, 2 or 4", lambda value: type(value) is int and value in (1, 2, 4)),
        )

    @property
    def multiplications(self) -> int:
        """Number of multiplications for one pixel of one colour."""
        folded, c = self.fold**2, self.channels
        first, inner, last = INPUTS * folded * c, c * c, (c + INPUTS * folded) * OUTPUTS * folded
        return 9 * (first + (self.convolutions - 2) * inner + last) // folded

    @property
    def halo(self) -> int:
        """Distance, in pixels, within which other pixels change the result at a pixel."""
        return self.convolutions * self.fold


@dataclass(frozen=True)
class NetworkOptics:
    """Optics for which a DEHNet is trained: one wavelength, pixel pitch and depth range, at any picture size."""

    wavelength: float
    """Wavelength, m."""
    pixel_pitch: float
    """Pixel pitch of the panel, m."""
    depth_span: float
    """Distance between the nearest and the farthest focal plane, m."""
    depth_offset: float
    """Distance from the hologram plane to the focal plane of normalised depth 1, m."""
    coc_max: float
    """Blur circle diameter over the whole depth range, pixels."""

    @classmethod
    def of(cls, profile: DisplayProfile, colour: int) -> "NetworkOptics":
        """Optics of one colour of a display."""
        return cls(
            profile.wavelengths[colour],
            profile.pixel_pitch,
            profile.depth_span,
            profile.depth_offset,
            profile.coc_max,
        )

    def check_fits(self, profile: DisplayProfile, colour: int) -> None:
        """Refuse a display for which the network was not trained.

        Raises:
            InputError: a value differs by more than `TOLERANCE`; the message names it.
        """
        for name, wanted in asdict(NetworkOptics.of(profile, colour)).items():
            trained = getattr(self, name)
            if not math.isclose(trained, wanted, rel_tol=TOLERANCE, abs_tol=1e-12):
                raise InputError(
                    f"display profile has {name} {wanted:.6g}, the network was trained for {trained:.6g}",
                    where=profile.name,
                    remedy="use --method opt, or train a network for this display (holodriver train network)",
                )


class DEHNet(nn.Module):
    """Network for one colour.

    `forward` takes (B, 2, H, W): target amplitude √I of the all-in-focus image (linear light) and normalised depth,
    0 near to 1 far. It returns (B, 2, H, W): real and imaginary part of the field at the hologram plane. H and W are
    multiples of the shape's `fold`. Pixels outside the picture count as zero.

    Args:
        shape: size of the network.
        norm: with batch normalisation before each activation, for the first stage of training; see `fused`.
    """

    def __init__(self, shape: DEHNetShape | None = None, *, norm: bool = False):
        super().__init__()
        self.shape = shape = DEHNetShape() if shape is None else shape
        folded = shape.fold**2
        self.first = _convolution(INPUTS * folded, shape.channels, norm)
        pairs = (shape.convolutions - 2) // 2
        self.pairs = nn.ModuleList(_Pair(shape.channels, shape.skips, norm) for _ in range(pairs))
        self.last = nn.Conv2d(shape.channels + INPUTS * folded, OUTPUTS * folded, 3, padding=1)
        with torch.no_grad():  # makes the untrained network close to flat phase
            self.last.weight.mul_(0.1)
            assert self.last.bias is not None
            self.last.bias.zero_()

    def forward(self, amplitude_and_depth: Tensor) -> Tensor:
        """Compute the wave field; see the class."""
        centred = amplitude_and_depth - MIDDLE
        if self.shape.fold > 1:
            centred = nn.functional.pixel_unshuffle(centred, self.shape.fold)
        features = nn.functional.relu(self.first(centred))
        for pair in self.pairs:
            features = pair(features)
        added = self.last(torch.cat((features, centred), 1))
        if self.shape.fold > 1:
            added = nn.functional.pixel_shuffle(added, self.shape.fold)
        amplitude = amplitude_and_depth[:, :1]
        return added + torch.cat((amplitude, torch.zeros_like(amplitude)), 1)

    def convolutions(self) -> list[Any]:
        """All convolutions except the last, in order, each with its batch normalisation if it has one."""
        return [self.first, *(part for pair in self.pairs for part in (pair.one, pair.two))]

    def fused(self) -> "DEHNet":
        """Copy of the network without batch normalisation, whose running means and variances become part of the
        weights."""
        plain = DEHNet(self.shape).to(next(self.parameters()).device)
        for target, source in zip(plain.convolutions(), self.convolutions(), strict=True):
            if isinstance(source, nn.Sequential):
                source = _without_norm(*source)
            target.load_state_dict(source.state_dict())
        plain.last.load_state_dict(self.last.state_dict())
        return plain.train(self.training)


def _without_norm(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Conv2d:
    return torch.nn.utils.fuse_conv_bn_eval(convolution.eval(), norm.eval())


class _Pair(nn.Module):
    """Two convolutions, optionally with a skip around them."""

    def __init__(self, channels: int, skip: bool, norm: bool):
        super().__init__()
        self.one = _convolution(channels, channels, norm)
        # with a skip, a pair starts as a small change of its input
        self.two = _convolution(channels, channels, norm, gain=0.25 if skip else 1.0)
        self.skip = skip

    def forward(self, features: Tensor) -> Tensor:
        changed = self.two(nn.functional.relu(self.one(features)))
        return nn.functional.relu(features + changed if self.skip else changed)


def _convolution(inputs: int, outputs: int, norm: bool, gain: float = 1.0) -> nn.Module:
    """Convolution initialised for ReLU, optionally with batch normalisation."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
    assert convolution.bias is not None
    with torch.no_grad():
        convolution.weight.mul_(gain)
        convolution.bias.zero_()
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs)) if norm else convolution


def network_input(intensity: Tensor, depth: Tensor) -> Tensor:
    """Input of a DEHNet, (B, 2, H, W), from the intensity ≥ 0 of one colour and normalised depth, both (B, H, W)."""
    return torch.stack((intensity.clamp_min(0).sqrt(), depth), 1)
