# SPDX-License-Identifier: GPL-3.0-or-later
"""Save a copy of the open file for the child Blender, so that the artist's scene is never changed."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import BlenderError

UNTITLED = "untitled"


def blend_name() -> str:
    """Name of the open file without its suffix."""
    return Path(bpy.data.filepath).stem or UNTITLED


def save_snapshot() -> Path:
    """Save a copy of the open file in its current state into a new folder, which the caller removes.

    Simulation caches beside the file are copied too, because Blender looks for them beside the copy.

    The open file, its path, its unsaved state and the list of recent files do not change.

    Raises:
        BlenderError: the copy cannot be written.
    """
    folder = Path(tempfile.mkdtemp(prefix="holodriver-"))
    path = folder / f"{blend_name()}.blend"
    try:
        with _no_thumbnail():
            bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, check_existing=False, compress=False)
    except RuntimeError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BlenderError(f"a copy of the file cannot be saved: {error}", remedy="is the disk full?") from error
    try:
        _take_simulations(folder)
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BlenderError(
            f"the simulations beside the file cannot be copied: {error}", remedy="is the disk full?"
        ) from error
    return path


def _take_simulations(folder: Path) -> None:
    kept = Path(bpy.data.filepath).parent / f"blendcache_{blend_name()}"
    if not bpy.data.filepath or not kept.is_dir():
        return
    if all(cache.is_baked for cache in _disk_caches()):  # otherwise the child would write into the artist's cache
        with suppress(OSError):  # Windows allows links only with a privilege
            (folder / kept.name).symlink_to(kept, target_is_directory=True)
            return
    shutil.copytree(kept, folder / kept.name)


def _disk_caches() -> Iterator[bpy.types.PointCacheItem]:
    """Caches of this file's simulations that Blender stores beside the file."""
    owners: list[Any] = [scene.rigidbody_world for scene in bpy.data.scenes]
    for thing in bpy.data.objects:
        for modifier in thing.modifiers:
            owners += [modifier, *getattr(getattr(modifier, "canvas_settings", None), "canvas_surfaces", ())]
        for system in thing.particle_systems:
            owners += [system, system.cloth]
    for owner in owners:
        cache = getattr(owner, "point_cache", None)
        if cache is not None:
            yield from (each for each in cache.point_caches if each.use_disk_cache)


@contextmanager
def _no_thumbnail() -> Iterator[None]:
    # most of the time of saving a small file is spent on drawing its thumbnail
    preferences = bpy.context.preferences
    kind, dirty = preferences.filepaths.file_preview_type, preferences.is_dirty
    preferences.filepaths.file_preview_type = "NONE"
    try:
        yield
    finally:
        preferences.filepaths.file_preview_type = kind
        preferences.is_dirty = dirty


def unsaved_images() -> Iterator[str]:
    """Names of images with unsaved changes; the copy contains the images as they were last saved."""
    for image in bpy.data.images:
        if image.is_dirty and image.users and image.type not in ("RENDER_RESULT", "COMPOSITING"):
            yield image.name


def blender_executable() -> Path:
    """Program that the driver starts as child: this Blender, or this Python if Blender is a Python module."""
    return Path(bpy.app.binary_path or sys.executable)
