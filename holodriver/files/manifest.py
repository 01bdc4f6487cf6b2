"""The manifests of a focal stack: ``stack.json`` of the finished folder and ``raw.json`` of raw renders.

Needs numpy alone, so that Blender's Python can write what the driver reads.
"""

import json
import math
import os
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Self

from holodriver.errors import Expected, FileFormatError, InputError, check, numbers, one_of, shown
from holodriver.files.guard.source import stays
from holodriver.files.text import check_head, read_json
from holodriver.optics.focus import MAPPINGS, Mapping, check_range
from holodriver.scene.render_job import MAXIMUM_PLANES, MAXIMUM_SIZE

_SHARE = numbers(0, 1)

POSITIONS = Expected(
    f"2 to {MAXIMUM_PLANES} numbers, ascending from 0 to 1",
    lambda values: (
        isinstance(values, list | tuple)
        and 2 <= len(values) <= MAXIMUM_PLANES
        and all(map(_SHARE.holds, values))
        and all(a < b for a, b in pairwise(values))
    ),
)
METRES = Expected("metres, or null", lambda value: value == math.inf or numbers(optional=True).holds(value))
OBJECT = Expected("an object", lambda value: isinstance(value, dict))
LAYER = Expected("the name of a render layer", lambda value: isinstance(value, str) and value != "")


@dataclass(frozen=True, kw_only=True)
class StackManifest:
    """What ``NAME.stack/stack.json`` says about the images beside it.

    Raises:
        InputError: a field is out of range; the message names it.
    """

    FORMAT: ClassVar[str] = "holodriver focal stack"
    VERSION: ClassVar[int] = 1
    FILE_NAME: ClassVar[str] = "stack.json"

    width: int
    height: int
    positions: tuple[float, ...]
    """Normalised depth of each focal plane, ascending."""
    mapping: Mapping
    near: float | None
    """Metric depth of t = 0, m; None where the stack never had one (a procedural scene)."""
    far: float | None
    """Metric depth of t = 1, m; may be infinity (written as "infinity") in the dioptric mapping."""
    coc_max: float
    """Blur circle diameter between the near and the far plane, pixels."""
    camera: dict[str, Any] = field(default_factory=dict)
    renderer: dict[str, Any] = field(default_factory=dict)
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("width", "height"):
            _check(name, getattr(self, name), numbers(1, MAXIMUM_SIZE, whole=True, kind="pixels"))
        _check("positions", self.positions, POSITIONS)
        object.__setattr__(self, "positions", tuple(float(value) for value in self.positions))
        _check("mapping", self.mapping, one_of(*MAPPINGS))
        _check("coc_max", self.coc_max, numbers(above=0, kind="pixels"))
        for name in ("near", "far"):
            _check(name, getattr(self, name), METRES)
        both = Expected("null where near is, metres where near is", lambda far: (far is None) == (self.near is None))
        _check("far", self.far, both)
        if self.near is not None and self.far is not None:
            check_range(self.near, self.far, self.mapping)
        for name in ("camera", "renderer", "provenance"):
            _check(name, getattr(self, name), OBJECT)

    @property
    def planes(self) -> int:
        """Number of focal planes N."""
        return len(self.positions)

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)"""
        return self.height, self.width

    def as_dict(self) -> dict[str, Any]:
        """Fields as JSON can hold them, with format and version."""
        return {
            "format": self.FORMAT,
            "version": self.VERSION,
            "width": self.width,
            "height": self.height,
            "planes": self.planes,
            "positions": list(self.positions),
            "mapping": self.mapping,
            "near": self.near,
            "far": "infinity" if self.far == math.inf else self.far,
            "coc_max": self.coc_max,
            "camera": self.camera,
            "renderer": self.renderer,
            "provenance": self.provenance,
        }

    def write(self, folder: Path) -> None:
        """Write the manifest into `folder`, whole or not at all.

        Raises:
            InputError: `camera`, `renderer` or `provenance` holds what JSON cannot.
        """
        path = folder / self.FILE_NAME
        try:
            text = json.dumps(self.as_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InputError(f"the manifest holds a value that JSON cannot: {error}", where=path) from error
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(text + "\n", encoding="utf-8")
        os.replace(temporary, path)

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest in `folder`.

        Raises:
            FileFormatError: it is missing, foreign, of another version, or a field is wrong; names path and field.
        """
        path = folder / cls.FILE_NAME
        values = read_json(stays(folder, path), strict=True)
        check_head(values, cls.FORMAT, cls.VERSION, path)
        try:
            return cls(**cls._fields(values))
        except FileFormatError as error:
            raise FileFormatError(error.what, where=path) from error
        except InputError as error:
            raise FileFormatError(f"wrong value: {error.what}", where=path) from error

    @classmethod
    def _fields(cls, values: dict[str, Any]) -> dict[str, Any]:
        known = cls._names()
        for name in known:
            if name not in values:
                raise FileFormatError(f"field '{name}' is missing")
        for name in values:
            if name not in known:
                raise FileFormatError(f"field {shown(name)} is unknown")
        fields = {name: values[name] for name in known if name != "planes"}
        if isinstance(fields["positions"], list) and values["planes"] != len(fields["positions"]):
            raise FileFormatError(
                f"field 'planes' is {shown(values['planes'])}, expected {len(fields['positions'])}, one a position"
            )
        if fields["far"] == "infinity":
            fields["far"] = math.inf
        return fields

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        head = ("width", "height", "planes", "positions", "mapping", "near", "far", "coc_max")
        return (*head, "camera", "renderer", "provenance")


