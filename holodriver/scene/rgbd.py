"""RGB-D images: a picture with the depth of every pixel."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RgbdImage:
    """A picture of H × W pixels, sharp everywhere, with the depth of each of them.

    Raises:
        InputError: a field has a wrong shape, type or range; the message names it.
    """

    color: Floats
    """(3, H, W), linear-light intensity ≥ 0."""
    depth: Floats
    """(H, W), normalised depth: 0 at the near focal plane, 1 at the far one."""
    mapping: Mapping = "dioptric"
    """Whether depth is linear in dioptres (what a disparity network gives) or in metres."""
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("color", "depth"):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            object.__setattr__(self, name, values)
            if not np.isfinite(values).all():
                raise InputError(f"RGB-D field '{name}' holds values that are not finite")
        if self.color.ndim != 3 or self.color.shape[0] != 3 or not self.color.size:
            raise InputError(f"RGB-D field 'color' has shape {self.color.shape}, expected (3, H, W)")
        if self.depth.shape != self.color.shape[1:]:
            raise InputError(f"RGB-D field 'depth' has shape {self.depth.shape}, expected {self.color.shape[1:]}")
        if self.color.min() < 0:
            raise InputError(f"RGB-D field 'color' holds negative light ({self.color.min():.3g})")
        if self.depth.min() < -1e-4 or self.depth.max() > 1 + 1e-4:
            raise InputError(
                f"RGB-D field 'depth' spans {self.depth.min():.4g} to {self.depth.max():.4g}, expected 0 to 1"
            )
        if self.mapping not in ("dioptric", "linear"):
            raise InputError(f"RGB-D field 'mapping' is {self.mapping!r}, expected 'dioptric' or 'linear'")

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)"""
        return self.depth.shape[0], self.depth.shape[1]

    def warnings(self) -> list[str]:
        """What makes this picture a poor source of a hologram, one sentence each, with the figure."""
        low, high = float(self.depth.min()), float(self.depth.max())
        if high - low < 1 / 255:
            return [f"the depth is {low:.3g} everywhere, so that the whole picture stands in one plane"]
        return []
