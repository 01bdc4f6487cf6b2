"""Focal stacks: what a camera sees at each focal plane."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.errors import InputError
from holodriver.optics.focus import Mapping

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class FocalStack:
    """N varifocal images of one scene with their depth maps; C colours, H × W pixels.

    Images are linear-light intensity ≥ 0. Depths are normalised depth: 0 at the near focal plane, 1 at the
    far one. `depths` are defocus-blur-considered (front-most of several one-ray samples for each focal plane),
    `all_in_focus_depth` is that of a pinhole camera. `positions` are the normalised depths of the planes, ascending.

    Raises:
        InputError: a field has a wrong shape, type or range; the message names it.
    """

    images: Floats
    """(N, C, H, W)"""
    depths: Floats
    """(N, H, W)"""
    all_in_focus: Floats
    """(C, H, W)"""
    all_in_focus_depth: Floats
    """(H, W)"""
    positions: Floats
    """(N,)"""
    mapping: Mapping
    coc_max: float
    """Blur circle diameter (pixels) between the first and the last plane."""
    provenance: dict[str, Any] = field(default_factory=dict)

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
        """(H, W)"""
        return self.images.shape[2], self.images.shape[3]

    def energies(self) -> NDArray[np.float64]:
        """Mean intensity of each plane relative to that of the all-in-focus image, (N,); ones if that is black."""
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
        """What makes this stack hard to show as one wave field, one sentence each, with the figure."""
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
