"""DEHNet on ONNX Runtime: on the CPU, and on an NVIDIA GPU if `onnxruntime-gpu` is installed."""

import numpy as np

from holodriver.dehnet.runtimes.base import INPUT, OUTPUT, Floats, Model, Runtime
from holodriver.system.quiet import import_onnxruntime


class OnnxRuntime(Runtime):
    """One session of ONNX Runtime.

    Args:
        model: the network, float or int8.
        provider: ``CPU``, ``CUDA`` or ``Tensorrt``, by ONNX Runtime's names.
        threads: threads that one call may use; None: the library's choice.
    """

    def __init__(self, model: Model, provider: str = "CPU", *, threads: int | None = None, memory: float | None = None):
        super().__init__(model.shape, memory=memory)
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors only: warnings about our own model are not for users
        if threads is not None:
            options.intra_op_num_threads = threads
        settings = {"trt_fp16_enable": True} if provider == "Tensorrt" else {}
        self.session = onnxruntime.InferenceSession(
            model.content, options, providers=[(f"{provider}ExecutionProvider", settings)]
        )
        self.precision = "int8" if model.quantised else "half" if provider == "Tensorrt" else "float"

    def _run(self, pixels: Floats) -> Floats:
        return np.asarray(self.session.run([OUTPUT], {INPUT: pixels})[0], np.float32)
