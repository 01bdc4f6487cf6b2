"""Runs studies by name and writes what they find, a picture, a table and numbers of each, anew only if needed.

A result is up to date when it was made of the same inputs (settings, contents of files) by the same code; then its
files are read and nothing is computed.
"""

import csv
import io
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from holodriver.errors import InputError, OutputExistsError
from holodriver.files.atomic import written_file
from holodriver.files.manifest import StackManifest
from holodriver.study.figures.blurred_depth import blurred_depth
from holodriver.study.figures.cubes import cubes
from holodriver.study.figures.focus import experiment, simulation
from holodriver.study.figures.performance import performance
from holodriver.study.figures.phase_noise import phase_noise
from holodriver.study.figures.real_world import holes, real_world
from holodriver.study.settings import Settings
from holodriver.study.store import UNCOUNTED, code_digest, digest, folder_digest, write_arrays, write_json
from holodriver.study.sweeps import channels, optics, targets
from holodriver.study.work import Outcome, Work

FORMAT, VERSION = "holodriver study", 1
MARKER = "studies.json"
Study = Callable[[Work, Path], Outcome]

FIGURES: dict[str, tuple[Study, str]] = {
    "2a": (cubes, "cubes of 3, 4 and 6 pixels, in and out of focus"),
    "3": (simulation, "front and rear focus of DEH, DEHNet and nCGH"),
    "4": (experiment, "DEHNet against nCGH from panel frames through the bench"),
    "5": (performance, "time and quality of OPT, NET, qNET and nCGH at two sizes"),
    "6": (real_world, "a picture with noisy depth, focus by focus"),
    "7": (holes, "measured depth with holes, filled"),
    "9": (blurred_depth, "all-in-focus against blur-considered depth"),
    "phase-noise": (phase_noise, "spectrum of a panel with unwanted phase"),
}
SWEEPS: dict[str, tuple[Study, str]] = {
    "planes": (targets.planes, "number of focal planes"),
    "beta": (targets.beta, "weight of the all-in-focus term"),
    "gamma": (targets.gamma, "depth attention of the all-in-focus term"),
    "blur": (optics.blur, "diameter of the blur circle"),
    "distance": (optics.distance, "propagation distance, and the field of view it allows"),
    "pupil": (optics.pupil, "diameter of the eye's pupil"),
    "channels": (channels.channels, "channels of DEHNet"),
    "all-in-focus": (targets.all_in_focus, "with and without the all-in-focus term"),
    "depth": (targets.depth, "all-in-focus against blur-considered depth"),
    "loss": (targets.loss, "MSE against MS-SSIM"),
    "source": (optics.source, "extent of the light source against speckle"),
}


@dataclass(frozen=True)
class Result:
    """A study's outcome and its files."""

    name: str
    outcome: Outcome
    picture: Path
    seconds: float
    """That it took when it was made."""
    fresh: bool
    """Whether it was made now."""
    current: bool = True
    """Whether it is of this code and these inputs, as it is unless it was asked for as it stands."""


def stem(name: str, kind: str) -> str:
    """Of the files of a study; `kind` is "figure" or "sweep"."""
    return f"{kind}_{name}"


def open_folder(work: Work) -> None:
    """Take a folder for studies.

    Raises:
        OutputExistsError: it is a file, or holds something else.
    """
    folder, marker = work.folder, work.folder / MARKER
    if folder.exists() and not folder.is_dir():
        raise OutputExistsError("is a file", where=folder, remedy="choose another folder with -o")
    if not marker.is_file():
        if folder.is_dir() and any(folder.iterdir()):
            raise OutputExistsError(
                "is not empty and holds no studies", where=folder, remedy="choose another folder with -o"
            )
        write_json(marker, {"format": FORMAT, "version": VERSION})


def run(work: Work, kind: str, names: Iterable[str], *, overwrite: bool = False) -> list[Result]:
    """The studies of those names; those that are up to date are read.

    Args:
        kind: "figure" or "sweep".
        names: keys of `FIGURES` or `SWEEPS`.
        overwrite: replace results of other settings.

    Raises:
        InputError: there is no study of a name, or an input is not what it should be.
        OutputExistsError: a result of other settings is there, and `overwrite` is false.
        HolodriverError: one could not be made.
    """
    table = FIGURES if kind == "figure" else SWEEPS
    chosen = list(names)
    for name in chosen:
        if name not in table:
            raise InputError(f"there is no {kind} '{name}'", remedy=f"choose of {', '.join(table)}")
    _check_inputs(work.settings)
    open_folder(work)
    for name in chosen:
        record = work.folder / f"{stem(name, kind)}.json"
        held = _held(record)
        if held is not None and held["settings"] != _settings(work) and not overwrite:
            raise OutputExistsError(
                "was made with other settings", where=record, remedy="pass --overwrite, or another folder with -o"
            )
    results = []
    for number, name in enumerate(chosen):
        results.append(_one(work, kind, name, table[name][0]))
        work.progress(f"Making {kind}s", number + 1, len(chosen), name)
    return results


