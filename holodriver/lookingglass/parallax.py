"""How far things move from view to view: depth, focal plane and view cone as shifts in the picture.

Seen from an angle a, a point stands tan(a) · relief · (t − t_focus) picture widths to the right of where the middle
view has it, t being its normalised depth: exactly so for normalised depth in dioptres of a perspective camera and in
metres of an orthographic one, with the relief of its geometry.
"""

import math
from dataclasses import dataclass
from typing import Any

from holodriver.errors import InputError, check, numbers
from holodriver.optics.focus import Mapping, check_range, metric_depth

RELIEF = 0.25
"""Depth range, in picture widths, of a picture whose geometry is unknown, at depthiness 1: our choice. On a Looking
Glass Go the nearest and the farthest thing then part by a quarter of a picture between the first and the last view, by
1.5 pixels from view to view."""


@dataclass(frozen=True)
class Geometry:
    """Where the depth of a picture stood before its camera, and what the camera saw.

    Raises:
        InputError: the range has no depth, or `view` is not above 0.
    """

    near: float
    """Distance of t = 0, scene units."""
    far: float
    """Distance of t = 1; may be infinity in the dioptric mapping."""
    mapping: Mapping
    view: float
    """Width of what the camera sees: in distances (perspective, "dioptric") or in scene units (orthographic)."""

    def __post_init__(self) -> None:
        check_range(self.near, self.far, self.mapping)
        check("the width of the camera's view", self.view, numbers(above=0))

    def relief(self, focus: float) -> float:
        """Depth range in picture widths as parallax shows it, with the focal plane at normalised depth `focus`."""
        if self.mapping == "linear":
            return (self.far - self.near) / self.view
        distance = float(metric_depth(focus, self.near, self.far, self.mapping))
        if not math.isfinite(distance):
            raise InputError(
                "the focal plane is at infinity, where no display can stand", remedy="give a --focus below 1"
            )
        return distance * (1 / self.near - 1 / self.far) / self.view


@dataclass(frozen=True)
class ViewSettings:
    """What Looking Glass calls depthiness, focus and zoom.

    Bridge's own arithmetic is not public; its headers call depthiness the scaling of z, focus the depth that stands in
    the display, and zoom the scaling of the picture. That is what they are here.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    depthiness: float = 1.0
    """Scales depth; 1: the geometry of the source where it is known, else `RELIEF`."""
    focus: float = 0.0
    """−1: the nearest depth stands in the plane of the display; 0: the middle; 1: the farthest."""
    zoom: float = 1.0
    """Scales the picture about its middle."""

    def __post_init__(self) -> None:
        for name, least, most in (("depthiness", 0.0, 4.0), ("focus", -1.0, 1.0), ("zoom", 0.1, 4.0)):
            check(name, getattr(self, name), numbers(least, most))

    @property
    def focal_depth(self) -> float:
        """Normalised depth of the plane that stands in the display."""
        return (self.focus + 1) / 2

    def relief(self, geometry: Geometry | None) -> float:
        """Depth range in picture widths."""
        return self.depthiness * (RELIEF if geometry is None else geometry.relief(self.focal_depth))


def stack_geometry(
    near: float | None, far: float | None, mapping: Mapping, camera: dict[str, Any], shape: tuple[int, int]
) -> Geometry | None:
    """The geometry that a focal stack's provenance tells; None where it does not.

    Args:
        near, far, mapping, camera: as the manifest has them.
        shape: (H, W) of the images.
    """
    if near is None or far is None:
        return None
    height, width = shape
    share = width / int(camera.get("pixels", max(height, width)))  # of what the sensor's fitted axis covers
    if camera.get("type") == "perspective" and mapping == "dioptric":
        return Geometry(near, far, mapping, share * float(camera["sensor"]) / float(camera["lens"]))
    if camera.get("type") == "orthographic" and mapping == "linear":
        return Geometry(near, far, mapping, share * float(camera["ortho_scale"]))
    return None
