"""Score your own phase retrieval method on the optical bench, together with the built-in methods."""

import sys
from pathlib import Path

import numpy as np
import small_scene

import holodriver as hd

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
stack = hd.read(small_scene.stack(out), hd.FocalStack)
target = stack.exposed()
display = hd.REFERENCE.resized(target.shape[1], target.shape[0])


def my_method() -> hd.WaveField:
    """Combine the amplitude of the all-in-focus picture with a little random phase."""
    phase = 2 * np.pi * np.random.default_rng(0).uniform(0, 0.1, target.shape)
    return hd.WaveField.from_array(np.sqrt(target.all_in_focus) * np.exp(1j * phase), display=display)


fields = {"mine": my_method(), "flat": hd.synthesise(stack, method="flat"), "net": hd.synthesise(stack, method="net")}
for name, field in fields.items():
    mean = hd.score(hd.encode(field), stack).means()
    print(f"{name:5} {mean['psnr']:.2f} dB, SSIM {mean['ssim']:.3f}")
pictures = [hd.look(hd.encode(field), focus=0.0) for field in fields.values()]
hd.write(out / "methods.png", np.concatenate(pictures, axis=2), overwrite=True)
