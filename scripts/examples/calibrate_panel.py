"""Calibrate a panel in the simulated lab, and encode panel frames with the calibration."""

import sys
from pathlib import Path

import small_scene

import holodriver as hd
from holodriver.files.images import write_pixels
from holodriver.rig.measure.calibrate import SweepSettings, calibrated, measure_colour
from holodriver.rig.measure.response_plot import response_plot
from holodriver.rig.measure.simulated_lab import SimulatedLab

out = Path(sys.argv[1] if len(sys.argv) > 1 else "out")

# The command `holodriver calibrate` does the same; for a real rig add --rig rig.toml --arm.
display, settings = hd.REFERENCE, SweepSettings(levels=64, sweeps=2)
lab = SimulatedLab(display.resized(64, 64))
found = [measure_colour(lab, lab.meter("uniform"), colour, settings) for colour in range(3)]
calibration, responses = calibrated(lab.panel, "", "simulated", display.wavelengths, found, settings)
hd.write(out / "panel.json", calibration, overwrite=True)
write_pixels(out / "response.png", response_plot(calibration, responses), overwrite=True)

field = hd.synthesise(small_scene.picture(), method="net")
frames = hd.encode(field, calibration=calibration)  # or calibration=hd.read("panel.json")
hd.write(out / "calibrated.holo", field, frames, overwrite=True)
hd.write(out / "calibrated.png", hd.look(frames, focus=0.0), overwrite=True)
