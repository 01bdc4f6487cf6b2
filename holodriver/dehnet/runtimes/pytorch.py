"""DEHNet on PyTorch: on every machine, in bfloat16 if the CPU has it, and on a GPU as one graph in half precision."""

from typing import Any

import torch
from torch import Tensor

from holodriver.dehnet.architecture import DEHNet
from holodriver.dehnet.runtimes.base import Floats, Model, Precision, Runtime
from holodriver.errors import FileFormatError

DTYPES: dict[Precision, torch.dtype] = {"float": torch.float32, "bf16": torch.bfloat16, "half": torch.float16}


def module_of(model: Model) -> DEHNet:
    """Load the PyTorch network from a float ONNX file.

    Raises:
        FileFormatError: the weights in the file do not fit the size of the network.
    """
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_model_from_string(model.content).graph
    network = DEHNet(model.shape)
    names = network.state_dict().keys()
    found = {
        tensor.name: torch.from_numpy(numpy_helper.to_array(tensor).copy())
        for tensor in graph.initializer
        if tensor.name in names
    }
    try:
        network.load_state_dict(found)
    except RuntimeError as error:
        raise FileFormatError(f"the network's weights do not fit: {' '.join(str(error).split())[:200]}") from error
    return network.eval()


class PyTorch(Runtime):
    """One network in PyTorch.

    Args:
        model: the network, float.
        device: torch device.
        precision: "float", "bf16" or "half".
        channels_last: store the channels of a pixel side by side in memory.
    """

    def __init__(
        self,
        model: Model,
        *,
        device: str = "cpu",
        precision: Precision = "float",
        channels_last: bool = False,
        memory: float | None = None,
    ):
        super().__init__(model.shape, memory=memory)
        self.precision = precision
        self.device, self.dtype = torch.device(device), DTYPES[precision]
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        network: Any = module_of(model)  # its `to` takes a memory format, unlike its type hints
        self.network = network.to(device=self.device, memory_format=self.layout)
        self.graphs: dict[tuple[int, ...], tuple[Any, Tensor, Tensor]] = {}

    def _run(self, pixels: Floats) -> Floats:
        with torch.inference_mode():
            given = torch.from_numpy(pixels).to(self.device)
            return self._replay(given) if self.device.type == "cuda" else self._field(given).float().numpy()

    def _field(self, given: Tensor) -> Tensor:
        """Compute the field: convolutions in the runtime's precision, the addition of √I in float32."""
        given = given.contiguous(memory_format=self.layout)
        low = self.dtype is not torch.float32
        with torch.autocast(self.device.type, self.dtype if low else torch.bfloat16, enabled=low, cache_enabled=False):
            return self.network(given)

    def _replay(self, given: Tensor) -> Floats:
        """Compute the field with a recorded CUDA graph, because launching 34 small kernels takes as long as running
        them."""
        shape = tuple(given.shape)
        if shape not in self.graphs:
            source = given.clone()
            side = torch.cuda.Stream(self.device)
            side.wait_stream(torch.cuda.current_stream(self.device))
            with torch.cuda.stream(side):
                for _ in range(3):  # lets libraries choose their kernels before the recording
                    self._field(source)
            torch.cuda.current_stream(self.device).wait_stream(side)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                answer = self._field(source)
            self.graphs = {shape: (graph, source, answer)}
        graph, source, answer = self.graphs[shape]
        source.copy_(given)
        graph.replay()
        return answer.float().cpu().numpy()


def bf16_is_fast() -> bool:
    """Whether this CPU computes bfloat16 in hardware."""
    capability = getattr(torch.backends.cpu, "get_cpu_capability", lambda: "")()
    if "AVX512" not in capability.upper():
        return False
    asked = getattr(getattr(torch, "cpu", None), "_is_avx512_bf16_supported", None)
    return bool(asked()) if asked else False