@dataclass(frozen=True, kw_only=True)
class RawManifest(StackManifest):
    """What ``raw.json`` says about a folder of raw renders, which `files.stack` assembles into a focal stack.

    Images are OpenEXR as Blender writes it (multi-layer, 32 bit); depth is metric, no hit is 1e10.
    """

    FORMAT: ClassVar[str] = "holodriver raw renders"
    VERSION: ClassVar[int] = 1
    FILE_NAME: ClassVar[str] = "raw.json"

    layer: str
    """Name of the render layer, which the names of the channels start with."""
    samples: int
    """Samples per pixel of each colour image."""
    depth_samples: int
    """One-ray depth renders of each plane."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check("near", self.near, Expected("metres", lambda near: near is not None))
        _check("layer", self.layer, LAYER)
        for name in ("samples", "depth_samples"):
            _check(name, getattr(self, name), numbers(1, 1_000_000, whole=True))

    def as_dict(self) -> dict[str, Any]:
        """Fields as JSON can hold them, with format and version."""
        own = {"layer": self.layer, "samples": self.samples, "depth_samples": self.depth_samples}
        return super().as_dict() | own

    @classmethod
    def _names(cls) -> tuple[str, ...]:
        return (*super()._names(), "layer", "samples", "depth_samples")


def plane_name(plane: int) -> str:
    """File name of a varifocal image of a focal stack, counted from 0."""
    return f"plane_{plane:02d}.exr"


ALL_IN_FOCUS_NAME = "all_in_focus.exr"
"""File name of the all-in-focus image, in a focal stack and among raw renders."""

RAW_PINHOLE_DEPTH_NAME = "all_in_focus_depth.exr"
"""File name of the raw depth of the all-in-focus image."""


def raw_color_name(plane: int) -> str:
    """File name of a raw varifocal render, counted from 0."""
    return f"color_{plane:02d}.exr"


def raw_depth_name(plane: int, sample: int) -> str:
    """File name of a raw one-ray depth render, both counted from 0."""
    return f"depth_{plane:02d}_{sample:02d}.exr"


RAW_FRAMES_NAME = "frames.json"
"""File name of what is said about the raw images of a sequence of frames: layer, mapping, camera."""


VIEWS_NAME = "views.json"
"""File name of what is said about the raw views of the refocus route: points on the aperture, margin, reference."""


def raw_view_name(view: int) -> str:
    """File name of a raw view of the refocus route, counted from 0."""
    return f"view_{view:04d}.exr"


def quilt_view_name(view: int) -> str:
    """File name of the picture of a view of a quilt, counted from 0."""
    return f"view_{view:04d}.png"


def raw_frame_color_name(frame: int) -> str:
    """File name of the raw image of a frame."""
    return f"frame_{frame:06d}_color.exr"


def raw_frame_depth_name(frame: int) -> str:
    """File name of the raw depth of a frame."""
    return f"frame_{frame:06d}_depth.exr"


def _check(name: str, value: object, expected: Expected) -> None:
    check(f"field '{name}'", value, expected)
