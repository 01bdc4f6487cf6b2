"""Depth estimators, which give a picture's inverse depth up to scale and shift."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import torch

from holodriver.depth.choices import Polarity, Precision
from holodriver.depth.networks import Network, load_network
from holodriver.depth.size import Floats, Picture, network_size
from holodriver.errors import HolodriverError

Warn = Callable[[str], None]

SHORT_NAMES = {"dpt-large": "Intel/dpt-large", "dpt-hybrid-midas": "Intel/dpt-hybrid-midas"}
"""Short names on the command line for models on the Hugging Face hub."""

NEAREST = 1e-3
"""Smallest distance that is distinguished from zero, in the network's own unit (m for metric networks)."""

TILE = 768
"""Longest side that a network sees at once, pixels: attention needs memory with the square of the area."""


class Estimator(Protocol):
    """Interface of depth estimators."""

    @property
    def name(self) -> str:
        """Name of the estimator, with which results are labelled."""
        ...

    def predict(self, pictures: Sequence[Picture], long_side: int) -> list[Floats]:
        """Estimate inverse depth (h, w), larger is nearer, of each picture; all pictures have one size.

        Args:
            pictures: (H, W, 3) sRGB, 0 … 255.
            long_side: length of the longer side at which the network sees them, pixels.
        """
        ...


class NetworkEstimator:
    """Estimator that runs a network of the transformers library.

    If a GPU runs out of memory, the estimator continues with smaller batches, then on the CPU, and warns.

    Args:
        backend: short name, name on the hub, or folder of the model.
        device: torch device.
        precision: "fp16" and "bf16" are automatic mixed precision; on a CPU, "fp16" becomes fp32.
        polarity: meaning of the network's output; None for the families that `networks` lists.
        warn: called with one line about each such change.
    """

    def __init__(
        self,
        backend: str,
        *,
        device: torch.device | str = "cpu",
        precision: Precision = "fp16",
        polarity: Polarity | None = None,
        warn: Warn = lambda text: None,
    ):
        self.name = SHORT_NAMES.get(backend, backend)
        self.network: Network = load_network(self.name, polarity=polarity, warn=warn)
        self.device = torch.device(device)
        self.precision: Precision = "fp32" if precision == "fp16" and self.device.type == "cpu" else precision
        self.batch = 16
        self._warn = warn
        self._placed = False

    def predict(self, pictures: Sequence[Picture], long_side: int) -> list[Floats]:
        """Estimate inverse depth (h, w) of each picture; see `Estimator`.

        Raises:
            HolodriverError: memory is too short even for one picture on the CPU.
        """
        size = network_size(pictures[0].shape[:2], long_side, self.network.multiple)
        found: list[Floats] = []
        while len(found) < len(pictures):
            some = pictures[len(found) : len(found) + self.batch]
            try:
                found += self._forward(some, size)
            except (RuntimeError, MemoryError) as error:
                if not _lacks_memory(error):
                    raise
                self._shrink(len(some), size, error)
        return found

    def _forward(self, pictures: Sequence[Picture], size: tuple[int, int]) -> list[Floats]:
        if not self._placed:
            self.network.to(self.device)
            self._placed = True
        values = torch.stack([torch.from_numpy(np.array(picture)) for picture in pictures])
        values = values.permute(0, 3, 1, 2).float() / 255
        # on the CPU, because not every device can do this; it takes little time
        values = torch.nn.functional.interpolate(values, size, mode="bicubic", align_corners=False, antialias=True)
        half = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(self.precision)
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(allow_tf32=half is not None),
            torch.autocast(self.device.type, dtype=half or torch.bfloat16, enabled=half is not None),
        ):
            output = self.network(values.clamp(0, 1).to(self.device)).float()
        if not torch.isfinite(output).all():
            raise HolodriverError(
                f"the network gives values that are not finite in {self.precision}",
                where=self.name,
                remedy="--precision fp32",
            )
        if self.network.polarity == "distance":
            output = 1 / output.clamp_min(NEAREST)
        return list(output.cpu().numpy())

    def _shrink(self, tried: int, size: tuple[int, int], error: BaseException) -> None:
        where = f"{size[1]} × {size[0]} pixels"
        if tried > 1:
            self.batch = max(1, tried // 2)
            self._warn(f"{self.device} is out of memory with {tried} pictures of {where}: continuing with {self.batch}")
        elif self.device.type != "cpu":
            self._warn(f"{self.device} is out of memory with one picture of {where}: continuing on the CPU")
            self.device, self.precision, self._placed = torch.device("cpu"), "fp32", False
        else:
            raise HolodriverError(
                f"too little memory for a picture of {where}", where=self.name, remedy="name smaller sizes with --pyr"
            ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _lacks_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out, in any of the forms of CUDA, MPS and the CPU's allocator."""
    said = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "out of memory" in said or "alloc" in said
