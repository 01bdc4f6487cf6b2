# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks before a job starts, and the inputs that a job gets."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy

from holodriver.errors import InputError

from ..render.thin_lens import camera_of, mapping_of
from .driver import Scene
from .estimate import Work, size_in_words
from .properties import artists_gpus
from .snapshot import blender_executable, save_snapshot


def scene_frames(scene: bpy.types.Scene) -> tuple[int, ...]:
    """Numbers of the animation frames to render: the current frame, or the scene's range."""
    if not scene.holodriver.animation:
        return (scene.frame_current,)
    return tuple(range(scene.frame_start, scene.frame_end + 1, scene.frame_step))


def check_scene(scene: bpy.types.Scene) -> None:
    """Refuse a scene that cannot be rendered, before anything starts.

    Raises:
        InputError: there is no camera, its type is not supported, or the frame range is empty.
    """
    mapping_of(camera_of(scene))
    if not scene_frames(scene):
        raise InputError("the frame range is empty", remedy="set the scene's start and end")


def output_folder(settings: Any) -> Path:
    """Return the folder for results; it is made if it does not exist.

    Raises:
        InputError: the path is relative and the file was never saved, or the folder cannot be written to.
    """
    named = settings.output.strip() or "//"
    if named.startswith("//") and not bpy.data.filepath:
        raise InputError(
            "the output folder is beside a file that was never saved", remedy="save the file, or choose a folder"
        )
    folder = Path(bpy.path.abspath(named))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".holodriver-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"cannot be written to: {error.strerror}", where=folder, remedy="choose another") from error
    return folder


def free_name(folder: Path, name: str, ends: Sequence[str], *, overwrite: bool) -> Path:
    """Path FOLDER/NAME without suffix; NAME gets a number if a file of that name exists and `overwrite` is false."""
    number = 1
    while True:
        base = folder / (name if number == 1 else f"{name}_{number}")
        if overwrite or not any(base.with_name(base.name + end).exists() for end in ends):
            return base
        number += 1


def check_disk(folder: Path, work: Work) -> None:
    """Refuse work that needs more space than the disk has.

    Raises:
        InputError: there is not enough space; the message states how much is needed and how much is free.
    """
    free, needed = shutil.disk_usage(folder).free, work.disk_bytes()
    if free < needed:
        raise InputError(
            f"the disk has {size_in_words(free)} free, but up to {size_in_words(needed)} are needed",
            where=folder,
            remedy="free some space, choose another folder, or render smaller images",
        )


def snapshot_of(scene: bpy.types.Scene, *, size: tuple[int, int], planes: tuple[float | None, float | None]) -> Scene:
    """Save a copy of the open file for the driver, in a new folder that becomes the job's scratch folder."""
    settings = scene.holodriver
    near, far = planes
    kind, gpus = artists_gpus()
    device = settings.device if settings.device == kind else "CPU"
    return Scene(
        blend=save_snapshot(),
        blender=blender_executable(),
        size=size,
        near=near,
        far=far,
        frames=scene_frames(scene) if settings.animation else (),
        device=device,
        devices=tuple(identifier for identifier, _ in gpus) if device != "CPU" else (),
    )


def cores() -> int:
    """Number of threads with which a child Blender renders."""
    scene = bpy.context.scene
    return scene.render.threads if scene is not None else 1
