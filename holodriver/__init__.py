"""holodriver: diffraction-engineered holograms and holographic-display assets.

Importing this package is cheap; heavy libraries are imported where they are used.
"""

__version__ = "0.1.0"
