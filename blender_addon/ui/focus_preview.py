# SPDX-License-Identifier: GPL-3.0-or-later
"""The focus slider: focuses the artist's camera through the planes, and later restores its own depth of field."""

import json
from typing import Any

import bpy

from holodriver.errors import HolodriverError

from ..render.thin_lens import ThinLens, camera_of, fitted_pixels, mapping_of
from . import session
from .driver import blur_diameter, image_size
from .near_and_far import plane_range

_NUMBERS = ("focus_distance", "aperture_fstop", "aperture_blades", "aperture_rotation", "aperture_ratio")


def switched(settings: Any, context: bpy.types.Context) -> None:
    """Begin or end the preview when its switch is pressed."""
    if settings.preview:
        begin(settings.id_data)
    else:
        end(settings.id_data)


def moved(settings: Any, context: bpy.types.Context) -> None:
    """Focus the camera when the slider is moved."""
    if settings.preview:
        show(settings.id_data)


def begin(scene: bpy.types.Scene) -> None:
    """Begin the preview at the slider's focus and remember the camera's own depth of field."""
    settings = scene.holodriver
    try:
        lens_of(scene)
    except HolodriverError as error:
        settings.preview = False
        session.tell(str(error))
        return
    show(scene)


def _keep(scene: bpy.types.Scene) -> None:
    settings, dof = scene.holodriver, scene.camera.data.dof
    settings.preview_kept = json.dumps({name: getattr(dof, name) for name in (*_NUMBERS, "use_dof")})
    settings.preview_focus = dof.focus_object
    settings.preview_camera = scene.camera
    _show_blur(True)


def show(scene: bpy.types.Scene) -> None:
    """Focus the camera at the slider's position; does nothing while the settings do not suit the camera."""
    settings = scene.holodriver
    try:
        lens = lens_of(scene)
    except HolodriverError as error:
        session.tell(str(error))
        return
    if not settings.preview_kept or settings.preview_camera != scene.camera:
        end(scene)  # another camera became active and has its own focus
        _keep(scene)
    lens.focus(settings.preview_position)


def end(scene: bpy.types.Scene) -> None:
    """Restore the camera's own depth of field."""
    settings = scene.holodriver
    if not settings.preview_kept:
        return
    kept = json.loads(settings.preview_kept)
    camera, focus = settings.preview_camera, settings.preview_focus
    _show_blur(False)
    settings.preview_kept = ""
    settings.preview_camera = settings.preview_focus = None
    if camera is None or camera.type != "CAMERA":
        return
    dof = camera.data.dof
    for name in (*_NUMBERS, "use_dof"):
        setattr(dof, name, kept[name])
    dof.focus_object = focus


def lens_of(scene: bpy.types.Scene) -> ThinLens:
    """Describe the scene's camera with the artist's settings as a thin lens.

    Raises:
        HolodriverError: there is no camera, or the settings do not suit it.
    """
    settings = scene.holodriver
    near, far = plane_range(scene, settings)
    if near is None or far is None:
        near, far = session.known_range(scene)
    camera = camera_of(scene)
    profile = session.profile(settings)
    width, height = image_size(settings, profile, scene.render)
    pixels = fitted_pixels(camera.data, width, height)
    return ThinLens(camera, near, far, mapping_of(camera), blur_diameter(settings, profile), pixels)


_blurred: set[tuple[str, int]] = (
    set()
)  # viewports (screen name, number) in which the preview switched depth of field on


def _show_blur(wanted: bool) -> None:
    """Let viewports in solid shading draw depth of field, or switch it off where the preview switched it on."""
    for screen in bpy.data.screens:
        for number, area in enumerate(screen.areas):
            shading = getattr(area.spaces.active, "shading", None) if area.type == "VIEW_3D" else None
            if shading is None:
                continue
            if wanted and not shading.use_dof:
                shading.use_dof = True
                _blurred.add((screen.name, number))
            elif not wanted and (screen.name, number) in _blurred:
                shading.use_dof = False
    if not wanted:
        _blurred.clear()


@bpy.app.handlers.persistent
def _before_saving(*_: Any) -> None:
    # the file must contain the artist's own depth of field
    for scene in bpy.data.scenes:
        if scene.holodriver.preview:
            end(scene)


@bpy.app.handlers.persistent
def _after_saving(*_: Any) -> None:
    for scene in bpy.data.scenes:
        if scene.holodriver.preview:
            begin(scene)


@bpy.app.handlers.persistent
def _after_loading(*_: Any) -> None:
    for scene in bpy.data.scenes:
        if scene.holodriver.preview and not scene.holodriver.preview_kept:
            scene.holodriver.preview = False


_HANDLERS = (
    ("save_pre", _before_saving),
    ("save_post", _after_saving),
    ("save_post_fail", _after_saving),
    ("load_post", _after_loading),
)


def register() -> None:
    """Add the handlers for files that are saved or opened while the preview is on."""
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).append(handler)


def unregister() -> None:
    """End every preview and remove the handlers."""
    for name, handler in _HANDLERS:
        getattr(bpy.app.handlers, name).remove(handler)
    for scene in bpy.data.scenes:
        end(scene)
        scene.holodriver.preview = False
