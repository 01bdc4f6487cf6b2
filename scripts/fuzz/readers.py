"""Test every reader of files with damaged files: it must not hang, crash or use up memory, and must report clearly.

    python scripts/fuzz/readers.py [--count 10000] [--readers exr,video] [--seed 0] [--log FILE] [--keep FOLDER]
        [--record]
    python scripts/fuzz/readers.py --readers exr --first 4711 --count 1 --show       repeat one case

Case N of a reader is the same in every run. A case passes if the file is read, or refused with one line that names the
file. It is a defect if the reader raises any other exception, takes too long, or lets this process grow or crash. The
guarded process that reads files (`holodriver/files/guard/`) may crash or hang without harm to this process; such cases
are counted separately.
"""

import argparse
import contextlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import hdf5_files
import numpy as np
import onnx_files
import seeds
from mutations import (
    BYTES,
    Mutation,
    Rng,
    boxes,
    cells,
    exr_header,
    json_tree,
    pick,
    png_chunks,
    safetensors_header,
    splice,
    swapped,
    toml_tree,
    zipped,
)

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import record

from holodriver.errors import BlenderError, HolodriverError, InputError
from holodriver.files.guard import guard

LIMITS = guard.Limits(memory=1 << 30, seconds=20.0)
"""Memory and time that the reading process may take for a small file."""

PATIENCE_S = 120
"""Time after which a case counts as hanging, s."""

GROWTH = 400 << 20
"""Largest growth of this process over all cases of one reader, bytes."""

LONGEST_LINE = 2500
"""Largest length of an error's line, characters."""

COLUMNS = ("reader", "read", "refused", "crash held", "hang held", "memory held", "defect")
"""Columns of the table of all readers; "held" counts cases in which the guard ended the reading process."""


@dataclass(frozen=True)
class Reader:
    """A reader of files, the files that it reads, and the functions that damage them."""

    name: str
    seeds: Callable[[Path], list[Path]]
    read: Callable[[Path], Any]
    structure: tuple[Mutation, ...] = ()
    """Functions that change the structure of the file, or of the files in a folder with a suitable suffix."""
    family: type[HolodriverError] = InputError
    """Class of the errors that the reader may raise."""


def _video(path: Path) -> None:
    from holodriver.files.video.video import VideoReader

    with VideoReader(path) as video:
        for _ in video.frames(limit=5):
            pass


def _sound(path: Path) -> None:
    from holodriver.files.video.sound import take_sound

    take_sound(path, path.with_suffix(".taken"), ["aac", "pcm_s16le"], start=seeds.Fraction(0), end=None)


def _parts(folder: Path) -> None:
    from holodriver.files.video.parts import Track, VideoParts
    from holodriver.files.video.writer import CODECS

    track = Track(folder.with_name("a.mkv"), (seeds.WIDTH, seeds.HEIGHT), CODECS["ffv1"])
    rate = seeds.Fraction(12)
    VideoParts([track], {"source": "seed"}, rate=rate, time_base=1 / rate, resume=True).state()


def _edid(path: Path) -> None:
    from holodriver.rig.panel.edid import read_edid

    read_edid(path.read_bytes())


def _settings(path: Path) -> None:
    from holodriver.blender import find

    kept, find.settings_file = find.settings_file, lambda: path
    try:
        list(find._choices(None))
    finally:
        find.settings_file = kept


def _model(folder: Path) -> None:
    from holodriver.depth.networks import _check_folder

    _check_folder(str(folder))


def _photo(path: Path) -> None:
    from holodriver.files.photos import read_photo

    read_photo(path)


def _pool(folder: Path) -> None:
    from holodriver.dehnet.training.pool import Pool

    Pool(folder).get(0)


def _weights(path: Path) -> None:
    from holodriver.dehnet.training.ship import _checked

    _checked(path, seeds.display(), 0)


def _raw(path: Path) -> None:
    from holodriver.files.manifest import RawManifest

    RawManifest.read(path.parent)


def _called(module: str, name: str, *arguments: Any) -> Callable[[Path], Any]:
    import importlib

    return lambda path: getattr(importlib.import_module(f"holodriver.{module}"), name)(path, *arguments)


