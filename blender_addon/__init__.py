# SPDX-License-Identifier: GPL-3.0-or-later
"""The Blender side of holodriver: the renderer of focal stacks, and the extension that artists use.

The package needs Blender (4.2 or later) and the light modules of holodriver. Rendering runs in a child process;
`ui` is the part with panels and buttons, which a Blender with a window registers.
"""


def register() -> None:
    """Enable the extension; Blender calls this function."""
    from . import ui

    ui.register()


def unregister() -> None:
    """Disable the extension; Blender calls this function."""
    from . import ui

    ui.unregister()
