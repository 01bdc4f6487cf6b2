"""Focal stacks: the picture and the depth map of a camera at each focal plane."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FocalStack:
    """N images of one scene focused on N planes, with their depth maps; C colours, H × W pixels.

    Images are linear-light intensity ≥ 0. Normalised depth is 0 at the near focal plane and 1 at the far one.

    Raises:
        InputError: a field has a wrong shape, type or range; the message names it.
    """

    images: Floats
    """Image at each focal plane, (N, C, H, W)."""
    depths: Floats
    """Normalised depth with defocus blur at each focal plane, the front-most of several one-ray samples, (N, H, W)."""
    all_in_focus: Floats
    """Image of a pinhole camera, (C, H, W)."""
    all_in_focus_depth: Floats
    """Normalised depth of a pinhole camera, (H, W)."""
    positions: Floats
    """Normalised depth of each focal plane, ascending, (N,)."""
    mapping: Mapping
    """Mapping of metric depth to normalised depth."""
    coc_max: float
    """Blur circle diameter (pixels) between the first and the last plane."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Source and settings of the focal stack, as plain JSON values."""

    def __post_init__(self) -> None:
        for name in ("images", "depths", "all_in_focus", "all_in_focus_depth", "positions"):
            values = np.ascontiguousarray(getattr(self, name), dtype=np.float32)
            object.__setattr__(self, name, values)
            if not np.isfinite(values).all():
                raise InputError(f"focal stack field '{name}' holds values that are not finite")
        if self.images.ndim != 4:
            raise InputError(f"focal stack field 'images' has shape {self.images.shape}, expected (N, C, H, W)")
        n, c, h, w = self.images.shape
        for name, expected in (
            ("depths", (n, h, w)),
            ("all_in_focus", (c, h, w)),
            ("all_in_focus_depth", (h, w)),
            ("positions", (n,)),
        ):
            if getattr(self, name).shape != expected:
                raise InputError(
                    f"focal stack field '{name}' has shape {getattr(self, name).shape}, expected {expected}"
                )
        if n < 2 or (np.diff(self.positions) <= 0).any():
            raise InputError("focal stack field 'positions' must ascend over at least 2 planes")
        for name in ("images", "all_in_focus"):
            if getattr(self, name).min() < 0:
                raise InputError(f"focal stack field '{name}' holds negative light ({getattr(self, name).min():.3g})")
        for name in ("depths", "all_in_focus_depth", "positions"):
            values = getattr(self, name)
            if values.min() < -1e-4 or values.max() > 1 + 1e-4:
                raise InputError(
                    f"focal stack field '{name}' spans {values.min():.4g} to {values.max():.4g}, expected 0 to 1"
                )
        if self.mapping not in ("dioptric", "linear"):
            raise InputError(f"focal stack field 'mapping' is {self.mapping!r}, expected 'dioptric' or 'linear'")
        if not self.coc_max > 0:
            raise InputError(f"focal stack field 'coc_max' is {self.coc_max!r}, expected pixels above 0")

    @property
    def planes(self) -> int:
        """Number of focal planes N."""
        return self.images.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """Size (H, W), pixels."""
        return self.images.shape[2], self.images.shape[3]

    def energies(self) -> NDArray[np.float64]:
        """Mean intensity of each plane divided by that of the all-in-focus image, (N,); ones for a black image."""
        reference = self.all_in_focus.mean(dtype=np.float64)
        if reference <= 0:
            return np.ones(self.planes)
        return self.images.mean(axis=(1, 2, 3), dtype=np.float64) / reference

    def exposed(self) -> "FocalStack":
        """The stack scaled by one factor, so that the 99.9th percentile of the all-in-focus image is 1.

        Raises:
            InputError: the all-in-focus image is black.
        """
        level = float(np.percentile(self.all_in_focus, 99.9))
        if level <= 0:
            raise InputError("focal stack field 'all_in_focus' is black, nothing to expose for")
        return replace(self, images=self.images / level, all_in_focus=self.all_in_focus / level)

    def warnings(self) -> list[str]:
        """Reasons why one wave field cannot show this stack well, one sentence each, with the measured number."""
        said = []
        energies = self.energies()
        spread = float(energies.max() - energies.min())
        if spread > 0.01:
            said.append(
                f"the planes differ in energy by {100 * spread:.1f} % (more than 1 %), which one wave field cannot show"
            )
        top = float(self.all_in_focus.max())
        flat = float((self.all_in_focus >= top * (1 - 1e-6)).any(axis=0).mean())
        if top > 0 and flat > 1e-3:
            said.append(
                f"{100 * flat:.1f} % of the all-in-focus pixels hold the same highest value; the source looks clipped"
            )
        if self.planes <= self.coc_max:
            said.append(f"{self.planes} planes do not exceed the blur diameter of {self.coc_max:g} px")
        return said
