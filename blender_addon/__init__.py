# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's side of holodriver: renders focal stacks with a thin-lens camera, and the extension that artists use.

Needs Blender (4.2 or later) and the light modules of holodriver. Rendering runs in a process of its own; `ui` is the
shell round it that a Blender with a window registers.
"""


def register() -> None:
    """Called by Blender when the extension is enabled."""
    from . import ui

    ui.register()


def unregister() -> None:
    """Called by Blender when the extension is disabled."""
    from . import ui

    ui.unregister()
