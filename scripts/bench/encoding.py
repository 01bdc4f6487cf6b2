"""Measure the encoding of wave fields of three colours, 1920 × 1080, into panel frames of 3840 × 2160.

    python scripts/bench/encoding.py [--rounds 9] [--record]

The encoder and a plain one, with which tests compare it (NumPy in float64, `tests/plain_burch.py`), run in one process,
in turns; times are medians. The parts of the encoder are timed on identical fields. The paper's encoding takes 0.89 ms
on a V100.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in the command line

import numpy as np
import record
import torch

from holodriver.optics.display import REFERENCE
from holodriver.optics.field import WaveField
from holodriver.panel.encoder import Encoder, automatic_gains
from holodriver.panel.lut import AmplitudeLut
from holodriver.study.figures.performance import alternated

PAPER_MS = 0.89


def measure(rounds: int, results: record.Section) -> None:
    """Compare the encoders' frames and their times."""
    sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "tests")]
    plain_encode: Any = importlib.import_module("plain_burch").plain_encode
    rng = np.random.default_rng(0)
    shape = (3, *REFERENCE.shape)
    values = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    field = WaveField(values, REFERENCE)
    gains, luts = automatic_gains([field]), AmplitudeLut.simulated_panel(REFERENCE.wavelengths)
    encoder, precise = Encoder(REFERENCE, gains, luts), Encoder(REFERENCE, gains, luts, precise=True)
    native = np.empty((3, *REFERENCE.native_shape), np.uint8)
    small = np.empty(shape, np.uint8)
    plain, fast = plain_encode(field, gains, luts).pixels, encoder.encode(values)
    exact = np.count_nonzero(plain != precise.frames(field).frames.pixels)
    works: dict[str, Callable[[], object]] = {
        "plain NumPy, native frames": lambda: plain_encode(field, gains, luts),
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
    results.table(
        ("what", "ms", "times as fast as plain"),
        [(name, f"{1e3 * value:.1f}", f"{reference / value:.1f}") for name, value in seconds.items()],
        title=f"1920 × 1080 to 3840 × 2160, 3 colours, {torch.get_num_threads()} CPU threads, medians",
    )
    results.say(
        f"{100 * (plain != fast).mean():.4f} % of the fast encoder's pixels differ from the plain one's, by at most "
        f"{np.abs(plain.astype(int) - fast).max()} grey level. In float64 {exact} pixels differ. The paper's encoding "
        f"takes {PAPER_MS} ms on a V100." + ("" if torch.cuda.is_available() else " No GPU was measured.")
    )


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9, help="measurements of each encoder, in turns")
    record.add_option(parser)
    given = parser.parse_args()
    about = "From the wave field of three colours to the panel's 8-bit frames."
    with record.section("encoding", "Encoding", about=about, write=given.record) as results:
        measure(given.rounds, results)


if __name__ == "__main__":
    main()
