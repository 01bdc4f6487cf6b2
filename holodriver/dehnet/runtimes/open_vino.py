"""DEHNet by OpenVINO on the CPU: the fastest there, by its int8 kernels that add, activate and round on the way."""

from typing import Any

import numpy as np

from holodriver.dehnet.runtimes.base import Floats, Model, Runtime
from holodriver.system.quiet import import_openvino

KEPT = 4
"""Sizes of picture for which a compiled network is held."""


class OpenVino(Runtime):
    """One network, compiled for each size of picture when it first comes.

    Args:
        model: float or int8.
        bf16: let convolutions compute in bfloat16 (those that are not int8), where the CPU can.
        threads: that one call may use; the library's choice if None.
    """

    def __init__(self, model: Model, *, bf16: bool = False, threads: int | None = None, memory: float | None = None):
        super().__init__(model.shape, memory=memory)
        self.core = import_openvino().Core()
        self.model = model
        self.settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if bf16 else "f32",
        }
        if threads is not None:
            self.settings["INFERENCE_NUM_THREADS"] = threads
        self.precision = "int8" if model.quantised else "bf16" if bf16 else "float"
        self.compiled: dict[tuple[int, ...], Any] = {}

    def _run(self, pixels: Floats) -> Floats:
        request = self.compiled.pop(pixels.shape, None) or self._compile(pixels.shape)
        self.compiled[pixels.shape] = request  # the last used stands at the end
        if len(self.compiled) > KEPT:
            self.compiled.pop(next(iter(self.compiled)))
        answer = request.infer([pixels], share_inputs=True, share_outputs=True)
        return np.array(answer[0], np.float32)  # a copy: the next call writes over what is shared

    def _compile(self, shape: tuple[int, ...]) -> Any:
        network = self.core.read_model(self.model.content, b"")
        network.reshape(list(shape))  # known sizes let it fuse and plan its memory
        return self.core.compile_model(network, "CPU", self.settings).create_infer_request()
