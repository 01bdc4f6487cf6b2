"""A panel is calibrated in the simulated lab, and frames are encoded with what was measured."""

import sys
from pathlib import Path

import small_scene

import holodriver as hd
from holodriver.cli.app import main

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")

# The same as: holodriver calibrate -o panel.json --plot response.png; with --rig rig.toml --arm on a real rig.
command = ["calibrate", "-o", out / "panel.json", "--plot", out / "response.png", "--levels", 64, "--sweeps", 2]
if main([*map(str, command), "--overwrite"]) != 0:
    sys.exit(1)

calibration = hd.read(out / "panel.json", hd.Calibration)
field = hd.synthesise(small_scene.picture(), method="net")
frames = hd.encode(field, calibration=calibration)
hd.write(out / "calibrated.holo", field, frames, overwrite=True)
hd.write(out / "calibrated.png", hd.look(frames, focus=0.0), overwrite=True)
