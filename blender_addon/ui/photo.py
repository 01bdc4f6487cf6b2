# SPDX-License-Identifier: GPL-3.0-or-later
"""The button that imports a photo with its depth."""

import hashlib
import math
from pathlib import Path

import bpy

from holodriver.errors import InputError

from . import session
from .checks import output_folder
from .driver import photo_steps
from .driver_process import Job
from .jobs import JobOperator
from .photo_mesh import SIDE_BY_SIDE, build_photo, is_side_by_side

NEAREST, FARTHEST = 1.0, 6.0
"""Distances of a photo's nearest and farthest point from the camera if no planes are set, scene units."""


class HOLODRIVER_OT_import_photo(JobOperator, bpy.types.Operator):
    """Import a photo as a mesh shaped by its depth, with a camera from which the mesh looks like the photo"""

    bl_idname = "holodriver.import_photo"
    bl_label = "Import Photo as RGB-D"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def make_job(self, context: bpy.types.Context) -> Job:
        """Make the job that estimates the depth; the job is empty if a depth picture is given."""
        settings = context.scene.holodriver
        self.photo = _picture(settings.photo, "photo")
        self.colour, self.pair = self.photo, None
        if settings.photo_depth.strip():
            self.depth = _picture(settings.photo_depth, "depth")
            return Job("Import Photo", [])
        if is_side_by_side(self.photo):
            self.depth = self.photo
            return Job("Import Photo", [])
        # Blender's temporary folder will do for a file that was never saved
        relative = settings.output.strip().startswith("//") and not bpy.data.filepath
        folder = Path(bpy.app.tempdir) if relative else output_folder(settings)
        # one folder for each picture: another picture can have the same name
        folder = folder / f"{self.photo.stem}_{_digest(self.photo)}"
        self.depth = folder / f"{self.photo.stem}_depth.png"
        self.pair = folder / f"{self.photo.stem}{SIDE_BY_SIDE}.png"
        known = self.depth.is_file() and self.pair.is_file()
        return Job("Import Photo", [] if known else photo_steps(session.driver(), self.photo, folder))

    def finish(self, context: bpy.types.Context, job: Job) -> str:
        """Build the mesh."""
        scene = self.scene()
        settings = scene.holodriver
        near, far = NEAREST, FARTHEST
        if settings.range_mode == "PLANES" and math.isfinite(settings.far) and settings.near < settings.far:
            near, far = settings.near, settings.far
        if self.pair is not None and self.pair.is_file():
            self.colour = self.pair  # turned upright, in a format that Blender reads
        made = build_photo(scene, self.colour, self.depth, near=near, far=far, longest=settings.photo_resolution)
        return f"{made.name}: {len(made.data.vertices)} points; its camera is '{made.parent.name}'"


def _picture(named: str, what: str) -> Path:
    path = Path(bpy.path.abspath(named.strip())) if named.strip() else None
    if path is None or not path.is_file():
        raise InputError(f"the {what} is not a file", where=path, remedy="choose a picture")
    return path


def _digest(picture: Path) -> str:
    """Eight characters that distinguish a picture from others with its name."""
    try:
        with open(picture, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:8]
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=picture) from error


CLASSES = (HOLODRIVER_OT_import_photo,)
