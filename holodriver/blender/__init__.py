"""Floor 4: find a Blender, run the add-on's renderer in it as a child process, and assemble the images it writes."""
