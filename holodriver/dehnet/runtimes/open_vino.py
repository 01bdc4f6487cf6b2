"""DEHNet on OpenVINO, the fastest runtime on a CPU: its int8 kernels add, activate and round in one pass."""

from typing import Any

import numpy as np

from holodriver.dehnet.runtimes.base import Floats, Model, Runtime
from holodriver.system.quiet import import_openvino

KEPT = 4
"""Largest number of picture sizes for which a compiled network is kept."""


class OpenVino(Runtime):
    """One network, compiled for each size of picture at its first use.

    Args:
        model: the network, float or int8.
        bf16: compute the convolutions that are not int8 in bfloat16, if the CPU can.
        threads: threads that one call may use; None: the library's choice.
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
        self.compiled[pixels.shape] = request  # the most recently used comes last
        if len(self.compiled) > KEPT:
            self.compiled.pop(next(iter(self.compiled)))
        answer = request.infer([pixels], share_inputs=True, share_outputs=True)
        return np.array(answer[0], np.float32)  # a copy: the next call overwrites the shared memory

    def _compile(self, shape: tuple[int, ...]) -> Any:
        network = self.core.read_model(self.model.content, b"")
        network.reshape(list(shape))  # known sizes let the compiler fuse kernels and plan memory
        return self.core.compile_model(network, "CPU", self.settings).create_infer_request()