def standing(work: Work, kind: str) -> list[Result]:
    """The results of these settings that are there, be they up to date or not; nothing is made.

    Args:
        kind: "figure" or "sweep".
    """
    found = []
    for name in FIGURES if kind == "figure" else SWEEPS:
        picture = work.folder / f"{stem(name, kind)}.png"
        held = _held(picture.with_suffix(".json"))
        if held is not None and held["settings"] == _settings(work) and picture.is_file():
            found.append(_read(name, held, picture, current=held["key"] == _key(work, kind, name)))
    return found


def _key(work: Work, kind: str, name: str) -> str:
    # pictures of studies are drawn with a part of the viewer
    return digest(kind, name, inputs_of(work), code_digest(tuple(part for part in UNCOUNTED if part != "viewer")))


def _read(name: str, held: dict[str, Any], picture: Path, *, current: bool = True) -> Result:
    outcome = Outcome(held["title"], tuple(held["columns"]), held["rows"], held["numbers"], tuple(held["says"]))
    return Result(name, outcome, picture, held["seconds"], False, current)


def _one(work: Work, kind: str, name: str, study: Study) -> Result:
    base = work.folder / stem(name, kind)
    key = _key(work, kind, name)
    picture, record = base.with_suffix(".png"), base.with_suffix(".json")
    held = _held(record)
    if held is not None and held["key"] == key and picture.is_file():
        return _read(name, held, picture)
    start = time.perf_counter()
    outcome = study(work, picture)
    seconds = time.perf_counter() - start
    if outcome.arrays:
        write_arrays(base.with_suffix(".npz"), outcome.arrays)
    _write_table(base.with_suffix(".csv"), outcome)
    write_json(  # last: a killed run leaves no record of what is not there
        record,
        {
            "format": FORMAT,
            "version": VERSION,
            "study": name,
            "key": key,
            "title": outcome.title,
            "says": list(outcome.says),
            "columns": list(outcome.columns),
            "rows": [list(row) for row in outcome.rows],
            "numbers": outcome.numbers,
            "settings": _settings(work),
            "seconds": seconds,
        },
    )
    return Result(name, outcome, picture, seconds, True)


def _check_inputs(settings: Settings) -> None:
    """Refuse early what could not be used later.

    Raises:
        InputError: a file or folder is not there, or is no focal stack.
    """
    for path in settings.stacks:
        if not path.is_dir():
            raise InputError("is no focal stack" if path.exists() else "does not exist", where=path)
        StackManifest.read(path)
    if settings.rgbd is not None and not settings.rgbd.is_file():
        raise InputError("is not a file", where=settings.rgbd)
    for folder in (settings.weights, settings.networks):
        if folder is not None and not folder.is_dir():
            raise InputError("is not a folder", where=folder)


def inputs_of(work: Work) -> dict[str, Any]:
    """All that results hang on, files by their contents."""
    s = work.settings
    values = s.as_dict() | {"display": work.display.as_dict(), "weights": work.methods.weights_digest}
    values["stacks"] = [folder_digest(path, ("*.exr", "*.json")) for path in s.stacks]
    values["rgbd"] = None if s.rgbd is None else folder_digest(s.rgbd)
    values["networks"] = None if s.networks is None else folder_digest(s.networks, ("*/*.safetensors",))
    return values


def _settings(work: Work) -> dict[str, Any]:
    """What a user chose, as it stands in a record."""
    return work.settings.as_dict() | {"display": work.display.as_dict()}


def _held(record: Path) -> dict[str, Any] | None:
    """What was written about an earlier result; None if nothing was, or it is not understood and made anew."""
    try:
        held = json.loads(record.read_text(encoding="utf-8"))
        return held if held["format"] == FORMAT and held["version"] == VERSION else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_table(path: Path, outcome: Outcome) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(outcome.columns)
    writer.writerows(["" if value is None else value for value in row] for row in outcome.rows)
    with written_file(path, overwrite=True) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")
