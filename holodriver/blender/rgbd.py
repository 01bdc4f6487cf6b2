"""Render RGB-D images of a Blender scene: the camera's view, sharp everywhere, with the depth of each pixel."""

import json
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from holodriver.blender.child import Warn, raw_renders
from holodriver.blender.find import Blender, find_blender
from holodriver.errors import BlenderError, InputError, check_base_name
from holodriver.files.atomic import check_output, scratch_folder
from holodriver.files.exr import read_exr
from holodriver.files.manifest import RAW_FRAMES_NAME, raw_frame_color_name, raw_frame_depth_name
from holodriver.files.rgbd import DEPTH, SIDE_BY_SIDE, write_rgbd
from holodriver.files.video.film import Film
from holodriver.files.video.writer import even
from holodriver.optics.colour import srgb_encode
from holodriver.optics.focus import Mapping, check_range, normalised_depth
from holodriver.progress import Progress, silent
from holodriver.scene.render_job import NO_HIT, RANGE_MARGIN, RenderJob
from holodriver.scene.rgbd import RgbdImage

FORMATS = ("side-by-side", "depth", "exr", "video")
"""Output formats, which write NAME_rgbd_lr.png, NAME.png with NAME_depth.png, NAME.exr, and NAME_rgbd_lr.mp4 with all
animation frames."""

VIDEO = "video"

RANGE = "range"
"""Base name of the files that are rendered to find a depth range."""

Floats = NDArray[np.float32]


