"""Pictures for Looking Glass displays: RGB-D layouts, quilts from colour and depth, and Looking Glass Bridge."""
