"""Parallax: movement of things from view to view, from depth, focal plane and view cone.

Seen from an angle a, a point with normalised depth t is tan(a) · relief · (t − t_focus) picture widths to the right of
its place in the middle view. This is exact for depth in dioptres of a perspective camera, and for depth in
metres of an orthographic camera, with the relief of the camera's geometry.
"""

import math
from dataclasses import dataclass
from typing import Any

from holodriver.errors import InputError, check, numbers
from holodriver.optics.focus import Mapping, check_range, metric_depth

RELIEF = 0.25
"""Depth range of a picture of unknown geometry at depthiness 1, in picture widths; an arbitrary choice. On a Looking
Glass Go, the nearest and the farthest thing then separate by a quarter of a picture between the first and the last
view, and by 1.5 pixels from view to view."""


@dataclass(frozen=True)
class Geometry:
    """Depth range of a picture before its camera, and the width of the camera's view.

    Raises:
        InputError: the range has no depth, or `view` is not above 0.
    """

    near: float
    """Distance from the camera to t = 0, scene units."""
    far: float
    """Distance from the camera to t = 1, scene units; may be infinity in the dioptric mapping."""
    mapping: Mapping
    view: float
    """Width of the camera's view: divided by the distance (perspective, "dioptric"), or in scene units
    (orthographic)."""

    def __post_init__(self) -> None:
        check_range(self.near, self.far, self.mapping)
        check("the width of the camera's view", self.view, numbers(above=0))

    def relief(self, focus: float) -> float:
        """Depth range as parallax shows it, picture widths, with the focal plane at normalised depth `focus`."""
        if self.mapping == "linear":
            return (self.far - self.near) / self.view
        distance = float(metric_depth(focus, self.near, self.far, self.mapping))
        if not math.isfinite(distance):
            raise InputError("the focal plane is at infinity, where no display can be", remedy="give a --focus below 1")
        return distance * (1 / self.near - 1 / self.far) / self.view


@dataclass(frozen=True)
class ViewSettings:
    """Depthiness, focus and zoom, as Looking Glass calls them.

    Bridge's own formulas are not public. Its headers call depthiness the scaling of z, focus the depth in the plane of
    the display, and zoom the scaling of the picture; holodriver uses these definitions.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    depthiness: float = 1.0
    """Factor on depth; 1 gives the geometry of the source if it is known, otherwise `RELIEF`."""
    focus: float = 0.0
    """Depth in the plane of the display: −1 the nearest, 0 the middle, 1 the farthest."""
    zoom: float = 1.0
    """Factor on the size of the picture, about its middle."""

    def __post_init__(self) -> None:
        for name, least, most in (("depthiness", 0.0, 4.0), ("focus", -1.0, 1.0), ("zoom", 0.1, 4.0)):
            check(name, getattr(self, name), numbers(least, most))

    @property
    def focal_depth(self) -> float:
        """Normalised depth of the plane of the display."""
        return (self.focus + 1) / 2

    def relief(self, geometry: Geometry | None) -> float:
        """Depth range as parallax shows it, picture widths."""
        return self.depthiness * (RELIEF if geometry is None else geometry.relief(self.focal_depth))


def stack_geometry(
    near: float | None, far: float | None, mapping: Mapping, camera: dict[str, Any], shape: tuple[int, int]
) -> Geometry | None:
    """Geometry from the provenance of a focal stack; None if it is unknown.

    Args:
        near, far, mapping, camera: fields of the stack's manifest.
        shape: (H, W) of the images, pixels.
    """
    if near is None or far is None:
        return None
    height, width = shape
    share = width / int(camera.get("pixels", max(height, width)))  # share of the axis to which the sensor is fitted
    if camera.get("type") == "perspective" and mapping == "dioptric":
        return Geometry(near, far, mapping, share * float(camera["sensor"]) / float(camera["lens"]))
    if camera.get("type") == "orthographic" and mapping == "linear":
        return Geometry(near, far, mapping, share * float(camera["ortho_scale"]))
    return None
