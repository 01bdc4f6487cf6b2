"""Measure the accuracy of a calibration of the simulated panel: the largest error of amplitude, over many seeds.

    python scripts/bench/calibration.py [--seeds 20] [--record]

In the simulated lab the panel retards short wavelengths too much, grey levels have steps, readings have 1 % noise, the
lasers drift by 5 %, and four sweeps are averaged. `--levels`, `--noise`, `--floor` and `--drift` change the lab.
"""

import argparse
from dataclasses import replace

import numpy as np
import record

from holodriver.optics.display import REFERENCE
from holodriver.panel.calibration import Method
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.measure.calibrate import SweepSettings, fit_colour, measure_colour
from holodriver.rig.measure.simulated_cell import LiquidCrystal
from holodriver.rig.measure.simulated_lab import LabSettings, SimulatedLab

PROFILE = REFERENCE.resized(16, 16)


def largest_error(cell: LiquidCrystal, wavelength: float, lut: AmplitudeLut) -> float:
    """Largest difference between wanted and true amplitude, from the panel's darkest level to its brightest."""
    true = cell.amplitudes(wavelength)
    wanted = np.linspace(true[0], 1, 4001)
    return float(np.abs(true[lut.grey(wanted)] - wanted).max())


def errors(
    colour: int, seeds: int, lab: LabSettings, sweep: SweepSettings, methods: tuple[Method, ...]
) -> dict[Method, list[float]]:
    """Largest error of amplitude of each method for each seed; all methods use identical readings."""
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
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="number of simulated labs, each with different noise")
    parser.add_argument("--levels", type=int, default=256, help="number of grey levels measured")
    parser.add_argument("--sweeps", type=int, default=4, help="number of sweeps averaged")
    parser.add_argument("--noise", type=float, default=0.01, help="noise of a reading, as a fraction of the reading")
    parser.add_argument(
        "--floor", type=float, default=0.0005, help="noise in the dark, as a fraction of the largest reading"
    )
    parser.add_argument("--drift", type=float, default=0.05, help="drift of the lasers, as a fraction of their power")
    parser.add_argument("--no-reference", action="store_true", help="do not correct the drift")
    record.add_option(parser)
    given = parser.parse_args()
    lab = LabSettings(noise=given.noise, floor=given.floor, drift=given.drift)
    sweep = SweepSettings(given.levels, given.sweeps, reference_every=0 if given.no_reference else 8)
    methods: tuple[Method, ...] = ("smooth", "isotonic")
    headings = [f"{method}: {what}" for method in methods for what in ("median", "95th percentile")]
    about = (
        f"Largest error of amplitude after a calibration of the simulated panel: {given.seeds} seeds, "
        f"{given.sweeps} sweeps of {given.levels} levels, noise {given.noise:.1%} of a reading and "
        f"{given.floor:.2%} of the largest reading, drift {given.drift:.0%}."
    )
    with record.section("calibration", "Calibration", about=about, write=given.record) as results:
        rows = []
        for colour, wavelength in enumerate(PROFILE.wavelengths):
            before = largest_error(lab.cell, wavelength, AmplitudeLut.linear())
            found = errors(colour, given.seeds, lab, sweep, methods)
            figures = [f"{value:.4f}" for e in found.values() for value in (np.median(e), np.percentile(e, 95))]
            rows.append((f"{wavelength * 1e9:.0f} nm", f"{before:.3f}", *figures))
        results.table(("wavelength", "uncorrected", *headings), rows)


if __name__ == "__main__":
    main()
