"""Floor 4: Blender as a child process: find it, run the add-on's renderer, assemble what it wrote."""
