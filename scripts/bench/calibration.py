"""Measure how well a calibration of the simulated panel does: the greatest error of amplitude, over many seeds.

    python scripts/bench/calibration.py [--seeds 20] [--record]

The panel turns short wavelengths too far, its drive has steps, readings have 1 % noise on them, the lasers drift by
5 %, and four sweeps are averaged. `--levels`, `--noise`, `--floor` and `--drift` make it another lab.
"""

import argparse
from dataclasses import replace

import numpy as np
import record

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
    """The greatest error of each method for each seed; all methods see the same readings."""
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
    parser.add_argument("--seeds", type=int, default=20, help="simulated labs, each with other noise")
    parser.add_argument("--levels", type=int, default=256, help="grey levels that are measured")
    parser.add_argument("--sweeps", type=int, default=4, help="sweeps that are averaged")
    parser.add_argument("--noise", type=float, default=0.01, help="noise of a reading as a share of it")
    parser.add_argument("--floor", type=float, default=0.0005, help="noise in the dark as a share of the brightest")
    parser.add_argument("--drift", type=float, default=0.05, help="drift of the lasers as a share of their power")
    parser.add_argument("--no-reference", action="store_true", help="do not follow the drift")
    record.add_option(parser)
    given = parser.parse_args()
    lab = LabSettings(noise=given.noise, floor=given.floor, drift=given.drift)
    sweep = SweepSettings(given.levels, given.sweeps, reference_every=0 if given.no_reference else 8)
    methods: tuple[Method, ...] = ("smooth", "isotonic")
    headings = [f"{method}: {what}" for method in methods for what in ("median", "95th percentile")]
    about = (
        f"Greatest error of amplitude after a calibration of the simulated panel: {given.seeds} seeds, "
        f"{given.sweeps} sweeps of {given.levels} levels, noise {given.noise:.1%} of a reading and "
        f"{given.floor:.2%} of the brightest, drift {given.drift:.0%}."
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
