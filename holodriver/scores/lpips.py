"""LPIPS, a distance between pictures learned from people's judgement, if its package is installed.

Source: Zhang et al., The Unreasonable Effectiveness of Deep Features as a Perceptual Metric, CVPR 2018. The package
`lpips` has its own weights for the last layers and takes the network before them, AlexNet, from torchvision.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from holodriver.errors import HolodriverError
from holodriver.optics.colour import srgb_encode
from holodriver.scores.psnr_ssim import scored_part

NETWORK = "alex"
"""Name of AlexNet in the package `lpips`."""

BACKBONE = "alexnet-*.pth"
"""Pattern of the file names of AlexNet's weights that torchvision downloads."""

Distance = Callable[[NDArray[np.floating], NDArray[np.floating]], float]
"""Function that gives the distance of two pictures (3, H, W) of linear light."""


def is_available() -> bool:
    """Whether LPIPS can be computed here without downloading anything."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    installed = all(importlib.util.find_spec(name) is not None for name in ("lpips", "torchvision"))
    return installed and any(folder.glob(BACKBONE))


def load_lpips() -> Distance:
    """The LPIPS function of two pictures (3, H, W) of linear light; similar pictures have a small distance.

    Torchvision downloads the weights of AlexNet if they are not on this machine.

    Raises:
        HolodriverError: the package is not installed, or the weights cannot be downloaded.
    """
    try:
        import lpips
    except ImportError as error:
        raise HolodriverError(
            f"LPIPS needs the package {error.name or 'lpips'}, which is not installed", remedy="pip install lpips"
        ) from error
    except RuntimeError as error:  # raised by a torchvision for another version of torch
        raise HolodriverError(
            f"LPIPS cannot be loaded: {error}", remedy="install the torchvision for this version of torch"
        ) from error
    try:
        network: Any = lpips.LPIPS(net=NETWORK, verbose=False)
    except OSError as error:  # urllib's errors are OSErrors
        raise HolodriverError(
            f"the weights of LPIPS cannot be downloaded: {error}", remedy="leave out --lpips, or check the network"
        ) from error
    network.eval()

    def distance(image: NDArray[np.floating], target: NDArray[np.floating]) -> float:
        pair = [torch.from_numpy(2 * srgb_encode(light).astype(np.float32) - 1)[None] for light in (image, target)]
        with torch.no_grad():
            return float(network(*pair))

    return distance


def lpips_of_planes(
    images: NDArray[np.floating], targets: NDArray[np.floating], coc_max: float, distance: Distance
) -> tuple[float, ...]:
    """Distance of each plane's image from its target, both (N, 3, H, W), without the border of `score_stack`."""
    inside = scored_part(coc_max)
    return tuple(distance(image[inside], target[inside]) for image, target in zip(images, targets, strict=True))
