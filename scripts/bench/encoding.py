"""Measure the encoding: wave fields of three colours, 1920 × 1080, into native frames of 3840 × 2160.

    python scripts/bench/encoding.py [--rounds 9]

The fast encoder and the plain one (NumPy in float64, `panel/burch.py`) run in one process, alternated; times are
medians. The parts of the fast one are its own, on the same fields. The paper's encoding takes 0.89 ms on a V100.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable, Mapping

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does

import numpy as np
import torch

from holodriver.cli import console
from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.burch import automatic_gains, encode
from holodriver.panel.encoder import Encoder
from holodriver.panel.lut import AmplitudeLut

PAPER_MS = 0.89


def alternated(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median seconds of each work, run in turns."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            if turn:  # the first turn warms up
                times[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in times.items()}


def main() -> None:
    """Encode and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    rng = np.random.default_rng(0)
    shape = (3, *REFERENCE.shape)
    values = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    field = WaveField(values, REFERENCE)
    gains, luts = automatic_gains([field]), AmplitudeLut.simulated_panel(REFERENCE.wavelengths)
    encoder, precise = Encoder(REFERENCE, gains, luts), Encoder(REFERENCE, gains, luts, precise=True)
    native = np.empty((3, *REFERENCE.native_shape), np.uint8)
    small = np.empty(shape, np.uint8)
    plain, fast = encode(field, gains, luts).pixels, encoder.encode(values)
    console.say(f"{100 * (plain != fast).mean():.4f} % of the pixels differ, by at most "
                f"{np.abs(plain.astype(int) - fast).max()} grey level")  # fmt: skip
    console.say(f"in float64: {np.count_nonzero(plain != precise.frames(field).frames.pixels)} pixels differ")
    works: dict[str, Callable[[], object]] = {
        "plain NumPy, native frames": lambda: encode(field, gains, luts),
        "in float64, as `holodriver encode`": lambda: precise.frames(field),
        "fast, native frames": lambda: encoder.encode(values, native),
        "fast, enlarged by the window's shader": lambda: encoder.encode(values, small, binning=1),
        "its transforms alone": lambda: encoder.signal(values),
    }
    if torch.cuda.is_available():
        on_gpu = Encoder(REFERENCE, gains, luts, device="cuda")
        works["GPU, frames back in memory"] = lambda: on_gpu.encode(values, native)
    seconds = alternated(works, rounds)
    reference = seconds["plain NumPy, native frames"]
    rows = [(name, f"{1e3 * value:.1f}", f"{reference / value:.1f}") for name, value in seconds.items()]
    console.table(
        ("what", "ms", "times as fast as plain"),
        rows,
        title=f"1920 × 1080 → 3840 × 2160, 3 colours, {torch.get_num_threads()} CPU threads",
    )
    if not torch.cuda.is_available():
        console.say("GPU: not measured, there is none")
    console.say(f"the paper's encoding: {PAPER_MS} ms on a V100")


if __name__ == "__main__":
    main()
