"""Focal-stack folders: ``NAME.stack/`` with a manifest, one OpenEXR file a plane and the all-in-focus image.

Colours are linear light; channel Z is normalised depth. Raw renders of Blender are assembled plane by plane.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from holodriver import __version__
from holodriver.errors import FileFormatError, InputError
from holodriver.files.atomic import written_folder
from holodriver.files.exr import ExrImage, read_exr, write_exr
from holodriver.files.guard.source import stays
from holodriver.files.manifest import (
    ALL_IN_FOCUS_NAME,
    RAW_PINHOLE_DEPTH_NAME,
    RawManifest,
    StackManifest,
    plane_name,
    raw_color_name,
    raw_depth_name,
)
from holodriver.optics.focus import normalised_depth
from holodriver.scene.rgbd import RgbdImage
from holodriver.scene.stack import FocalStack

COLORS = ("R", "G", "B")

Floats = NDArray[np.float32]

_OF_SCENE = ("near", "far", "camera", "renderer")
"""Fields of the manifest that a `FocalStack` keeps in its provenance."""

MAXIMUM_PIXELS = 1 << 31
"""Largest number of pixels in all planes, which take 32 GB of memory; 21 planes of 8K have a third of them."""

_NO_HIT = 1e9  # m; Cycles writes 1e10 where a ray meets nothing
_TOLERANCE = 1e-4  # of normalised depth: rounding may put a surface this far outside the range

HOLDS = (StackManifest.FILE_NAME, "plane_*.exr", "all_in_focus.exr")
"""Names of the files in the folder of a focal stack."""


def write_stack(stack: FocalStack, path: Path, *, overwrite: bool = False) -> None:
    """Write a focal stack of three colours as the folder `path`.

    `near`, `far`, `camera` and `renderer` of the manifest are taken from the stack's provenance, where `read_stack`
    puts them. Colours are kept as half precision (relative error below 5e-4) unless they exceed its range.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        InputError: the number of colours is not three.
    """
    if stack.images.shape[1] != len(COLORS):
        raise InputError(f"focal stack has {stack.images.shape[1]} colours, expected 3 (red, green, blue)", where=path)
    rest = {name: value for name, value in stack.provenance.items() if name not in _OF_SCENE}
    manifest = StackManifest(
        width=stack.shape[1],
        height=stack.shape[0],
        positions=tuple(float(t) for t in stack.positions),
        mapping=stack.mapping,
        near=stack.provenance.get("near"),
        far=stack.provenance.get("far"),
        coc_max=float(stack.coc_max),
        camera=stack.provenance.get("camera", {}),
        renderer=stack.provenance.get("renderer", {}),
        provenance={"holodriver": __version__} | rest,
    )
    with written_folder(path, overwrite=overwrite, holds=HOLDS) as folder:
        _write_image(folder / ALL_IN_FOCUS_NAME, stack.all_in_focus, stack.all_in_focus_depth)
        for plane in range(stack.planes):
            _write_image(folder / plane_name(plane), stack.images[plane], stack.depths[plane])
        manifest.write(folder)


def read_stack(path: Path) -> FocalStack:
    """Read the focal stack in the folder `path`.

    Raises:
        FileFormatError: the folder is not a focal stack, or a file in it is missing, truncated, foreign, of another
            size or version, or holds a wrong value; the message names the file and the field.
    """
    if not path.is_dir():
        raise FileFormatError("is not a folder" if path.exists() else "does not exist", where=path)
    manifest = StackManifest.read(path)
    n, (h, w) = manifest.planes, manifest.shape
    for name in (ALL_IN_FOCUS_NAME, *(plane_name(plane) for plane in range(n))):
        if not stays(path, path / name).is_file():  # checked for all files before memory is taken for any
            raise FileFormatError("does not exist", where=path / name)
    if n * h * w > MAXIMUM_PIXELS:
        raise FileFormatError(
            f"has {n} planes of {w} × {h} pixels, more than the {MAXIMUM_PIXELS:,} pixels that are read", where=path
        )
    all_in_focus, all_in_focus_depth = _read_image(path / ALL_IN_FOCUS_NAME, (h, w))
    images = np.empty((n, len(COLORS), h, w), np.float32)
    depths = np.empty((n, h, w), np.float32)
    for plane in range(n):
        images[plane], depths[plane] = _read_image(path / plane_name(plane), (h, w))
    of_scene = {name: getattr(manifest, name) for name in _OF_SCENE if getattr(manifest, name) not in (None, {})}
    try:
        return FocalStack(
            images=images,
            depths=depths,
            all_in_focus=all_in_focus,
            all_in_focus_depth=all_in_focus_depth,
            positions=np.asarray(manifest.positions, np.float32),
            mapping=manifest.mapping,
            coc_max=manifest.coc_max,
            provenance=manifest.provenance | of_scene,
        )
    except InputError as error:
        raise FileFormatError(error.what, where=path) from error


def read_all_in_focus(path: Path) -> tuple[RgbdImage, StackManifest]:
    """Read the all-in-focus image of a focal stack with its depth, and the manifest, but not the planes.

    Raises:
        FileFormatError: the folder is not a focal stack, or one of the two files is missing or wrong.
    """
    if not path.is_dir():
        raise FileFormatError("is not a folder" if path.exists() else "does not exist", where=path)
    manifest = StackManifest.read(path)
    color, depth = _read_image(stays(path, path / ALL_IN_FOCUS_NAME), manifest.shape)
    return RgbdImage(color, depth, manifest.mapping, {"source": path.name}), manifest


@dataclass(frozen=True)
class Outside:
    """Surfaces outside the range of the focal planes, which are put on the nearest plane; seen by a pinhole camera."""

    in_front: float = 0.0
    """Share of the pixels in front of the range."""
    behind: float = 0.0
    """Share of the pixels behind the range."""
    nearest: float = math.inf
    """Depth of the nearest surface, m; infinity if there is none."""
    farthest: float = 0.0
    """Depth of the farthest surface, m; 0 if there is none."""

    def as_dict(self) -> dict[str, float]:
        """Shares of the pixels in front and behind, for the provenance."""
        return {"in_front": self.in_front, "behind": self.behind}


class Assembly:
    """A focal stack in the making: planes are added in any order, as their raw renders become complete."""

    def __init__(self, manifest: RawManifest, raw: Path, folder: Path) -> None:
        self.manifest = manifest
        self.raw = raw
        self.folder = folder
        self.outside = Outside()
        """Surfaces outside the range in the all-in-focus image, known once `add_all_in_focus` has run."""
        self._missing = {ALL_IN_FOCUS_NAME, *(plane_name(plane) for plane in range(manifest.planes))}
        self._means: dict[str, float] = {}

    @classmethod
    def of(cls, raw: Path, folder: Path) -> Self:
        """Make the assembly of the raw renders in `raw`, which has a manifest, into the existing `folder`.

        Raises:
            FileFormatError: the manifest is missing or wrong.
        """
        return cls(RawManifest.read(raw), raw, folder)

    def add_all_in_focus(self) -> None:
        """Write the all-in-focus image with its depth, and delete its raw files.

        Raises:
            FileFormatError: a raw file is missing, truncated, foreign or of another size.
        """
        color, depth = self.raw / ALL_IN_FOCUS_NAME, self.raw / RAW_PINHOLE_DEPTH_NAME
        metric = self._metric(depth)
        self.outside = self._count_outside(metric)
        self._write(ALL_IN_FOCUS_NAME, self._color(color), self._normalised(metric), [color, depth])

    def add_plane(self, plane: int, light: Floats | None = None) -> None:
        """Write a plane with the nearest of its depth samples, and delete its raw files.

        Args:
            plane: index of the plane, from 0.
            light: image (3, H, W) of the plane, if it was computed from views and not rendered.

        Raises:
            FileFormatError: a raw file is missing, truncated, foreign or of another size.
        """
        rendered = [] if light is not None else [self.raw / raw_color_name(plane)]
        samples = [self.raw / raw_depth_name(plane, sample) for sample in range(self.manifest.depth_samples)]
        metric = self._metric(samples[0])
        for sample in samples[1:]:
            np.minimum(metric, self._metric(sample), out=metric)
        color = self._color(rendered[0]) if light is None else light
        self._write(plane_name(plane), color, self._normalised(metric), [*rendered, *samples])

    def finish(self) -> None:
        """Write the manifest, which completes the focal stack.

        Raises:
            FileFormatError: a plane was not added.
        """
        if self._missing:
            raise FileFormatError(f"raw renders lack {', '.join(sorted(self._missing))}", where=self.raw)
        raw = self.manifest
        reference = self._means[ALL_IN_FOCUS_NAME]
        energies = [self._means[plane_name(plane)] / reference if reference else 1.0 for plane in range(raw.planes)]
        StackManifest(
            width=raw.width,
            height=raw.height,
            positions=raw.positions,
            mapping=raw.mapping,
            near=raw.near,
            far=raw.far,
            coc_max=raw.coc_max,
            camera=raw.camera,
            renderer=raw.renderer,
            provenance={
                "holodriver": __version__,
                **raw.provenance,
                "energies": energies,
                "outside": self.outside.as_dict(),
            },
        ).write(self.folder)
        (self.raw / RawManifest.FILE_NAME).unlink()

    def _color(self, path: Path) -> Floats:
        names = tuple(f"{self.manifest.layer}.Combined.{color}" for color in COLORS)
        image = self._read(path, names, self.manifest.samples)
        color = np.stack([image.channels[name] for name in names])
        # the denoiser and wide filters may leave a trace below zero, which no light has
        return np.maximum(color, 0, out=color)

    def _metric(self, path: Path) -> Floats:
        name = f"{self.manifest.layer}.Depth.Z"
        metric = self._read(path, (name,), 1).channels[name]
        if float(metric.min()) <= 0:
            raise FileFormatError(f"channel {name!r} holds {metric.min():g} m, expected depths above 0", where=path)
        return metric

    def _normalised(self, metric: Floats) -> Floats:
        # Cycles writes 1e10 where a ray meets nothing; it clips to the far plane like everything behind
        return np.clip(self._position(metric), 0, 1).astype(np.float32)

    def _count_outside(self, metric: Floats) -> Outside:
        hit = metric < _NO_HIT
        if not hit.any():
            return Outside()
        t = self._position(metric)
        return Outside(
            in_front=float((t < -_TOLERANCE).mean()),
            behind=float((hit & (t > 1 + _TOLERANCE)).mean()),
            nearest=float(metric[hit].min()),
            farthest=float(metric[hit].max()),
        )

    def _position(self, metric: Floats) -> NDArray[np.float64]:
        near, far = self.manifest.near, self.manifest.far
        assert near is not None  # `RawManifest` refuses None
        assert far is not None
        return normalised_depth(metric, near, far, self.manifest.mapping)

    def _read(self, path: Path, names: tuple[str, ...], samples: int) -> ExrImage:
        image = read_exr(path, names, shape=self.manifest.shape, guarded=False)  # written by holodriver's own Blender
        field = f"cycles.{self.manifest.layer}.samples"
        said = image.header.get(field, str(samples))
        if said != str(samples):
            raise FileFormatError(f"field '{field}' is {said!r}, expected '{samples}'", where=path)
        return image

    def _write(self, name: str, color: Floats, depth: Floats, raw: list[Path]) -> None:
        _write_image(self.folder / name, color, depth)
        self._means[name] = float(color.mean(dtype=np.float64))
        self._missing.discard(name)
        for path in raw:
            path.unlink()


def _write_image(path: Path, color: Floats, depth: Floats) -> None:
    channels: dict[str, NDArray[np.floating[Any]]] = dict(zip(COLORS, color, strict=True))
    write_exr(path, channels | {"Z": depth}, half=COLORS)


def _read_image(path: Path, shape: tuple[int, int]) -> tuple[Floats, Floats]:
    image = read_exr(path, (*COLORS, "Z"), shape=shape)
    color = np.stack([image.channels[name] for name in COLORS])
    depth = image.channels["Z"]
    if color.min() < 0:
        raise FileFormatError(f"colour holds {color.min():g}, expected no negative light", where=path)
    if depth.min() < -1e-4 or depth.max() > 1 + 1e-4:
        raise FileFormatError(
            f"channel 'Z' spans {depth.min():.4g} to {depth.max():.4g}, expected normalised depth, 0 to 1", where=path
        )
    return color, depth
