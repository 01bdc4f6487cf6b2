"""Measure whether a sequence of 4K holograms that does not fit into memory is played from disk without a stutter.

    python scripts/bench/play.py [--holograms 100] [--fps 20] [--memory 0.3] [--seconds 10] [--record]

The bench runs `holodriver play` on the simulated rig (3840 × 2160, 60 Hz) with armed lasers, three times in turns, with
two kinds of files: packed panel frames of the panel's size, and panel frames of the hologram's size, not packed, as
holodriver writes them. It prints the time to read one file and the figures of each play's summary.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import h5py
import numpy as np
import record

from holodriver.files.hologram import Hologram, read_small_frames, write_hologram
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import SmallFrames
from holodriver.panel.lut import AmplitudeLut

TURNS = 3
KINDS = {"panel": "frames at the panel's size, packed", "hologram": "at the hologram's size, not packed"}


def write_sequence(folder: Path, holograms: int, *, packed: bool) -> None:
    """Write holograms with grey levels like those of a diffuse field; `packed` ones have the panel's size."""
    folder.mkdir()
    luts = (AmplitudeLut.linear(),) * 3
    for number in range(holograms):
        rng = np.random.default_rng(number)
        pixels = np.clip(rng.normal(127.5, 34, (3, *REFERENCE.shape)), 0, 255).astype(np.uint8)
        frames = SmallFrames(pixels, REFERENCE, (1.0,) * 3, luts).native()
        path = folder / f"h{number:03}.holo"
        write_hologram(path, Hologram(frames=frames))
        if packed:
            with h5py.File(path, "r+") as file:
                del file["frames/pixels"]
                file.create_dataset("frames/pixels", data=frames.pixels, compression="gzip", compression_opts=1)


def reading_ms(folder: Path) -> float:
    """Median time to read the panel frames of one file, ms."""
    times = []
    for path in sorted(folder.glob("*.holo"))[:9]:
        begun = time.perf_counter()
        read_small_frames(path)
        times.append(time.perf_counter() - begun)
    return median(times) * 1e3


def played(folder: Path, given: argparse.Namespace) -> dict[str, str]:
    """Play once; return the figures of the summary, and how the play ended."""
    command = [sys.executable, "-m", "holodriver", "--progress", "json", "play", str(folder)]
    command += ["--loop", "--fps", str(given.fps), "--memory", str(given.memory)]
    command += ["--duration", str(given.seconds)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = {"ended": "well" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "table" and event["columns"] == ["figure", "value"]:
            found |= {row[0]: row[1] for row in event["rows"]}
    return found


def measure(work: Path, given: argparse.Namespace, results: record.Section) -> None:
    """Play both kinds of files in turns, and write a row for each figure of the summaries with its values in turn."""
    table: dict[str, dict[str, list[str]]] = {"size of one, MB": {}, "reading one, ms": {}}
    for kind in KINDS:
        folder = work / kind
        write_sequence(folder, given.holograms, packed=kind == "panel")
        size = sum(path.stat().st_size for path in folder.iterdir()) / given.holograms
        table["size of one, MB"][kind] = [f"{size / 1e6:.1f}"]
        table["reading one, ms"][kind] = [f"{reading_ms(folder):.1f}"]
    for _ in range(TURNS):
        for kind in KINDS:
            for figure, value in played(work / kind, given).items():
                table.setdefault(figure, {}).setdefault(kind, []).append(str(value))
    rows = [(figure, *("; ".join(values.get(kind, [])) for kind in KINDS)) for figure, values in table.items()]
    results.table((f"figure, in each of {TURNS} turns", *KINDS.values()), rows)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holograms", type=int, default=100, help="number of files in the loop")
    parser.add_argument("--fps", type=float, default=20.0, help="holograms a second")
    parser.add_argument("--memory", type=float, default=0.3, help="memory for holograms, GiB")
    parser.add_argument("--seconds", type=float, default=10.0, help="duration of each play, s")
    record.add_option(parser)
    given = parser.parse_args()
    about = (
        "A loop of holograms for a simulated panel of 3840 × 2160 pixels at 60 Hz, too big for the memory and played "
        "from disk."
    )
    with (
        record.section("play", "Playing from disk", about=about, write=given.record) as results,
        tempfile.TemporaryDirectory() as name,
    ):
        measure(Path(name), given, results)


if __name__ == "__main__":
    main()