def render_rgbd(
    job: RenderJob,
    path: Path,
    *,
    formats: Sequence[str] = ("side-by-side",),
    overwrite: bool = False,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> list[Path]:
    """Render the RGB-D image of each of the job's animation frames.

    Depth in PNG files is white where near, as a Looking Glass expects. Light that exceeds the range of PNG is scaled
    down by one factor for all frames, which brings the 99.9th percentile of the first frame to 1. OpenEXR keeps all
    light unscaled, and normalised depth (0 near) in the channel Z. All frames share one depth range.

    Args:
        job: what to render; planes and blur are ignored. Without `frames`, the frame at which the file was saved.
        path: base name of the files, such as FOLDER/NAME; with more than one frame the frame number is added.
        formats: which of `FORMATS` to write.
        overwrite: replace existing files.
        blender: a Blender that was found, or a Blender executable or Python with bpy; None: see `find_blender`.
        progress: called for each depth map and image rendered.
        warn: called with a one-line text for each reason why the images differ from the scene.

    Returns:
        The files written, frame by frame.

    Raises:
        OutputExistsError: a file exists and `overwrite` is false.
        InputError: a format is unknown, the scene has no usable camera, or nothing is in range.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        raise InputError(f"RGB-D format is {', '.join(unknown) or 'none'}, expected {', '.join(FORMATS)}")
    check_base_name(path)
    base = path.with_suffix("") if path.suffix.lower() in (".png", ".exr") else path
    bases = {frame: _numbered(base, frame, len(job.frames)) for frame in job.frames or (0,)}
    stills = [kind for kind in formats if kind != VIDEO]
    for each in bases.values():
        for name in _names(each, stills):
            check_output(name, overwrite=overwrite)
    film_path = base.with_name(f"{base.name}{SIDE_BY_SIDE}.mp4")
    if VIDEO in formats:
        check_output(film_path, overwrite=overwrite)
    written: list[Path] = []
    with _raw(job, base, blender, "rgbd", progress, warn) as (raw, renders), ExitStack() as stack:
        depths = _Depths(raw, job)
        film: Film | None = None
        gain = 0.0
        for rendered, frame in renders:
            if rendered == "depth":
                depths.add(frame)
                continue
            if not depths.far:
                for text in depths.settle():
                    warn(text)
            image = depths.image(frame)
            each = bases[frame] if job.frames else base
            if not gain:
                gain = _gain(image)
                if gain < 1 and set(formats) != {"exr"}:
                    warn(f"light is scaled by {gain:.3g} to fit into pictures; OpenEXR keeps it as it is")
            fitted = replace(image, color=image.color * np.float32(gain))
            for kind in stills:
                written += _write(image if kind == "exr" else fitted, each, kind, overwrite=overwrite)
            if VIDEO in formats:
                film = film or stack.enter_context(Film(film_path, depths.rate, overwrite=overwrite))
                film.add(_side_by_side(fitted))
    if film is not None:
        written.append(film_path)
    if not written:
        raise BlenderError("wrote no images", where=path)
    return written


def find_range(
    job: RenderJob,
    folder: Path,
    *,
    blender: Blender | str | Path | None = None,
    progress: Progress = silent,
    warn: Warn = lambda text: None,
) -> tuple[float, float]:
    """Distances (m) of the nearest and the farthest surface that the camera sees in any of the job's animation frames.

    Args:
        folder: folder for the raw depths, which are removed afterwards.

    Raises:
        InputError: there is no usable camera, or it sees no surface or only surfaces at one distance.
        BlenderError: no Blender was found, or it stopped with an error.
    """
    open_range = replace(job, near=None, far=None)
    with _raw(open_range, folder / RANGE, blender, "depth", progress, warn) as (raw, renders):
        depths = _Depths(raw, open_range)
        for _, frame in renders:
            depths.add(frame)
        depths.settle()
    return depths.near, depths.far


class _Depths:
    """Raw depths of all animation frames, and the common range that normalises them."""

    def __init__(self, raw: Path, job: RenderJob) -> None:
        self.raw, self.job = raw, job
        self.near, self.far = 0.0, 0.0
        self._nearest, self._farthest = math.inf, 0.0
        self._in_front = self._behind = 0

    def add(self, frame: int) -> None:
        """Extend the range by the depths of an animation frame."""
        depth = self._depth(frame)
        seen = depth[depth < NO_HIT]
        if not seen.size:
            return
        near, far = self.job.near or 0.0, math.inf if self.job.far is None else self.job.far
        self._nearest = min(self._nearest, float(seen.min()))
        self._farthest = max(self._farthest, float(seen.max()))
        self._in_front = max(self._in_front, int((seen < near * (1 - 1e-5)).sum()))
        self._behind = max(self._behind, int((seen > far * (1 + 1e-5)).sum()))

    def settle(self) -> list[str]:
        """Decide the range, after all depths were added.

        Returns:
            A sentence for each end of the range beyond which there are surfaces.

        Raises:
            InputError: nothing is in range.
        """
        about = self._about
        camera, remedy = about["camera"], "move the planes, or leave them out to fit them to the view"
        if self._nearest > self._farthest:
            raise InputError(f"camera '{camera}' sees no surface", remedy="point it at something")
        near, far = self.job.near or 0.0, math.inf if self.job.far is None else self.job.far
        if self._nearest > far or self._farthest < near:
            seen = f"{self._nearest:.4g} to {self._farthest:.4g}"
            raise InputError(f"camera '{camera}' sees nothing between near and far, only at {seen}", remedy=remedy)
        length = self._farthest - self._nearest
        if length < 1e-6 * self._farthest and (self.job.near is None or self.job.far is None):
            raise InputError(
                f"camera '{camera}' sees surfaces at one distance only ({self._nearest:g}), which is no depth range",
                remedy="give --near and --far",
            )
        margin = RANGE_MARGIN * length
        self.near = max(self._nearest - margin, self._nearest / 2) if self.job.near is None else self.job.near
        self.far = self._farthest + margin if self.job.far is None else self.job.far
        check_range(self.near, self.far, self.mapping)
        pixels = self.job.width * self.job.height
        outside = ((self._in_front, "nearer than near", self.near), (self._behind, "farther than far", self.far))
        return [
            f"up to {count / pixels:.2%} of a frame is {what} = {plane:g} m and is moved onto that plane"
            for count, what, plane in outside
            if count
        ]

    @property
    def mapping(self) -> Mapping:
        """Mapping in which depth is linear: the job's, or the one that suits the camera's type."""
        mapping: Mapping = self.job.mapping or self._about["mapping"]
        return mapping

    @property
    def rate(self) -> Fraction:
        """Rate of the rendered animation frames, frames per second."""
        steps = {b - a for a, b in pairwise(self.job.frames)}
        step = steps.pop() if len(steps) == 1 else 1
        return Fraction(self._about["rate"]).limit_denominator(1001) / step

    def image(self, frame: int) -> RgbdImage:
        """Read the image of an animation frame, and delete the frame's raw files."""
        layer = self._about["layer"]
        names = tuple(f"{layer}.Combined.{color}" for color in "RGB")
        path = self.raw / raw_frame_color_name(frame)
        channels = read_exr(path, names, shape=(self.job.height, self.job.width), guarded=False).channels
        color = np.maximum(np.stack([channels[name] for name in names]), 0)  # the denoiser leaves traces below zero
        metric = self._depth(frame)
        depth = np.clip(normalised_depth(metric, self.near, self.far, self.mapping), 0, 1).astype(np.float32)
        for used in (path, self.raw / raw_frame_depth_name(frame)):
            used.unlink()
        return RgbdImage(color, depth, self.mapping, {"near": self.near, "far": self.far})

    @property
    def _about(self) -> dict[str, Any]:
        about: dict[str, Any] = json.loads((self.raw / RAW_FRAMES_NAME).read_text(encoding="utf-8"))
        return about

    def _depth(self, frame: int) -> Floats:
        name = f"{self._about['layer']}.Depth.Z"
        path = self.raw / raw_frame_depth_name(frame)
        return read_exr(path, (name,), shape=(self.job.height, self.job.width), guarded=False).channels[name]


@contextmanager
def _raw(
    job: RenderJob, base: Path, blender: Blender | str | Path | None, kind: str, progress: Progress, warn: Warn
) -> Iterator[tuple[Path, Iterator[tuple[str, int]]]]:
    """Render into a hidden folder beside the results; yields the folder and the raw renders as they are written."""
    found = find_blender(blender)
    with scratch_folder(base) as scratch:
        raw = scratch / "raw"
        raw.mkdir()
        with raw_renders(found, job, raw, scratch=scratch, kind=kind, progress=progress, warn=warn) as renders:
            yield raw, renders


def _numbered(base: Path, frame: int, frames: int) -> Path:
    return base if frames < 2 else base.with_name(f"{base.name}_{frame:04d}")


def _names(base: Path, formats: Sequence[str]) -> Iterator[Path]:
    ends = {"side-by-side": [f"{SIDE_BY_SIDE}.png"], "depth": [".png", f"{DEPTH}.png"], "exr": [".exr"]}
    for kind in formats:
        for end in ends[kind]:
            yield base.with_name(base.name + end)


def _gain(image: RgbdImage) -> float:
    """Factor, at most 1, that brings the 99.9th percentile of the brightest colour to at most 1."""
    return float(min(1.0, 1 / max(1e-6, float(np.percentile(image.color.max(axis=0), 99.9)))))


def _side_by_side(image: RgbdImage) -> NDArray[np.uint8]:
    """Join picture (left) and depth (right, white near) to one 8-bit image (H, 2 W, 3); both halves have even sizes."""
    color = np.rint(srgb_encode(np.clip(image.color, 0, 1)) * 255).astype(np.uint8).transpose(1, 2, 0)
    depth = np.repeat(np.rint((1 - image.depth) * 255).astype(np.uint8)[..., None], 3, axis=2)
    return np.concatenate([even(color), even(depth)], axis=1)


def _write(image: RgbdImage, base: Path, kind: str, *, overwrite: bool) -> list[Path]:
    first = next(_names(base, (kind,)))
    return write_rgbd(image, first, near=None if kind == "exr" else "white", overwrite=overwrite)