READERS = (
    Reader("exr", seeds.exrs, _called("files.exr", "read_exr", ("R", "G", "B", "Z")), (exr_header, exr_header)),
    Reader("array", seeds.arrays, _called("files.arrays", "read_array")),
    Reader("holo", seeds.holograms, _called("files.hologram", "read_hologram"), (hdf5_files.rewritten,) * 4),
    Reader("frames", seeds.frames_folder, _called("files.frames", "read_frames_folder"), (json_tree, png_chunks)),
    Reader("stack", seeds.stacks, _called("files.stack", "read_stack"), (json_tree, exr_header)),
    Reader("raw", seeds.raw_manifests, _raw, (json_tree,) * 3),
    Reader("photo", seeds.pictures, _photo, (png_chunks, boxes)),
    Reader("pixels", seeds.plain_pictures, _called("files.images", "read_pixels", cv2.IMREAD_UNCHANGED), (png_chunks,)),
    Reader("depth", seeds.depths, _called("files.measured_depth", "read_measured"), (png_chunks, exr_header)),
    Reader("rgbd", seeds.halves, _called("files.rgbd", "read_rgbd"), (png_chunks,)),
    Reader("halves", seeds.halves, _called("files.halves", "read_halves", "right"), (png_chunks,)),
    Reader("quilt", seeds.quilts, _called("files.quilt", "read_quilt"), (png_chunks,)),
    Reader("hop", seeds.hops, lambda path: _unpacked(path), (zipped,) * 3),
    Reader("video", seeds.videos, _video, (boxes, boxes)),
    Reader("sound", seeds.videos, _sound, (boxes, boxes)),
    Reader("parts", seeds.parts, _parts, (json_tree, zipped)),
    Reader("network", seeds.networks, _called("files.network", "read_network"), (onnx_files.rewritten,) * 4),
    Reader("weights", seeds.weights, _weights, (safetensors_header,) * 3),
    Reader("profile", seeds.profiles, _called("files.profile", "read_profile"), (toml_tree,) * 4),
    Reader("rig", seeds.rigs, _called("rig.settings", "read_rig"), (toml_tree,) * 4),
    Reader("calibration", seeds.calibrations, _called("files.calibration", "read_calibration"), (json_tree,) * 4),
    Reader("readings", seeds.readings, _called("files.readings", "read_readings"), (cells,) * 3),
    Reader(
        "recording", seeds.recordings, _called("rig.simulated.recording", "read_recording"), (json_tree, png_chunks)
    ),
    Reader("pool", seeds.pools, _pool, (json_tree,)),
    Reader("edid", seeds.edids, _edid),
    Reader("settings", seeds.settings, _settings, (toml_tree,), BlenderError),
    Reader("model", seeds.models, _model, (json_tree,)),
)


def _unpacked(path: Path) -> None:
    from holodriver.files.hop import unpack_hop

    target = path.parent / "unpacked"
    target.mkdir()
    unpack_hop(path, target)


SUFFIXES = {
    "json_tree": (".json",),
    "exr_header": (".exr",),
    "png_chunks": (".png",),
    "boxes": (".mp4", ".heic", ".avif"),
    "zipped": (".npz", ".hop"),
}
"""Suffixes of the files for each change of structure, for readers with files of several kinds."""


def changed(path: Path, others: list[Path], reader: Reader, rng: Rng) -> str:
    """Damage a file, or one file of a folder, and return a description of the damage."""
    if path.is_dir():
        if rng.random() < 0.1:
            swapped(path, rng)
            return "swapped"
        names = sorted(path.iterdir())
        path = (
            pick(rng, [name for name in names if name.suffix == ".json"] or names)
            if rng.random() < 0.5
            else pick(rng, names)
        )
    fit = [change for change in reader.structure if path.suffix in SUFFIXES.get(change.__name__, (path.suffix,))]
    data = path.read_bytes()
    if rng.random() < 0.06 and others and not others[0].is_dir():
        path.write_bytes(splice(data, pick(rng, others).read_bytes(), rng))
        return "splice"
    change = pick(rng, fit if fit and rng.random() < 0.6 else BYTES)
    path.write_bytes(change(data, rng))
    return f"{change.__name__} of {path.name}"


class Hang(BaseException):
    """Error raised when a case takes too long."""


