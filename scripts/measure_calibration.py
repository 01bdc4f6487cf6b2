"""How well a calibration of the simulated panel does, over many seeds: greatest error of amplitude through the tables.

The panel turns short wavelengths too far, its drive has steps, readings have 1 % noise on them, the lasers drift by
5 %, and four sweeps are averaged. `--levels`, `--noise`, `--floor` and `--drift` make it another lab.

    python scripts/measure_calibration.py
"""

import argparse
from dataclasses import replace

import numpy as np

from holodriver.optics.display import REFERENCE
from holodriver.panel.lut import AmplitudeLut
from holodriver.panel.response import Method
from holodriver.rig.measure.calibrate import SweepSettings, fit_colour, measure_colour
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab

PROFILE = REFERENCE.resized(16, 16)


def largest_error(cell: LiquidCrystal, wavelength: float, lut: AmplitudeLut) -> float:
    """Greatest difference between wanted and true amplitude, from the panel's darkest level to its peak."""
    true = cell.amplitudes(wavelength)
    wanted = np.linspace(true[0], 1, 4001)
    return float(np.abs(true[lut.grey(wanted)] - wanted).max())


def errors(
    colour: int, seeds: int, lab: LabSettings, sweep: SweepSettings, methods: tuple[Method, ...]
) -> dict[Method, list[float]]:
    """Greatest error for each method and seed; all methods see the same readings."""
    wavelength = PROFILE.wavelengths[colour]
    found: dict[Method, list[float]] = {method: [] for method in methods}
    for seed in range(seeds):
        stage = SimulatedLab(PROFILE, replace(lab, seed=seed))
        readings = measure_colour(stage, stage.meter(sweep.pattern), colour, sweep)
        for method in methods:
            table = fit_colour(readings, wavelength, method)[0].lut
            found[method].append(largest_error(lab.cell, wavelength, table))
    return found


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--levels", type=int, default=256)
    parser.add_argument("--sweeps", type=int, default=4)
    parser.add_argument("--noise", type=float, default=0.01, help="of a reading, share of it")
    parser.add_argument("--floor", type=float, default=0.0005, help="noise in the dark, share of the brightest")
    parser.add_argument("--drift", type=float, default=0.05)
    parser.add_argument("--no-reference", action="store_true", help="do not follow the drift")
    given = parser.parse_args()
    lab = LabSettings(noise=given.noise, floor=given.floor, drift=given.drift)
    sweep = SweepSettings(given.levels, given.sweeps, reference_every=0 if given.no_reference else 8)
    methods: tuple[Method, ...] = ("smooth", "isotonic")
    print("wavelength  uncorrected  " + "  ".join(f"{method}: median, 95th percentile" for method in methods))
    for colour, wavelength in enumerate(PROFILE.wavelengths):
        before = largest_error(lab.cell, wavelength, AmplitudeLut.linear())
        found = errors(colour, given.seeds, lab, sweep, methods)
        shown = "  ".join(f"{np.median(e):16.4f}, {np.percentile(e, 95):10.4f}  " for e in found.values())
        print(f"{wavelength * 1e9:7.0f} nm  {before:11.3f}  {shown}", flush=True)


if __name__ == "__main__":
    main()
