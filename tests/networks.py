"""Small seeded networks without training, for tests of the code around them."""

from dataclasses import asdict
from pathlib import Path

import torch

from holodriver.dehnet.architecture import DEHNet, DEHNetShape, NetworkOptics
from holodriver.files.network import COLOURS
from holodriver.files.weights import NetworkWeights, save_weights
from holodriver.optics.display import REFERENCE

TINY = DEHNetShape(channels=4, convolutions=6)
"""Halo of 6 pixels."""


def seeded(shape: DEHNetShape = TINY, seed: int = 0, *, norm: bool = False) -> DEHNet:
    """A network whose every tensor is random, so that each of them matters."""
    torch.manual_seed(seed)
    network = DEHNet(shape, norm=norm)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("bias", "running_mean")):
                tensor.normal_(0, 0.1)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 2)
    return network.eval()


def write_weights(folder: Path, shape: DEHNetShape = TINY, *, norm: bool = False) -> list[Path]:
    """Weights files of three colours."""
    paths = []
    for colour, name in enumerate(COLOURS):
        network = seeded(shape, colour, norm=norm)
        optics = asdict(NetworkOptics.of(REFERENCE, colour))
        path = folder / f"{name}.safetensors"
        save_weights(path, NetworkWeights(network.state_dict(), asdict(shape), norm, optics, {"seed": colour}))
        paths.append(path)
    return paths


def write_networks(folder: Path, shape: DEHNetShape = TINY) -> None:
    """A folder of networks, float alone."""
    from holodriver.dehnet.training.export import float_file
    from holodriver.files.network import network_path, write_network

    folder.mkdir(parents=True)
    for colour in range(len(COLOURS)):
        optics = asdict(NetworkOptics.of(REFERENCE, colour))
        weights = NetworkWeights(seeded(shape, colour).state_dict(), asdict(shape), False, optics, {"seed": colour})
        write_network(network_path(folder, colour, quantised=False), float_file(weights))