@contextlib.contextmanager
def patience() -> Iterator[None]:
    """Raise `Hang` in the block if this process itself hangs."""

    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(PATIENCE_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judged(reader: Reader, path: Path) -> tuple[str, str]:
    """Read a damaged file; return the kind of outcome, and the error's line or the fault."""
    try:
        with patience():
            reader.read(path)
    except HolodriverError as error:
        if not isinstance(error, reader.family):
            return "defect", f"{type(error).__name__}: {error}"
        return _line(str(error), str(error.where or ""), path)
    except Hang:
        return "defect", f"hangs for {PATIENCE_S} s"
    except BaseException:
        return "defect", traceback.format_exc()
    return "read", ""


def _line(line: str, where: str, path: Path) -> tuple[str, str]:
    """Judge an error's line, which must not be too long and must name the file."""
    if "\n" in line or not line.isprintable() or len(line) > LONGEST_LINE:
        return "defect", f"no clear line: {line[:3000]!r}"
    if str(path.parent) not in line + where:
        return "defect", f"names no file: {line}"
    if "not foreseen" in line or "answer nonsense" in line:
        return "defect", line
    for said, kind in (
        ("made its reader crash", "crash held"),
        ("within", "hang held"),
        ("more memory", "memory held"),
    ):
        if said in line and (kind != "hang held" or "could not be read within" in line):
            return kind, line
    return "refused", line


def run(reader: Reader, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run all cases of one reader and return the report to print."""
    place = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=place) as name:
        good = Path(name) / "good"
        good.mkdir()
        originals = reader.seeds(good)
        for original in originals:
            what, fault = judged(reader, _copied(original, Path(name) / "sound"))
            if what != "read":
                raise SystemExit(f"{reader.name}: the undamaged {original.name} cannot be read: {fault}")
        counts: Counter[str] = Counter()
        faults: dict[str, int] = {}
        slowest, start, size = (0.0, -1), time.monotonic(), _grown()
        for case in range(arguments.first, arguments.first + arguments.count):
            rng = np.random.default_rng([arguments.seed, zlib.crc32(reader.name.encode()), case])
            path = _copied(pick(rng, originals), Path(name) / "case")
            how = changed(path, originals, reader, rng)
            begun = time.monotonic()
            what, line = judged(reader, path)
            slowest = max(slowest, (time.monotonic() - begun, case))
            counts[what] += 1
            if arguments.show:
                print(f"case {case}: {how}: {what} {line}")
            if what not in ("read", "refused"):
                faults.setdefault(f"{what}: {line.strip().splitlines()[-1][:300]}", case)
                if arguments.keep:
                    kept = arguments.keep / f"{reader.name}_{case}_{path.name}"
                    _copied(path, kept)
        grown = _grown() - size
        if grown > GROWTH:
            faults[f"defect: this process grew by {grown >> 20} MiB"] = -1
            counts["defect"] += 1
    seconds = time.monotonic() - start
    return {
        "reader": reader.name,
        "cases": arguments.count,
        "seconds": round(seconds, 1),
        **{kind: counts[kind] for kind in ("read", "refused", "crash held", "hang held", "memory held", "defect")},
        "grown MiB": max(0, grown >> 20),
        "slowest s": round(slowest[0], 2),
        "slowest case": slowest[1],
        "faults": faults,
    }


def _copied(original: Path, into: Path) -> Path:
    """Copy a file or folder with its name into a new folder."""
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    if original.is_dir():
        return Path(shutil.copytree(original, into / original.name, symlinks=True))
    return Path(shutil.copy(original, into / original.name))


def _grown() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # unlike getrusage, VmHWM does not begin with the parent process's peak
        return 1024 * int(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> int:
    """Run the readers of the command line; return 1 if there was a defect."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000, help="number of cases of each reader")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", type=int, default=0, help="seed of all cases")
    parser.add_argument(
        "--readers", default=",".join(reader.name for reader in READERS), help="readers to test, separated by commas"
    )
    parser.add_argument("--keep", type=Path, help="folder for copies of files that were neither read nor refused")
    parser.add_argument("--log", type=Path, help="file to which a line of JSON is added for each reader")
    parser.add_argument("--show", action="store_true", help="print every case")
    record.add_option(parser)
    arguments = parser.parse_args()
    guard.LIMITS = LIMITS
    warnings.simplefilter("ignore")  # zipfile warns of duplicate names
    wanted = arguments.readers.split(",")
    unknown = set(wanted) - {reader.name for reader in READERS}
    if unknown:
        parser.error(f"no reader is called {', '.join(sorted(unknown))}")
    chosen = [reader for reader in READERS if reader.name in wanted]
    about = f"{arguments.count} damaged files for each reader: read, refused in one line, or ended by the guard."
    with record.section("fuzz", "Damaged files", about=about, write=arguments.record) as results:
        reports = tried(chosen, arguments)
        rows = [tuple(report[column] for column in COLUMNS) for report in reports]
        results.table(COLUMNS, rows)
    return 1 if any(report["defect"] for report in reports) else 0


def tried(readers: list[Reader], arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run the cases of `readers`, and print and return a report of each."""
    reports = []
    for reader in readers:
        report = run(reader, arguments)
        reports.append(report)
        faults = report.pop("faults")
        print(json.dumps(report), flush=True)
        for fault, case in faults.items():
            print(f"    case {case}: {fault}", flush=True)
        if arguments.log:
            with arguments.log.open("a") as log:
                log.write(json.dumps(report | {"faults": faults}) + "\n")
    return reports


if __name__ == "__main__":
    sys.exit(main())
