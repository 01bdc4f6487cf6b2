"""Survey what this machine has and lacks for holodriver, and what to do about what is missing."""

import importlib
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any

import holodriver
from holodriver.errors import HolodriverError
from holodriver.system.machine import available_memory
from holodriver.system.quiet import import_onnxruntime, import_openvino

LEAST_FREE_DISK_GB = 2.0
"""Disk for a Full HD stack, GB: 21 planes × 1920 × 1080 × 4 channels × 4 bytes = 0.7 GB, raw and assembled."""

LEAST_FREE_MEMORY_GB = 4.0
"""Memory for a Full HD stack (0.7 GB) and for the wave fields, gradients and work space of its planes, GB."""


BRIDGE_PATIENCE_S = 2.0
"""Time in which Looking Glass Bridge must answer each question, seconds."""


class State(StrEnum):
    """State of a part of the machine."""

    ok = "ok"
    missing = "missing"
    problem = "problem"


@dataclass(frozen=True)
class Finding:
    """One part of the machine that the survey looked for."""

    name: str
    state: State
    detail: str
    remedy: str = ""
    required: bool = False
    """Whether synthesis cannot run without this part."""

    @property
    def blocks(self) -> bool:
        """Whether this part stops holodriver from computing holograms."""
        return self.required and self.state is not State.ok

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain values."""
        return {**asdict(self), "state": self.state.value}


def survey(folder: Path | None = None) -> list[Finding]:
    """Look for every part, in the order in which a user would read the findings; never raises.

    Args:
        folder: folder on the disk whose free space is judged; the current folder by default.
    """
    looks: list[tuple[str, Callable[[], Iterator[Finding]], str | None]] = [
        ("Python", _python, None),
        ("PyTorch", _torch, "torch"),
        ("ONNX Runtime", _onnxruntime, "holodriver[cpu]"),
        ("OpenVINO", _openvino, "holodriver[openvino]"),
        ("DEHNet", _dehnet, None),
        *((name, partial(_library, name, module, package), package) for name, module, package in LIBRARIES),
        ("Files", _files, None),
        ("Blender", _blender, None),
        ("Monitors", _monitors, "holodriver[rig]"),
        ("Panel window", _window, "holodriver[rig]"),
        ("Serial ports", _serial_ports, "holodriver[rig]"),
        ("Looking Glass", _casting, "holodriver[lookingglass]"),
        ("Looking Glass", _looking_glass, None),
        ("Disk", partial(_disk, folder or Path.cwd()), None),
        ("Memory", _memory, None),
    ]
    return [finding for name, look, package in looks for finding in _safely(name, look, package)]


LIBRARIES = (
    ("NumPy", "numpy", "numpy"),
    ("SciPy", "scipy", "scipy"),
    ("OpenCV", "cv2", "opencv-contrib-python-headless"),
    ("OpenEXR", "OpenEXR", "OpenEXR"),
    ("HDF5", "h5py", "h5py"),
)
"""Shown name, module and package of each library that synthesis needs beside PyTorch."""

_CPU_WILL_DO = "not needed: the CPU computes too"


def _safely(name: str, look: Callable[[], Iterator[Finding]], package: str | None) -> list[Finding]:
    """What a look finds; a failed look is a finding, too, as drivers and broken packages raise all sorts of errors."""
    required = name in ("Python", "PyTorch", *(shown for shown, *_ in LIBRARIES))
    try:
        return list(look())
    except Exception as error:
        what = " ".join(f"{type(error).__name__}: {error}".split())
        if package is None or not isinstance(error, ImportError):
            return [Finding(name, State.problem, what, "report this line if reinstalling does not help", required)]
        if isinstance(error, ModuleNotFoundError):
            return [Finding(name, State.missing, "not installed", f'pip install "{package}"', required)]
        detail = f"does not load: {' '.join(str(error).split())}"  # often because of a system library
        return [Finding(name, State.problem, detail, f'pip install --force-reinstall "{package}"', required)]


def _python() -> Iterator[Finding]:
    detail = f"holodriver {holodriver.__version__} in {Path(holodriver.__file__).parent}"
    yield Finding("holodriver", State.ok, detail, required=True)
    detail = f"{platform.python_version()} ({sys.executable}) on {platform.platform(terse=True)}, {platform.machine()}"
    yield Finding("Python", State.ok, detail, required=True)


def _torch() -> Iterator[Finding]:
    import torch

    yield Finding("PyTorch", State.ok, f"{torch.__version__}, {torch.get_num_threads()} CPU threads", required=True)
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            properties = torch.cuda.get_device_properties(index)
            yield Finding("CUDA", State.ok, f"{properties.name}, {properties.total_memory / 1e9:.0f} GB")
    elif torch.version.cuda and shutil.which("nvidia-smi"):
        remedy = "update the NVIDIA driver, or install the PyTorch build for this one"
        yield Finding("CUDA", State.problem, f"PyTorch is built for CUDA {torch.version.cuda} and finds no GPU", remedy)
    else:
        yield Finding("CUDA", State.missing, "no NVIDIA GPU that PyTorch can use", _CPU_WILL_DO)
    if platform.system() == "Darwin":
        if torch.backends.mps.is_available():
            yield Finding("MPS", State.ok, "Apple GPU")
        else:
            yield Finding("MPS", State.missing, "no Apple GPU that PyTorch can use", _CPU_WILL_DO)


def _onnxruntime() -> Iterator[Finding]:
    onnxruntime = import_onnxruntime()
    providers = ", ".join(name.removesuffix("ExecutionProvider") for name in onnxruntime.get_available_providers())
    yield Finding("ONNX Runtime", State.ok, f"{onnxruntime.__version__}: {providers}")


def _openvino() -> Iterator[Finding]:
    openvino = import_openvino()
    yield Finding("OpenVINO", State.ok, openvino.__version__.split("-")[0])


def _files() -> Iterator[Finding]:
    from holodriver.files.guard import guard

    if not guard.is_on():
        why = f"{guard.WITHOUT} is set" if guard.AVAILABLE else "this system has no limits for processes"
        yield Finding("Files", State.problem, f"read by this process itself: {why}", "open only files that you trust")
        return
    held = [name for name in ("landlock", "seccomp") if name in guard.held_by()]
    detail = f"read by a process of their own, held by limits{''.join(f', {name.capitalize()}' for name in held)}"
    if len(held) < 2 and platform.system() == "Linux":
        yield Finding("Files", State.problem, detail, "a kernel from 5.13 on with Landlock and seccomp holds it better")
    else:
        yield Finding("Files", State.ok, detail)


def _dehnet() -> Iterator[Finding]:
    from holodriver.dehnet.fastest_runtime import SIZE, measured
    from holodriver.dehnet.load_weights import load_networks

    seconds = measured(load_networks())
    working = sorted((value, name) for name, value in seconds.items() if value is not None)
    detail = ", ".join(f"{name} {1e3 * value:.0f} ms" for value, name in working)
    yield Finding("DEHNet", State.ok, f"{detail} (one colour, {SIZE} × {SIZE}); the first is taken")
    for name in (name for name, value in seconds.items() if value is None):
        remedy = f"reinstall {name.split('-')[0]} if you want it; the others work"
        yield Finding("DEHNet", State.problem, f"{name} does not run", remedy)


def _library(name: str, module: str, package: str) -> Iterator[Finding]:
    importlib.import_module(module)
    yield Finding(name, State.ok, metadata.version(package), required=True)


def _blender() -> Iterator[Finding]:
    from holodriver.blender.find import find_blender

    try:
        blender = find_blender()
    except HolodriverError as error:
        if error.where is None:
            yield Finding("Blender", State.missing, error.what, error.remedy or "")
        else:  # one was chosen and does not work
            remedy = error.remedy or "correct or unset it"
            yield Finding("Blender", State.problem, f"{error.where}: {error.what}", remedy)
        return
    yield Finding("Blender", State.ok, f"{blender.version} ({blender.kind}) at {blender.path}, from {blender.source}")


def _monitors() -> Iterator[Finding]:
    plain = "not needed: the rig that `holodriver play` has is simulated"
    if platform.system() == "Linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        yield Finding("Monitors", State.missing, "no display (neither DISPLAY nor WAYLAND_DISPLAY is set)", plain)
        return
    import screeninfo

    try:
        monitors = screeninfo.get_monitors()
    except screeninfo.ScreenInfoError as error:
        yield Finding("Monitors", State.missing, f"no display that can be asked ({error})", plain)
        return
    if not monitors:
        yield Finding("Monitors", State.missing, "no monitor is connected", plain)
    for monitor in monitors:
        place = f"{monitor.width} × {monitor.height} at {monitor.x:+d}{monitor.y:+d}"
        name = f" {monitor.name}" if monitor.name else ""
        yield Finding("Monitors", State.ok, f"{place}{name}{', primary' if monitor.is_primary else ''}")


def _window() -> Iterator[Finding]:
    import glfw
    import moderngl  # noqa: F401  # imported to see that it loads

    library = ".".join(str(part) for part in glfw.get_version())
    yield Finding("Panel window", State.ok, f"GLFW {library}, moderngl {metadata.version('moderngl')}")


def _serial_ports() -> Iterator[Finding]:
    from serial.tools.list_ports import comports

    ports = list(comports())
    if not ports:
        remedy = "connect the laser controller; the simulated rig needs none"
        yield Finding("Serial ports", State.missing, "no serial port", remedy)
    for port in ports:
        detail = port.device if port.description in (None, "n/a") else f"{port.device}: {port.description}"
        if os.name == "posix" and not os.access(port.device, os.R_OK | os.W_OK):
            remedy = "add yourself to the group that owns it (`sudo usermod -aG dialout $USER`), then log in again"
            yield Finding("Serial ports", State.problem, f"{detail}: no permission", remedy)
        else:
            yield Finding("Serial ports", State.ok, detail)


def _casting() -> Iterator[Finding]:
    import av  # noqa: F401  # imported to see that it loads
    import websockets  # noqa: F401

    yield from ()


def _looking_glass() -> Iterator[Finding]:
    from holodriver.errors import BridgeError
    from holodriver.lookingglass.bridge import Bridge

    try:
        with Bridge(patience=BRIDGE_PATIENCE_S) as bridge:
            displays = bridge.displays()
    except BridgeError as error:
        yield Finding("Looking Glass", State.missing, error.what, error.remedy or "")
        return
    if not displays:
        detail = f"Bridge {bridge.version} has no display connected"
        yield Finding("Looking Glass", State.missing, detail, "connect a display")
    for display in displays:
        yield Finding("Looking Glass", State.ok, f"{display.display.label}, Bridge {bridge.version}")


def _disk(folder: Path) -> Iterator[Finding]:
    for name, place in (("Disk", folder), ("Scratch disk", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(place).free / 1e9
        low = free < LEAST_FREE_DISK_GB
        remedy = f"free some space: renders need about {LEAST_FREE_DISK_GB:.0f} GB" if low else ""
        yield Finding(name, State.problem if low else State.ok, f"{free:.1f} GB free at {place}", remedy)


def _memory() -> Iterator[Finding]:
    free = available_memory()
    if free is None:
        remedy = f"see that about {LEAST_FREE_MEMORY_GB:.0f} GB are free"
        yield Finding("Memory", State.missing, "free memory cannot be asked on this system", remedy)
        return
    low = free / 1e9 < LEAST_FREE_MEMORY_GB
    remedy = "close programs, or compute smaller holograms" if low else ""
    yield Finding("Memory", State.problem if low else State.ok, f"{free / 1e9:.1f} GB free", remedy)
