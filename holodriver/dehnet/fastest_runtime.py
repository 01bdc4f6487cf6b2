"""Choice of the fastest runtime on this machine, measured once and remembered until something changes."""

import json
import platform
import statistics
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import numpy as np
import platformdirs
import torch

from holodriver.dehnet.load_weights import Networks
from holodriver.dehnet.runtimes.base import Model
from holodriver.dehnet.runtimes.kinds import Kind, kind_named, present
from holodriver.errors import InputError
from holodriver.files.atomic import written_file

FORMAT, VERSION = "holodriver runtimes", 1
SIZE = 256
"""Side of the test picture, pixels."""
ROUNDS = 3
AUTO, FLOAT = "auto", "float"
"""Names that choose by speed: the fastest runtime of all, and the fastest in float32."""


def choose(networks: Networks, wanted: str = AUTO, *, clock: Callable[[], float] = time.perf_counter) -> Kind:
    """Runtime with the given name, or the fastest one.

    Args:
        networks: the networks that will run.
        wanted: "auto", "float", or the name of a runtime.

    Raises:
        InputError: the runtime does not exist, or is not on this machine.
    """
    if wanted not in (AUTO, FLOAT):
        return kind_named(wanted)
    fit = [kind for kind in present() if networks.has_quantised or not kind.quantised]
    if wanted == FLOAT:
        fit = [kind for kind in fit if kind.precision == "float"]
    seconds = measured(networks, clock=clock)
    timed = [kind for kind in fit if seconds.get(kind.name) is not None]
    if not timed:
        raise InputError("no runtime works on this machine", remedy="see: holodriver doctor")
    return min(timed, key=lambda kind: seconds[kind.name] or 0.0)


def measured(networks: Networks, *, clock: Callable[[], float] = time.perf_counter) -> dict[str, float | None]:
    """Seconds that each runtime on this machine takes for one colour of a small picture; None if it fails.

    Times are remembered in the user's cache folder for the versions of the program, the libraries and the networks.
    Failures are not remembered, because memory may have been short for a moment.
    """
    path, key = cache_path(), _key(networks)
    seconds = {name: value for name, value in _read(path).get(key, {}).items() if value is not None}
    fit = [kind for kind in present() if networks.has_quantised or not kind.quantised]
    missing = {kind.name: _time(kind, networks, clock) for kind in fit if kind.name not in seconds}
    new = {name: value for name, value in missing.items() if value is not None}
    if new:
        _remember(path, key, seconds | new)
    return {**seconds, **missing}


def cache_path() -> Path:
    """Path of the file that remembers the measurements."""
    return Path(platformdirs.user_cache_dir("holodriver", appauthor=False)) / "runtimes.json"


def _time(kind: Kind, networks: Networks, clock: Callable[[], float]) -> float | None:
    """Median time of a run, seconds; None if the runtime fails, so that a broken driver does not disable the others."""
    pixels = np.random.default_rng(0).random((2, SIZE, SIZE), np.float32)
    try:
        runtime = kind.runtime(_first(networks, kind))
        runtime(pixels)  # compiles
        times = []
        for _ in range(ROUNDS):
            start = clock()
            runtime(pixels)
            times.append(clock() - start)
        return statistics.median(times)
    except Exception:
        return None


def _first(networks: Networks, kind: Kind) -> Model:
    return networks.models(quantised=kind.quantised)[0]


def _key(networks: Networks) -> str:
    versions = [f"{name} {_version(name)}" for name in ("torch", "onnxruntime", "onnxruntime-gpu", "openvino")]
    shape = networks.colours[0].plain.shape
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else ""
    machine = f"{platform.node()} {platform.processor()} {torch.get_num_threads()} threads {device}"
    int8 = "and int8" if networks.has_quantised else ""
    return "; ".join([machine, *versions, f"{shape.channels} {shape.convolutions} {shape.fold} {int8}"])


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "-"


def _read(path: Path) -> dict[str, dict[str, float | None]]:
    """Remembered measurements; empty if the file is missing or invalid, since they can be repeated."""
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        if said["format"] == FORMAT and said["version"] == VERSION:
            return dict(said["seconds"])
    except (OSError, ValueError, TypeError, KeyError):
        pass
    return {}


def _remember(path: Path, key: str, seconds: dict[str, float]) -> None:
    text = json.dumps({"format": FORMAT, "version": VERSION, "seconds": {**_read(path), key: seconds}}, indent=1)
    try:
        with written_file(path, overwrite=True) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except (OSError, InputError):
        return  # the home folder is read-only: the next run measures again
