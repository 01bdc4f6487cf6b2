"""holodriver: diffraction-engineered holograms and holographic-display assets.

    import holodriver as hd

    stack = hd.read("scene.stack")
    field = hd.synthesise(stack, method="net")
    frames = hd.encode(field)
    picture = hd.look(frames, focus=0.3)
    hd.write("scene.holo", field, frames)

Names outside `__all__` may change. Importing the package is cheap: each name is loaded when it is first used.
"""

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from holodriver.errors import HolodriverError
    from holodriver.files.hologram import Hologram
    from holodriver.optics.display import REFERENCE, DisplayProfile
    from holodriver.optics.field import WaveField
    from holodriver.panel.calibration import Calibration
    from holodriver.panel.frames import PanelFrames
    from holodriver.scene.rgbd import RgbdImage
    from holodriver.scene.stack import FocalStack
    from holodriver.tasks.playing import Rig, play
    from holodriver.tasks.read_write import read, write
    from holodriver.tasks.verbs import encode, estimate_depth, look, quilt, render, score, synthesise

__all__ = [
    "REFERENCE",
    "Calibration",
    "DisplayProfile",
    "FocalStack",
    "HolodriverError",
    "Hologram",
    "PanelFrames",
    "RgbdImage",
    "Rig",
    "WaveField",
    "encode",
    "estimate_depth",
    "look",
    "play",
    "quilt",
    "read",
    "render",
    "score",
    "synthesise",
    "write",
]

_HOMES = {
    "errors": ("HolodriverError",),
    "files.hologram": ("Hologram",),
    "optics.display": ("REFERENCE", "DisplayProfile"),
    "optics.field": ("WaveField",),
    "panel.calibration": ("Calibration",),
    "panel.frames": ("PanelFrames",),
    "scene.rgbd": ("RgbdImage",),
    "scene.stack": ("FocalStack",),
    "tasks.playing": ("Rig", "play"),
    "tasks.read_write": ("read", "write"),
    "tasks.verbs": ("encode", "estimate_depth", "look", "quilt", "render", "score", "synthesise"),
}
"""Module of each public name; the imports above say the same to type checkers."""

if not TYPE_CHECKING:

    def __getattr__(name):
        """A public name, loaded when it is first used (PEP 562)."""
        from importlib import import_module

        for home, names in _HOMES.items():
            if name in names:
                found = getattr(import_module(f"{__name__}.{home}"), name)
                globals()[name] = found
                return found
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
