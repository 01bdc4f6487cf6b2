"""Trained weights as an ONNX file."""

import io
import warnings
from typing import Any

import onnx
import torch

from holodriver.dehnet.architecture import DEHNet, DEHNetShape
from holodriver.dehnet.runtimes.base import INPUT, OUTPUT
from holodriver.errors import FileFormatError
from holodriver.files.network import NetworkFile
from holodriver.files.weights import NetworkWeights

OPSET = 17
EXAMPLE = 64
"""Side of the picture with which the exporter traces the network, pixels; the exported network takes any size."""


def network_of(weights: NetworkWeights) -> DEHNet:
    """Network with trained weights, without batch normalisation.

    Raises:
        FileFormatError: the tensors do not fit a network of the given size.
    """
    try:
        network = DEHNet(DEHNetShape(**weights.shape), norm=weights.norm)
        network.load_state_dict(weights.tensors)
    except (TypeError, RuntimeError) as error:
        raise FileFormatError(f"the tensors do not fit: {' '.join(str(error).split())[:200]}") from error
    return network.eval().fused().eval()


def export(network: DEHNet) -> bytes:
    """Export a network without batch normalisation as float ONNX: batch 1, H and W any multiples of its `fold`."""
    axes = {2: "height", 3: "width"}
    written: Any = io.BytesIO()  # the exporter accepts it, unlike its type hints
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is deprecated, but needs no other package
        torch.onnx.export(
            network.cpu().eval(),
            (torch.zeros(1, 2, EXAMPLE, EXAMPLE),),
            written,
            dynamo=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: axes, OUTPUT: axes},
            opset_version=OPSET,
        )
    model = onnx.load_model_from_string(written.getvalue())
    _name_equal_tensors(model)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def float_file(weights: NetworkWeights) -> NetworkFile:
    """Float ONNX file of trained weights, with their description."""
    network = network_of(weights)
    return NetworkFile(
        export(network),
        quantised=False,
        shape=weights.shape,
        optics=weights.optics,
        training=weights.training,
    )


def _name_equal_tensors(model: onnx.ModelProto) -> None:
    """Give each weight a tensor under its own name, because the exporter stores tensors of equal values only once."""
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Identity" and node.input[0] in tensors]:
        copy = model.graph.initializer.add()
        copy.CopyFrom(tensors[node.input[0]])
        copy.name = node.output[0]
        model.graph.node.remove(node)
