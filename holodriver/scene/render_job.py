"""The request for a render, which the driver writes and the Blender add-on reads.

This module needs numpy only, so that Blender's Python can use it.
"""

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self, get_args

from holodriver.errors import InputError, check, numbers, one_of
from holodriver.optics.display import REFERENCE
from holodriver.optics.focus import MAPPINGS, Mapping, check_range

Split = Literal["train", "test"]
"""Set of things and textures for random scenes; the two sets share nothing."""

Route = Literal["planes", "refocus"]
"""Way to make the images of the focal planes. `planes`: render each through a thin lens. `refocus`: render views from
points of the aperture, then shift and add them."""

Look = Literal["scene", "standard"]
"""Colours of a quilt: the scene's own view transform, or plain sRGB."""

SPLITS: tuple[str, ...] = get_args(Split)
ROUTES: tuple[str, ...] = get_args(Route)
LOOKS: tuple[str, ...] = get_args(Look)

DEMO, RANDOM = BUILT = ("demo", "random")
"""Names of the scenes that the add-on builds itself."""

CPU = "CPU"
"""Name of the CPU among the devices of Cycles."""

MAXIMUM_PLANES = 10_000
"""Largest number of focal planes; a larger number from a damaged file is refused before memory is allocated."""

MAXIMUM_SIZE = 65_536
"""Largest number of pixels along one side; a larger number from a damaged file is refused."""

RANGE_MARGIN = 0.01
"""Share of its length by which a measured depth range is extended at both ends: a lens sees a little more than a
pinhole."""

NO_HIT = 1e9
"""Smallest depth, m, that means "no surface" in a raw render; Cycles writes 1e10 for a ray that meets nothing."""


@dataclass(frozen=True, kw_only=True)
class RenderJob:
    """The request for a render: scene, size and quality.

    Planes, blur, route and depth samples are used for focal stacks only.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    scene: str
    """"demo", "random", or the path of a .blend file."""
    width: int
    """Width of each image, pixels."""
    height: int
    """Height of each image, pixels."""
    planes: int = REFERENCE.planes
    """Number of focal planes."""
    coc_max: float = REFERENCE.coc_max
    """Blur circle diameter between the near and the far plane, pixels."""
    samples: int = 16
    """Samples per pixel of each colour image."""
    near: float | None = None
    """Distance of the near focal plane, m (scene units); None: the nearest surface in view."""
    far: float | None = None
    """Distance of the far focal plane, m, or infinity; None: the farthest surface in view."""
    mapping: Mapping | None = None
    """Mapping of metric depth to normalised depth; None: the one that fits the camera's type."""
    depth_samples: int = 10
    """Number of depth renders of each plane, one ray each; 10 in the DEH paper (Methods)."""
    max_bounces: int = 4
    """Largest number of bounces of light between surfaces."""
    seed: int = 0
    """Seed of the render's noise and of a random scene."""
    denoise: bool = True
    """Whether noise is removed from the images (OpenImageDenoise)."""
    split: Split = "test"
    """Set of things and textures for a random scene."""
    device: str = CPU
    """Device on which Cycles renders: "CPU", or a type of GPU by its name in Cycles, such as "OPTIX"."""
    devices: tuple[str, ...] = ()
    """Cycles' identifiers of the GPUs to use; empty: all GPUs of the type `device`."""
    route: Route = "planes"
    """Way to make the images of the focal planes."""
    frames: tuple[int, ...] = ()
    """Animation frames to render; empty: the current frame of the saved file."""

    def __post_init__(self) -> None:
        for name, least, most in (
            ("width", 8, MAXIMUM_SIZE),
            ("height", 8, MAXIMUM_SIZE),
            ("planes", 2, MAXIMUM_PLANES),
            ("samples", 1, 1_000_000),
            ("depth_samples", 1, 1_000),
            ("max_bounces", 0, 1_024),
            ("seed", 0, 2**31 - 1),
        ):
            check(name, getattr(self, name), numbers(least, most, whole=True))
        check("coc_max", self.coc_max, numbers(above=0, kind="pixels"))
        if self.mapping is not None:
            check("mapping", self.mapping, one_of(*MAPPINGS))
        check("near", self.near, numbers(above=0, optional=True, kind="metres"))
        if self.far is not None and not self.far > (self.near or 0):
            raise InputError(f"far is {self.far:g} m, expected a distance above near = {self.near or 0:g} m")
        if self.near is not None and self.far is not None and self.mapping is not None:
            check_range(self.near, self.far, self.mapping)
        check("route", self.route, one_of(*ROUTES))
        check("split", self.split, one_of(*SPLITS))
        if not self.built and not Path(self.scene).is_file():
            raise InputError("does not exist", where=self.scene, remedy="give a .blend file, demo or random")

    @property
    def built(self) -> bool:
        """Whether the add-on builds the scene instead of opening a file."""
        return self.scene in BUILT

    def anywhere(self) -> Self:
        """A copy of the request with the scene's absolute path, so that a process in another folder finds the file."""
        return self if self.built else replace(self, scene=str(Path(self.scene).absolute()))

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON values, for `from_dict`."""
        return asdict(self) | {"far": "infinity" if self.far == math.inf else self.far}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The request with the fields that `as_dict` gave.

        Raises:
            InputError: a field is out of range; the message names it.
        """
        far = math.inf if values["far"] == "infinity" else values["far"]
        lists = {name: tuple(values[name]) for name in ("devices", "frames")}
        return cls(**values | lists | {"far": far})


@dataclass(frozen=True, kw_only=True)
class QuiltViews:
    """The views of a scene that a Looking Glass quilt needs; size and quality are those of a `RenderJob`.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    views: int
    """Number of views."""
    view_cone: float
    """Angle between the first and the last view, degrees."""
    focus: float | None = None
    """Distance of the plane that appears on the display's surface, m (scene units); None: the focus distance of a
    camera with depth of field, otherwise the middle (in dioptres) of the visible depth range."""
    look: Look = "scene"
    """Colours of the pictures."""

    def __post_init__(self) -> None:
        check("views", self.views, numbers(2, 10_000, whole=True))
        check("view_cone", self.view_cone, numbers(above=0, below=180, kind="degrees"))
        check("focus", self.focus, numbers(above=0, optional=True, kind="metres"))
        check("look", self.look, one_of(*LOOKS))
