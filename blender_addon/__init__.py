# SPDX-License-Identifier: GPL-3.0-or-later
"""Blender's side of holodriver: renders focal stacks with a thin-lens camera.

Needs Blender (4.2 or later) and the light modules of holodriver; runs in a process of its own.
"""
