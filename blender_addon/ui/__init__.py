# SPDX-License-Identifier: GPL-3.0-or-later
"""The extension's window side: properties, panels, buttons, and what is drawn into the viewport."""

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
    """Switch everything on."""
    for each in _CLASSES:
        bpy.utils.register_class(each)
    bpy.types.Scene.holodriver = bpy.props.PointerProperty(type=properties.HologramSettings)
    session.register()
    outlines.register()
    focus_preview.register()


def unregister() -> None:
    """Switch everything off; what runs is ended, and nothing stays behind."""
    session.unregister()
    focus_preview.unregister()
    outlines.unregister()
    del bpy.types.Scene.holodriver
    for each in reversed(_CLASSES):
        bpy.utils.unregister_class(each)
