"""Training with simulated int8 rounding, so that the weights adapt to it.

`rounding(network)` simulates in a network without batch normalisation what `holodriver.dehnet.training.quantise` does
later: each weight is rounded to one of 255 steps (one scale a channel), and each activation that goes into an inner
convolution or is added to a skip to one of 256. Gradients pass as if nothing were rounded. In a loop:

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
"""Weight of a new batch in the running range of an activation; the first batch sets the range."""


@contextmanager
def rounding(network: DEHNet) -> Iterator[DEHNet]:
    """Give the network with simulated rounding inside the block; afterwards its state has the names that it had before.

    The first and the last convolution are not rounded.

    Args:
        network: a network without batch normalisation.

    Raises:
        InputError: the network has batch normalisation.
    """
    inner = network.convolutions()
    if any(not isinstance(convolution, nn.Conv2d) for convolution in inner):
        raise InputError("the network has batch normalisation; fuse it before training with rounding")
    chosen = inner[1:]
    for convolution in chosen:
        parametrize.register_parametrization(convolution, "weight", _RoundedWeight())
    # the input of a pair is rounded for its first convolution and for its skip; the field is not rounded
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
    """Rounding of weights: symmetric, with one scale for each output channel."""

    def forward(self, weight: Tensor) -> Tensor:
        """Round the weights; see the class."""
        scale = weight.detach().abs().amax((1, 2, 3)).clamp_min(1e-8) / WEIGHT_STEPS
        zero = torch.zeros_like(scale, dtype=torch.int32)
        return torch.fake_quantize_per_channel_affine(weight, scale, zero, 0, -WEIGHT_STEPS, WEIGHT_STEPS)


class _RoundedActivation:
    """Rounding of activations: one scale; the range follows the batches and includes zero."""

    def __init__(self, device: torch.device):
        self.low = self.high = torch.zeros((), device=device)
        self.begun = False

    def __call__(self, values: Tensor) -> Tensor:
        """Round the values of an activation."""
        low, high = values.detach().amin().clamp_max(0).float(), values.detach().amax().clamp_min(0).float()
        share = MOMENTUM if self.begun else 1.0
        self.low, self.high, self.begun = self.low.lerp(low, share), self.high.lerp(high, share), True
        scale = ((self.high - self.low) / ACTIVATION_STEPS).clamp_min(1e-8)
        zero = (-self.low / scale).round().int()
        return torch.fake_quantize_per_tensor_affine(values, scale, zero, 0, ACTIVATION_STEPS)
