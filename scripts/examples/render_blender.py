"""Render a Blender scene from Python, compute its hologram, and show its view beside the render."""

import sys
from pathlib import Path

import numpy as np

import holodriver as hd

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")

# "demo" is a scene that holodriver builds; yours: hd.render("scene.blend", near=0.5, far=3.0)
stack = hd.render("demo", size=(128, 128), planes=8, samples=8, output=out / "demo.stack", overwrite=True)
frames = hd.encode(hd.synthesise(stack, method="net"))
rows = [
    np.concatenate([stack.exposed().images[plane], hd.look(frames, focus=stack.positions[plane].item())], axis=2)
    for plane in (0, 7)
]
hd.write(out / "rendered_and_seen.png", np.concatenate(rows, axis=1), overwrite=True)
