"""Floor 1: display profiles, focal planes, wave propagation, the simulated bench.

``display`` and ``focus`` need nothing beyond the standard library, so that Blender can use them.
"""
