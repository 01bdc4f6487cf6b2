"""Rendering: focal stacks, RGB-D images and quilts of a scene."""
