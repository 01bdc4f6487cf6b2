"""The manifests of a focal stack: ``stack.json`` of the finished folder and ``raw.json`` of raw renders.

Needs the standard library alone (and `optics.focus`), so that Blender's Python can write what the driver reads.
"""

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from holodriver.errors import FileFormatError, InputError, shown
from holodriver.files.guard.source import stays
from holodriver.files.text import check_head, read_json
from holodriver.optics.focus import MAPPINGS, Mapping, check_range

MAXIMUM_PLANES = 10_000
"""More than any stack has; a damaged number beyond it is refused before anything is allocated for it."""

MAXIMUM_SIZE = 65_536
"""Pixels along one side; as above."""


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
            _expect(
                name, getattr(self, name), _whole(getattr(self, name), 1, MAXIMUM_SIZE), f"pixels, 1 to {MAXIMUM_SIZE}"
            )
        numbers = isinstance(self.positions, (list, tuple)) and all(_number(value) for value in self.positions)
        _expect("positions", self.positions, numbers, "a list of numbers")
        object.__setattr__(self, "positions", tuple(float(value) for value in self.positions))
        ascending = all(a < b for a, b in zip(self.positions, self.positions[1:], strict=False))
        inside = all(0 <= value <= 1 for value in self.positions)
        counted = 2 <= len(self.positions) <= MAXIMUM_PLANES
        _expect("positions", self.positions, counted and ascending and inside, "at least 2, ascending from 0 to 1")
        _expect("mapping", self.mapping, self.mapping in MAPPINGS, "'dioptric' or 'linear'")
        _expect("coc_max", self.coc_max, _number(self.coc_max) and self.coc_max > 0, "pixels above 0")
        for name in ("near", "far"):
            value = getattr(self, name)
            _expect(name, value, value is None or _number(value) or value == math.inf, "metres, or null")
        if (self.near is None) != (self.far is None):
            _expect("far", self.far, False, "null where near is, metres where near is")
        if self.near is not None and self.far is not None:
            check_range(self.near, self.far, self.mapping)
        for name in ("camera", "renderer", "provenance"):
            _expect(name, getattr(self, name), isinstance(getattr(self, name), dict), "an object")

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
        _expect("near", self.near, self.near is not None, "metres")
        _expect("layer", self.layer, isinstance(self.layer, str) and self.layer != "", "the name of a render layer")
        for name in ("samples", "depth_samples"):
            _expect(name, getattr(self, name), _whole(getattr(self, name), 1, 1_000_000), "a whole number from 1")

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


def raw_frame_color_name(frame: int) -> str:
    """File name of the raw image of a frame."""
    return f"frame_{frame:06d}_color.exr"


def raw_frame_depth_name(frame: int) -> str:
    """File name of the raw depth of a frame."""
    return f"frame_{frame:06d}_depth.exr"


def _expect(name: str, value: object, good: bool, expected: str) -> None:
    if not good:
        raise InputError(f"field '{name}' is {shown(value)}, expected {expected}")


def _number(value: object) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # a whole number beyond the range of a float
        return False


def _whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
