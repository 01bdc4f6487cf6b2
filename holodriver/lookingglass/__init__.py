"""Floor 4: RGB-D layouts, quilts from colour and depth, and Looking Glass Bridge."""
