"""Training with the rounding of int8 in the way, so that the weights learn to live with it.

`rounding(network)` puts into a network without batch normalisation what `holodriver.dehnet.training.quantise` will do
to it: each weight is used as its nearest of 255 steps (one scale a channel), each activation that goes into an inner
convolution or is added to a skip as its nearest of 256. Gradients pass as if nothing had been rounded. In a loop:

    network = network.fused()
    with rounding(network):
        ...  # some more steps, at a low rate
    # the weights are float again, and quantise well

Source: B. Jacob et al., "Quantization and training of neural networks for efficient integer-arithmetic-only inference",
CVPR 2018.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from holodriver.dehnet.architecture import DEHNet
from holodriver.errors import InputError

WEIGHT_STEPS, ACTIVATION_STEPS = 127, 255
MOMENTUM = 0.01
"""Of the running range of an activation; the first batch sets it."""


@contextmanager
def rounding(network: DEHNet) -> Iterator[DEHNet]:
    """The network, rounding while the block lasts; afterwards its state has the names it had before.

    Its first and last convolution stay as they are.

    Args:
        network: without batch normalisation.

    Raises:
        InputError: it has batch normalisation.
    """
    inner = network.convolutions()
    if any(not isinstance(convolution, nn.Conv2d) for convolution in inner):
        raise InputError("the network has batch normalisation; fuse it before it learns to be rounded")
    chosen = inner[1:]
    for convolution in chosen:
        parametrize.register_parametrization(convolution, "weight", _RoundedWeight())
    # what goes into a pair is rounded for its first convolution and for its skip; the field itself is not rounded
    before: list[Any] = [part for pair in network.pairs for part in (pair, pair.two)]
    device = network.last.weight.device
    hooks = []
    for module in before:
        into = _RoundedActivation(device)
        hooks.append(module.register_forward_pre_hook(lambda _, given, to=into: (to(given[0]),)))
    for pair in network.pairs:
        out = _RoundedActivation(device)
        second: Any = pair.two
        hooks.append(second.register_forward_hook(lambda _, given, got, to=out: to(got)))
    try:
        yield network
    finally:
        for hook in hooks:
            hook.remove()
        for convolution in chosen:
            parametrize.remove_parametrizations(convolution, "weight", leave_parametrized=False)


class _RoundedWeight(nn.Module):
    """Symmetric, one scale for each channel that comes out."""

    def forward(self, weight: Tensor) -> Tensor:
        """See the class."""
        scale = weight.detach().abs().amax((1, 2, 3)).clamp_min(1e-8) / WEIGHT_STEPS
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -WEIGHT_STEPS, WEIGHT_STEPS)


class _RoundedActivation:
    """One scale; the range follows that of the batches, and holds zero."""

    def __init__(self, device: torch.device):
        self.low = self.high = torch.zeros((), device=device)
        self.begun = False

    def __call__(self, values: Tensor) -> Tensor:
        """Rounded values."""
        low, high = values.detach().amin().clamp_max(0).float(), values.detach().amax().clamp_min(0).float()
        share = MOMENTUM if self.begun else 1.0
        self.low, self.high, self.begun = self.low.lerp(low, share), self.high.lerp(high, share), True
        scale = ((self.high - self.low) / ACTIVATION_STEPS).clamp_min(1e-8)
        zero = (-self.low / scale).round().int()
        return torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, ACTIVATION_STEPS)
