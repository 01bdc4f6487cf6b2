"""Turn a focal stack into a hologram and panel frames, and simulate a camera's view with near, middle and far focus."""

import sys
from pathlib import Path

import numpy as np
import small_scene

import holodriver as hd

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")

stack = hd.read(small_scene.stack(out))  # yours: hd.read("scene.stack"), or hd.render("scene.blend")
field = hd.synthesise(stack, method="net")  # "opt" takes longer and scores higher
frames = hd.encode(field)
hd.write(out / "scene.holo", field, frames, overwrite=True)
hd.write(out / "scene.frames", frames, overwrite=True)

score = hd.score(frames, stack).means()
print(f"seen through the slit: {score['psnr']:.1f} dB, SSIM {score['ssim']:.3f}")
pictures = [hd.look(frames, focus=focus) for focus in (0.0, 0.35, 1.0)]
hd.write(out / "near_middle_far.png", np.concatenate(pictures, axis=2), overwrite=True)
