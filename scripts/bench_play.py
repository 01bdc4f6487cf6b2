"""Measure whether a sequence is shown without a stutter: holograms of a 4K panel, more than memory holds, from disk.

    python scripts/bench_play.py [--holograms 100] [--fps 20] [--memory 0.3] [--seconds 10]

Plays with `holodriver play --rig` on a simulated panel (3840 × 2160, 60 Hz) and laser controller, armed, three times in
turns: files as version 1 stored them (frames at the panel's size, packed) and as version 2 does (at the hologram's
size, not packed). Prints how long one takes to read and what the summary of each play says.
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

from holodriver.files.hologram import Hologram, read_small_frames, write_hologram
from holodriver.optics.display import REFERENCE
from holodriver.panel.frames import SmallFrames
from holodriver.panel.lut import AmplitudeLut
from holodriver.rig.settings import ControllerSettings, PanelSettings, Rig, write_rig

TURNS = 3


def write_sequence(folder: Path, holograms: int, version: int) -> None:
    """Holograms whose grey levels are spread as those of a diffuse field's are."""
    folder.mkdir()
    luts = (AmplitudeLut.linear(),) * 3
    for number in range(holograms):
        rng = np.random.default_rng(number)
        pixels = np.clip(rng.normal(127.5, 34, (3, *REFERENCE.shape)), 0, 255).astype(np.uint8)
        frames = SmallFrames(pixels, REFERENCE, (1.0,) * 3, luts).native()
        path = folder / f"h{number:03}.holo"
        write_hologram(path, Hologram(frames=frames))
        if version == 1:
            with h5py.File(path, "r+") as file:
                file.attrs["version"] = 1
                del file["frames/pixels"]
                file.create_dataset("frames/pixels", data=frames.pixels, compression="gzip", compression_opts=1)


def reading_ms(folder: Path) -> float:
    """Median time in which the frames of one file are read, ms."""
    times = []
    for path in sorted(folder.glob("*.holo"))[:9]:
        begun = time.perf_counter()
        read_small_frames(path)
        times.append(time.perf_counter() - begun)
    return median(times) * 1e3


def played(folder: Path, rig: Path, arguments: argparse.Namespace) -> dict[str, str]:
    """The summary of one play, and how it ended."""
    command = [sys.executable, "-m", "holodriver", "--progress", "json", "play", str(folder), "--rig", str(rig)]
    command += ["--arm", "--loop", "--fps", str(arguments.fps), "--memory", str(arguments.memory)]
    command += ["--duration", str(arguments.seconds)]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = {"ended": "well" if done.returncode == 0 else done.stderr.strip().splitlines()[-1]}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "warning":
            found["said before"] = event["text"]
        if event["event"] == "table" and event["columns"] == ["figure", "value"]:
            found |= {row[0]: row[1] for row in event["rows"]}
    return found


def main() -> None:
    """Play and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holograms", type=int, default=100)
    parser.add_argument("--fps", type=float, default=20.0)
    parser.add_argument("--memory", type=float, default=0.3, help="GiB")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        rig = Rig(
            panel=PanelSettings(monitor="simulated", refresh_hz=60.0), controller=ControllerSettings(port="simulated")
        )
        write_rig(work / "rig.toml", rig)
        for version in (1, 2):
            write_sequence(work / f"v{version}", arguments.holograms, version)
            size = sum(path.stat().st_size for path in (work / f"v{version}").iterdir()) / arguments.holograms
            print(f"version {version}: {size / 1e6:.1f} MB, {reading_ms(work / f'v{version}'):.1f} ms to read one")
        for turn in range(TURNS):
            for version in (1, 2):
                print(f"\nturn {turn + 1}, version {version}")
                for figure, value in played(work / f"v{version}", work / "rig.toml", arguments).items():
                    print(f"  {figure}: {value}", flush=True)


if __name__ == "__main__":
    main()
