"""Depth estimators: anything that gives a picture's inverse depth, up to scale and shift."""

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
"""Names that the command line takes for names on the Hugging Face hub."""

NEAREST = 1e-3
"""Smallest distance that is told apart from zero, in the network's own unit (m for metric ones)."""

TILE = 768
"""Longest side that a network sees at once, pixels: attention costs memory with the square of the area."""


class Estimator(Protocol):
    """Gives inverse depth; a network, or what stands for one."""

    @property
    def name(self) -> str:
        """What the results are labelled with."""
        ...

    def predict(self, pictures: Sequence[Picture], long_side: int) -> list[Floats]:
        """Inverse depth (h, w), larger is nearer, of each picture, which are all of one size.

        Args:
            pictures: (H, W, 3) sRGB, 0 … 255.
            long_side: at which the network sees them, pixels.
        """
        ...


class NetworkEstimator:
    """A network of the transformers library as an estimator.

    Out of memory on a GPU it goes on with smaller batches, then on the CPU, and says so.

    Args:
        backend: short name, hub name, or folder.
        device: torch device.
        precision: "fp16" and "bf16" are automatic mixed precision; "fp16" on a CPU, which has none, is fp32.
        polarity: what the network's output means; known for the families that `networks` lists.
        warn: told in one line of what changes on the way.
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
        """Inverse depth (h, w) of each picture; see `Estimator`.

        Raises:
            HolodriverError: there is too little memory even for one picture on the CPU.
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
        # on the CPU: not every device can do this, and it is little beside the network
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
            self._warn(f"{self.device} is out of memory with {tried} pictures of {where}: goes on with {self.batch}")
        elif self.device.type != "cpu":
            self._warn(f"{self.device} is out of memory with one picture of {where}: goes on with the CPU")
            self.device, self.precision, self._placed = torch.device("cpu"), "fp32", False
        else:
            raise HolodriverError(
                f"too little memory for a picture of {where}", where=self.name, remedy="name smaller sizes with --pyr"
            ) from error
        if torch.cuda.is_available():
            torch.cuda.empty_cache()


def _lacks_memory(error: BaseException) -> bool:
    """Whether an error is one of the many ways to say that there is no memory left (CUDA, MPS, the CPU's allocator)."""
    said = str(error).lower()
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "out of memory" in said or "alloc" in said
