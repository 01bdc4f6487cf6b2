"""List of the runtimes, and a check of which are on this machine."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from holodriver.dehnet.runtimes.base import Model, Precision, Runtime
from holodriver.errors import InputError
from holodriver.system.quiet import import_onnxruntime


@dataclass(frozen=True)
class Kind:
    """One way to run a network."""

    name: str
    precision: Precision
    make: Callable[[Model, int | None, float | None], Runtime]
    """Function that makes the runtime from a model, threads for one call (None: the library's choice), and bytes of
    memory."""
    present: Callable[[], bool]
    """Function that tells whether this machine has the runtime."""

    @property
    def quantised(self) -> bool:
        """Whether the runtime takes the int8 model."""
        return self.precision == "int8"

    def runtime(self, model: Model, *, threads: int | None = None, memory: float | None = None) -> Runtime:
        """Make the runtime for `model`."""
        made = self.make(model, threads, memory)
        made.name = self.name
        return made


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


@cache
def _providers() -> tuple[str, ...]:
    if not _has("onnxruntime"):
        return ()
    try:
        there = import_onnxruntime().get_available_providers()
    except Exception:  # installed but broken: other runtimes must still work
        return ()
    return tuple(name.removesuffix("ExecutionProvider") for name in there)


def _cuda() -> bool:
    import torch

    return torch.cuda.is_available()


def _bf16() -> bool:
    from holodriver.dehnet.runtimes.pytorch import bf16_is_fast

    return bf16_is_fast()


def _onnx(provider: str) -> Callable[[Model, int | None, float | None], Runtime]:
    def make(model: Model, threads: int | None, memory: float | None) -> Runtime:
        from holodriver.dehnet.runtimes.onnx_runtime import OnnxRuntime

        return OnnxRuntime(model, provider, threads=threads, memory=memory)

    return make


def _openvino(bf16: bool | None) -> Callable[[Model, int | None, float | None], Runtime]:
    def make(model: Model, threads: int | None, memory: float | None) -> Runtime:
        from holodriver.dehnet.runtimes.open_vino import OpenVino

        return OpenVino(model, bf16=_bf16() if bf16 is None else bf16, threads=threads, memory=memory)

    return make


def _torch(device: str, precision: Precision, channels_last: bool) -> Callable[..., Runtime]:
    def make(model: Model, threads: int | None, memory: float | None) -> Runtime:
        from holodriver.dehnet.runtimes.pytorch import PyTorch

        return PyTorch(model, device=device, precision=precision, channels_last=channels_last, memory=memory)

    return make


KINDS = (
    Kind("openvino-int8", "int8", _openvino(None), lambda: _has("openvino")),
    Kind("openvino-bf16", "bf16", _openvino(True), lambda: _has("openvino") and _bf16()),
    Kind("openvino", "float", _openvino(False), lambda: _has("openvino")),
    Kind("onnxruntime-int8", "int8", _onnx("CPU"), lambda: "CPU" in _providers()),
    Kind("onnxruntime", "float", _onnx("CPU"), lambda: "CPU" in _providers()),
    Kind("onnxruntime-cuda", "float", _onnx("CUDA"), lambda: "CUDA" in _providers() and _cuda()),
    Kind("onnxruntime-tensorrt", "half", _onnx("Tensorrt"), lambda: "Tensorrt" in _providers() and _cuda()),
    Kind("torch", "float", _torch("cpu", "float", False), lambda: True),
    Kind("torch-bf16", "bf16", _torch("cpu", "bf16", True), _bf16),
    Kind("torch-cuda", "half", _torch("cuda", "half", True), _cuda),
)
"""All runtimes. "torch" is plain eager PyTorch, the reference for comparisons."""


def present() -> list[Kind]:
    """Runtimes that this machine has."""
    return [kind for kind in KINDS if kind.present()]


def kind_named(name: str) -> Kind:
    """Runtime with the given name.

    Raises:
        InputError: the runtime does not exist, or is not on this machine.
    """
    for kind in KINDS:
        if kind.name == name:
            if kind.present():
                return kind
            raise InputError(f"the runtime '{name}' is not on this machine", remedy="see: holodriver doctor")
    raise InputError(f"there is no runtime '{name}'", remedy=f"choose one of {', '.join(k.name for k in KINDS)}")
