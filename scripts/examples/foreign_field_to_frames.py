"""Turn a wave field of another program, given as numbers or as pictures of amplitude and phase, into panel frames."""

import sys
from pathlib import Path

import cv2
import numpy as np

import holodriver as hd

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")
out.mkdir(parents=True, exist_ok=True)

# The other program's result: a ring 0.9 mm in front of the panel and a square 0.9 mm behind it, in green light.
pitch, wavelength, size = 7.2e-6, 515e-9, 256
y, x = np.mgrid[:size, :size] - size / 2
ring, square = np.abs(np.hypot(x + 45, y) - 40) < 5, np.maximum(abs(x - 60), abs(y)) < 35
kz = 2 * np.pi * np.sqrt(wavelength**-2 - np.add.outer(*[np.fft.fftfreq(size, pitch) ** 2] * 2))
field = np.fft.ifft2(np.fft.fft2(ring) * np.exp(-9e-4j * kz) + np.fft.fft2(square) * np.exp(9e-4j * kz))
np.save(out / "theirs.npy", field)
for name, share in (("amplitude", abs(field) / abs(field).max()), ("phase", np.angle(field) / (2 * np.pi) % 1)):
    cv2.imwrite(str(out / f"{name}.png"), np.rint(share * 255).astype(np.uint8))

numbers = hd.read(out / "theirs.npy", pitch=pitch, wavelengths=[wavelength])
pictures = hd.read(out / "phase.png", amplitude=out / "amplitude.png", pitch=pitch, wavelengths=[wavelength])
print(pictures.provenance["imported"]["assumed"])
hd.write(out / "theirs.frames", hd.encode(numbers), overwrite=True)
seen = [hd.look(hd.encode(one), focus=focus) for one in (numbers, pictures) for focus in (0.05, 0.95)]
hd.write(out / "ring_and_square.png", np.concatenate([one / one.max() for one in seen], axis=2), overwrite=True)
