"""Opens a .blend file with scripts allowed and renders it: the control of the tests that holodriver runs no scripts.

blender --background --python trusting.py -- FILE
"""

import os
import sys

import bpy

if __name__ == "__main__":
    file = sys.argv[-1]
    bpy.ops.wm.open_mainfile(filepath=file, load_ui=False, use_scripts=True)
    scene = bpy.context.scene
    scene.render.resolution_x = scene.render.resolution_y = 16
    scene.cycles.samples = 1
    scene.frame_set(2)
    bpy.ops.render.render()
    sys.stdout.flush()
    os._exit(0)
