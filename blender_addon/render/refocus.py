# SPDX-License-Identifier: GPL-3.0-or-later
"""The refocus route: pinhole views from points of the aperture, which the driver shifts and adds for any focus.

The image of a thin lens is the sum of the pinhole images from all points of its aperture, each shifted so that the
plane in focus coincides. The views are rendered once for all planes, by parallel cameras whose sensors are shifted so
that the middle plane (in dioptres) coincides. The route needs a perspective camera, whose aperture is the same for all
planes.
"""

import json
import math
from pathlib import Path

import bpy
from mathutils import Vector

from holodriver.errors import InputError
from holodriver.files.manifest import VIEWS_NAME, raw_view_name
from holodriver.optics.focus import metric_depth, perspective_aperture
from holodriver.progress import Progress
from holodriver.scene.render_job import RenderJob

from .cycles import Written, drop_session, render_image
from .thin_lens import ThinLens, fitted_sensor

VIEWS_AT_15_PX = 64
"""Number of views that show no ghosts in a blur circle of 15 pixels: they lie about two pixels apart."""

FEWEST_VIEWS = 16

MARGIN_PX = 12
"""Extra border of a view beyond the largest shift, pixels, for the interpolation of fractional shifts."""

SHARP_SAMPLES = 4
"""Samples of the all-in-focus image, as a multiple of the requested samples."""

REFOCUS_GAIN = 2
"""Samples that the plane-by-plane route needs for equal noise, as a multiple of those of the refocus route (measured by
scripts/bench/routes.py: 1.5 to 3.5 dB)."""

_REFERENCE = 0.5  # normalised depth at which the unshifted views coincide


def view_count(coc_max: float) -> int:
    """Number of views needed for a blur circle of diameter `coc_max`, pixels."""
    return max(FEWEST_VIEWS, round(VIEWS_AT_15_PX * (coc_max / 15) ** 2))


def view_samples(samples: int, views: int) -> int:
    """Samples per pixel of each view; those of all views together are 16 times `samples`."""
    return max(1, round(16 * samples / views))


def aperture_points(count: int) -> list[tuple[float, float]]:
    """Points spread evenly over the unit disc: Vogel's spiral, shifted so that the mean of the points is the centre."""
    turn = math.pi * (3 - math.sqrt(5))
    points = [
        (math.sqrt((i + 0.5) / count) * math.cos(i * turn), math.sqrt((i + 0.5) / count) * math.sin(i * turn))
        for i in range(count)
    ]
    x, y = (sum(axis) / count for axis in zip(*points, strict=True))
    return [(a - x, b - y) for a, b in points]


def render_views(
    scene: bpy.types.Scene,
    layer: bpy.types.ViewLayer,
    lens: ThinLens,
    job: RenderJob,
    folder: Path,
    *,
    seed: int,
    progress: Progress,
    written: Written,
) -> None:
    """Render all views into `folder`, then restore the camera and the image size.

    Raises:
        InputError: the camera is not a perspective camera.
        BlenderError: Blender could not write an image.
    """
    if lens.mapping != "dioptric":
        raise InputError("the refocus route needs a perspective camera", remedy="render plane by plane")
    points = aperture_points(view_count(job.coc_max))
    margin = math.ceil(job.coc_max / 4) + MARGIN_PX
    about = {"points": points, "margin": margin, "coc_max": job.coc_max, "reference": _REFERENCE}
    (folder / VIEWS_NAME).write_text(json.dumps(about), encoding="utf-8")
    scene.cycles.samples = view_samples(job.samples, len(points))
    scene.cycles.use_denoising = layer.cycles.use_denoising = False
    drop_session(scene, layer)
    lens.pinhole()
    camera, data, render = lens.camera, lens.camera.data, scene.render
    sensor, pixels = fitted_sensor(data), lens.pixels
    aperture = perspective_aperture(lens.near, lens.far, lens.coc_max, data.lens, sensor, pixels)
    middle = float(metric_depth(_REFERENCE, lens.near, lens.far, lens.mapping))
    kept = (camera.matrix_world.copy(), data.shift_x, data.shift_y, data.sensor_width, data.sensor_height)
    pose = kept[0].normalized()
    wider = (pixels + 2 * margin) / pixels
    render.resolution_x, render.resolution_y = job.width + 2 * margin, job.height + 2 * margin
    data.sensor_width, data.sensor_height = kept[3] * wider, kept[4] * wider
    stage = "rendering views"
    progress(stage, 0, len(points))
    try:
        for number, (x, y) in enumerate(points):
            offset = Vector((x, y, 0.0)) * (aperture / 2)
            moved = pose.copy()
            moved.translation = pose @ offset
            camera.matrix_world = moved
            # a point of the middle plane keeps its place on the sensor
            data.shift_x = (kept[1] - offset.x * data.lens / (middle * sensor)) / wider
            data.shift_y = (kept[2] - offset.y * data.lens / (middle * sensor)) / wider
            render_image(scene, folder / raw_view_name(number), seed=(seed + number) % 2**31)
            written("view", number)
            progress(stage, number + 1, len(points))
    finally:
        camera.matrix_world, data.shift_x, data.shift_y, data.sensor_width, data.sensor_height = kept
        render.resolution_x, render.resolution_y = job.width, job.height
