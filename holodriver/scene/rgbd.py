"""RGB-D images: a picture with the depth of every pixel, and depth measured by a device."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class RgbdImage:
    """A picture of H × W pixels, sharp everywhere, with the depth of each pixel.

    Raises:
        InputError: a field has a wrong shape, type or range; the message names it.
    """

    color: Floats
    """Linear-light intensity ≥ 0, (3, H, W)."""
    depth: Floats
    """Normalised depth, (H, W): 0 at the near focal plane, 1 at the far one."""
    mapping: Mapping = "dioptric"
    """Mapping of metric depth to normalised depth: linear in dioptres (as from a disparity network) or in metres."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Source of the picture and its depth, as plain JSON values."""

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
        """Size (H, W), pixels."""
        return self.depth.shape[0], self.depth.shape[1]

    def warnings(self) -> list[str]:
        """Reasons why this picture is a poor source of a hologram, one sentence each, with the measured number."""
        low, high = float(self.depth.min()), float(self.depth.max())
        if high - low < 1 / 255:
            return [f"the depth is {low:.3g} everywhere, so that the whole picture stands in one plane"]
        return []


@dataclass(frozen=True)
class MeasuredDepth:
    """Depth that a camera or a phone measured, with holes.

    Raises:
        InputError: there are no pixels, or none that were measured.
    """

    inverse: Floats
    """Inverse depth, (h, w), larger for nearer surfaces; not a number in holes."""
    metric: bool = False
    """Whether `inverse` is in 1/m; otherwise its scale and shift are unknown."""

    def __post_init__(self) -> None:
        values = np.ascontiguousarray(self.inverse, dtype=np.float32)
        object.__setattr__(self, "inverse", values)
        if values.ndim != 2 or not values.size:
            raise InputError(f"measured depth has shape {values.shape}, expected (h, w)")
        if not np.isfinite(values).any():
            raise InputError("measured depth has no pixel that was measured")

    @property
    def holes(self) -> float:
        """Share of pixels that were not measured."""
        return float(1 - np.isfinite(self.inverse).mean())
