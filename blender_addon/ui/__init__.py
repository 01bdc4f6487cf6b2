# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's user interface: properties, panels, buttons, and drawings in the viewport."""

import bpy

from . import focus_preview, operators, outlines, panels, photo, preferences, properties, session

_CLASSES = (
    *properties.CLASSES,
    *preferences.CLASSES,
    *operators.CLASSES,
    *photo.CLASSES,
    *panels.CLASSES,
)


def register() -> None:
    """Register all classes, properties and handlers."""
    for each in _CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Scene.holodriver = bpy.props.PointerProperty(type=properties.HologramSettings)
    session.register()
    outlines.register()
    focus_preview.register()


def unregister() -> None:
    """End a running job and remove all classes, properties and handlers."""
    session.unregister()
    focus_preview.unregister()
    outlines.unregister()
    del bpy.types.Scene.holodriver
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
